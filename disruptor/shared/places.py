"""The cells of a ring file in this process's arena, and the places in them that processes take and give back.

Everything here goes through `Sequence` objects: acquire loads, release stores, compare-exchange, and the library's error in
a process that was forked.
"""

from __future__ import annotations

import time
from enum import IntEnum

from disruptor.compiled import JIT_ENABLED, entry
from disruptor.layout import CELL_WORDS, PAGE
from disruptor.lookout import scratch
from disruptor.sequence import CELLS, PAGE_CELLS, Sequence, generation, take_pages
from disruptor.shared.format import (
    ANSWERS,
    BEAT,
    BELL,
    BLOCK_WORDS,
    CLOSED,
    LANE_POSITION,
    PLACE_BEAT,
    PLACE_FLAGS,
    PLACE_LABEL,
    PLACE_STATE,
    SEAT_WORDS,
    Plan,
)
from disruptor.shared.identity import me
from disruptor.system_calls import futex_wait, futex_wake
from disruptor.window import lay_over

__all__ = ["Block", "Cells", "Place", "State", "await_change", "ring_bell"]

_PAGE_WORDS = PAGE_CELLS * CELL_WORDS
_LABEL_WORDS = 8
_LOOK_NS = 1_000_000


class State(IntEnum):
    """What the process that has a place wants of the owner, or what the owner has done."""

    VACANT = 0  # nobody has it, or it has just been taken
    TAKEN = 1  # in use; no consumer that producers wait for
    JOINING = 2  # asks: let the producers wait for me, from now on
    JOINING_AS_IS = 3  # the same, from the position that stands there
    GATING = 4  # done: producers wait for it
    LEAVING = 5  # asks: let nobody wait for me
    ABANDONED = 6  # asks: take it back
    REFUSED = 7  # done: there are too many consumers


class Place:
    """A place of a file: whose it is, what it asks for, who that is in words."""

    def __init__(self, cells: Cells, word: int, number: int) -> None:
        self.number, self._word = number, word
        self.process, self.state, self.beat, self.flags = (
            Sequence.at(word + at, cells) for at in (0, PLACE_STATE, PLACE_BEAT, PLACE_FLAGS)
        )
        self.position = Sequence.at(word + LANE_POSITION, cells)

    def take(self, label: str) -> bool:
        """Take it for this process if it is vacant; return whether it was. Order: the compare-exchange makes it one process's."""
        if self.process.get() != 0 or not self.process.compare_and_set(0, me()):
            return False
        raw = label.encode()[: 8 * _LABEL_WORDS].decode(errors="ignore").encode()
        CELLS[self._word + PLACE_LABEL :][:_LABEL_WORDS].view("u1")[:] = list(raw.ljust(8 * _LABEL_WORDS, b"\0"))
        self.beat.set(time.monotonic_ns())
        self.flags.set(0)
        self.state.set(State.TAKEN)
        return True

    def vacate(self) -> None:
        """Give it to whoever comes next. By the owner, when the process that had it is gone or has abandoned it."""
        self.state.set(State.VACANT)
        self.process.set(0)

    @property
    def label(self) -> str:
        """Who has it, in its own words."""
        return CELLS[self._word + PLACE_LABEL :][:_LABEL_WORDS].tobytes().rstrip(b"\0").decode(errors="replace")


class Block:
    """Where a ring's block begins in the arena; keeps the pages."""

    def __init__(self, cells: Cells, word: int) -> None:
        self._cells, self.word = cells, word


class Cells:
    """The pages of a file that hold its cells, laid into the arena: for each block, the next page is this process's own.

    beat, closed : of the owner. bell, answers : futexes. seats, lanes : places. block, lane_blocks : of the rings.
    Raises: CapacityError when the arena is full; MemoryMapError.
    """

    def __init__(self, fd: int, plan: Plan, path: str) -> None:
        self._pages = take_pages(2 + plan.seat_pages + 2 * plan.lanes)
        start, word = self._pages.address, self._pages.word
        lay_over(start, fd, plan.common, PAGE, path)
        if plan.seat_pages:
            lay_over(start + 2 * PAGE, fd, plan.seats_at, plan.seat_pages * PAGE, path)
        lanes = 2 + plan.seat_pages
        for lane in range(plan.lanes):
            lay_over(start + (lanes + 2 * lane) * PAGE, fd, plan.lanes_at + lane * PAGE, PAGE, path)
        first = word + lanes * _PAGE_WORDS
        self.generation = self._pages.generation
        self.beat, self.closed = Sequence.at(word + BEAT, self), Sequence.at(word + CLOSED, self)
        self.bell, self.answers = word + BELL, word + ANSWERS
        self.block = Block(self, word + BLOCK_WORDS)
        self.seats = [Place(self, word + 2 * _PAGE_WORDS + i * SEAT_WORDS, i) for i in range(plan.seats)]
        self.lanes = [Place(self, first + 2 * i * _PAGE_WORDS, i) for i in range(plan.lanes)]
        self.lane_blocks = [Block(self, first + 2 * i * _PAGE_WORDS + BLOCK_WORDS) for i in range(plan.lanes)]

    @property
    def forked(self) -> bool:
        """Whether this is a child of the process that laid them."""
        return self.generation != generation()


def ring_bell(word: int) -> None:
    """Count one more at a futex and wake who sleeps there."""
    Sequence.at(word, None).increment_and_get()
    _wake(CELLS, word)


def await_change(word: int, seen: int, timeout_ns: int) -> None:
    """Sleep while the futex counts `seen`, `timeout_ns` at most."""
    if JIT_ENABLED:
        _sleep(CELLS, word, seen, timeout_ns, scratch())
    elif int(CELLS[word]) == seen:  # plain Python has no futex: looks now and then
        time.sleep(min(timeout_ns, _LOOK_NS) / 1e9)


@entry(brief=True)
def _wake(cells, word):
    futex_wake(cells, word)


@entry
def _sleep(cells, word, seen, timeout_ns, own):
    futex_wait(cells, word, seen, timeout_ns, own)


