"""Waiting from Python: compiled waits without the GIL, in slices, so that signals and failures are seen in between.

A wait ends when what was asked for is there, when its alert word is set, or when its slice is over. What is waited for is
always looked at in memory; being woken is only a hint.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from disruptor.atomics import load_acquire, pause, store_release
from disruptor.claims import FAILED, IDLE, PARKS, PROGRESS, claim_many, claim_one, free_slots, published_upto
from disruptor.compiled import compiled, direct, entry
from disruptor.layout import CELL_WORDS
from disruptor.sequence import CELLS, Cells, generation, take_cells
from disruptor.system_calls import CLOCK_MONOTONIC, clock_ns
from disruptor.wait import Wait
from disruptor.waiting import idle_turn, wake

__all__ = [
    "GIL_HELD", "RECEIPT", "SLICE_NS", "BatchLookout", "Lookout", "await_claim", "await_published", "await_room",
    "no_receipt", "scratch", "write_receipt",
]

SLICE_NS = 50_000_000  # the longest wait in one call: what a Ctrl-C waits for
RECEIPT = 8  # words of a thread's scratch cell: the highest and lowest sequence that it claimed last, −1 for none
GIL_HELD = 0  # word of CELLS: 1 from a publication under the GIL until that thread gives the GIL up in a wait
_COURTESY_TURNS = 250  # some 10 µs: what a Python publisher takes from its publication to its next wait
_local = threading.local()


def scratch() -> int:
    """Return the word index of this thread's own scratch cell."""
    cells: Cells | None = getattr(_local, "cells", None)
    if cells is None or cells.generation != generation():
        cells = _local.cells = take_cells(1)
    return cells.word


def no_receipt() -> int:
    """Return the word of this thread's receipt, made empty.

    Compiled code writes there what it has claimed, so that an exception that comes before the result does (Ctrl-C: Python
    raises it when compiled code returns) finds what to give back.
    """
    word = scratch() + RECEIPT
    CELLS[word] = -1
    return word


@compiled
def write_receipt(cells, receipt, low, high):
    """Note in this thread's receipt what it has claimed."""
    cells[receipt + 1] = low
    cells[receipt] = high


def await_published(
    base: int, marks: np.ndarray, upstream: np.ndarray, wanted: int, wait: Wait, alert: int,
    patience_ns: int = -1, interrupted: Callable[[], None] | None = None,
) -> int:
    """Wait until `wanted` may be read; return the highest sequence that may, less than `wanted` after alert or timeout.

    upstream : words of the sequences that must have passed it; empty: only publication counts. alert : word that ends the
    wait when not 0. patience_ns : longest wait, −1 for ever. interrupted : called between slices.
    """
    return Lookout(base, marks, upstream, wait, alert).until(wanted, patience_ns, interrupted)


class Lookout:
    """`await_published` for who waits at one place again and again: 1 instead of 6 µs when what is wanted is there.

    Any thread may wait at it.
    """

    def __init__(self, base: int, marks: np.ndarray, upstream: np.ndarray, wait: Wait, alert: int) -> None:
        self._before, self._table, self._alert = (CELLS, base, marks, upstream), wait.table(), alert
        self._enter: Callable[..., int] = _await_published
        self._waits = 0

    def until(self, wanted: int, patience_ns: int = -1, interrupted: Callable[[], None] | None = None) -> int:
        """Wait until `wanted` may be read; see `await_published`."""
        own, alert = scratch(), self._alert
        deadline = -1 if patience_ns < 0 else time.monotonic_ns() + patience_ns
        slice_ns = SLICE_NS if patience_ns < 0 or patience_ns > SLICE_NS else patience_ns
        self._waits += 1
        if self._waits == 2:  # what is done once does not pay for an entry of its own
            self._enter = direct(_await_published, *self._before, 0, self._table, 0, 0, 0)
        while True:
            available = int(self._enter(*self._before, wanted, self._table, alert, own, slice_ns))
            if available >= wanted or CELLS[alert] != 0:
                return available
            if deadline >= 0:
                left = deadline - time.monotonic_ns()
                if left <= 0:
                    return available
                slice_ns = min(SLICE_NS, left)
            if interrupted is not None:
                interrupted()


class BatchLookout:
    """What a Python consumer does between two batches, in one compiled call: say how far it has come, wait, begin the next.

    base, marks : of the ring. sequence : word of the consumer's sequence. control : first word of its control cells: halt,
    at work (0 from here on, −1 while it waits), in hand (the batch's first sequence). patience_ns : as in `await_published`.
    Made by the thread that waits. Order: release on the sequence; pairs with `lowest_gate` and those after the consumer.
    """

    def __init__(
        self, base: int, marks: np.ndarray, upstream: np.ndarray, wait: Wait, *, sequence: int, control: int, patience_ns: int
    ) -> None:
        self._before = (CELLS, base, marks, upstream, sequence)
        self._after = (wait.table(), control, scratch())
        self._control, self._patience_ns = control, patience_ns
        self._enter = direct(_next_batch, *self._before, 0, *self._after, SLICE_NS)

    def next(self, following: int) -> int:
        """Be done with everything before `following` and wait for it; return as `await_published` does."""
        available = self._enter(*self._before, following, *self._after, SLICE_NS if self._patience_ns < 0 else 0)
        if available >= following or CELLS[self._control] != 0:
            return available
        return self._wait_on(following)

    def _wait_on(self, following: int) -> int:
        deadline = None if self._patience_ns < 0 else time.monotonic_ns() + self._patience_ns
        while True:
            slice_ns = SLICE_NS if deadline is None else max(0, min(SLICE_NS, deadline - time.monotonic_ns()))
            available: int = self._enter(*self._before, following, *self._after, slice_ns)
            if available >= following or CELLS[self._control] != 0 or (deadline is not None and time.monotonic_ns() >= deadline):
                return available


