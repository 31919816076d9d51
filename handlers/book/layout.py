"""Where the books live: params, counters, and the flat state.

A side is stored by *key*, not by price: a bid's key is its price, an ask's key is `~price` (`price ^ ASK_FLIP`). This maps
int64 onto int64 without overflow and reverses the order, so the best level of either side is its highest key, and all
code below knows one direction only. Zeroed memory is an empty book; nothing has to be prepared.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from disruptor.errors import LayoutError
from disruptor.layout import record_dtype
from hydraflow.records import LEVEL

__all__ = [
    "ALIGNING", "ASK_FLIP", "BID_FLIP", "BOOK_COUNTERS", "BookParams", "CHAINED", "DOUBTED", "FLOOR", "SYNCED", "UNSEEN", "WAITING",
    "book_dtype", "book_state",
]

BID_FLIP: Any = np.int64(0)  # not plain ints: numba compiles a function anew for every literal argument
ASK_FLIP: Any = np.int64(-1)

# phase of a book: what the next delta means to it
WAITING = 0  # no usable snapshot: deltas are kept
ALIGNING = 1  # a snapshot is loaded: the next delta must reach it without a hole, or is older
SYNCED = 2  # every delta must follow the one before

# what is known of the deltas received: see `seen`
UNSEEN = 0  # none yet
FLOOR = 1  # `seen` was reached, and something after it is missing
CHAINED = 2  # `seen` is the last id of the last delta: the next one must follow it
DOUBTED = 3  # the same, and a frame was lost since: when the next one follows, nothing of this book was in it

_WINDOW_MIN, _WINDOW_MAX = 64, 64**3  # three levels of 64-bit words
_FAR_MIN = 16


def _structural(default: int, text: str, unit: str, lowest: int = 1, highest: int = 1 << 30) -> Any:
    return attrs.field(default=default, metadata={"structural": True, "description": text, "unit": unit, "range": (lowest, highest)})


@attrs.frozen(kw_only=True)
class BookParams:
    """Sizes of one book; all are powers of two and shape its state. The defaults make 2.4 MB per instrument.

    Unnamed snapshots that wait have 4.2 MB for all books together.
    """

    window_ticks: int = _structural(65_536, "ticks per side kept densely", "ticks", _WINDOW_MIN, _WINDOW_MAX)
    far_levels: int = _structural(32_768, "slots per side of the table for other prices; full at seven eighths", "levels", _FAR_MIN)
    buffered_levels: int = _structural(
        8_192, "level changes kept while a snapshot is awaited; the oldest delta gives way", "levels"
    )
    buffered_deltas: int = _structural(256, "deltas kept while a snapshot is awaited", "deltas")
    remembered: int = _structural(4_096, "tickers remembered until the book reaches their update id", "tickers")

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(BookParams):
            value = getattr(self, field.name)
            low, high = field.metadata["range"]
            if value & (value - 1) or not low <= value <= high:
                raise LayoutError(f"book: {field.name} must be a power of two in {low:,}..{high:,}, got {value:,}")


FAR = record_dtype([("key", "i8"), ("quantity_lots", "i8")], size=16)  # quantity 0: the slot is free

# a delta of the buffer; its levels are `count` units of buffered_levels from `start` (absolute) on
BUFFERED = record_dtype(
    [
        ("first_update", "i8"),
        ("last_update", "i8"),
        ("previous_update", "i8"),
        ("start", "i8"),
        ("count", "i8"),
        ("bid_count", "i8"),
    ],
    size=48,
)

REMEMBERED = record_dtype(
    [
        ("update", "i8"),
        ("bid_price_ticks", "i8"),
        ("bid_quantity_lots", "i8"),
        ("ask_price_ticks", "i8"),
        ("ask_quantity_lots", "i8"),
    ],
    size=40,
)


# an unnamed snapshot that waits to be placed (see unplaced): what `on_snapshot` reads of a message, under the same names
UNPLACED = record_dtype(
    [
        ("first_update", "i8"),  # the instrument in whose ticks and lots it is written
        ("last_update", "i8"),
        ("payload_position", "i8"),  # its levels begin at unplaced_levels[payload_position]
        ("payload_count", "i8"),
        ("bid_count", "i8"),
        ("flags", "i8"),
    ],
    size=48,
)
UNPLACED_SNAPSHOTS = 64
UNPLACED_LEVELS = 1 << 17


def _side_dtype(params: BookParams) -> np.dtype:
    window = params.window_ticks
    fields = [
        ("low", "i8"),  # lowest key of the window
        ("best_key", "i8"),  # after the last whole message; means something where best_quantity > 0
        ("best_quantity", "i8"),  # 0: the side is empty
        ("far_count", "i8"),  # levels in `far`
        ("reached", "i8"),  # 1 while a message is applied and `far` took a key above the window
        ("truncated", "i8"),  # levels dropped since the snapshot because `far` was full
        ("dropped_key", "i8"),  # the highest key among them
        ("top", "i8"),  # bit s: summary[s] != 0
        ("summary", "i8", (max(1, window // 64**2),)),  # bit w of word s: words[64 * s + w] != 0
        ("words", "i8", (window // 64,)),  # bit b of word w: quantity[64 * w + b] != 0
        ("quantity", "i8", (window,)),  # lots at slot key & (window - 1)
        ("far_words", "i8", (max(1, params.far_levels // 64),)),  # bit b of word w: far[64 * w + b] is taken
        ("far", FAR, (params.far_levels,)),
    ]
    return record_dtype(fields, name="side of a book")


def book_dtype(params: BookParams) -> np.dtype:
    """Return the record dtype of one instrument's book."""
    side = _side_dtype(params)
    fields = [
        ("status", "i8"),  # codes.BookStatus
        ("phase", "i8"),  # WAITING, ALIGNING, SYNCED
        ("update", "i8"),  # update id that the levels stand at
        ("seen", "i8"),  # last update id of the last delta received, applied or not
        ("chain", "i8"),  # UNSEEN, FLOOR, CHAINED, DOUBTED
        ("partial", "i8"),  # 1: its levels are the best ones only, of a stream of such
        ("hole_after", "i8"),  # ids in hole_after < id < hole_before belong to no delta: no ticker can carry one
        ("hole_before", "i8"),
        ("reference_ticks", "i8"),  # last price of a ticker or trade, before that of a delta; 0: none yet
        ("shown_bid_price_ticks", "i8"),  # what the last message was given
        ("shown_bid_quantity_lots", "i8"),
        ("shown_ask_price_ticks", "i8"),
        ("shown_ask_quantity_lots", "i8"),
        ("buffer_head", "i8"),  # absolute number of the oldest delta kept
        ("buffer_tail", "i8"),  # absolute number of the next one
        ("buffer_level_tail", "i8"),  # absolute number of the next level to keep
        ("remembered_head", "i8"),
        ("remembered_tail", "i8"),
        ("bid", side),
        ("ask", side),
        ("buffered_deltas", BUFFERED, (params.buffered_deltas,)),
        ("buffered_levels", LEVEL, (params.buffered_levels,)),
        ("remembered", REMEMBERED, (params.remembered,)),
        ("scratch", LEVEL, (1,)),  # a level on its way from another scale; holds nothing between messages
    ]
    return record_dtype(fields, name="book")


