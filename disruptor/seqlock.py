"""A small record that one thread writes and any number read, in this process or another, never torn and never waiting.

The cell holds a version and the record's words. The writer makes the version odd, stores the words, makes it even again.
A reader loads the version, the words, and the version again; when both are the same even number, the words belong together.
Readers write nothing, so they do not disturb the writer, and there may be any number of them.

    state["view"] : ("i8", (seqlock_words(3),))         # or any int64 array in shared memory
    seqlock_write(cells, place, source)                 # source: int64[words]
    version = seqlock_read(cells, place, target)        # −1: torn at every try; target is not to be used

Order: every word is stored with release and loaded with acquire. So no word is stored before the version is odd nor loaded
after the version is looked at again, in the machine and in the compiler; on x86-64 they are plain moves. With plain
loads and stores of the words the compiler might move them out.

Source: H.-J. Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012 (figure 6).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from disruptor.atomics import load_acquire, pause, store_release
from disruptor.compiled import compiled, entry
from disruptor.errors import CapacityError, DisruptorError
from disruptor.layout import CELL_WORDS, record_dtype
from disruptor.memory import memfd

__all__ = ["TORN", "Seqlock", "seqlock_read", "seqlock_words", "seqlock_write"]

TORN = -1
TRIES = 1000
_RECORD_MAX = 4096  # bytes; a larger record is torn too often, take a ring
_BODY = 1  # word 0 is the version


def seqlock_words(words: int) -> int:
    """Return how many int64 words a cell for a record of `words` words takes: whole pairs of cache lines."""
    return -(-(_BODY + words) // CELL_WORDS) * CELL_WORDS


@compiled
def seqlock_write(cells, place, source):
    """Store the record source (int64[words]) in the cell that begins at word `place`; return its new version (even).

    One writer. Order: release on each word pairs with the acquires in `seqlock_read`.
    """
    version = load_acquire(cells, place)
    if version & 1:  # the writer before died in the middle: what lies there is torn, this makes it whole
        version += 1
    store_release(cells, place, version + 1)
    for i in range(source.shape[0]):
        store_release(cells, place + _BODY + i, source[i])
    store_release(cells, place, version + 2)
    return version + 2


@compiled
def seqlock_read(cells, place, target, tries=TRIES):
    """Copy the record in the cell at word `place` into target (int64[words]); return its version, 0 before the first write.

    tries : how often to look while the writer is at it. Returns TORN (−1) when none was whole; target is garbage then.
    Order: acquire on each word pairs with the releases in `seqlock_write`.
    """
    for _ in range(tries):
        version = load_acquire(cells, place)
        if version & 1 == 0:
            for i in range(target.shape[0]):
                target[i] = load_acquire(cells, place + _BODY + i)
            if load_acquire(cells, place) == version:
                return version
        pause()
    return TORN


class Seqlock:
    """A cell of its own for one record, for Python and compiled code.

    name : for messages; dtype : fields or dtype of the record, its size a multiple of 8 bytes, 4,096 at most.
    cells : int64 array in shared memory to lie in (default: a new memory file, `mapping`, that other processes can map
    through /proc/PID/fd/`mapping.fd`). place : word index in it; zeros there are a cell that was never written. Compiled
    code uses `cells` and `place`.
    Raises: LayoutError for the dtype, CapacityError for its size or a place outside of cells.
    """

    def __init__(self, name: str, dtype: Any, *, cells: np.ndarray | None = None, place: int = 0) -> None:
        self.name = name
        self.dtype = record_dtype(dtype, name=f"seqlock '{name}'")
        size = self.dtype.itemsize
        if size % 8 or size > _RECORD_MAX:
            raise CapacityError(
                f"seqlock '{name}': the record must take a multiple of 8 bytes, {_RECORD_MAX:,} at most, got {size:,};"
                " add a pad field or keep large data in a ring"
            )
        self.words = size // 8
        needed = seqlock_words(self.words)
        if cells is None:
            self.mapping = memfd(8 * (place + needed), f"{name}-seqlock")
            cells = self.mapping.array(np.int64)
        if cells.dtype != np.int64 or cells.ndim != 1:
            raise CapacityError(f"seqlock '{name}': cells must be a 1-D int64 array, got {cells.dtype} of {cells.ndim} dimensions")
        if place < 0 or place + needed > cells.size:
            raise CapacityError(f"seqlock '{name}': words {place:,}..{place + needed:,} lie outside of {cells.size:,} cells")
        self.cells = cells
        self.place = place
        self._record = np.zeros(1, self.dtype)  # what the writer stores
        self._source = self._record.view(np.int64)
        if _read(cells, place, self._source, TRIES) == TORN:  # a writer that died: its last record is lost
            self._source[:] = 0

    def write(self, **fields: Any) -> int:
        """Set the given fields, keep the others, and store the record; return its version. One writing thread.

        Kept is what this object wrote last, at first what it found in the cells.

        Raises: ValueError for a field that the record does not have.
        """
        for field, value in fields.items():
            if field not in (self.dtype.names or ()):
                raise ValueError(f"seqlock '{self.name}': no field '{field}'; known: {', '.join(self.dtype.names or ())}")
            self._record[field] = value
        return int(_write(self.cells, self.place, self._source))

    def read(self, tries: int = TRIES) -> np.record:
        """Return a copy of the record as it was at one instant; zeros before the first write. Any thread or process.

        Raises: DisruptorError when it was being written at each of `tries` looks: the writer writes all the time, or died.
        """
        found = np.zeros(1, self.dtype)
        if _read(self.cells, self.place, found.view(np.int64), tries) == TORN:
            raise DisruptorError(
                f"seqlock '{self.name}': torn at each of {tries:,} tries, version {self.version:,};"
                " the writer is too busy, or it died while writing"
            )
        return found[0]

    @property
    def version(self) -> int:
        """Twice the number of writes so far; odd while one is under way."""
        return int(self.cells[self.place])

    def __repr__(self) -> str:
        return f"<Seqlock '{self.name}' of {self.dtype.itemsize:,} bytes, version {self.version:,}>"


@entry
def _write(cells, place, source):
    return seqlock_write(cells, place, source)


@entry
def _read(cells, place, target, tries):
    return seqlock_read(cells, place, target, tries)
