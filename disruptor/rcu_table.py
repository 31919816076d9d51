"""The two Python ends of a read-copy-update table (see disruptor.rcu): who owns it, and who reads it.

    table = Rcu("books", [("price", "f8"), ("lots", "i8")], 500)          # for the handler: table.cells, table.rows
    with table.reader("console") as reader:
        with reader.snapshot() as seen:
            print(seen.sequence, seen[7]["price"], seen.copy()["lots"].sum())
    print(*table.readers(), sep="\\n")                                     # who reads, and how old is what they hold

Another process opens the same memory: `Rcu.reader_of(on_file(f"/proc/{pid}/fd/{fd}"), …)`. A reader that died is seen by its
process id and start time, and its place is taken by the next one that needs it; one that stalls holds one old edition and stops
nobody. Against a seqlock: there a reader copies and looks whether it was disturbed, which suits a record of a few hundred
bytes; here it is never disturbed, whatever the size, and the writer pays for one copy of each row that an edition changes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from disruptor.atomics import compare_exchange
from disruptor.compiled import entry
from disruptor.counters_reader import start_ticks
from disruptor.errors import CapacityError, DisruptorError
from disruptor.layout import CELL_WORDS, record_dtype
from disruptor.memory import Mapping, memfd
from disruptor.rcu import (
    BIRTH,
    CURRENT,
    DRAFT,
    EDITION,
    FREE,
    FREE_COUNT,
    HELD,
    MAPS,
    PIN,
    READER_CELLS,
    READERS,
    RETIRE,
    RETIRED,
    RETIRED_COUNT,
    ROOT_EDITION,
    ROOT_SEQUENCE,
    ROWS,
    rcu_edit,
    rcu_pin,
    rcu_publish,
    rcu_slot,
    rcu_slots,
    rcu_unpin,
    rcu_words,
)

__all__ = ["Rcu", "RcuReader", "ReaderState", "Snapshot"]

_OWNER, _SINCE, _NAME = 1, 2, 3  # words of a reader's cell behind its pin; the owner: start of the process << 22 | its id
_PID_BITS = 22
_NAME_BYTES = 32
_ROWS_MAX, _READERS_MAX = 1 << 24, 256


@attrs.frozen
class ReaderState:
    """A reader as the owner sees it. behind : editions published since the one that it holds, None when it holds none.

    alive : its process runs. held_ns : for how long it has held that edition.
    """

    name: str
    pid: int
    alive: bool
    behind: int | None
    held_ns: int

    def __str__(self) -> str:
        what = "holds nothing" if self.behind is None else f"holds what is {self.behind:,} editions old, for {self.held_ns / 1e6:,.1f} ms"
        return f"reader '{self.name}' of process {self.pid}{'' if self.alive else ', which has died'}: {what}"


class Rcu:
    """A table of `rows` records with one writer.

    name : for messages; dtype : fields or dtype of a row; readers : most at a time. cells, rows_in, place : arrays to lie in
    (int64[rcu_words], records[rcu_slots]); default: a memory file of its own, `mapping`. Cells that hold a table already are
    taken over: what was published stays, what was edited and not published is gone.
    Raises: LayoutError, CapacityError.
    """

    def __init__(
        self, name: str, dtype: Any, rows: int, *, readers: int = 4, cells: np.ndarray | None = None, rows_in: np.ndarray | None = None,
        place: int = 0,
    ) -> None:
        self.name = name
        self.dtype = record_dtype(dtype, name=f"rcu '{name}'")
        _within(name, "rows", rows, _ROWS_MAX)
        _within(name, "readers", readers, _READERS_MAX)
        self.mapping: Mapping | None = None
        if cells is None or rows_in is None:
            self.mapping = memfd(_bytes(self.dtype, rows, readers), f"{name}-rcu")
            cells, rows_in, place = *_arrays(self.mapping, self.dtype, rows, readers), 0
        words, slots = rcu_words(rows, readers), rcu_slots(rows, readers)
        if cells.dtype != np.int64 or cells.ndim != 1 or not 0 <= place <= cells.size - words:
            raise CapacityError(f"rcu '{name}': cells must be int64 with {words:,} words from {place:,} on, got {cells.size:,} of {cells.dtype}")
        if rows_in.dtype != self.dtype or rows_in.shape != (slots,):
            raise CapacityError(f"rcu '{name}': rows_in must be {slots:,} records of the table, got {rows_in.shape} of {rows_in.dtype}")
        self.cells, self.rows, self.place = cells, rows_in, place
        if cells[place + ROWS]:
            _require(name, cells, place, rows, readers)
            _recover(cells, place, slots)
        else:
            _lay_out(cells, place, rows, readers)

    def __len__(self) -> int:
        return int(self.cells[self.place + ROWS])

    def edit(self, row: int) -> Any:
        """Return the record of a row to write to; readers see it after `publish`. The writing thread only."""
        return self.rows[_edit(self.cells, self.place, self.rows, self._row(row))]

    def __getitem__(self, row: int) -> Any:
        """Return the record of a row as the writer left it last. The writing thread only, and only to read."""
        return self.rows[_slot(self.cells, self.place, self._row(row))]

    def publish(self, sequence: int = -1) -> int:
        """Show readers all that was edited, at once; return the number of the edition, 0 when nothing was edited."""
        return int(_publish(self.cells, self.place, sequence))

    def reader(self, name: str) -> RcuReader:
        """Return a reader in this process. Raises: CapacityError when all places are taken by readers that live."""
        return RcuReader(name, self.cells, self.rows, self.place)

    @staticmethod
    def reader_of(mapping: Mapping, dtype: Any, rows: int, *, readers: int = 4, name: str) -> RcuReader:
        """Return a reader of a table in another process. mapping : its memory file, mapped for writing.

        Raises: CapacityError when it holds another table, or all places are taken.
        """
        record = record_dtype(dtype, name=f"rcu '{name}'")
        if mapping.size < _bytes(record, rows, readers):
            raise CapacityError(f"rcu '{name}': {mapping.size:,} bytes hold no table of {rows:,} rows of {record.itemsize:,} bytes for {readers:,} readers")
        cells, table = _arrays(mapping, record, rows, readers)
        _require(name, cells, 0, rows, readers)
        return RcuReader(name, cells, table, 0)

    def readers(self) -> list[ReaderState]:
        """Return who reads, the oldest edition first."""
        found = [_state(self.cells, self.place, k) for k in range(int(self.cells[self.place + READERS]))]
        return sorted((s for s in found if s is not None), key=lambda s: -1 if s.behind is None else s.behind, reverse=True)

    def _row(self, row: int) -> int:
        if not 0 <= row < len(self):
            raise IndexError(f"rcu '{self.name}': row {row:,} of {len(self):,}")
        return row

    def __repr__(self) -> str:
        return f"<Rcu '{self.name}' of {len(self):,} rows, edition {self.cells[self.place + EDITION]:,}>"


class Snapshot:
    """One edition, held. sequence : what the writer published it with (−1 before the first); edition : its number."""

    def __init__(self, cells: np.ndarray, rows: np.ndarray, place: int, root: int) -> None:
        self._rows = rows
        count, maps = int(cells[place + ROWS]), place + int(cells[place + MAPS])
        self._map = cells[maps + root * count : maps + (root + 1) * count]
        self.edition = int(cells[place + int(cells[place + ROOT_EDITION]) + root])
        self.sequence = int(cells[place + int(cells[place + ROOT_SEQUENCE]) + root])

    def __len__(self) -> int:
        return len(self._map)

    def __getitem__(self, row: int) -> Any:
        """Return the record of a row, not copied: to be read, and only as long as the snapshot is held."""
        return self._rows[self._map[row]]

    def __iter__(self) -> Iterator[Any]:
        return (self[row] for row in range(len(self)))

    def copy(self) -> np.ndarray:
        """Return all rows as an array of its own."""
        return self._rows[self._map]


class RcuReader:
    """A reader's place in a table; give it back with `close`, or use `with`. One thread at a time."""

    def __init__(self, name: str, cells: np.ndarray, rows: np.ndarray, place: int) -> None:
        self.name = name
        self._cells, self._rows, self._place = cells, rows, place
        self._number = self._take_place()
        self._held = False

    def snapshot(self) -> _Holding:
        """Hold the current edition: `with reader.snapshot() as seen`. One at a time."""
        return _Holding(self)

    def close(self) -> None:
        """Give the place back."""
        if self._number >= 0:
            at = self._place + READER_CELLS + self._number * CELL_WORDS
            self._cells[at + PIN] = 0
            self._cells[at + _OWNER] = 0
            self._number = -1

    def __enter__(self) -> RcuReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_number", -1) >= 0:
            self.close()

    def _take_place(self) -> int:
        cells, place, pid = self._cells, self._place, os.getpid()
        states = []
        for number in range(int(cells[place + READERS])):
            at = place + READER_CELLS + number * CELL_WORDS
            before = int(cells[at + _OWNER])
            state = _state(cells, place, number)
            if state is not None and state.alive:
                states.append(state)
            elif _exchange(cells, at + _OWNER, before, start_ticks(pid) << _PID_BITS | pid):
                cells[at + PIN] = 0
                label = np.frombuffer(self.name.encode()[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0"), np.int64)
                cells[at + _NAME : at + _NAME + label.size] = label
                return number
        raise CapacityError(f"rcu reader '{self.name}': all {len(states)} places are taken: {'; '.join(map(str, states))}; make the table with more readers=")

    def _hold(self) -> Snapshot:
        if self._number < 0:
            raise DisruptorError(f"rcu reader '{self.name}' is closed")
        if self._held:
            raise DisruptorError(f"rcu reader '{self.name}' holds a snapshot already; a second one needs a reader of its own")
        self._held = True
        self._cells[self._place + READER_CELLS + self._number * CELL_WORDS + _SINCE] = time.monotonic_ns()
        return Snapshot(self._cells, self._rows, self._place, int(_pin(self._cells, self._place, self._number)))

    def _let_go(self) -> None:
        self._held = False
        if self._number >= 0:
            _unpin(self._cells, self._place, self._number)


class _Holding:
    """Holds an edition while its body runs."""

    def __init__(self, reader: RcuReader) -> None:
        self._reader = reader

    def __enter__(self) -> Snapshot:
        return self._reader._hold()

    def __exit__(self, *_: object) -> None:
        self._reader._let_go()


def _lay_out(cells: np.ndarray, place: int, rows: int, readers: int) -> None:
    roots, slots = readers + 2, rcu_slots(rows, readers)
    at = READER_CELLS + readers * CELL_WORDS
    for word, length in ((ROOT_EDITION, roots), (ROOT_SEQUENCE, roots), (MAPS, roots * rows), (BIRTH, slots), (RETIRE, slots), (FREE, slots),
                         (RETIRED, slots), (HELD, readers + 1)):
        cells[place + word] = at
        at += length
    cells[place + DRAFT], cells[place + READERS] = -1, readers
    part = {word: place + int(cells[place + word]) for word in (ROOT_SEQUENCE, MAPS, FREE)}
    cells[part[ROOT_SEQUENCE]] = -1
    cells[part[MAPS] : part[MAPS] + rows] = np.arange(rows)
    cells[part[FREE] : part[FREE] + slots - rows] = np.arange(slots - 1, rows - 1, -1)
    cells[place + FREE_COUNT] = slots - rows
    cells[place + ROWS] = rows


def _recover(cells: np.ndarray, place: int, slots: int) -> None:
    """Forget what was edited and not published: its copies are free, what they would have replaced is not retired."""
    part = {word: place + int(cells[place + word]) for word in (ROOT_EDITION, MAPS, BIRTH, RETIRE, FREE, RETIRED)}
    rows, current = int(cells[place + ROWS]), int(cells[place + CURRENT])
    edition = int(cells[part[ROOT_EDITION] + current])
    shown = np.zeros(slots, bool)
    shown[cells[part[MAPS] + current * rows : part[MAPS] + (current + 1) * rows]] = True
    birth = cells[part[BIRTH] : part[BIRTH] + slots]
    fresh = ~shown & ((birth > edition) | (birth == 0) & (np.arange(slots) >= rows))
    free, retired = np.flatnonzero(fresh), np.flatnonzero(~shown & ~fresh)
    cells[part[FREE] : part[FREE] + free.size], cells[place + FREE_COUNT] = free, free.size
    cells[part[RETIRED] : part[RETIRED] + retired.size], cells[place + RETIRED_COUNT] = retired, retired.size
    cells[place + EDITION], cells[place + DRAFT] = edition, -1


def _state(cells: np.ndarray, place: int, number: int) -> ReaderState | None:
    at = place + READER_CELLS + number * CELL_WORDS
    owner, pin = int(cells[at + _OWNER]), int(cells[at + PIN])
    if owner == 0:
        return None
    pid, started = owner & (1 << _PID_BITS) - 1, owner >> _PID_BITS
    name = cells[at + _NAME : at + _NAME + _NAME_BYTES // 8].tobytes().rstrip(b"\0").decode(errors="replace")
    alive = start_ticks(pid) == started
    if pin == 0:
        return ReaderState(name, pid, alive, None, 0)
    held = int(cells[place + int(cells[place + ROOT_EDITION]) + pin - 1])
    return ReaderState(name, pid, alive, int(cells[place + EDITION]) - held, time.monotonic_ns() - int(cells[at + _SINCE]))


def _require(name: str, cells: np.ndarray, place: int, rows: int, readers: int) -> None:
    found = int(cells[place + ROWS]), int(cells[place + READERS])
    if found != (rows, readers):
        raise CapacityError(f"rcu '{name}': asked for {rows:,} rows and {readers:,} readers, but there lies a table of {found[0]:,} and {found[1]:,}")


def _within(name: str, what: str, number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise CapacityError(f"rcu '{name}': {what} must be 1..{most:,}, got {number:,}")


def _bytes(dtype: np.dtype, rows: int, readers: int) -> int:
    return 8 * rcu_words(rows, readers) + dtype.itemsize * rcu_slots(rows, readers)


def _arrays(mapping: Mapping, dtype: np.dtype, rows: int, readers: int) -> tuple[np.ndarray, np.ndarray]:
    words = rcu_words(rows, readers)
    return mapping.array(np.int64, words), mapping.array(dtype, rcu_slots(rows, readers), 8 * words)


@entry
def _edit(cells, place, rows, row):
    return rcu_edit(cells, place, rows, row)


@entry
def _slot(cells, place, row):
    return rcu_slot(cells, place, row)


@entry
def _publish(cells, place, sequence):
    return rcu_publish(cells, place, sequence)


@entry
def _pin(cells, place, reader):
    return rcu_pin(cells, place, reader)


@entry
def _unpin(cells, place, reader):
    rcu_unpin(cells, place, reader)


@entry
def _exchange(cells, word, expected, desired):
    return compare_exchange(cells, word, expected, desired)
