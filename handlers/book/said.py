"""What the book tells an operator: when an instrument's book is lost, when it is whole again.

A book that is lost and found all the time tells its first 64 losses, then every 1,024th; so does its return.
"""

from __future__ import annotations

from disruptor.compiled import compiled
from disruptor.notes import note
from hydraflow.codes import BookStatus

__all__ = ["NOTES", "tell", "tell_lost_frame"]

NOTES = {
    "STALE": "the book of instrument {a} is out of step at frame {b:,} and is shown no more ({c:,} of all books so far)",
    "LIVE": "the book of instrument {a} is in step with the venue from frame {b:,} on",
    "LOST_FRAME": "frame {a:,} is lost, and nobody can say whose it was: {b:,} books wait for what follows",
}

_LIVE, _STALE = int(BookStatus.LIVE), int(BookStatus.STALE)
_EACH, _LATER = 64, 1_024


@compiled(inline=False)
def tell(symbol, before, now, number, counters):
    """Write what has become of a book. before, now : its status, different; number : of the frame."""
    count = int(counters["stale_transitions"])
    if count > _EACH and count % _LATER != 0:
        return
    if now == _LIVE:
        note("LIVE", symbol, number)
    elif now == _STALE and before == _LIVE:
        note("STALE", symbol, number, count)


@compiled(inline=False)
def tell_lost_frame(number, count, counters):
    """Write that a lost frame has put `count` books in doubt. Call after counting them."""
    total = int(counters["stale_transitions"])
    if count > 0 and (total <= _EACH or total // _LATER != (total - count) // _LATER):
        note("LOST_FRAME", number, count)
