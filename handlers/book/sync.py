"""Snapshot and deltas of one book: the state machine of its synchronisation.

    WAITING    no usable snapshot. Deltas are kept.                            EMPTY, BUFFERING or STALE
    ALIGNING   a snapshot with id L is loaded. The next delta is either older  LIVE; BUFFERING while deltas lag behind L
               (dropped) or must reach L without a hole
    SYNCED     every delta follows the one before                              LIVE

A delta covers ids first..last. Of futures (`previous` >= 0) it also names the last id of the delta before it, and there
are no changes of this book between the two: it covers (previous, last]. Spot deltas are dense: previous = first - 1.

    older than snapshot L    futures last < L      spot last <= L
    reaches L                futures previous <= L spot first <= L + 1
    follows delta u          futures previous == u spot first == u + 1

The futures rule is the documented `first <= L <= last` and also takes a snapshot that falls between two deltas, where
nothing is missing either. Every delta is held against the one received before it in every phase, also against one that
was too old to apply: a repeated, swapped or altered delta is a gap where it stands, and the book is stale from there.
Only deltas missing before a snapshot that covers them do no harm; they are counted all the same.

A lost frame puts a book in doubt: it is stale from there, but its levels stay. When the next delta follows the one before,
the frame was none of its deltas, and it is live again; else it waits for a snapshot.

Streams of partial books ("@depth20") send the best levels only; what lies below them cannot be learnt from deltas. A book
lives on partial ones as long as there is no delta: the first ends it, and beside deltas they are ignored.

Source: Binance, "How to manage a local order book correctly" (spot, and USD-M and COIN-M futures).
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from handlers.book.faults import check_health, doubt, lose, lose_by_gap, note_gap
from handlers.book.ladder import apply_levels, clear_side, settle
from handlers.book.layout import ALIGNING, ASK_FLIP, BID_FLIP, CHAINED, DOUBTED, FLOOR, SYNCED, UNSEEN, WAITING
from handlers.book.pending import drop_oldest, forget_deltas, keep_delta, kept_count, oldest_delta
from handlers.book.scale import is_same_scale, scaled
from handlers.book.tickers import check_remembered
from hydraflow.codes import BookStatus
from hydraflow.records import FLAG_PARTIAL

__all__ = ["on_depth", "on_lost", "on_snapshot"]

_EMPTY = int(BookStatus.EMPTY)
_LIVE = int(BookStatus.LIVE)
_STALE = int(BookStatus.STALE)
_BUFFERING = int(BookStatus.BUFFERING)

_OLD = 0
_REACHES = 1
_LEAVES_HOLE = 2

_ZERO = np.int64(0)
_ONE = np.int64(1)


@compiled
def on_depth(book, event, payload, number, counters):
    """Apply a delta, keep it for a snapshot, or give the book up when it does not follow the delta before."""
    first = int(event["first_update"])
    last = int(event["last_update"])
    previous = int(event["previous_update"])
    if first < 0 or first > last or previous >= first:
        # Ids that contradict each other: nothing can be said about what follows either.
        lose_by_gap(book, number, counters)
        _break_chain(book, counters)
        return
    if book["partial"] != 0:
        book["partial"] = 0
        lose(book, number, counters)
    before = previous if previous >= 0 else first - 1
    if book["chain"] >= CHAINED and before != book["seen"]:
        if book["chain"] == CHAINED:
            note_gap(number, counters)
        if book["phase"] != ALIGNING or before < book["seen"] or before > book["update"]:
            lose(book, number, counters)
        forget_deltas(book, counters)
    book["seen"] = last
    book["chain"] = CHAINED
    if book["phase"] == ALIGNING:
        verdict = _against_snapshot(int(book["update"]), first, last, previous)
        if verdict == _OLD:
            counters["deltas_old"] += 1
            book["status"] = _BUFFERING
            return
        if verdict == _REACHES:
            book["phase"] = SYNCED
            book["status"] = _LIVE
        else:
            lose_by_gap(book, number, counters)
    elif book["phase"] == SYNCED and book["status"] == _STALE:
        book["status"] = _LIVE
        counters["cleared"] += 1
    if book["phase"] == WAITING:
        keep_delta(book, event, payload, counters)
        if book["status"] == _EMPTY:
            book["status"] = _BUFFERING
        return
    mask = payload.shape[0] // 2 - 1
    _apply(book, payload, mask, int(event["payload_position"]), np.int64(event["payload_count"]), np.int64(event["bid_count"]),
           first, last, number, counters)


@compiled(inline=False)
def on_snapshot(book, event, payload, scale, number, counters):
    """Load a snapshot and apply the deltas kept after it, unless it is not newer or a hole lies between.

    scale : turns the snapshot's prices and quantities into this book's (see scale); its levels fit.
    """
    update = int(event["last_update"])
    partial = int(event["flags"]) & FLAG_PARTIAL
    if partial != 0 and book["chain"] != UNSEEN:
        counters["snapshots_ignored"] += 1
        return
    usable = book["phase"] != WAITING and book["status"] != _BUFFERING
    if usable and update <= book["update"]:
        counters["snapshots_ignored"] += 1
        return
    if _hole_after(book, update, counters):
        # The deltas kept may still follow a later snapshot.
        lose_by_gap(book, number, counters)
        book["status"] = _STALE
        return
    was_stale = book["status"] == _STALE
    if book["chain"] == DOUBTED:
        book["chain"] = FLOOR
    clear_side(book["bid"])
    clear_side(book["ask"])
    book["phase"] = ALIGNING
    book["status"] = _LIVE
    book["update"] = update
    book["partial"] = 1 if partial != 0 else 0
    mask = payload.shape[0] // 2 - 1
    start = int(event["payload_position"])
    count, bids = np.int64(event["payload_count"]), np.int64(event["bid_count"])
    if is_same_scale(scale):
        _load(book, payload, mask, start, count, bids, number, counters)
    else:
        _load_scaled(book, payload, mask, start, count, bids, scale, number, counters)
    _stand_at(book, update, update, number, counters)
    _apply_kept(book, number, counters)
    if was_stale and book["status"] == _LIVE:
        counters["resyncs"] += 1


@compiled
def on_lost(book, number, counters):
    """A frame that may have changed this book was unusable: doubt what there is of it, expect a hole in the deltas kept."""
    if book["phase"] == WAITING:
        _break_chain(book, counters)
        return
    doubt(book, number, counters)
    if book["chain"] == CHAINED:
        book["chain"] = DOUBTED


@compiled
def _break_chain(book, counters):
    """Expect nothing of the next delta, and forget those kept: ids are missing behind them."""
    forget_deltas(book, counters)
    if book["chain"] >= CHAINED:
        book["chain"] = FLOOR


@compiled
def _against_snapshot(update, first, last, previous):
    """Return _OLD, _REACHES or _LEAVES_HOLE for a delta after a snapshot with id `update`."""
    if previous >= 0:
        if last < update:
            return _OLD
        return _REACHES if previous <= update else _LEAVES_HOLE
    if last <= update:
        return _OLD
    return _REACHES if first - 1 <= update else _LEAVES_HOLE


@compiled
def _hole_after(book, update, counters):
    """Forget the deltas kept that a snapshot covers; return whether ids are missing between it and the next one."""
    for _ in range(book["buffered_deltas"].shape[0]):
        if kept_count(book) == 0:
            break
        kept = oldest_delta(book)
        verdict = _against_snapshot(
            update, int(kept["first_update"]), int(kept["last_update"]), int(kept["previous_update"])
        )
        if verdict != _OLD:
            return verdict == _LEAVES_HOLE
        drop_oldest(book)
        counters["deltas_old"] += 1
    return book["chain"] != UNSEEN and book["seen"] > update


@compiled
def _apply_kept(book, number, counters):
    """Apply the deltas kept, oldest first, for as long as the book stays in step."""
    levels = book["buffered_levels"][0:]  # a plain array, like the payload: one compiled version for both
    mask = levels.shape[0] - 1
    for _ in range(book["buffered_deltas"].shape[0]):
        if kept_count(book) == 0 or book["phase"] == WAITING:
            break
        kept = oldest_delta(book)
        drop_oldest(book)
        book["phase"] = SYNCED
        _apply(book, levels, mask, int(kept["start"]), int(kept["count"]), int(kept["bid_count"]),
               int(kept["first_update"]), int(kept["last_update"]), number, counters)


@compiled(inline=False)
def _apply(book, units, mask, start, count, bids, first, last, number, counters):
    """Apply a delta that follows the book and bring the book to its last id."""
    _load(book, units, mask, start, count, bids, number, counters)
    counters["levels_applied"] += count
    counters["deltas_applied"] += 1
    _stand_at(book, first, last, number, counters)


@compiled(inline=False)
def _load(book, units, mask, start, count, bids, number, counters):
    """Apply `count` level changes from units[start] on, the first `bids` of them to the bids."""
    bids = min(bids, count)
    truncated, unknown = counters["truncated"], counters["deletes_unknown"]
    bid = book["bid"]
    ask = book["ask"]
    apply_levels(bid, BID_FLIP, units, start, bids, mask, counters)
    apply_levels(ask, ASK_FLIP, units, start + bids, count - bids, mask, counters)
    settle(bid, counters)
    settle(ask, counters)
    if truncated == 0 and counters["truncated"] != 0:
        counters["first_truncated"] = number
    if unknown == 0 and counters["deletes_unknown"] != 0:
        counters["first_delete_unknown"] = number


@compiled(inline=False)
def _load_scaled(book, units, mask, start, count, bids, scale, number, counters):
    """Load levels of another scale one by one, through the book's scratch level."""
    scratch = book["scratch"][0:]
    for index in range(start, start + count):
        unit = units[index & mask]
        scratch[0]["price_ticks"] = scaled(unit["price_ticks"], scale[0], scale[1])
        scratch[0]["quantity_lots"] = scaled(unit["quantity_lots"], scale[2], scale[3])
        _load(book, scratch, _ZERO, _ZERO, _ONE, np.int64(index < start + bids), number, counters)


@compiled
def _stand_at(book, first, last, number, counters):
    """Note that the book now stands at id `last`, then hold it against itself and the tickers."""
    book["hole_after"] = book["update"]
    book["hole_before"] = first
    book["update"] = last
    check_health(book, number, counters)
    check_remembered(book, number, counters)