def await_claim(
    base: int, marks: np.ndarray, multi: bool, count: int, wait: Wait, patience_ns: int, interrupted: Callable[[], None]
) -> int:
    """Wait until `count` slots are claimed; return the highest sequence, or −(slots missing) when patience is over."""
    table, own = wait.table(), scratch()
    deadline = None if patience_ns < 0 else time.monotonic_ns() + patience_ns
    while True:
        slice_ns = SLICE_NS if deadline is None else max(0, min(SLICE_NS, deadline - time.monotonic_ns()))
        CELLS[own + RECEIPT] = -1
        high = _await_claim(CELLS, base, marks, 1 + multi, count, table, own, slice_ns)
        if high >= 0 or (deadline is not None and time.monotonic_ns() >= deadline):
            return high
        interrupted()


def await_room(
    base: int, marks: np.ndarray, count: int, wait: Wait, patience_ns: int, interrupted: Callable[[], None]
) -> bool:
    """Wait until `count` slots could be claimed, claiming none; return whether they could before patience was over."""
    table, own = wait.table(), scratch()
    deadline = None if patience_ns < 0 else time.monotonic_ns() + patience_ns
    while True:
        slice_ns = SLICE_NS if deadline is None else max(0, min(SLICE_NS, deadline - time.monotonic_ns()))
        if _await_claim(CELLS, base, marks, 0, count, table, own, slice_ns) >= 0:
            return True
        if deadline is not None and time.monotonic_ns() >= deadline:
            return False
        interrupted()


@entry
def _await_published(cells, base, marks, upstream, wanted, table, alert, own, slice_ns):
    """One slice of `await_published`. table : int64[3, 6], how to wait when idle and when gated."""
    return _wait_for(cells, base, marks, upstream, wanted, table, alert, own, slice_ns)


@entry
def _next_batch(cells, base, marks, upstream, sequence, following, table, control, own, slice_ns):
    """One slice of `BatchLookout.next`."""
    store_release(cells, control + CELL_WORDS, -1)
    store_release(cells, sequence, following - 1)
    if cells[base + PARKS] != 0:
        wake(cells, base + PROGRESS)
    available = _wait_for(cells, base, marks, upstream, following, table, control, own, slice_ns)
    if available >= following:
        cells[control + 2 * CELL_WORDS] = following
        store_release(cells, control + CELL_WORDS, 0)
    return available


@compiled
def _wait_for(cells, base, marks, upstream, wanted, table, alert, own, slice_ns):
    started, turns, idle_count, waited, slept = 0, 0, 0, 0, False
    _gil_is_free(cells)
    while True:
        if upstream.shape[0] == 0:
            available = published_upto(cells, base, marks, wanted)
            cell, phase = base + IDLE, 0
        else:
            available = load_acquire(cells, upstream[0])
            for i in range(1, upstream.shape[0]):
                value = load_acquire(cells, upstream[i])
                if value < available:
                    available = value
            phase = 0
            cell = base + IDLE
            if available < wanted and published_upto(cells, base, marks, wanted) >= wanted:
                phase, cell = 1, base + PROGRESS
        if available >= wanted or load_acquire(cells, alert) != 0:
            if turns != 0 and not slept:
                _until_gil_is_free(cells)
            return available
        if turns & 127 == 0 or table[phase, 0] > 1:  # a nap may be long; a spin is not
            now = clock_ns(CLOCK_MONOTONIC, cells, own)
            if turns == 0:
                started = now
            elif now - started >= slice_ns:
                return available
        turns += 1
        if cell != waited:
            idle_count, waited = 0, cell
        slept = idle_count < 0
        idle_count = idle_turn(
            table[phase, 0], table[phase, 1], table[phase, 2], min(table[phase, 3], slice_ns), table[phase, 4],
            table[phase, 5], idle_count, cells, cell, own,
        )


@compiled
def _gil_is_free(cells):
    if load_acquire(cells, GIL_HELD) != 0:
        store_release(cells, GIL_HELD, 0)


@compiled
def _until_gil_is_free(cells):
    """Wait until the publisher has given the GIL up, not long: whoever asks for it before falls asleep, and is woken for 10 µs."""
    for _ in range(_COURTESY_TURNS):
        if load_acquire(cells, GIL_HELD) == 0:
            return
        pause()


@entry
def _await_claim(cells, base, marks, producers, count, table, own, slice_ns):
    """One slice of `await_claim` (producers 1: one, 2: many) or `await_room` (0). Ends early when a consumer has died."""
    started, turns, idle_count = 0, 0, 0
    _gil_is_free(cells)
    while True:
        if producers == 0:
            high = free_slots(cells, base, marks) - count
        else:
            high = claim_many(cells, base, marks, count) if producers == 2 else claim_one(cells, base, marks, count)
            if high >= 0:
                write_receipt(cells, own + RECEIPT, high - count + 1, high)
        if high >= 0 or load_acquire(cells, base + FAILED) != 0:
            return high
        if turns & 127 == 0 or table[2, 0] > 1:
            now = clock_ns(CLOCK_MONOTONIC, cells, own)
            if turns == 0:
                started = now
            elif now - started >= slice_ns:
                return high
        turns += 1
        idle_count = idle_turn(
            table[2, 0], table[2, 1], table[2, 2], min(table[2, 3], slice_ns), table[2, 4], table[2, 5],
            idle_count, cells, base + PROGRESS, own,
        )
