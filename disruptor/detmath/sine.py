"""sin and cos, deterministic: Taylor series up to r^17 and r^16 of an angle reduced to |r| <= π/4 and known as a pair."""

from __future__ import annotations

from disruptor.detmath.angle import reduced_angle
from disruptor.detmath.exact import INFINITY, NAN, deterministic

__all__ = ["cos", "sin"]

_QUARTER = 0.7853981633974483  # π/4
_S3, _S5, _S7, _S9 = -1 / 6, 1 / 120, -1 / 5040, 1 / 362880
_S11, _S13, _S15, _S17 = -1 / 39916800, 1 / 6227020800, -1 / 1307674368000, 1 / 355687428096000
_C4, _C6, _C8, _C10 = 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800
_C12, _C14, _C16 = 1 / 479001600, -1 / 87178291200, 1 / 20922789888000


def sin(x):
    """Return the sine of x radians, for every finite x. Error below 0.8 ulp.

    sin(nan) = sin(±inf) = nan, sin(±0) = ±0.
    """
    x = float(x)
    if x != x or x == INFINITY or x == -INFINITY:
        return NAN
    size = -x if x < 0.0 else x
    if size < 1e-9:
        return x
    if size <= _QUARTER:
        return _sine(x, 0.0)
    quadrant, rest, low = reduced_angle(size)
    value = _cosine(rest, low) if quadrant & 1 else _sine(rest, low)
    return -value if (quadrant >= 2) != (x < 0.0) else value


def cos(x):
    """Return the cosine of x radians, for every finite x. Error below 0.8 ulp. cos(nan) = cos(±inf) = nan."""
    x = float(x)
    if x != x or x == INFINITY or x == -INFINITY:
        return NAN
    size = -x if x < 0.0 else x
    if size <= _QUARTER:
        return _cosine(size, 0.0)
    quadrant, rest, low = reduced_angle(size)
    value = _sine(rest, low) if quadrant & 1 else _cosine(rest, low)
    return -value if quadrant == 1 or quadrant == 2 else value


def _sine(r, low):
    """Return sin(r + low)."""
    z = r * r
    series = _S5 + z * (_S7 + z * (_S9 + z * (_S11 + z * (_S13 + z * (_S15 + z * _S17)))))
    return r + (r * z * (_S3 + z * series) + low * (1.0 - 0.5 * z))


def _cosine(r, low):
    """Return cos(r + low). What 1 − r²/2 loses in rounding is added again."""
    z = r * r
    half = 0.5 * z
    main = 1.0 - half
    series = _C4 + z * (_C6 + z * (_C8 + z * (_C10 + z * (_C12 + z * (_C14 + z * _C16)))))
    return main + (((1.0 - main) - half) + (z * z * series - r * low))


for _function in (sin, cos, _sine, _cosine):
    deterministic(_function)
