"""Deltas kept while a snapshot is awaited: two rings per book, of deltas and of their levels. The oldest gives way.

Invariant: the deltas kept follow one another without a gap (a gap empties the buffer), so only the oldest must be
compared with a snapshot.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled

__all__ = ["drop_oldest", "forget_deltas", "keep_delta", "kept_count", "oldest_delta"]


@compiled
def kept_count(book):
    """Return how many deltas are kept."""
    return book["buffer_tail"] - book["buffer_head"]


@compiled
def oldest_delta(book):
    """Return the oldest delta kept, a BUFFERED record. Precondition: kept_count(book) > 0."""
    deltas = book["buffered_deltas"]
    return deltas[book["buffer_head"] & (deltas.shape[0] - 1)]


@compiled
def drop_oldest(book):
    """Forget the oldest delta. Precondition: kept_count(book) > 0."""
    book["buffer_head"] += 1


@compiled
def forget_deltas(book, counters):
    """Forget every delta kept."""
    counters["deltas_dropped"] += kept_count(book)
    book["buffer_head"] = book["buffer_tail"]


@compiled(inline=False)
def keep_delta(book, event, payload, counters):
    """Keep a delta; older ones give way. One that is larger than the whole buffer is dropped with all before it."""
    deltas = book["buffered_deltas"]
    levels = book["buffered_levels"]
    count = np.int64(event["payload_count"])
    if count > levels.shape[0]:
        forget_deltas(book, counters)
        counters["deltas_dropped"] += 1
        return
    tail = int(book["buffer_level_tail"])
    for _ in range(deltas.shape[0]):
        if kept_count(book) == 0:
            break
        used = tail - int(oldest_delta(book)["start"])
        if kept_count(book) < deltas.shape[0] and used + count <= levels.shape[0]:
            break
        drop_oldest(book)
        counters["deltas_dropped"] += 1
    kept = deltas[book["buffer_tail"] & (deltas.shape[0] - 1)]
    kept["first_update"] = event["first_update"]
    kept["last_update"] = event["last_update"]
    kept["previous_update"] = event["previous_update"]
    kept["start"] = tail
    kept["count"] = count
    kept["bid_count"] = np.int64(event["bid_count"])
    payload_mask = payload.shape[0] // 2 - 1
    start = int(event["payload_position"]) & payload_mask
    mask = levels.shape[0] - 1
    for index in range(count):
        level = levels[(tail + index) & mask]
        level["price_ticks"] = payload[start + index]["price_ticks"]
        level["quantity_lots"] = payload[start + index]["quantity_lots"]
    book["buffer_level_tail"] = tail + count
    book["buffer_tail"] += 1
    counters["deltas_buffered"] += 1
