"""One side of a book: window + far table, exact for every int64 price.

While a message is applied its levels go wherever their key belongs; `settle` then puts the window back where the market
is, at most once per message, and finds the best level. Between messages therefore:

    no level of `far` is above the window, and the window is empty only when the side is

so the best level is always the best of the window. A level that finds no room in `far` is dropped, and the highest
dropped key is remembered: below it the side is incomplete until the next snapshot.
"""

from __future__ import annotations

from disruptor.bits import next_bit
from disruptor.compiled import compiled
from handlers.book.far import clear_far, far_best, far_find, far_insert, far_limit, far_remove
from handlers.book.window import clear_window, key_at, mark, unmark, window_best, window_low_for

__all__ = ["apply_levels", "clear_side", "incomplete", "settle"]


@compiled
def apply_levels(side, flip, units, start, count, units_mask, counters):
    """Apply level changes units[(start + i) & units_mask], i < count, to a side. Quantities <= 0 delete.

    flip : BID_FLIP or ASK_FLIP. The best level is not valid again before `settle`.
    """
    quantity = side["quantity"]
    window_mask = quantity.shape[0] - 1
    if count > 0 and side["top"] == 0 and side["far_count"] == 0:
        first = int(units[start & units_mask]["price_ticks"]) ^ int(flip)
        side["low"] = window_low_for(first, window_mask + 1)
    low = int(side["low"])
    high = low + window_mask
    unknown = 0
    for index in range(start, start + count):
        unit = units[index & units_mask]
        key = int(unit["price_ticks"]) ^ int(flip)
        lots = int(unit["quantity_lots"])
        if low <= key and key <= high:
            slot = key & window_mask
            before = quantity[slot]
            if lots > 0:
                quantity[slot] = lots
                if before == 0:
                    mark(side, slot)
            elif before != 0:
                quantity[slot] = 0
                unmark(side, slot)
            else:
                unknown += 1
        else:
            unknown += _change_far(side, key, lots, high, counters)
    counters["deletes_unknown"] += unknown


@compiled
def settle(side, counters):
    """Put the window back around the best level if it left the middle, and note the best level."""
    size = side["quantity"].shape[0]
    if side["reached"] != 0 or (side["top"] == 0 and side["far_count"] != 0):
        _fetch_best(side, counters)
    if side["top"] == 0:
        side["best_key"] = 0
        side["best_quantity"] = 0
        return
    best = window_best(side)
    offset = best - int(side["low"])
    if offset < size >> 1 or offset >= size - (size >> 4):
        _recentre(side, best, counters)
    side["best_key"] = best
    side["best_quantity"] = side["quantity"][best & (size - 1)]


@compiled
def incomplete(side):
    """Return whether the best level lies where levels were dropped, so that a better one may be missing."""
    return side["truncated"] != 0 and (side["best_quantity"] == 0 or side["best_key"] <= side["dropped_key"])


@compiled(inline=False)
def clear_side(side):
    """Remove every level and the marks of truncation."""
    clear_window(side)
    clear_far(side)
    side["best_key"] = 0
    side["best_quantity"] = 0
    side["reached"] = 0
    side["truncated"] = 0
    side["dropped_key"] = 0


@compiled(inline=False)
def _change_far(side, key, lots, high, counters):
    """Apply one change outside the window. Returns 1 for a delete of an unknown level, 0 otherwise."""
    far = side["far"]
    slot = far_find(far, key)
    if lots <= 0:
        if slot < 0:
            return 1
        far_remove(side, slot)
        return 0
    if slot >= 0:
        far[slot]["quantity_lots"] = lots
    elif side["far_count"] >= far_limit(far):
        _drop(side, key, counters)
    else:
        far_insert(side, -1 - slot, key, lots)
        counters["far_inserted"] += 1
        if key > high:
            side["reached"] = 1
    return 0


@compiled
def _drop(side, key, counters):
    if side["truncated"] == 0 or key > side["dropped_key"]:
        side["dropped_key"] = key
    side["truncated"] += 1
    counters["truncated"] += 1


@compiled(inline=False)
def _fetch_best(side, counters):
    """Move the window to the best level of the side when that one lies in `far`."""
    side["reached"] = 0
    if side["far_count"] == 0:
        return
    best = far_best(side)
    if side["top"] == 0 or best > int(side["low"]) + side["quantity"].shape[0] - 1:
        _recentre(side, best, counters)


@compiled(inline=False)
def _recentre(side, key, counters):
    """Move the window so that `key` lies at its middle; levels change between window and table exactly."""
    size = side["quantity"].shape[0]
    low = window_low_for(key, size)
    if low == side["low"]:
        return  # at the ends of int64 the window cannot follow
    counters["recentres"] += 1
    _evict_below_and_above(side, low, counters)
    side["low"] = low
    _take_from_far(side, low)


@compiled
def _evict_below_and_above(side, low, counters):
    """Move the levels that a window from `low` on does not cover into the table, while a slot stays free."""
    quantity = side["quantity"]
    words = side["words"]
    far = side["far"]
    mask = quantity.shape[0] - 1
    old_low = int(side["low"])
    room = far.shape[0] - max(1, far.shape[0] >> 4)
    slot = next_bit(words, 0)
    while slot >= 0:
        key = key_at(old_low, slot, mask)
        if key < low or key > low + mask:
            if side["far_count"] < room:
                far_insert(side, -1 - far_find(far, key), key, int(quantity[slot]))
            else:
                _drop(side, key, counters)
            quantity[slot] = 0
            unmark(side, slot)
        slot = next_bit(words, slot + 1)


@compiled
def _take_from_far(side, low):
    """Move the levels that the window now covers out of the table."""
    quantity = side["quantity"]
    far = side["far"]
    words = side["far_words"]
    mask = quantity.shape[0] - 1
    place = next_bit(words, 0)
    while place >= 0:
        key = int(far[place]["key"])
        if low <= key and key <= low + mask:
            slot = key & mask
            quantity[slot] = far[place]["quantity_lots"]
            mark(side, slot)
            far_remove(side, place)
            place = next_bit(words, place)  # closing the gap may have brought another level here
        else:
            place = next_bit(words, place + 1)
