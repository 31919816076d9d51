"""Reduction of an angle to a quadrant and a rest of at most π/4, known as a pair, for every finite float64.

Below 2^20 by subtracting n × π/2 in four parts of π/2, the first three so short that their products with n are exact.
Above, 2/π is needed to 1,100 bits: the product with the 53 bits of x is formed in integers of 24 bits, only where it
counts (whole turns in front of it are left out, what lies behind cannot be seen), and its fraction becomes a pair.

Source: W. J. Cody, W. Waite, "Software Manual for the Elementary Functions", 1980; M. H. Payne, R. N. Hanek, "Radian
reduction for trigonometric functions", SIGNUM 18, 1983.
"""

from __future__ import annotations

from disruptor.detmath.exact import bits_of, deterministic, fast_two_sum, nearest, two_product, two_sum

__all__ = ["reduced_angle"]

_LARGE = 1048576.0
_INVERSE = float.fromhex("0x1.45f306dc9c883p-1")  # 2/π
_PART_1 = float.fromhex("0x1.921fb54400000p+0")  # π/2, 33 bits each, then the rest
_PART_2 = float.fromhex("0x1.0b4611a600000p-34")
_PART_3 = float.fromhex("0x1.3198a2e000000p-69")
_PART_4 = float.fromhex("0x1.b839a252049c1p-104")
_HALF_PI = float.fromhex("0x1.921fb54442d18p+0")
_HALF_PI_LOW = float.fromhex("0x1.1a62633145c07p-54")

_DIGIT = 24
_BASE = 1 << _DIGIT
_LEADING = 3  # zero digits in front, so that every position below is positive
_WINDOW = 10  # digits that a product needs: 240 bits, of which at most 62 cancel and 78 are x itself
_TWO_OVER_PI = (  # digits of 24 bits after the point, three zeros first
    0, 0, 0,
    0xA2F983, 0x6E4E44, 0x1529FC, 0x2757D1, 0xF534DD, 0xC0DB62, 0x95993C, 0x439041,
    0xFE5163, 0xABDEBB, 0xC561B7, 0x246E3A, 0x424DD2, 0xE00649, 0x2EEA09, 0xD1921C,
    0xFE1DEB, 0x1CB129, 0xA73EE8, 0x8235F5, 0x2EBB44, 0x84E99C, 0x7026B4, 0x5F7E41,
    0x3991D6, 0x398353, 0x39F49C, 0x845F8B, 0xBDF928, 0x3B1FF8, 0x97FFDE, 0x05980F,
    0xEF2F11, 0x8B5A0A, 0x6D1F6D, 0x367ECF, 0x27CB09, 0xB74F46, 0x3F669E, 0x5FEA2D,
    0x7527BA, 0xC7EBE5, 0xF17B3D, 0x0739F7, 0x8A5292, 0xEA6BFB, 0x5FB11F, 0x8D5D08,
    0x560330, 0x46FC7B,
)  # fmt: skip


def reduced_angle(x):
    """Return (quadrant, rest, low): x = quadrant × π/2 + rest + low modulo 2π, |rest| <= π/4 (1 + 2^-30).

    x : finite, >= 0. Error below 2^-72 of rest.
    """
    if x < _LARGE:
        n = nearest(x * _INVERSE)
        rest, low = two_sum(x - n * _PART_1, -n * _PART_2)
        rest, more = two_sum(rest, -n * _PART_3)
        rest, low = fast_two_sum(rest, low + more - n * _PART_4)
        return int(n) & 3, rest, low
    return _large_angle(x)


def _large_angle(x):
    bits = bits_of(x)
    exponent = (bits >> 52) - 1075 + _DIGIT * _LEADING
    skipped = (exponent - 2) // _DIGIT  # digits that only make whole turns
    shift = exponent - _DIGIT * skipped  # 2..25
    mantissa = (bits & ((1 << 52) - 1)) | (1 << 52)
    low_part = (mantissa & (_BASE - 1)) << shift  # < 2^49
    middle = ((mantissa >> _DIGIT) & (_BASE - 1)) << shift
    high_part = (mantissa >> (2 * _DIGIT)) << shift
    x0 = low_part & (_BASE - 1)
    middle += low_part >> _DIGIT
    x1 = middle & (_BASE - 1)
    high_part += middle >> _DIGIT
    x2 = high_part & (_BASE - 1)
    x3 = high_part >> _DIGIT

    # The product's digits from the lowest to the first one before the point; d0..d5 end as the six highest fraction digits.
    carry = 0
    d0 = d1 = d2 = d3 = d4 = d5 = 0
    for place in range(_WINDOW):
        last = skipped + _WINDOW - 1 - place  # the window's digit of this weight
        carry += x0 * _TWO_OVER_PI[last]
        if place > 0:
            carry += x1 * _TWO_OVER_PI[last + 1]
        if place > 1:
            carry += x2 * _TWO_OVER_PI[last + 2]
        if place > 2:
            carry += x3 * _TWO_OVER_PI[last + 3]
        d0, d1, d2, d3, d4, d5 = d1, d2, d3, d4, d5, carry & (_BASE - 1)
        carry >>= _DIGIT
    carry += x1 * _TWO_OVER_PI[skipped] + x2 * _TWO_OVER_PI[skipped + 1] + x3 * _TWO_OVER_PI[skipped + 2]
    quadrant = carry & 3

    sign = 1.0
    if d5 >> (_DIGIT - 1):  # at least one half: count on to the next quadrant and take what is missing
        quadrant = (quadrant + 1) & 3
        sign = -1.0
        full = _BASE - 1
        d0, d1, d2, d3, d4, d5 = full - d0, full - d1, full - d2, full - d3, full - d4, full - d5
    weight = sign * 2.0**-48
    for _ in range(3):  # a fraction never starts with more than 62 zero bits
        if d5 != 0:
            break
        d5, d4, d3, d2, d1, d0 = d4, d3, d2, d1, d0, 0
        weight *= 2.0**-24
    first = float(d5 * _BASE + d4) * weight
    second = float(d3 * _BASE + d2) * (weight * 2.0**-48)
    fraction, fraction_low = fast_two_sum(first, second)
    rest, lost = two_product(fraction, _HALF_PI)
    rest, low = fast_two_sum(rest, lost + (fraction * _HALF_PI_LOW + fraction_low * _HALF_PI))
    return quadrant, rest, low


for _function in (reduced_angle, _large_angle):
    deterministic(_function)
