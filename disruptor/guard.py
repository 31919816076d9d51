"""What becomes of a fault of a compiled handler that does not end the run: its record is passed by, or the handler parked.

The loop leaves off at the fault, with the records of the batch before it handled and not yet published. Here, in Python, the
record at fault is undone as far as others can see it, the rest is published as the loop would have done it, and the loop is
entered again behind it. That costs tens of microseconds, for each fault; a handler that fails at every message is slow, not fast.

What holds afterwards, at the record `n` at which handler H failed:

- H's own fields of record n are zero, all of them; those of other handlers are untouched.
- What H had claimed of its outputs for n is taken back: nothing of it was ever visible. What it published for records before n is.
- H's state is what the call made of it up to the fault. It is not rolled back: a copy of it for each record would cost more
  than the handler. The same messages make the same state, so replays agree.
- Whoever comes after H sees record n when all of this is done.

Parked, H is not called from n on, and its fields of later records stay as the producer published them: zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import numpy as np

from disruptor.atomics import load_acquire, store_release
from disruptor.layout import CELL_WORDS
from disruptor.stage import HandlerStage
from disruptor.twin import plain_twin
from disruptor.waiting import wake_all

__all__ = ["STATUS_MOST", "GuardedLoop", "Incident", "failed_stage", "pass_by", "status_result"]

_STATUS_BITS = 32
STATUS_MOST = (1 << _STATUS_BITS) - 1


def status_result(number: int, status: int) -> int:
    """Return what a loop returns when the handler of stage `number` returned a status below 0."""
    return -((number + 1) << _STATUS_BITS) + status


def failed_stage(result: int) -> tuple[int, int]:
    """Return (number of the stage, status) of a loop's result below 0; a status of more than 32 bits is cut to −(2³² − 1)."""
    return (-result >> _STATUS_BITS) - 1, -(-result & STATUS_MOST)


@attrs.frozen
class Incident:
    """A fault that was passed by. cause : what was raised, or "returned the status −3". parked : whether that parked the handler."""

    handler: str
    sequence: int
    cause: BaseException | str
    parked: bool


class GuardedLoop:
    """A loop some of whose handlers may fail. `run` does what the loop's does, again and again.

    stages : those of the loop. running : word that holds the number of the stage at work; the next cell its sequence. wait_cell :
    its first word, for those who sleep. report : called with an Incident for each fault, on the loop's thread.
    """

    def __init__(
        self, loop: Any, stages: Iterable[Any], cells: np.ndarray, *, running: int, wait_cell: int,
        report: Callable[[Incident], Any],
    ) -> None:
        self.loop, self.cells, self.report = loop, cells, report
        self.source, self.from_cache = loop.source, loop.from_cache
        self._running, self._wait_cell = running, wait_cell
        wake_all(cells, wait_cell)  # compiled, or loaded, before the first fault
        self._guarded = {s.number: s for s in stages if isinstance(s, HandlerStage) and s.guard is not None}

    def run(self) -> int:
        """Return as the loop does, for what ends the run. Raises: what a handler raises whose faults end the run."""
        while True:
            cause: BaseException | str
            try:
                result = self.loop.run()
                if result >= 0:
                    return result
                number, status = failed_stage(result)
                cause = f"returned the status {status}"
            except Exception as error:
                result, number, cause = 0, int(self.cells[self._running]), error
            stage = self._guarded.get(number)
            if stage is None:
                if isinstance(cause, BaseException):
                    raise cause
                return result
            sequence = int(self.cells[self._running + CELL_WORDS])
            pass_by(stage, self.cells, sequence, 1)
            self.report(Incident(stage.name, sequence, cause, parked=bool(stage.guard and stage.guard.parks)))
            wake_all(self.cells, self._wait_cell)


def pass_by(stage: HandlerStage, cells: np.ndarray, first: int, count: int) -> None:
    """Undo what a handler did for `count` records from `first` on, count them, and let others go on behind them.

    Order: everything is stored before the cursor (release), for which those that come after it wait.
    """
    guard, ring = stage.guard, stage.source.ring
    assert guard is not None
    for sequence in range(first, first + count):
        for field in guard.writes:
            ring.records[sequence & ring.mask][field] = 0
    for output in stage.outputs:
        cell = output.end.ring.port[0]
        cell["next"], cell["payload_next"] = cell["mark"], cell["payload_mark"]
        if cell["next"] - 1 != cell["published"]:
            cell["published"] = cell["next"] - 1
            store_release(cells, output.end.cursor, int(cell["next"]) - 1)
    point = stage.checkpoint
    if point is not None and (first + 1) % point.every == 0:
        state = stage.bindings["state"]
        row = ((first + 1) // point.every - 1) & (point.out.shape[0] - 1)
        digest = plain_twin(point.digest)  # the compiled one is a part of its loop only
        point.out[row, point.column] = digest(state[0], stage.bindings.get("params", state)[0])
    store_release(cells, guard.skipped, load_acquire(cells, guard.skipped) + count)
    if guard.parks:
        store_release(cells, guard.parked, first)
    store_release(cells, stage.cursor, first + count - 1)
