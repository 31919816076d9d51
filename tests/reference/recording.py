"""Records and arrays that note, in plain Python, which of their fields are read and written: the twin of the inference."""

from __future__ import annotations

from typing import Any

import numpy as np

from disruptor.record import Record, as_record

__all__ = ["Seen", "recorded"]


class Seen:
    """What was touched. reads, writes : (region, field)."""

    def __init__(self) -> None:
        self.reads: set[tuple[str, str]] = set()
        self.writes: set[tuple[str, str]] = set()

    def names(self, verb: str, region: str) -> set[str]:
        return {field for where, field in getattr(self, verb) if where == region}


class _Part(np.ndarray):
    """An array inside of a region: of a field, or of what has no fields. Taking an element reads, storing one writes."""

    seen: Seen
    region = ""
    field = ""

    def __array_finalize__(self, source: Any) -> None:
        for name in ("seen", "region", "field"):
            if hasattr(source, name):
                setattr(self, name, getattr(source, name))

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        if not isinstance(value, np.ndarray):
            self.seen.reads.add((self.region, self.field))
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        self.seen.writes.add((self.region, self.field))
        super().__setitem__(key, value)

    def __iter__(self) -> Any:
        self.seen.reads.add((self.region, self.field))
        return iter(np.asarray(self))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = (), **more: Any) -> Any:
        for one in inputs:
            if isinstance(one, _Part):
                one.seen.reads.add((one.region, one.field))
        for one in out:
            if isinstance(one, _Part):
                one.seen.writes.add((one.region, one.field))
        plain = [np.asarray(one) if isinstance(one, _Part) else one for one in inputs]
        return getattr(ufunc, method)(*plain, **({"out": tuple(map(np.asarray, out))} if out else {}), **more)


def recorded(array: np.ndarray, region: str, seen: Seen) -> np.ndarray:
    """Return a view of an array of records, or of numbers, that notes every access under the name of the region."""
    if array.dtype.names is None:
        return _as_part(array, region, "*", seen)

    class Recorded(Record):  # type: ignore[misc]
        def __getitem__(self, key: Any) -> Any:
            value = super().__getitem__(key)
            name = self.dtype.names[key] if isinstance(key, int) else key
            if isinstance(value, np.ndarray):
                return _as_part(value, region, name, seen)
            seen.reads.add((region, name))
            return value

        def __setitem__(self, key: Any, value: Any) -> None:
            seen.writes.add((region, self.dtype.names[key] if isinstance(key, int) else key))
            super().__setitem__(key, value)

        def copy(self, *arguments: Any) -> Any:
            seen.reads.update((region, name) for name in self.dtype.names)
            return super().copy(*arguments)

    return array.view(as_record(array.dtype, Recorded))


def _as_part(array: np.ndarray, region: str, field: str, seen: Seen) -> np.ndarray:
    part = array.view(_Part)
    part.seen, part.region, part.field = seen, region, field
    return part
