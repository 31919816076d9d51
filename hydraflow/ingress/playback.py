"""`use: recording`: plays a .npy file of records into a ring of that record, as `hfx run --results` leaves them.

    sources: [{use: recording, into: readings, with: {path: out/readings.npy}}]

The file is mapped, not read; it goes out as fast as the ring takes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from hydraflow.errors import DataError, InputNotFound
from hydraflow.ingress.base import source
from hydraflow.ingress.generator import differing

__all__ = ["Recording", "load_records", "recording"]

_PORTION = 1 << 16


@attrs.frozen(kw_only=True)
class Recording:
    """Parameters of `recording`."""

    path: str = attrs.field(metadata={"description": "a .npy file with records of the ring that it fills"})
    first: int = attrs.field(default=0, metadata={"description": "number of the first record that goes out, from 0", "minimum": 0})
    count: int = attrs.field(default=-1, metadata={"description": "records that go out at most; -1: all that there are", "minimum": -1})


def load_records(path: str, dtype: np.dtype) -> np.ndarray:
    """Return the records of a .npy file, mapped read-only. Raises: InputNotFound, DataError for another file or other records."""
    where = f"recording '{path}'"
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise InputNotFound(f"cannot be read: {error.strerror or error}", where=where, remedy="give the path of a .npy file") from error
    except (ValueError, EOFError, TypeError) as error:
        raise DataError(f"is no whole .npy file: {error}", where=where, remedy="record it again, or write it with numpy.save") from error
    if not isinstance(rows, np.ndarray) or rows.ndim != 1:
        raise DataError("holds no one-dimensional array", where=where, remedy="write it with numpy.save(path, records)")
    wrong = differing(rows.dtype, dtype)
    if wrong:
        raise DataError(f"holds other records than its ring: {wrong}", where=where,
                        remedy="play it into a ring of the record with which it was recorded")
    return rows


def _ready(params: Any, dtype: np.dtype) -> None:
    load_records(params.path, dtype)


@source(ready=_ready)
def recording(params: Recording) -> Iterator[np.ndarray]:
    """Plays the records of a .npy file."""
    rows = np.load(params.path, mmap_mode="r", allow_pickle=False)
    end = len(rows) if params.count < 0 else min(len(rows), params.first + params.count)
    for start in range(params.first, end, _PORTION):
        yield rows[start : min(start + _PORTION, end)]
