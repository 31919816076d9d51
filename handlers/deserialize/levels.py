"""Arrays of ["price","quantity"] into LEVEL units: as venues write them, and as any JSON may be.

`usual_levels` takes the text venues send (no whitespace, both strings plain decimals) at a few nanoseconds a level and
gives up on anything else; `exact_levels` reads every well-formed array and says what is wrong with it.
"""

from __future__ import annotations

import numpy as np

from disruptor.bits import lowest_bit
from disruptor.compiled import compiled
from disruptor.words import WINDOW, byte_at, word
from handlers.deserialize.decimal import amount, exact_decimal
from handlers.deserialize.grammar import skip_space, skip_string, skip_value
from handlers.deserialize.scan import dots, peek, quotes
from hydraflow.codes import FrameError

__all__ = ["UNUSUAL", "exact_amount", "exact_levels", "usual_amount", "usual_levels"]

UNUSUAL = -1
_BAD_PRICE = np.int64(FrameError.BAD_PRICE)  # arguments: see disruptor.words.word
_BAD_QUANTITY = np.int64(FrameError.BAD_QUANTITY)
_CORRUPT = int(FrameError.CORRUPT)
_OVERSIZE = int(FrameError.OVERSIZE)
_QUOTE, _COMMA, _OPEN, _CLOSE = 34, 44, 91, 93
_TWO, _THREE, _FOUR = 0xFFFF, 0xFFFFFF, 0xFFFFFFFF
_FIRST, _BETWEEN = word(b'["'), word(b'","')
_MORE, _LAST = word(b'"],['), word(b'"]]')


@compiled(inline=False)
def usual_levels(text, index, end, units, place, room, instrument):
    """Write the levels of the array at `index` to units[place:]; return (index behind it, count); UNUSUAL as count.

    room : most levels to take; one more is UNUSUAL.
    """
    price_decimals = np.int64(instrument["price_decimals"])
    price_multiple = np.int64(instrument["price_multiple"])
    quantity_decimals = np.int64(instrument["quantity_decimals"])
    quantity_multiple = np.int64(instrument["quantity_multiple"])
    index += 1
    if index < end and byte_at(text, index) == _CLOSE:
        return index + 1, 0
    for count in range(room):
        if peek(text, index, end) & _TWO != _FIRST:
            break
        start = index + 2
        marks = quotes(text, start, end)
        points = dots(text, start, end)
        length = lowest_bit(marks)
        price_stop = start + length
        if length >= WINDOW or peek(text, price_stop, end) & _THREE != _BETWEEN:
            break
        dot = start + min(lowest_bit(points), length)
        price = amount(text, start, dot, price_stop, price_decimals, price_multiple)
        start = price_stop + 3
        if length + 3 < WINDOW:
            marks >>= length + 3
            points >>= length + 3
        else:
            marks = 0
        if marks == 0:  # the quantity reaches beyond the window
            marks = quotes(text, start, end)
            points = dots(text, start, end)
        length = lowest_bit(marks)
        stop = start + length
        if length >= WINDOW:
            break
        dot = start + min(lowest_bit(points), length)
        quantity = amount(text, start, dot, stop, quantity_decimals, quantity_multiple)
        if price <= 0 or quantity < 0:
            break
        unit = units[place + count]
        unit["price_ticks"] = price
        unit["quantity_lots"] = quantity
        tail = peek(text, stop, end)
        if tail & _FOUR == _MORE:
            index = stop + 3
        elif tail & _THREE == _LAST:
            return stop + 3, count + 1
        else:
            break
    return index, UNUSUAL


@compiled(inline=False)
def usual_amount(text, start, end, decimals, multiple):
    """Return (amount, index of the closing quote) of the plain decimal string whose content begins at `start`.

    Amount UNUSUAL when `exact_amount` must decide; the index is then meaningless.
    """
    length = lowest_bit(quotes(text, start, end))
    if length >= WINDOW:
        return UNUSUAL, start
    dot = start + min(lowest_bit(dots(text, start, end)), length)
    return amount(text, start, dot, start + length, decimals, multiple), start + length


@compiled(inline=False)
def exact_amount(text, index, end, decimals, multiple, bad):
    """Return the amount in the valid JSON value at `index`, or -FrameError; anything but a string is `bad`."""
    if byte_at(text, index) != _QUOTE:
        return -bad
    return exact_decimal(text, index + 1, skip_string(text, index, end) - 1, decimals, multiple, bad)


@compiled(inline=False)
def exact_levels(text, index, end, units, place, room, instrument):
    """Write the levels of the valid JSON value at `index` to units[place:]; return their count, or -FrameError.

    Each level is an array of two strings or more; what follows them is skipped. Prices must be positive.
    """
    if byte_at(text, index) != _OPEN:
        return -_CORRUPT
    index = skip_space(text, index + 1, end)
    if byte_at(text, index) == _CLOSE:
        return 0
    for count in range(room):
        if byte_at(text, index) != _OPEN:
            return -_CORRUPT
        index = skip_space(text, index + 1, end)
        if byte_at(text, index) == _CLOSE:
            return -_CORRUPT
        price = exact_amount(
            text, index, end, np.int64(instrument["price_decimals"]), np.int64(instrument["price_multiple"]), _BAD_PRICE
        )
        if price <= 0:
            return price if price < 0 else -_BAD_PRICE
        index = skip_space(text, skip_value(text, index, end), end)
        if byte_at(text, index) != _COMMA:
            return -_CORRUPT
        index = skip_space(text, index + 1, end)
        quantity = exact_amount(
            text, index, end, np.int64(instrument["quantity_decimals"]), np.int64(instrument["quantity_multiple"]), _BAD_QUANTITY
        )
        if quantity < 0:
            return quantity
        unit = units[place + count]
        unit["price_ticks"] = price
        unit["quantity_lots"] = quantity
        index = skip_space(text, skip_value(text, index, end), end)
        while byte_at(text, index) == _COMMA:
            index = skip_space(text, skip_value(text, index + 1, end), end)
        index = skip_space(text, index + 1, end)
        if byte_at(text, index) == _CLOSE:
            return count + 1
        index = skip_space(text, index + 1, end)
    return -_OVERSIZE
