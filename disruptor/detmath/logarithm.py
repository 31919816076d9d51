"""log, log1p and pow, deterministic.

h + l = 2^k (1 + f) with 1 + f in √½..√2; log(1 + f) = 2 artanh(s), s = f / (2 + f), as a pair: division and the first two
terms of the series exactly, the rest (below 2^-11 of the whole) in plain float64. That leaves an error near 2^-64, which
is what `pow` needs: y × log x must be right to the last place of the result, after multiplication by up to 745.
"""

from __future__ import annotations

from math import sqrt

from disruptor.detmath.exact import (
    INFINITY,
    NAN,
    bits_of,
    deterministic,
    fast_two_sum,
    float_of,
    two_product,
    two_sum,
)
from disruptor.detmath.exponential import exp_pair

__all__ = ["log", "log1p", "log_pair", "pow"]

_LN2_HIGH = float.fromhex("0x1.62e42fefa2000p-1")  # 40 bits: its product with k is exact
_LN2_LOW = float.fromhex("0x1.9ef35793c7673p-41")
_SQRT2 = float.fromhex("0x1.6a09e667f3bcdp+0")
_THIRD_HIGH = float.fromhex("0x1.5555555555555p-1")  # 2/3
_THIRD_LOW = float.fromhex("0x1.5555555555555p-55")
_T5, _T7, _T9, _T11, _T13 = 2 / 5, 2 / 7, 2 / 9, 2 / 11, 2 / 13
_T15, _T17, _T19, _T21, _T23, _T25 = 2 / 15, 2 / 17, 2 / 19, 2 / 21, 2 / 23, 2 / 25

_EXPONENT = 52
_FRACTION = (1 << _EXPONENT) - 1
_ONE = 1023 << _EXPONENT
_TWO_54 = 18014398509481984.0
_EXACT_INTEGER = 9007199254740992.0  # 2^53: from here on every float64 is an even integer


def log_pair(high, low):
    """Return log(high + low) as a pair. high > 0 and finite, |low| <= ulp(high). Error below 2^-62 of the result."""
    k = 0
    if bits_of(high) <= _FRACTION:  # subnormal
        high *= _TWO_54
        low *= _TWO_54
        k = -54
    bits = bits_of(high)
    k += (bits >> _EXPONENT) - 1023
    unit = float_of((bits & _FRACTION) | _ONE)
    if unit > _SQRT2:
        unit *= 0.5
        k += 1
    low = low * float_of((1023 - k) << _EXPONENT) if low != 0.0 and k < 1000 else 0.0
    f, f_low = two_sum(unit - 1.0, low)
    below, below_low = two_sum(2.0, f)
    below_low += f_low
    s = f / below
    product, lost = two_product(s, below)
    s_low = (((f - product) - lost) + (f_low - s * below_low)) / below
    z, z_low = two_product(s, s)
    z_low += 2.0 * s * s_low
    cubic, cubic_low = two_product(z, _THIRD_HIGH)
    cubic_low += z * _THIRD_LOW + z_low * _THIRD_HIGH
    w = z * z
    even = _T5 + w * (_T9 + w * (_T13 + w * (_T17 + w * (_T21 + w * _T25))))
    odd = _T7 + w * (_T11 + w * (_T15 + w * (_T19 + w * _T23)))
    series, series_low = fast_two_sum(cubic, w * (even + z * odd))
    rest, rest_low = two_product(s, series)
    rest_low += s * (series_low + cubic_low) + s_low * series
    total, total_low = fast_two_sum(2.0 * s, rest)
    total_low += 2.0 * s_low + rest_low
    if k != 0:
        total, carried = two_sum(k * _LN2_HIGH, total)
        total_low += carried + k * _LN2_LOW
    return fast_two_sum(total, total_low)


def log(x):
    """Return the natural logarithm. Error below 0.51 ulp.

    log(nan) = nan, log(x < 0) = nan, log(±0) = −inf, log(inf) = inf.
    """
    x = float(x)
    if x != x or x < 0.0:
        return NAN
    if x == 0.0:
        return -INFINITY
    if x == INFINITY:
        return INFINITY
    return log_pair(x, 0.0)[0]


def log1p(x):
    """Return log(1 + x), exact for tiny x too. Error below 0.51 ulp.

    log1p(nan) = nan, log1p(x < −1) = nan, log1p(−1) = −inf, log1p(inf) = inf, log1p(±0) = ±0.
    """
    x = float(x)
    if x != x or x < -1.0:
        return NAN
    if x == -1.0:
        return -INFINITY
    if x == INFINITY:
        return INFINITY
    if -1e-17 < x < 1e-17:
        return x
    high, low = two_sum(1.0, x)
    return log_pair(high, low)[0]


def pow(x, y):
    """Return x^y as exp(y log x), the logarithm as a pair. Error below 0.7 ulp (1.2 where the result is subnormal).

    Special values as in C99: pow(x, ±0) = 1 and pow(1, y) = 1 even for nan; nan for a negative finite x with a y that is no
    integer; an odd y keeps the sign of −0, −inf and negative x; pow(−1, ±inf) = 1. pow(±0, y < 0) is an infinity: nothing
    raises.
    """
    x, y = float(x), float(y)
    if y == 0.0 or x == 1.0:
        return 1.0
    if x != x or y != y:
        return NAN
    size = -x if x < 0.0 else x
    parity = _parity(y)
    negative = bits_of(x) < 0 and parity == 1
    if y == INFINITY or y == -INFINITY:
        if size == 1.0:
            return 1.0
        return INFINITY if (size > 1.0) == (y > 0.0) else 0.0
    if size == 0.0 or size == INFINITY:
        value = INFINITY if (size == 0.0) == (y < 0.0) else 0.0
        return -value if negative else value
    if x < 0.0 and parity == 2:
        return NAN
    value = _power(size, y)
    return -value if negative else value


def _parity(y):
    """Return 0 for an even integer, 1 for an odd one, 2 for no integer. y finite or infinite (even)."""
    size = -y if y < 0.0 else y
    if size >= _EXACT_INTEGER:
        return 0
    whole = int(size)
    if float(whole) != size:
        return 2
    return whole & 1


def _power(x, y):
    """Return x^y for positive finite x and finite y."""
    if y == 1.0:
        return x
    if y == 0.5:
        return sqrt(x)
    high, low = log_pair(x, 0.0)
    rough = high * y
    if rough > 709.79:
        return INFINITY
    if rough < -745.14:
        return 0.0
    if -1e-17 < rough < 1e-17:
        return 1.0
    product, lost = two_product(high, y)
    return exp_pair(product, lost + low * y)


for _function in (log_pair, log, log1p, pow, _parity, _power):
    deterministic(_function)
