"""Sequences: padded 64-bit counters in one arena of mapped memory, and groups of them.

A sequence says how far a producer or a consumer has come; it starts at -1. Every sequence of the process is a cell of
CELLS, CACHE_PAIR bytes from the next, so that compiled code names it by the index of its word and any sequence can gate
any ring. Pages of the arena are taken when first touched.

Order: `set` is a release store, `get` an acquire load; whoever sees a value sees all that was written before it was set.
Source: LMAX Sequence, FixedSequenceGroup, SequenceGroup.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from disruptor.atomics import compare_exchange, fence, fetch_add, load_acquire, store_release
from disruptor.compiled import Direct, entry
from disruptor.errors import CapacityError, ForkError, GraphError
from disruptor.layout import CACHE_PAIR, CELL_WORDS, PAGE
from disruptor.memory import anonymous
from disruptor.window import blank

__all__ = [
    "CELLS", "FixedSequenceGroup", "INITIAL", "LAST", "PAGE_CELLS", "Sequence", "SequenceGroup", "generation", "take_cells",
    "take_pages",
]

INITIAL = -1
LAST = (1 << 63) - 1  # what gates nobody: the value of an empty group, and of a consumer that has let go (NOBODY of gating)
PAGE_CELLS = PAGE // CACHE_PAIR
_ARENA_BYTES = 1 << 26

CELLS = anonymous(_ARENA_BYTES).array(np.int64)


class _Arena:
    """Hands out runs of cells; a run that is given back is the next of its length to be taken."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.fresh = 1  # cell 0 stays unused: an index of 0 is never a sequence
        self.free: dict[int, list[int]] = {}
        self.generation = 0  # forks that lie between the first process and this one

    def take(self, count: int) -> int:
        with self.lock:
            known = self.free.get(count)
            if known:
                return known.pop()
            first = self.fresh
            if (first + count) * CELL_WORDS > len(CELLS):
                raise CapacityError(
                    f"no room for another {count} cells: {len(CELLS) // CELL_WORDS:,} are in use; close rings that are done"
                )
            self.fresh += count
            return first

    def take_pages(self, pages: int) -> int:
        """Return the first cell of a run of whole pages; what lies before the page boundary is left to single cells."""
        with self.lock:
            known = self.free.get(-pages)
            if known:
                return known.pop()
            missing = -self.fresh % PAGE_CELLS
            for cell in range(self.fresh, self.fresh + missing):
                self.give(cell, 1)
            self.fresh += missing
        return self.take(pages * PAGE_CELLS)

    def give(self, first: int, count: int) -> None:
        self.free.setdefault(count, []).append(first)  # atomic; called from finalizers, which must not wait

    def forked(self) -> None:
        self.generation += 1
        self.lock = threading.Lock()


_arena = _Arena()
os.register_at_fork(after_in_child=_arena.forked)


class Cells:
    """A run of `count` cells, zeroed; given back when this object is gone. `word` is the index of its first word."""

    __slots__ = ("_count", "_first", "generation", "word")

    def __init__(self, count: int) -> None:
        self._count = count
        self._first = _arena.take(count)
        self.generation = _arena.generation
        self.word = self._first * CELL_WORDS
        CELLS[self.word : self.word + count * CELL_WORDS] = 0

    def __del__(self, _arena: _Arena = _arena) -> None:
        if getattr(self, "generation", -1) == _arena.generation:
            _arena.give(self._first, self._count)


class Pages:
    """A run of `count` pages of cells from a page boundary on, over which parts of a file can be laid; they start as zeros.

    word : index of the first word; address : of the first byte. Given back, as private memory again, when it is gone.
    """

    __slots__ = ("_count", "_first", "address", "generation", "word")

    def __init__(self, count: int) -> None:
        self._count = count
        self._first = _arena.take_pages(count)
        self.generation = _arena.generation
        self.word = self._first * CELL_WORDS
        self.address = CELLS.ctypes.data + 8 * self.word
        CELLS[self.word : self.word + count * PAGE_CELLS * CELL_WORDS] = 0

    def __del__(self, _arena: _Arena = _arena, _blank: Any = blank, _page: int = PAGE) -> None:
        if getattr(self, "generation", -1) == _arena.generation and _blank(self.address, self._count * _page):
            _arena.give(self._first, -self._count)


def take_pages(count: int) -> Pages:
    """Return `count` pages of cells that follow each other. Raises: CapacityError when the arena is full."""
    return Pages(count)


def take_cells(count: int) -> Cells:
    """Return `count` zeroed cells that follow each other. Raises: CapacityError when the arena is full."""
    return Cells(count)


def generation() -> int:
    """Return how many forks lie between the process that first loaded the library and this one."""
    return _arena.generation