def book_state(params: BookParams, instruments: Any = None, **context: Any) -> list[Any]:
    """Return the state fields: one book per instrument (`instruments`: the INSTRUMENT table; one book without it), and what waits."""
    count = 1 if instruments is None else max(1, len(instruments))
    return [
        ("books", book_dtype(params), (count,)),
        ("unplaced", UNPLACED, (UNPLACED_SNAPSHOTS,)),  # unnamed snapshots that wait, oldest first
        ("unplaced_count", "i8"),
        ("unplaced_levels", LEVEL, (2 * UNPLACED_LEVELS,)),  # laid out like a mirrored payload; the second half stays empty
    ]


# every `first_x` is the message's `number` (line of a capture) at the first x; it says something where x > 0
BOOK_COUNTERS = [
    (name, "i8")
    for name in (
        "levels_applied",  # level changes of applied deltas (snapshot levels not counted)
        "deltas_applied",
        "snapshots",  # snapshots received
        "snapshots_kept",  # without symbol, before anything told whose they are
        "snapshots_ignored",  # not newer than a live book, of no instrument, or partial beside deltas
        "deltas_buffered",
        "deltas_old",  # older than the snapshot: rightly not applied
        "deltas_dropped",  # fell out of the buffer: it was full, or a gap made them useless
        "deletes_unknown", "first_delete_unknown",  # deletes of levels that were not there
        "sequence_gaps", "first_sequence_gap",  # deltas or snapshots that do not continue what came before
        "crossed", "first_crossed",  # best bid >= best ask after a whole message
        "truncated", "first_truncated",  # levels dropped because the far table was full
        "truncated_stale",  # books whose best price reached the dropped region
        "lost", "first_lost",  # LOST messages
        "checks_passed", "checks_ticker_first", "checks_depth_first",  # tickers equal to the book at their update id
        "checks_failed", "first_check_failed",
        "forgotten",  # tickers never compared: too many were remembered, or update ids went back
        "stale_transitions", "first_stale",  # LIVE books that became STALE
        "resyncs",  # STALE books that a snapshot made LIVE again
        "cleared",  # STALE books that the next delta made LIVE again: the lost frame had held nothing of theirs
        "recentres",  # moves of a window over existing levels
        "far_inserted",  # new levels outside the window
    )
]
