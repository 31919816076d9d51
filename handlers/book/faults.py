"""What makes a book stale, and the counting of it. A stale book waits for a snapshot and is not shown."""

from __future__ import annotations

from disruptor.compiled import compiled
from handlers.book.ladder import incomplete
from handlers.book.layout import WAITING
from hydraflow.codes import BookStatus

__all__ = ["check_health", "doubt", "lose", "lose_by_gap", "note_gap"]

_LIVE = int(BookStatus.LIVE)
_STALE = int(BookStatus.STALE)


@compiled(inline=False)
def lose(book, number, counters):
    """Give the book up until a snapshot comes. A book that never was in step keeps its status."""
    if book["phase"] == WAITING:
        return
    doubt(book, number, counters)
    book["phase"] = WAITING
    book["remembered_head"] = book["remembered_tail"]  # a ticker is compared with a live book only


@compiled
def doubt(book, number, counters):
    """Make the book stale; its levels stay. Precondition: its phase is not WAITING."""
    if book["status"] == _LIVE:
        if counters["stale_transitions"] == 0:
            counters["first_stale"] = number
        counters["stale_transitions"] += 1
    book["status"] = _STALE


@compiled(inline=False)
def note_gap(number, counters):
    """Count a delta or snapshot that does not continue what came before."""
    if counters["sequence_gaps"] == 0:
        counters["first_sequence_gap"] = number
    counters["sequence_gaps"] += 1


@compiled
def lose_by_gap(book, number, counters):
    """Count a gap and give the book up."""
    note_gap(number, counters)
    lose(book, number, counters)


@compiled
def check_health(book, number, counters):
    """Give the book up when it is crossed or reached a dropped region. Call after a whole message."""
    bid = book["bid"]
    ask = book["ask"]
    if bid["best_quantity"] != 0 and ask["best_quantity"] != 0 and int(bid["best_key"]) >= ~int(ask["best_key"]):
        if counters["crossed"] == 0:
            counters["first_crossed"] = number
        counters["crossed"] += 1
        lose(book, number, counters)
    if incomplete(bid) or incomplete(ask):
        counters["truncated_stale"] += 1
        lose(book, number, counters)
