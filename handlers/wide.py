"""Integers wider than 64 bits, for the two places that need them: pool arithmetic and token amounts on the wire.

Every function takes and returns int64. The plain Python body states the meaning with unbounded integers and is what runs
un-jitted; the overload gives the same number from 64-bit limbs, without allocation.

Source: Knuth, The Art of Computer Programming 2, 4.3.1 (algorithm M for products, restoring division in base 2).
"""

from __future__ import annotations

import numpy as np
from numba.extending import overload

from disruptor.compiled import compiled

__all__ = ["INT64_MAX", "product_high", "product_low", "product_ratio"]

INT64_MAX = (1 << 63) - 1
_WORD = 1 << 64


def product_low(a, b):
    """Return the low 64 bits of a·b as int64 (they may read as negative). a, b : int64 ≥ 0."""
    low = (int(a) * int(b)) % _WORD
    return low - _WORD if low >> 63 else low


def product_high(a, b):
    """Return floor(a·b / 2^64). a, b : int64 ≥ 0."""
    return (int(a) * int(b)) >> 64


def product_ratio(a, b, c, d, e, f, g):
    """Return floor(a·b·c / (d·e + f·g)), or -1 when the denominator is 0 or the quotient does not fit int64.

    All int64 ≥ 0; d·e + f·g < 2^127 (true when e and g are below 2^62), a·b·c < 2^189 (true when c is below 2^63).
    """
    denominator = int(d) * int(e) + int(f) * int(g)
    if denominator == 0:
        return -1
    quotient = int(a) * int(b) * int(c) // denominator
    return quotient if quotient <= INT64_MAX else -1


_LOW_HALF = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_TOP = np.uint64(63)


@compiled
def _high_word(a, b):
    """Return the high 64 bits of the product of two uint64."""
    a_low, a_high = a & _LOW_HALF, a >> _HALF
    b_low, b_high = b & _LOW_HALF, b >> _HALF
    middle = a_high * b_low + ((a_low * b_low) >> _HALF)
    other = a_low * b_high + (middle & _LOW_HALF)
    return a_high * b_high + (middle >> _HALF) + (other >> _HALF)


@overload(product_low, jit_options={"forceinline": True})
def _product_low_overload(a, b):
    return lambda a, b: np.int64(np.uint64(np.int64(a)) * np.uint64(np.int64(b)))


@overload(product_high, jit_options={"forceinline": True})
def _product_high_overload(a, b):
    return lambda a, b: np.int64(_high_word(np.uint64(np.int64(a)), np.uint64(np.int64(b))))


@compiled(inline=False)
def _divide(n2, n1, n0, d1, d0):
    """Return floor of the 192-bit n2:n1:n0 by the 127-bit d1:d0 (all uint64) as int64, or -1 when it does not fit."""
    r1, r0 = n2, n1
    if (d1 == 0 and d0 == 0) or r1 > d1 or (r1 == d1 and r0 >= d0):
        return np.int64(-1)
    quotient = np.uint64(0)
    rest = n0
    for _ in range(64):
        r1 = (r1 << _ONE) | (r0 >> _TOP)
        r0 = (r0 << _ONE) | (rest >> _TOP)
        rest = rest << _ONE
        quotient = quotient << _ONE
        if r1 > d1 or (r1 == d1 and r0 >= d0):
            r1 -= d1 + (_ONE if r0 < d0 else np.uint64(0))
            r0 -= d0
            quotient |= _ONE
    return np.int64(-1) if quotient >> _TOP else np.int64(quotient)


@overload(product_ratio, jit_options={"forceinline": True})
def _product_ratio_overload(a, b, c, d, e, f, g):
    def limbs(a, b, c, d, e, f, g):
        ua, ub, uc = np.uint64(np.int64(a)), np.uint64(np.int64(b)), np.uint64(np.int64(c))
        ab_low, ab_high = ua * ub, _high_word(ua, ub)
        n0 = ab_low * uc
        n1 = _high_word(ab_low, uc)
        upper = ab_high * uc
        n1 += upper
        n2 = _high_word(ab_high, uc) + (_ONE if n1 < upper else np.uint64(0))
        ud, ue, uf, ug = np.uint64(np.int64(d)), np.uint64(np.int64(e)), np.uint64(np.int64(f)), np.uint64(np.int64(g))
        first = ud * ue
        d0 = first + uf * ug
        d1 = _high_word(ud, ue) + _high_word(uf, ug) + (_ONE if d0 < first else np.uint64(0))
        return _divide(n2, n1, n0, d1, d0)

    return limbs
