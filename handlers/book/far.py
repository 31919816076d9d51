"""The fallback of a side: an open-addressing table key → quantity for every key outside the window.

Linear probing, deletion by shifting back (no tombstones), bounded: new levels are refused at seven eighths of the slots,
levels that a moving window leaves behind only when hardly a slot is free. A free slot has quantity 0, so any int64 can
be a key; a bitmap of the taken slots makes walking over a few levels cheap. `disruptor.table` is not used here: at a load of one half it would need twice the memory, and a book has
two of these.

Source: Knuth, The Art of Computer Programming 3, 6.4, algorithms L and R; multiplicative hashing, ibid.
"""

from __future__ import annotations

from disruptor.bits import bit, next_bit
from disruptor.compiled import compiled

__all__ = ["clear_far", "far_best", "far_find", "far_insert", "far_limit", "far_remove"]

_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)  # 2^64 / golden ratio, as int64


@compiled(wraps=True)
def _home(key, mask):
    # Bits 32.. of the product are the same whether it wraps (compiled) or grows (plain Python).
    return (((key ^ (key >> 32)) * _GOLDEN) >> 32) & mask


@compiled
def far_limit(far):
    """Return how many levels the table takes from messages."""
    return far.shape[0] - (far.shape[0] >> 3)


@compiled(inline=False)
def far_find(far, key):
    """Return the slot of `key` (>= 0), or -1 - s when it is absent and s is the free slot where it would go."""
    mask = far.shape[0] - 1
    slot = _home(key, mask)
    for _ in range(mask + 1):
        if far[slot]["quantity_lots"] == 0:
            return -1 - slot
        if far[slot]["key"] == key:
            return slot
        slot = (slot + 1) & mask
    return -1 - slot  # unreachable: one slot is always free


@compiled
def far_insert(side, slot, key, quantity):
    """Put a level into free slot `slot`, as `far_find` gave it."""
    side["far"][slot]["key"] = key
    side["far"][slot]["quantity_lots"] = quantity
    side["far_words"][slot >> 6] |= bit(slot & 63)
    side["far_count"] += 1


@compiled(inline=False)
def far_remove(side, slot):
    """Free `slot` and close the gap, so that every probe still ends at the first free slot."""
    far = side["far"]
    mask = far.shape[0] - 1
    hole = slot
    place = (slot + 1) & mask
    for _ in range(mask):
        if far[place]["quantity_lots"] == 0:
            break
        # A level may fill the hole when its home does not lie between the hole (exclusive) and itself.
        if ((place - _home(int(far[place]["key"]), mask)) & mask) >= ((place - hole) & mask):
            far[hole]["key"] = far[place]["key"]
            far[hole]["quantity_lots"] = far[place]["quantity_lots"]
            hole = place
        place = (place + 1) & mask
    far[hole]["key"] = 0
    far[hole]["quantity_lots"] = 0
    side["far_words"][hole >> 6] &= ~bit(hole & 63)
    side["far_count"] -= 1


@compiled(inline=False)
def far_best(side):
    """Return the highest key of the table. Precondition: side["far_count"] > 0. Reads every level: rare by design."""
    far = side["far"]
    words = side["far_words"]
    found = False
    best = 0
    slot = next_bit(words, 0)
    while slot >= 0:
        key = int(far[slot]["key"])
        if not found or key > best:
            best = key
            found = True
        slot = next_bit(words, slot + 1)
    return best


@compiled(inline=False)
def clear_far(side):
    """Remove every level from the table."""
    if side["far_count"] != 0:
        far = side["far"]
        words = side["far_words"]
        slot = next_bit(words, 0)
        while slot >= 0:
            far[slot]["key"] = 0
            far[slot]["quantity_lots"] = 0
            slot = next_bit(words, slot + 1)
        for index in range(words.shape[0]):
            words[index] = 0
        side["far_count"] = 0
