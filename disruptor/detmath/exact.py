"""What deterministic functions are made of: the bits of a float64, exact sums and products, powers of two.

A *pair* is an unevaluated sum high + low of two float64 with |low| <= ulp(high) / 2: about 106 bits. Only + − × ÷ are
used, so the results are those of IEEE 754, on every machine and jitted or not: LLVM contracts a product and a sum into
an FMA only where it is allowed to, and numba does not allow it (tests/disruptor/test_detmath.py looks at the machine
code).

`deterministic` gives a plain Python function to compiled code: numba compiles the same source.

Source: D. E. Knuth, TAOCP 2, 4.2.2, theorem B (two_sum); T. J. Dekker, "A floating-point technique for extending the
available precision", 1971 (fast_two_sum, two_product).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba.extending import overload

__all__ = [
    "INFINITY", "NAN", "bits_of", "deterministic", "fast_two_sum", "float_of", "nearest", "scaled", "two_product",
    "two_sum",
]

INFINITY = float("inf")
NAN = float("nan")

_F = TypeVar("_F", bound=Callable[..., Any])
_SPLITTER = 134217729.0  # 2^27 + 1
_SHIFTER = 6755399441055744.0  # 1.5 × 2^52: adding it leaves no bits below the point


def deterministic(function: _F, *, inline: bool = False) -> _F:
    """Let compiled code call this plain Python function; numba compiles its source as it stands. Returns it."""
    overload(function, jit_options={"forceinline": inline}, strict=False)(lambda *arguments: function)
    return function


def bits_of(value):
    """Return the 64 bits of a float64 as int64."""
    return int(np.float64(value).view(np.int64))


def float_of(bits):
    """Return the float64 that has these bits (int64)."""
    return float(np.int64(bits).view(np.float64))


def two_sum(a, b):
    """Return the pair that is exactly a + b. Both finite, no overflow."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def fast_two_sum(a, b):
    """Return the pair that is exactly a + b. Precondition: |a| >= |b| or a == 0."""
    total = a + b
    return total, b - (total - a)


def two_product(a, b):
    """Return the pair that is exactly a × b. Precondition: |a|, |b| < 2^996 and the product is above 2^-969 or 0."""
    product = a * b
    wide = _SPLITTER * a
    a_high = wide - (wide - a)
    a_low = a - a_high
    wide = _SPLITTER * b
    b_high = wide - (wide - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def nearest(value):
    """Return the integer nearest to value, ties to even, as float64. Precondition: |value| < 2^51."""
    return (value + _SHIFTER) - _SHIFTER


def scaled(value, power):
    """Return value × 2^power, rounded once. value in 0.5..4, power (int) in −1150..1024."""
    if power > 1023:
        return value * 8.98846567431158e307 * float_of((power) << 52)
    if power >= -1022:
        return value * float_of((power + 1023) << 52)
    return value * float_of((power + 1151) << 52) * 2.938735877055719e-39  # 2^128 too large, then 2^-128


for _function in (bits_of, float_of, two_sum, fast_two_sum, two_product, nearest, scaled):
    deterministic(_function, inline=True)
