"""exp, expm1 and tanh, deterministic.

x = k ln 2 + r with |r| <= ln 2 / 2, and r known as a pair; exp(r) by its Taylor series up to r^14, whose remainder is
below 2^-62. The sum 1 + r is kept exact, so that little more than the last rounding is lost.
"""

from __future__ import annotations

from disruptor.detmath.exact import INFINITY, NAN, deterministic, fast_two_sum, nearest, scaled, two_product, two_sum

__all__ = ["exp", "exp_pair", "expm1", "tanh"]

_LN2_HIGH = float.fromhex("0x1.62e42fefa2000p-1")  # 40 bits: its product with k is exact
_LN2_LOW = float.fromhex("0x1.9ef35793c7673p-41")
_INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
_OVERFLOW = 709.79  # just beyond the last x with a finite result
_UNDERFLOW = -745.14  # just beyond the last x whose result is not 0

_C3, _C4, _C5, _C6 = 1 / 6, 1 / 24, 1 / 120, 1 / 720
_C7, _C8, _C9, _C10 = 1 / 5040, 1 / 40320, 1 / 362880, 1 / 3628800
_C11, _C12, _C13, _C14 = 1 / 39916800, 1 / 479001600, 1 / 6227020800, 1 / 87178291200


def _reduced(high, low):
    """Return (k, r, rest): high + low = k ln 2 + r + rest, |rest| at most half an ulp of r."""
    k = nearest(high * _INVERSE_LN2)
    first = high - k * _LN2_HIGH
    second = k * _LN2_LOW - low
    r = first - second
    return int(k), r, (first - r) - second


def _beyond_linear(r, rest):
    """Return exp(r + rest) − 1 − r."""
    z = r * r
    even = _C4 + z * (_C6 + z * (_C8 + z * (_C10 + z * (_C12 + z * _C14))))
    odd = _C3 + z * (_C5 + z * (_C7 + z * (_C9 + z * (_C11 + z * _C13))))
    return z * 0.5 + (z * (r * odd + z * even) + (rest + r * rest))


def exp_pair(high, low):
    """Return exp(high + low), low a small correction. high in −745.14..709.79."""
    k, r, rest = _reduced(high, low)
    total, lost = two_sum(1.0, r)
    return scaled(total + (lost + _beyond_linear(r, rest)), k)


def exp(x):
    """Return e^x. Error below 0.6 ulp where the result is normal, 1.1 where it is subnormal.

    exp(nan) = nan, exp(inf) = inf, exp(−inf) = 0; beyond 709.78 inf, below −745.13 zero.
    """
    x = float(x)
    if x != x:
        return NAN
    if x > _OVERFLOW:
        return INFINITY
    if x < _UNDERFLOW:
        return 0.0
    return exp_pair(x, 0.0)


def expm1(x):
    """Return e^x − 1, exact for tiny x too. Error below 0.9 ulp.

    expm1(nan) = nan, expm1(inf) = inf, expm1(−inf) = −1, expm1(±0) = ±0.
    """
    x = float(x)
    if x != x:
        return NAN
    if -1e-16 < x < 1e-16:
        return x
    if x > 45.0:  # 1 is less than a quarter of the last place
        return exp(x)
    if x < -38.0:
        return -1.0
    return _expm1_pair(x)[0]


def _expm1_pair(x):
    """Return e^x − 1 as a pair whose error is below a quarter of high's last place. x in −38..45, no tiny one."""
    k, r, rest = _reduced(x, 0.0)
    beyond = _beyond_linear(r, rest)
    if k == 0:
        return fast_two_sum(r, beyond)
    power = scaled(1.0, k)
    base, lost = two_sum(power, -1.0)
    total, more = two_sum(base, power * r)
    return fast_two_sum(total, power * beyond + (lost + more))


def tanh(x):
    """Return the hyperbolic tangent. Error below 0.8 ulp. tanh(nan) = nan, tanh(±inf) = ±1, tanh(±0) = ±0."""
    x = float(x)
    if x != x:
        return NAN
    size = -x if x < 0.0 else x
    if size < 1e-9:
        return x
    if size > 22.0:
        value = 1.0
    else:  # e^2x − 1 over e^2x + 1, what the division loses added again
        part, part_low = _expm1_pair(2.0 * size)
        below, lost = two_sum(2.0, part)
        value = part / below
        product, product_low = two_product(value, below)
        value += (((part - product) - product_low) + (part_low * (1.0 - value) - value * lost)) / below
    return -value if x < 0.0 else value


for _function in (_reduced, _beyond_linear, exp_pair, exp, expm1, _expm1_pair, tanh):
    deterministic(_function)
