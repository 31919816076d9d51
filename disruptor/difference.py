"""Where two arrays of one dtype first differ, bit for bit.

Floats are compared by their bits, so 0.0 and -0.0 differ; every NaN equals every NaN, for its bits are the machine's.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

__all__ = ["Difference", "first_difference"]


@attrs.frozen
class Difference:
    """index : place in the first dimension; field : "price" or "levels[2].price", "" for plain arrays; the two values."""

    index: int
    field: str
    left: Any
    right: Any


def first_difference(left: np.ndarray, right: np.ndarray) -> Difference | None:
    """Return the first difference of two arrays of equal dtype and shape: lowest index, then field order. None: equal."""
    found = _differences(left, right, ())
    return min(found, key=lambda d: d.index, default=None)


def _differences(left: np.ndarray, right: np.ndarray, path: tuple[tuple[str, int], ...]) -> list[Difference]:
    """Return the first difference of each field. path : the fields on the way, each with the dimensions down to it."""
    names = left.dtype.names
    if names is not None:
        return [d for name in names for d in _differences(left[name], right[name], (*path, (name, left[name].ndim)))]
    unequal = _bits(left) != _bits(right)
    if left.dtype.kind in "fc":
        unequal &= ~(np.isnan(left) & np.isnan(right))
    places = np.argwhere(unequal)
    if not len(places):
        return []
    place = tuple(int(i) for i in places[0])
    return [Difference(place[0], _field(path, place), left[place].item(), right[place].item())]


def _field(path: tuple[tuple[str, int], ...], place: tuple[int, ...]) -> str:
    """Return levels[2].price for (("levels", 2), ("price", 2)) and the place (0, 2)."""
    parts, above = [], 1
    for name, below in path:
        parts.append(name + "".join(f"[{i}]" for i in place[above:below]))
        above = below
    return ".".join(parts) or "".join(f"[{i}]" for i in place[1:])


def _bits(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f" and values.dtype.itemsize in (2, 4, 8):
        return values.view(f"u{values.dtype.itemsize}")
    if values.dtype.kind == "b":
        return values.view(np.uint8)
    return values