class Sequence:
    """A 64-bit counter on cache lines of its own.

    initial : its first value. `word` is its index in CELLS.
    Raises: ForkError when it is used in a process that was forked after it was made.
    """

    __slots__ = ("_cells", "_generation", "word")

    def __init__(self, initial: int = INITIAL) -> None:
        self._cells: object = take_cells(1)  # keeps the memory
        self._generation = _arena.generation
        self.word: int = self._cells.word  # type: ignore[attr-defined]
        CELLS[self.word] = initial

    @classmethod
    def at(cls, word: int, owner: object) -> Sequence:
        """Return the sequence that lies at `word` of CELLS already; `owner` keeps its memory."""
        self = cls.__new__(cls)
        self._cells, self._generation, self.word = owner, _arena.generation, word
        return self

    def get(self) -> int:
        """Return its value. Order: acquire."""
        if self._generation != _arena.generation:
            raise ForkError("sequence")
        return _core.get(CELLS, self.word)

    def set(self, value: int) -> None:
        """Set its value. Order: release."""
        if self._generation != _arena.generation:
            raise ForkError("sequence")
        _core.set(CELLS, self.word, value)

    def set_volatile(self, value: int) -> None:
        """Set its value; no later load moves before the store. Order: release, then a full fence."""
        _set_volatile(CELLS, self._index(), value)

    def compare_and_set(self, expected: int, desired: int) -> bool:
        """Set it to `desired` if it is `expected`; return whether it was. Order: sequentially consistent."""
        return bool(_compare_and_set(CELLS, self._index(), expected, desired))

    def add_and_get(self, increment: int) -> int:
        """Add `increment`; return the value after. Order: sequentially consistent."""
        return _get_and_add(CELLS, self._index(), increment) + increment

    def get_and_add(self, increment: int) -> int:
        """Add `increment`; return the value before. Order: sequentially consistent."""
        return _get_and_add(CELLS, self._index(), increment)

    def increment_and_get(self) -> int:
        """Add 1; return the value after. Order: sequentially consistent."""
        return self.add_and_get(1)

    def _index(self) -> int:
        if self._generation != _arena.generation:
            raise ForkError("sequence")
        return self.word

    def __int__(self) -> int:
        return self.get()

    def __repr__(self) -> str:
        return f"<Sequence {self.get()}>"


class FixedSequenceGroup:
    """Several sequences read as one, their lowest. It cannot be changed or set."""

    def __init__(self, sequences: Iterable[Sequence]) -> None:
        self._sequences = tuple(sequences)

    def get(self) -> int:
        """Return the lowest value, LAST when the group is empty."""
        return min((s.get() for s in self._sequences), default=LAST)

    def set(self, value: int) -> None:
        """Refuse. Raises: GraphError."""
        raise GraphError("a fixed group of sequences cannot be set: it is the lowest of its members")

    def __len__(self) -> int:
        return len(self._sequences)

    def __iter__(self) -> Iterator[Sequence]:
        return iter(self._sequences)


class SequenceGroup:
    """Several sequences read as one, their lowest; members come and go while others read."""

    def __init__(self, sequences: Iterable[Sequence] = ()) -> None:
        self._sequences = tuple(sequences)
        self._lock = threading.Lock()

    def get(self) -> int:
        """Return the lowest value, LAST when the group is empty."""
        return min((s.get() for s in self._sequences), default=LAST)

    def set(self, value: int) -> None:
        """Set every member."""
        for sequence in self._sequences:
            sequence.set(value)

    def add(self, sequence: Sequence) -> None:
        """Add a member, wherever it stands. Before anything runs; later see `add_while_running`."""
        with self._lock:
            self._sequences = (*self._sequences, sequence)

    def add_while_running(self, cursored: object, sequence: Sequence) -> None:
        """Add a member and set it to the cursor of `cursored` (a ring or sequencer): it starts at now."""
        sequence.set(cursored.cursor)  # type: ignore[attr-defined]
        self.add(sequence)
        sequence.set(cursored.cursor)  # type: ignore[attr-defined]

    def remove(self, sequence: Sequence) -> bool:
        """Remove every occurrence of this very object; return whether there was one."""
        with self._lock:
            rest = tuple(s for s in self._sequences if s is not sequence)
            found = len(rest) < len(self._sequences)
            self._sequences = rest
        return found

    def __len__(self) -> int:
        return len(self._sequences)

    def __iter__(self) -> Iterator[Sequence]:
        return iter(self._sequences)


@entry(brief=True)
def _get(cells, word):
    return load_acquire(cells, word)


@entry(brief=True)
def _set(cells, word, value):
    store_release(cells, word, value)


@entry(brief=True)
def _set_volatile(cells, word, value):
    store_release(cells, word, value)
    fence()


@entry(brief=True)
def _compare_and_set(cells, word, expected, desired):
    return compare_exchange(cells, word, expected, desired)


@entry(brief=True)
def _get_and_add(cells, word, increment):
    return fetch_add(cells, word, increment)


_core = Direct(get=(_get, CELLS, 0), set=(_set, CELLS, 0, 0))
