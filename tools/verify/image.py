"""The memory that compiled loops share, written down for a C program, and read back when it has ended.

Arrays that overlap (marks that lie in records, cells of one arena) stay one region. A region's file holds the pages that
are not zero.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable
from pathlib import Path

import attrs
import numpy as np
from numpy.lib.array_utils import byte_bounds

from disruptor.layout import PAGE

__all__ = ["Image", "Region"]


@attrs.frozen
class Region:
    """A stretch of memory: first address here, bytes."""

    start: int
    size: int


class Image:
    """The regions of some arrays. limits : id of an array → bytes of it that are in use, for what is mostly empty."""

    def __init__(self, arrays: Iterable[np.ndarray], limits: dict[int, int]) -> None:
        self.arrays = list({id(a): a for a in arrays}.values())
        spans = []
        for array in self.arrays:
            low, high = byte_bounds(array)
            spans.append((low, min(high, low + limits.get(id(array), high - low))))
        self.regions: list[Region] = []
        for low, high in sorted(span for span in spans if span[1] > span[0]):
            last = self.regions[-1] if self.regions else None
            if last is not None and low < last.start + last.size:
                self.regions[-1] = Region(last.start, max(last.size, high - last.start))
            else:
                self.regions.append(Region(low, high - low))

    def place(self, array: np.ndarray) -> tuple[int, int]:
        """Return (number of the region, offset) of an array's first element; (−1, 0) of an empty one."""
        address = array.__array_interface__["data"][0]
        for number, region in enumerate(self.regions):
            if array.size and region.start <= address < region.start + region.size:
                return number, address - region.start
        return -1, 0

    def expression(self, array: np.ndarray) -> str:
        """Return the C expression of an array's address."""
        number, offset = self.place(array)
        return "NULL" if number < 0 else f"region[{number}] + {offset}"

    def sizes(self) -> str:
        """Return the C initialiser of the regions' sizes, in whole pages."""
        return ", ".join(str(-(-r.size // PAGE) * PAGE) for r in self.regions)

    def write(self, path: Path) -> None:
        """Write every page that is not zero: region, offset, length, bytes."""
        with path.open("wb") as out:
            for number, region in enumerate(self.regions):
                data = _bytes_at(region, self.arrays)
                for at in range(0, region.size, PAGE):
                    page = data[at : at + PAGE]
                    if any(page):
                        out.write(struct.pack("<qqq", number, at, len(page)) + page)

    def read(self, path: Path, array: np.ndarray) -> np.ndarray:
        """Return a copy of an array as the program left it. Precondition: it is contiguous."""
        number, offset = self.place(array)
        before = sum(-(-r.size // PAGE) * PAGE for r in self.regions[:number])
        return np.frombuffer(path.read_bytes(), array.dtype, array.size, before + offset).copy()


def _bytes_at(region: Region, arrays: list[np.ndarray]) -> bytes:
    """Return a region's bytes: as far as there are arrays; what lies between them is zero."""
    data = bytearray(region.size)
    for array in arrays:
        low, high = byte_bounds(array)
        if region.start <= low < region.start + region.size:
            part = ctypes.string_at(low, min(high, region.start + region.size) - low)
            data[low - region.start : low - region.start + len(part)] = part
    return bytes(data)
