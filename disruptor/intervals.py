"""Arithmetic with intervals of integers: between which bounds a result lies.

Bounds are pairs (smallest, largest). EMPTY is the interval of a variable about which nothing is known yet; None in place
of bounds means anything.

Source: R. E. Moore, Interval Analysis (1966).
"""

from __future__ import annotations

import operator
from typing import Any

__all__ = ["EMPTY", "Bounds", "combined", "fits", "turned", "union"]

Bounds = tuple[int, int]
EMPTY: Bounds = (1, 0)

_COMPARISONS = (
    operator.lt,
    operator.le,
    operator.eq,
    operator.ne,
    operator.gt,
    operator.ge,
    operator.not_,
    operator.contains,
)


def fits(bounds: Bounds | None, into: Bounds) -> bool:
    """Return whether every value within `bounds` lies within `into`."""
    return bounds is not None and into[0] <= bounds[0] and bounds[1] <= into[1]


def union(parts: list[Bounds]) -> Bounds:
    """Return the smallest interval that holds all of `parts`."""
    parts = [p for p in parts if p != EMPTY]
    return (min(p[0] for p in parts), max(p[1] for p in parts)) if parts else EMPTY


def combined(function: Any, left: Bounds | None, right: Bounds | None) -> Bounds | None:
    """Return the bounds of `left function right` in exact arithmetic, function : from operator; None when unknown."""
    if function in _COMPARISONS:
        return 0, 1
    if EMPTY in (left, right):
        return EMPTY
    if function is operator.and_ or function is operator.iand:
        highs = [p[1] for p in (left, right) if p is not None and p[0] >= 0]
        return (0, min(highs)) if highs else None
    if left is None or right is None:
        return None
    if function in (operator.add, operator.iadd):
        return left[0] + right[0], left[1] + right[1]
    if function in (operator.sub, operator.isub):
        return left[0] - right[1], left[1] - right[0]
    if function in (operator.mul, operator.imul):
        corners = [x * y for x in left for y in right]
        return min(corners), max(corners)
    if function in (operator.mod, operator.imod) and right[0] > 0:
        return 0, right[1] - 1
    if function in (operator.floordiv, operator.ifloordiv) and right[0] > 0:
        corners = [x // y for x in left for y in right]
        return min(corners), max(corners)
    if left[0] < 0 or right[0] < 0:
        return None
    if function in (operator.rshift, operator.irshift):
        return left[0] >> min(right[1], 64), left[1] >> min(right[0], 64)
    if function in (operator.lshift, operator.ilshift) and right[1] < 64:
        return left[0] << right[0], left[1] << right[1]
    if function in (operator.or_, operator.ior, operator.xor, operator.ixor):
        return 0, (1 << max(left[1].bit_length(), right[1].bit_length())) - 1
    return None


def turned(function: Any, inner: Bounds | None) -> Bounds | None:
    """Return the bounds of `function inner`, function : a unary one from operator."""
    if function is operator.not_:
        return 0, 1
    if inner is None or inner == EMPTY:
        return inner
    if function is operator.neg:
        return -inner[1], -inner[0]
    if function is operator.invert:
        return ~inner[1], ~inner[0]
    return inner if function is operator.pos else None
