"""Compiled loops wired by hand for the rows: cells, rings, stages, pinned threads, one halt cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.disruptor.kernels import WAIT, wake
from bench.disruptor.machine import cores
from bench.disruptor.work import FIELDS, Work
from disruptor.clock import calibrate
from disruptor.codegen import Loop, build_loop, write_loop
from disruptor.histogram import BUCKETS
from disruptor.layout import CELL_WORDS
from disruptor.memory import anonymous
from disruptor.ring import Ring
from disruptor.stage import DriverStage, HandlerStage, RingEnd
from disruptor.threads import PinnedThread
from disruptor.waiting import WaitStrategy

__all__ = ["HALT", "Wiring"]

HALT, _FIRST_FREE, _CELLS = 0, 2 * CELL_WORDS, 48
_STATE = np.dtype([(name, "i8") for name in ("count", "made", "begin", "end", "sum", "sent", "gap", "pad")])
_HISTOGRAMS = np.zeros((1, BUCKETS), np.int64)
WAITS = {"busy-spin": WaitStrategy.BUSY_SPIN, "yielding": WaitStrategy.YIELDING, "blocking": WaitStrategy.BLOCKING}


class Wiring:
    """Everything of one row. Loops are compiled once; `start` puts all back to the beginning and runs them."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.cells = anonymous(_CELLS * CELL_WORDS * 8, prefault=True).array(np.int64)
        self.calibration = calibrate(100_000_000)
        wake(self.cells)
        self._next = _FIRST_FREE
        self._ends: list[RingEnd] = []
        self._states: list[np.ndarray] = []
        self._cursors: list[int] = []
        self._loops: list[tuple[Loop, int]] = []

    def cell(self) -> int:
        """Return the word index of a fresh cell."""
        word = self._next
        self._next += CELL_WORDS
        return word

    def ring(self, name: str) -> RingEnd:
        """Return a fresh ring of 64-byte records."""
        end = RingEnd(ring=Ring(name, FIELDS, self.work.slots, prefault=True), cursor=self.cell())
        self._ends.append(end)
        self._cursors.append(end.cursor)
        return end

    def state(self) -> np.ndarray:
        """Return a fresh state record, an array of length 1 on cache lines of its own."""
        state = anonymous(4096, prefault=True).array(_STATE, 1)
        self._states.append(state)
        return state

    def handler(self, function: Any, source: RingEnd, waits: tuple[int, ...], *, bindings: Any = None, outputs: Any = ()) -> HandlerStage:
        """Return the stage of a handler on `source` after the cursors `waits`; it gates the producer."""
        cursor = self.cell()
        self._cursors.append(cursor)
        source.consumers.append(cursor)
        return HandlerStage(
            name=function.__name__, number=len(self._cursors), function=function, arguments=_arguments(function),
            source=source, waits=waits, cursor=cursor, bindings=bindings or {}, outputs=list(outputs), batch=1 << 30,
        )

    def driver(self, function: Any, *, bindings: Any, outputs: Any) -> DriverStage:
        """Return the stage of a step function."""
        return DriverStage(
            name=function.__name__, number=0, function=function, arguments=_arguments(function), finished=self.cell(),
            bindings=bindings, outputs=list(outputs),
        )

    def loop(self, name: str, stages: Sequence[HandlerStage | DriverStage], cpu: int) -> None:
        """Compile a loop of these stages, to run on core `cpu`."""
        running = self.cell()
        self.cell()
        wait = WAITS[self.work.wait]
        source = write_loop(
            name, stages, cells=self.cells, histograms=_HISTOGRAMS, halt=HALT, running=running, progress=self.cell(),
            wait=int(wait), wait_cell=WAIT, wake=wait == WaitStrategy.BLOCKING,
        )
        self._loops.append((build_loop(source), cores()[cpu % 2]))

    def reset(self) -> None:
        """Put cells, rings and states back to the beginning."""
        self.cells[:] = 0
        self.cells[self._cursors] = -1
        for end in self._ends:
            end.ring.reset()
        for state in self._states:
            state.view(np.int64)[:] = 0

    def run(self, during: Any = None) -> int:
        """Run every loop on its core until they halt; return the ns their threads waited for a core. during : called meanwhile."""
        threads = [
            PinnedThread(loop.run, name=loop.source.name, cpus={cpu}, halt=self.halt) for loop, cpu in reversed(self._loops)
        ]
        for thread in threads:
            thread.start()
        if during is not None:
            during(threads)
        for thread in threads:
            thread.join()
        for thread in threads:
            if thread.error is not None:
                raise thread.error
        return sum(thread.usage().wait_ns for thread in threads)

    def halt(self) -> None:
        """End the loops, sleeping ones too."""
        self.cells[HALT] = 1
        wake(self.cells)


def _arguments(function: Any) -> tuple[str, ...]:
    return function.__code__.co_varnames[: function.__code__.co_argcount]
