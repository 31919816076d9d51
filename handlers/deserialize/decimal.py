"""Decimal text to int64 ticks or lots, exactly or not at all.

A scale is (decimals, multiple): the tick is multiple × 10^-decimals. "58710.20" at (1, 1) is 587,102; "58710.25" is
OFF_TICK. Text must read as JSON writes a non-negative number without exponent: digits, and digits again after a dot.
No float is involved anywhere.

Results are >= 0, or -FrameError: `bad` (BAD_PRICE or BAD_QUANTITY) for text that is no such number, then OUT_OF_RANGE
when the number in units of 10^-decimals exceeds int64, then OFF_TICK.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.words import byte_at, digits, fixed_digits, zeros
from handlers.deserialize.grammar import character
from hydraflow.codes import FrameError

__all__ = ["amount", "exact_decimal", "plain_decimal"]

POWERS = np.array([10**k for k in range(19)], np.int64)
_MAX = (1 << 63) - 1
_OFF_TICK = int(FrameError.OFF_TICK)
_OUT_OF_RANGE = int(FrameError.OUT_OF_RANGE)
_ZERO, _NINE, _DOT = 48, 57, 46


@compiled
def amount(text, start, dot, stop, decimals, multiple):
    """Return the plain decimal text[start:stop] in multiples of the scale, -1 when `exact_decimal` must decide.

    dot : index of its dot, `stop` when it has none. Precondition: 8 bytes before `start` belong to the frame.
    """
    value = plain_decimal(text, start, dot, stop, decimals)
    if multiple > 1 and value > 0:
        quotient = value // multiple
        return quotient if quotient * multiple == value else -1
    return value


@compiled
def plain_decimal(text, start, dot, stop, decimals):
    """Return text[start:stop] in units of 10^-decimals: up to 8 digits before and 8 kept digits after the dot, else -1."""
    whole = dot - start
    if whole < 1 or whole > 8 or decimals > 8 or (whole > 1 and byte_at(text, start) == _ZERO):
        return -1
    fraction = stop - dot - 1
    surplus = fraction - decimals
    if surplus < 0:
        return _short(text, dot, stop, whole, fraction, decimals)
    if fraction == 0 or (surplus > 0 and (surplus > 8 or not zeros(text, stop, surplus))):
        return -1
    if whole + decimals <= 7:
        return fixed_digits(text, stop - surplus, whole, decimals)
    value = digits(text, dot, whole)
    if decimals == 0:
        return value
    low = digits(text, stop - surplus, decimals)
    if value < 0 or low < 0:
        return -1
    return value * POWERS[decimals] + low


@compiled(inline=False)
def _short(text, dot, stop, whole, fraction, decimals):
    """The same for text with fewer decimals than the scale. fraction : digits behind the dot, -1 without a dot."""
    if fraction == 0:
        return -1
    value = digits(text, dot, whole)
    low = digits(text, stop, fraction) if fraction > 0 else 0
    if value < 0 or low < 0:
        return -1
    fraction = max(fraction, 0)
    return (value * POWERS[fraction] + low) * POWERS[decimals - fraction]


@compiled(inline=False)
def exact_decimal(text, start, stop, decimals, multiple, bad):
    """Return the content text[start:stop] of a valid JSON string in multiples of the scale, or -FrameError."""
    value = 0
    whole = 0
    fraction = -1  # digits behind the dot, -1 before it
    leading_zero = False
    too_large = False
    off_tick = False
    index = start
    while index < stop:
        code, index = character(text, index)
        if code == _DOT and fraction < 0 and whole > 0:
            fraction = 0
            continue
        if code < _ZERO or code > _NINE:
            return -bad
        digit = code - _ZERO
        if fraction < 0:
            if leading_zero:
                return -bad
            leading_zero = whole == 0 and digit == 0
            whole += 1
        else:
            fraction += 1
        if fraction > decimals:
            off_tick = off_tick or digit != 0
        elif too_large or value > (_MAX - digit) // 10:
            too_large = True
        else:
            value = value * 10 + digit
    if whole == 0 or fraction == 0:
        return -bad
    for _ in range(decimals - max(fraction, 0)):
        if value > _MAX // 10:
            too_large = True
        else:
            value *= 10
    if too_large:
        return -_OUT_OF_RANGE
    if off_tick:
        return -_OFF_TICK
    if multiple > 1:
        quotient = value // multiple
        return quotient if quotient * multiple == value else -_OFF_TICK
    return value
