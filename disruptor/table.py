"""An open-addressing table int64 key → int64 value ≥ 0 (usually a slot of a `pool`), flat in a handler's state.

    state=[("index", table_fields(4096)), ...]
    table_insert(state["index"], order_id, slot)

Linear probing at a load of at most one half; deletion shifts the following entries back, so there are no tombstones and
the length of a probe depends on the live keys only. Zeroed memory is an empty table. Where an entry lies is not
logical content: digests fold keys and values, never entries in place.

Source: Knuth, The Art of Computer Programming 3, 6.4, algorithms L and R; multiplicative hashing, ibid.
"""

from __future__ import annotations

from typing import Any

from disruptor.compiled import compiled
from disruptor.errors import CapacityError
from disruptor.layout import next_power_of_two

__all__ = ["table_delete", "table_fields", "table_find", "table_insert", "table_next", "table_value"]

_CAPACITY_MAX = 1 << 30
_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)  # 2^64 / golden ratio, as int64

_ENTRY = [
    ("key", "i8"),
    ("stored", "i8"),  # value + 1; 0 marks an empty entry
]


def table_fields(capacity: int) -> list[Any]:
    """Return the state fields of a table that holds at least `capacity` keys (rounded up to a power of two).

    Raises: CapacityError when capacity is not in 1..2^30.
    """
    if not 1 <= capacity <= _CAPACITY_MAX:
        raise CapacityError(f"table: capacity must be in 1..{_CAPACITY_MAX:,}, got {capacity}")
    return [("count", "i8"), ("pad", "i8"), ("entries", _ENTRY, (2 * next_power_of_two(capacity),))]


@compiled
def _home(key, mask):
    # Folding the high half in first lets tags in the top bits count. Bits 32.. of the product are the same whether it
    # wraps (compiled) or grows (plain Python).
    word = int(key)
    return (((word ^ (word >> 32)) * _GOLDEN) >> 32) & mask


@compiled
def _locate(table, key):
    """Return the entry of `key` (≥ 0), or -1 - e when it is absent and e is the entry where it would go."""
    entries = table["entries"]
    mask = entries.shape[0] - 1
    place = _home(key, mask)
    for _ in range(mask + 1):
        if entries[place]["stored"] == 0:
            return -1 - place
        if entries[place]["key"] == key:
            return place
        place = (place + 1) & mask
    return -1 - place


@compiled
def table_find(table, key):
    """Return the value of `key`, or -1 when it is not there."""
    entries = table["entries"]
    mask = entries.shape[0] - 1
    place = _home(key, mask)
    for _ in range(mask + 1):
        stored = entries[place]["stored"]
        if stored == 0:
            return -1
        if entries[place]["key"] == key:
            return stored - 1
        place = (place + 1) & mask
    return -1


@compiled
def table_insert(table, key, value):
    """Set the value (≥ 0) of `key`. Returns 1 when the key is new, 0 when its value was replaced, -1 when full."""
    place = _locate(table, key)
    if place >= 0:
        table["entries"][place]["stored"] = value + 1
        return 0
    if table["count"] >= table["entries"].shape[0] // 2:
        return -1
    table["entries"][-1 - place]["key"] = key
    table["entries"][-1 - place]["stored"] = value + 1
    table["count"] += 1
    return 1


@compiled
def table_delete(table, key):
    """Remove `key` and return its value, or -1 when it was not there."""
    hole = _locate(table, key)
    if hole < 0:
        return -1
    entries = table["entries"]
    mask = entries.shape[0] - 1
    value = entries[hole]["stored"] - 1
    place = (hole + 1) & mask
    for _ in range(mask):
        if entries[place]["stored"] == 0:
            break
        # An entry may fill the hole when its home does not lie between hole (exclusive) and itself.
        if ((place - _home(entries[place]["key"], mask)) & mask) >= ((place - hole) & mask):
            entries[hole]["key"] = entries[place]["key"]
            entries[hole]["stored"] = entries[place]["stored"]
            hole = place
        place = (place + 1) & mask
    entries[hole]["key"] = 0
    entries[hole]["stored"] = 0
    table["count"] -= 1
    return value


@compiled
def table_next(table, place):
    """Return the first used entry at or after `place` (start with 0), or -1: iteration in no logical order."""
    entries = table["entries"]
    for candidate in range(place, entries.shape[0]):
        if entries[candidate]["stored"] != 0:
            return candidate
    return -1


@compiled
def table_value(table, place):
    """Return the value in a used entry that `table_next` returned."""
    return table["entries"][place]["stored"] - 1
