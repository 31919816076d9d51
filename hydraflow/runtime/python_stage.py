"""Plain Python handlers, on a thread of their own: (batch, first_sequence, …) with numpy views, split at the ring's end, or
(event, sequence, end_of_batch, …) one record after the other. What else they take by name is what compiled handlers get.

A batch ends before a record that a hook is for: a timer, or one that changes parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from disruptor.atomics import load_acquire, pause, store_release, timestamp
from disruptor.compiled import entry
from disruptor.errors import HandlerError
from disruptor.guard import Incident, pass_by
from disruptor.histogram import record, record_many
from disruptor.layout import CELL_WORDS
from disruptor.measuring import now
from disruptor.stage import HandlerStage, Hook

__all__ = ["PythonLoop", "note_times", "wait_for"]

_SPINS = 2_000
MOST_RECORDS = 4_096
_RECORDS = ("state", "params", "counters")


class PythonLoop:
    """Runs one Python handler until halted. It gates the ring: nothing is lost, and a slow one slows the graph.

    running : word that holds the stage's number while it has a batch, the next cell the batch's first sequence; both
    stay after a failure. report : called with a fault that is passed by. histograms : where the stage's rows are, None: nothing is
    measured. progress : word that gets the ticks of the last batch's end, -1 for none. batch_count : records of the batch in hand, 0 between batches.
    """

    def __init__(
        self, stage: HandlerStage, cells: np.ndarray, halt: int, running: int, report: Callable[[Incident], Any] = print,
        *, histograms: np.ndarray | None = None, progress: int = -1,
    ) -> None:
        self.stage = stage
        self.cells = cells
        self.halt = halt
        self.running = running
        self.batch_count = 0
        self.report = report
        self.progress = progress
        self._histograms = histograms if max(stage.service, stage.age) >= 0 else None
        self._own = {name: value[0] if name in _RECORDS else value for name, value in stage.bindings.items()}
        self._own["payload"] = stage.source.ring.payload
        self._by_batch = "batch" in stage.arguments

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
            began = now() if self._histograms is not None else 0
            self._deliver(ring.records[first : first + count], following)
            store_release(self.cells, self.running, -1)
            if self._histograms is not None:
                stamp = int(ring.stamps[first]) if ring.stamps.size else 0
                note_times(self._histograms, stage.service, stage.age, began, stamp, count)
            if self.progress >= 0:
                store_release(self.cells, self.progress, now())
            following += count
            store_release(self.cells, stage.cursor, following - 1)

    def _deliver(self, batch: Any, first_sequence: int) -> None:
        """Call the handler with all of a batch, and its hooks in between."""
        start = 0
        for index, hook in self._hooked(batch):
            self._call(batch[start:index], first_sequence + start)
            self._hook(hook, batch[index : index + 1], first_sequence + index)
            start = index + hook.instead
        self._call(batch[start:], first_sequence + start)

    def _hooked(self, batch: Any) -> list[tuple[int, Hook]]:
        """Return which records of a batch have which hook, in order."""
        found = []
        for hook in self.stage.hooks:
            wanted = np.ones(len(batch), bool)
            for field, value in hook.when.items():
                wanted &= batch[field] == value
            found += [(int(index), hook) for index in np.flatnonzero(wanted)]
        return sorted(found, key=lambda pair: pair[0])

    def _call(self, batch: Any, first_sequence: int) -> None:
        if not len(batch) or self._parked(first_sequence):
            return
        self._in_hand(first_sequence, len(batch))
        if self._by_batch:
            known = {**self._own, "batch": batch, "first_sequence": first_sequence}
            self._guarded(self.stage.function, first_sequence, **{n: known[n] for n in self.stage.arguments})
        else:
            for index in range(len(batch)):
                if self._parked(first_sequence + index):
                    break
                self._in_hand(first_sequence + index, 1)
                known = {**self._own, "event": batch[index], "sequence": first_sequence + index,
                         "end_of_batch": index == len(batch) - 1}
                self._guarded(self.stage.function, first_sequence + index, **{n: known[n] for n in self.stage.arguments})
        self.batch_count = 0

    def _hook(self, hook: Hook, one: Any, sequence: int) -> None:
        if self._parked(sequence):
            return
        self._in_hand(sequence, 1)
        known = {**self._own, **hook.bindings, "event": one[0], "sequence": sequence, "end_of_batch": True}
        function = getattr(hook.function, "py_func", hook.function)
        result = self._guarded(function, sequence, **{name: known[name] for name in hook.arguments})
        if hook.then is not None and result > 0:
            self._hook(hook.then, one, sequence)
        self.batch_count = 0

    def _in_hand(self, sequence: int, count: int) -> None:
        store_release(self.cells, self.running + CELL_WORDS, sequence)
        store_release(self.cells, self.running, self.stage.number)
        self.batch_count = count

    def _parked(self, sequence: int) -> bool:
        return self.stage.guard is not None and bool(self.cells[self.stage.guard.parked] <= sequence)

    def _guarded(self, function: Any, sequence: int, /, *arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except Exception as error:  # the user's code: reported with its handler and sequence
            if self.stage.guard is None:
                raise HandlerError(self.stage.name, sequence, error) from error
            pass_by(self.stage, self.cells, sequence, self.batch_count)
            self.report(Incident(self.stage.name, sequence, error, self.stage.guard.parks))
            return 0


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


@entry(brief=True)
def note_times(histograms, service, age, began, stamp, count):
    """Record what one of `count` records took since `began`, and how old the first is by its stamp; rows and ticks, -1 and 0: none."""
    ticks = timestamp()
    if service >= 0:
        record_many(histograms[service], (ticks - began) // count, count)
    if age >= 0 and stamp != 0:
        record(histograms[age], ticks - stamp)
