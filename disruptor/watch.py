"""Records that notice, in plain Python, when a store loses something: what static types cannot prove, a run can show.

An int64 that is stored into a "u1" field is cut silently by compiled code and by numpy. Whether that ever happens
depends on the events; `watched` returns a view of an array that raises `LostValue` at the very store.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from disruptor.record import Record, as_record

__all__ = ["LostValue", "watched"]


class LostValue(ArithmeticError):
    """A value that its field cannot hold."""


class _Watched(Record):  # type: ignore[misc]
    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        plain = isinstance(value, np.ndarray) and value.dtype.names is None
        return value.view(_WatchedArray) if plain else value

    def __setitem__(self, key: Any, value: Any) -> None:
        fields = np.void.__getattribute__(self, "dtype").fields
        if fields is not None and key in fields:
            _require(f"field '{key}'", fields[key][0], value)
        super().__setitem__(key, value)


class _WatchedArray(np.ndarray):
    def __setitem__(self, key: Any, value: Any) -> None:
        _require("element", self.dtype, value)
        super().__setitem__(key, value)


def watched(array: np.ndarray) -> np.ndarray:
    """Return a view of a record array or of a plain array whose stores, at every depth, raise LostValue when they lose."""
    if array.dtype.names is None:
        return array.view(_WatchedArray)
    return array.view(as_record(array.dtype, _Watched))


def _require(where: str, kind: np.dtype, value: Any) -> None:
    """Raise LostValue unless an integer field of type `kind` holds `value` exactly. Values of the very type pass."""
    if kind.kind not in "iu" or not isinstance(value, (int, float, np.number)) or getattr(value, "dtype", None) == kind:
        return
    limits = np.iinfo(kind)
    if isinstance(value, (float, np.floating)) and not float(value).is_integer():
        raise LostValue(f"{where} is {kind} and cannot hold {value.item() if isinstance(value, np.generic) else value!r}")
    if not limits.min <= int(value) <= limits.max:
        raise LostValue(f"{where} is {kind} ({limits.min:,}..{limits.max:,}) and cannot hold {int(value):,}")
