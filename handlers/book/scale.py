"""Ticks and lots of one instrument turned into those of another, exactly or not at all.

A scale is four int64: (price numerator, price denominator, quantity numerator, quantity denominator). A decoder that does
not know whose snapshot it reads writes it in the ticks and lots of the first instrument in which every level is exact, and
puts that instrument's index into the snapshot's `first_update`.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled

__all__ = ["SAME_SCALE", "fits", "is_same_scale", "scale_between", "scaled"]

_ONE = np.int64(1)
SAME_SCALE = (_ONE, _ONE, _ONE, _ONE)
_DECIMALS_MAX = 18
_INT64_MAX = (1 << 63) - 1


@compiled
def scale_between(instruments, written_in, symbol):
    """Return the scale from instrument `written_in` (0 when there is none such) to `symbol`."""
    source = instruments[written_in if 0 <= written_in < instruments.shape[0] else 0]
    target = instruments[symbol]
    price = _ratio(source["price_multiple"], source["price_decimals"], target["price_multiple"], target["price_decimals"])
    lots = _ratio(
        source["quantity_multiple"], source["quantity_decimals"],
        target["quantity_multiple"], target["quantity_decimals"],
    )
    return price[0], price[1], lots[0], lots[1]


@compiled
def is_same_scale(scale):
    """Return whether nothing has to be converted."""
    return scale[0] == scale[1] and scale[2] == scale[3]


@compiled
def scaled(value, numerator, denominator):
    """Return value × numerator ÷ denominator. Precondition: `fits` said that it is a whole number."""
    return int(value) * numerator // max(1, denominator)


@compiled(inline=False)
def fits(payload, start, count, scale):
    """Return whether every level payload[start..] is a whole number of ticks and lots in `scale`, within int64."""
    for index in range(start, start + count):
        level = payload[index]
        if not _is_whole(int(level["price_ticks"]), scale[0], scale[1]):
            return False
        if not _is_whole(int(level["quantity_lots"]), scale[2], scale[3]):
            return False
    return True


@compiled
def _is_whole(value, numerator, denominator):
    limit = _INT64_MAX // max(1, numerator)
    return -limit <= value and value <= limit and value * numerator % max(1, denominator) == 0


@compiled
def _ratio(multiple, decimals, to_multiple, to_decimals):
    """Return (numerator, denominator), both >= 1: units of multiple × 10^-decimals in those of the target."""
    numerator = max(1, int(multiple))
    denominator = max(1, int(to_multiple))
    shift = np.int64(to_decimals) - np.int64(decimals)
    for place in range(_DECIMALS_MAX):
        if place < shift:
            numerator *= 10
        if place < -shift:
            denominator *= 10
    return numerator, denominator
