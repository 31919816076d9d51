"""A .npy file that is written while its rows come: numpy's own format, version 1.0, read by everything that reads it."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

__all__ = ["NpyFile"]


class NpyFile:
    """Rows of one dtype, appended to an open file; `finish` writes how many there are into the header.

    Until then the header says 0 rows: `read_npy` takes those of a run that was killed from the file's length.
    """

    def __init__(self, file: BinaryIO, dtype: np.dtype) -> None:
        self._file, self._dtype, self._count = file, dtype, 0
        self._write_header()
        self._body = file.tell()

    def append(self, rows: np.ndarray) -> None:
        self._file.write(rows.tobytes())
        self._count += len(rows)

    def finish(self) -> None:
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._body:
            raise OSError(0, f"the header of {self._count:,} rows has another length than that of none")

    def _write_header(self) -> None:
        content = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": (self._count,)}
        np.lib.format.write_array_header_1_0(self._file, content)
