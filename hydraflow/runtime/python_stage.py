"""Plain Python handlers: (batch, first_sequence) on a thread of their own, with numpy views, split at the ring's end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from disruptor.atomics import load_acquire, pause, store_release
from disruptor.compiled import entry
from disruptor.errors import HandlerError
from disruptor.guard import Incident, pass_by
from disruptor.layout import CELL_WORDS
from disruptor.stage import HandlerStage

__all__ = ["PythonLoop", "wait_for"]

_SPINS = 2_000
MOST_RECORDS = 4_096


class PythonLoop:
    """Runs one Python handler until halted. It gates the ring: nothing is lost, and a slow one slows the graph.

    running : word that holds the stage's number while it has a batch, the next cell the batch's first sequence; both
    stay after a failure. report : called with a fault that is passed by. batch_count : records of the batch in hand, 0 between batches.
    """

    def __init__(
        self, stage: HandlerStage, cells: np.ndarray, halt: int, running: int, report: Callable[[Incident], Any] = print
    ) -> None:
        self.stage = stage
        self.cells = cells
        self.halt = halt
        self.running = running
        self.batch_count = 0
        self.report = report

    def run(self) -> None:
        """Deliver batches. Raises: HandlerError with the sequence of the first record of the failing batch."""
        stage, ring = self.stage, self.stage.source.ring
        words = np.array(stage.waits, np.int64)
        following = int(self.cells[stage.cursor]) + 1
        idle = 0
        while True:
            available = wait_for(self.cells, words, following, self.halt, _SPINS)
            if available < following:
                if self.cells[self.halt]:
                    return
                idle = min(idle + 1, 50)
                _sleep(idle * 1e-4)
                continue
            idle = 0
            first = following & ring.mask
            count = min(available - following + 1, ring.slots - first, MOST_RECORDS)
            store_release(self.cells, self.running + CELL_WORDS, following)
            store_release(self.cells, self.running, stage.number)
            self.batch_count = count
            if stage.guard is None or self.cells[stage.guard.parked] > following:
                self._call(ring.records[first : first + count], following)
            self.batch_count = 0
            store_release(self.cells, self.running, -1)
            following += count
            store_release(self.cells, stage.cursor, following - 1)

    def _call(self, batch: Any, first_sequence: int) -> None:
        try:
            self.stage.function(batch, first_sequence)
        except Exception as error:  # the user's code: reported with its handler and sequence
            if self.stage.guard is None:
                raise HandlerError(self.stage.name, first_sequence, error) from error
            pass_by(self.stage, self.cells, first_sequence, len(batch))
            self.report(Incident(self.stage.name, first_sequence, error, self.stage.guard.parks))


def _sleep(seconds: float) -> None:
    import time

    time.sleep(seconds)


@entry
def wait_for(cells, words, wanted, halt, spins):
    """Wait until every cursor at `words` has reached `wanted`, for at most `spins` pauses. Returns the lowest cursor."""
    lowest = wanted - 1
    for _ in range(spins):
        lowest = load_acquire(cells, words[0])
        for i in range(1, words.shape[0]):
            cursor = load_acquire(cells, words[i])
            if cursor < lowest:
                lowest = cursor
        if lowest >= wanted or load_acquire(cells, halt) != 0:
            break
        pause()
    return lowest
