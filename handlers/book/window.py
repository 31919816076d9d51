"""The window of a side: quantities of `size` consecutive keys, and a bitmap that finds the best of them.

The window covers keys low..low + size - 1. A key's slot is `key & (size - 1)`, so moving the window leaves every level
that it still covers in place. Three levels of 64-bit words mark the occupied slots: the highest key is found in a few
instructions however sparse the window is. A bit is set exactly where a quantity is not zero.

Invariant: int64 min <= low <= int64 max - size + 1, so low + size - 1 never overflows.
"""

from __future__ import annotations

from disruptor.bits import bit, bits_through, highest_bit, next_bit
from disruptor.compiled import compiled

__all__ = ["clear_window", "key_at", "mark", "unmark", "window_best", "window_low_for"]

_INT64_MIN = -(1 << 63)
_INT64_MAX = (1 << 63) - 1


@compiled
def mark(side, slot):
    """Set the bits of an occupied slot."""
    words = side["words"]
    summary = side["summary"]
    words[slot >> 6] |= bit(slot & 63)
    summary[slot >> 12] |= bit((slot >> 6) & 63)
    side["top"] |= bit(slot >> 12)


@compiled
def unmark(side, slot):
    """Clear the bits of a slot that became free."""
    words = side["words"]
    summary = side["summary"]
    word = words[slot >> 6] & ~bit(slot & 63)
    words[slot >> 6] = word
    if word == 0:
        group = summary[slot >> 12] & ~bit((slot >> 6) & 63)
        summary[slot >> 12] = group
        if group == 0:
            side["top"] &= ~bit(slot >> 12)


@compiled
def key_at(low, slot, mask):
    """Return the key that lies at `slot` of the window from `low` on. mask : size - 1."""
    return low + ((slot - low) & mask)


@compiled
def window_low_for(key, size):
    """Return the `low` that puts `key` at three quarters of a window: room to rise, more room for depth."""
    below = size - (size >> 2)
    if key < _INT64_MIN + below:
        return _INT64_MIN
    low = key - below
    if low > _INT64_MAX - size + 1:
        return _INT64_MAX - size + 1
    return low


@compiled
def window_best(side):
    """Return the highest key of the window. Precondition: side["top"] != 0."""
    mask = side["quantity"].shape[0] - 1
    low = int(side["low"])
    slot = _highest_through(side, (low - 1) & mask)  # from the slot of the highest key downwards
    if slot < 0:
        slot = _highest_through(side, mask)
    return key_at(low, slot, mask)


@compiled(inline=False)
def clear_window(side):
    """Remove every level from the window; its place stays."""
    quantity = side["quantity"]
    words = side["words"]
    summary = side["summary"]
    slot = next_bit(words, 0)
    while slot >= 0:
        quantity[slot] = 0
        slot = next_bit(words, slot + 1)
    for index in range(words.shape[0]):
        words[index] = 0
    for index in range(summary.shape[0]):
        summary[index] = 0
    side["top"] = 0


@compiled
def _highest_through(side, slot):
    """Return the highest occupied slot <= `slot`, or -1."""
    words = side["words"]
    summary = side["summary"]
    index = slot >> 6
    word = int(words[index]) & bits_through(slot & 63)
    if word != 0:
        return (index << 6) + highest_bit(word)
    if index == 0:
        return -1
    index -= 1
    group_index = index >> 6
    group = int(summary[group_index]) & bits_through(index & 63)
    if group == 0:
        if group_index == 0:
            return -1
        block = int(side["top"]) & bits_through(group_index - 1)
        if block == 0:
            return -1
        group_index = highest_bit(block)
        group = int(summary[group_index])
    index = (group_index << 6) + highest_bit(group)
    return (index << 6) + highest_bit(int(words[index]))
