"""An amount as it was written, and how many whole steps it is: exactly, in compiled code.

A parameter is a float64, but its author wrote a decimal number. That is taken to be the shortest one that reads back as the
same float64, as `repr` shows it: 0.29 at a lot of 0.01 is 29 lots, although the float64 lies below 0.29.
"""

from __future__ import annotations

import math

from disruptor.compiled import compiled
from disruptor.detmath.exact import two_product

__all__ = ["decimal_of", "whole_steps"]

_INTEGERS = 1 << 53  # from here on every float64 is whole
_EXACT = 22  # 10^22 is the largest power of ten that is a float64
_PLACES_MAX = 38  # 10^38 is the sum of two


@compiled(inline=False)
def whole_steps(amount, multiple, decimals, highest):
    """Return floor(amount / (multiple × 10^-decimals)), at most `highest`.

    amount : float64, 0..2^62; multiple : 1..2^62; decimals : ≥ 0; highest : below 2^60.
    """
    if not amount < 2.0**62:
        return highest
    digits, places = decimal_of(amount)
    steps, rest = digits // multiple, digits % multiple
    for _ in range(decimals - places):
        if steps > highest // 10:
            return highest
        # rest × 10 may leave int64: four doublings and additions, each reduced at once
        digit, tenfold = 0, 0
        for bit in (1, 0, 1, 0):
            digit, tenfold = 2 * digit, 2 * tenfold
            if tenfold >= multiple:
                digit, tenfold = digit + 1, tenfold - multiple
            if bit == 1:
                tenfold += rest
                if tenfold >= multiple:
                    digit, tenfold = digit + 1, tenfold - multiple
        steps, rest = 10 * steps + digit, tenfold
    for _ in range(places - decimals):
        steps //= 10
    return min(steps, highest)


@compiled(inline=False)
def decimal_of(amount):
    """Return (digits, places): the shortest decimal number digits × 10^-places that reads back as `amount`, a float64 in 0..2^62.

    One with more than 38 places, which only an amount below 10^-21 has, is rounded to them. digits may end with zeros.
    """
    if amount >= _INTEGERS:
        return _whole(int(amount)), 0
    if amount <= 0.0:
        return 0, 0
    digits, places = 0, 0
    first = 14 - math.floor(math.log10(amount))  # for 15 digits, or one less or more where the logarithm is rounded
    for more in range(4):
        places = min(max(first + more, 0), _PLACES_MAX)
        digits, near = _rounded(amount, places)
        if near:
            break
    return digits, places


@compiled(inline=False)
def _rounded(amount, places):
    """Return the integer nearest to amount × 10^places, and whether it reads back as `amount`."""
    scale, rest = two_product(_power(min(places, _EXACT)), _power(max(places - _EXACT, 0)))
    high, low = two_product(amount, scale)
    low += amount * rest
    whole = math.floor(high)
    above = (high - whole) + low
    carry = math.floor(above + 0.5)
    # What is between the number and the float64, against half the way to the next float64 on that side.
    mantissa, exponent = math.frexp(amount)
    up = math.ldexp(scale, exponent - 54)
    down = 0.5 * up if mantissa == 0.5 else up
    if carry == above + 0.5 and (int(whole) + int(carry)) % 2 == 1:
        carry -= 1  # of two that are equally near the even one, as `repr` does
    if above - carry > down and carry + 1 - above <= up:
        carry += 1  # above a power of two the float64s lie wider apart: the farther one may read back
    return int(whole) + int(carry), -up <= above - carry <= down


@compiled(inline=False)
def _power(places):
    """Return 10^places, exactly. places : 0..22."""
    power = 1.0
    for _ in range(places):
        power *= 10.0
    return power


@compiled(inline=False)
def _whole(value):
    """Return the shortest decimal number, filled up with zeros, that reads back as float(value). value : 2^53..2^62, a float64."""
    unit = 10
    while value // unit >= 10**15:
        unit *= 10
    while unit > 1:
        count, rest = value // unit, value % unit
        if 2 * rest > unit or (2 * rest == unit and count % 2 == 1):
            count += 1
        if float(count * unit) == float(value):
            return count * unit
        unit //= 10
    return value
