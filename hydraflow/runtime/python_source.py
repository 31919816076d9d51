"""Runs a Python generator as a source, on a thread of its own: what it yields is published, a full ring holds it back.

An array of records is copied as bytes, a portion at a time, so that readers have begun before its end is there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from disruptor.atomics import store_release
from disruptor.compiled import direct
from disruptor.layout import CELL_WORDS
from disruptor.measuring import now
from disruptor.stage import DriverStage
from disruptor.waiting import wake_all
from hydraflow.ingress.generator import RecordError, Rows
from hydraflow.runtime.python_stage import note_times, wait_for

__all__ = ["PythonSource", "SourceError"]

_SPINS = 2_000
_NAP_SECONDS = 1e-4
_TELLING_TICKS = 1 << 24  # some milliseconds


class SourceError(Exception):
    """A generator failed. number : of the record, from 1, that it was about to bring; cause : what it raised."""

    def __init__(self, source: str, number: int, cause: BaseException) -> None:
        super().__init__(f"source '{source}' failed at record {number:,}: {type(cause).__name__}: {cause}")
        self.source, self.number, self.cause = source, number, cause


class PythonSource:
    """Drives one generator until it ends, is stopped, or the graph is halted.

    stage : its function returns the generator; its only output is the ring. halt : word that ends everything at once.
    running : word that holds the stage's number while it has something in hand; the next cell the record's sequence.
    wait_cell : of compiled threads that block, -1 when none does. batch_count : see PythonLoop.
    """

    def __init__(self, stage: DriverStage, cells: np.ndarray, halt: int, running: int, histograms: np.ndarray, wait_cell: int = -1) -> None:
        self.stage, self.cells, self.halt, self.running = stage, cells, halt, running
        self.batch_count = 0
        end = stage.outputs[0].end
        self._ring, self._cursor = end.ring, end.cursor
        self._consumers = np.array(end.consumers or [end.cursor], np.int64)
        self._rows = Rows(end.ring.dtype)
        self._bytes = end.ring.records.view(np.dtype((np.void, end.ring.dtype.itemsize)))
        self._histograms, self._wait_cell = histograms, wait_cell
        self._slots, self._mask = end.ring.slots, end.ring.mask
        self._portion = max(1, self._slots // 4)
        self._next, self._gate = 0, -1
        counters = stage.bindings.get("counters")
        self._counters = counters[0] if counters is not None else None
        self._now = direct(now)
        self._full = self._yields = self._ticks = self._told = 0

    def run(self) -> None:
        """Publish what it yields. Raises: SourceError for what the generator raises, and for what is no record."""
        generator = self.stage.function()
        try:
            try:
                self._drive(generator)
            finally:
                self._tell()
        except BaseException:  # a finally of the generator may fail as well: what came first counts
            self._close(generator, quiet=True)
            raise
        self._close(generator, quiet=False)
        store_release(self.cells, self.stage.finished, 1)

    def _drive(self, generator: Iterator[Any]) -> None:
        self._ticks = self._now()
        while not self._ended():
            try:
                value = next(generator)
            except StopIteration:
                return
            except BaseException as error:
                raise self._failed(error) from error
            if value is None:
                self._ticks = self._now()
                continue
            first, began = self._next, self._ticks
            try:
                self._publish(value)
            except RecordError as error:
                raise self._failed(RecordError(f"{error}{_line(generator)}")) from None
            self._yields += 1
            if self._next > first + 1 or self._ticks - self._told > _TELLING_TICKS:
                self._tell()
                if self.stage.service >= 0 and self._next > first:
                    note_times(self._histograms, self.stage.service, -1, began, 0, self._next - first)

    def _publish(self, value: Any) -> None:
        if isinstance(value, (tuple, dict)):
            if self._room():
                self._rows.store(self._ring.records, self._next & self._mask, value)
                self._release(1)
        elif isinstance(value, np.ndarray) and value.ndim:
            self._copy(self._rows.block(value))
        elif isinstance(value, (np.void, np.ndarray)):
            self._copy(self._rows.block(np.asarray(value).reshape(1)))
        elif isinstance(value, list):
            for one in value:
                self._publish(one)
        else:
            self._rows.values(value)  # raises: it is none

    def _copy(self, rows: np.ndarray) -> None:
        start, total = 0, len(rows)
        while start < total:
            room = self._room()
            if not room:
                return
            first = self._next & self._mask
            count = min(room, total - start, self._slots - first, self._portion)
            self._bytes[first : first + count] = rows[start : start + count]
            self._release(count)
            start += count
            if self._ended():
                return

    def _release(self, count: int) -> None:
        """Make the next `count` records visible, which are written."""
        self._ticks = ticks = self._now()
        if self._next == 0:
            store_release(self.cells, self.stage.first, ticks)
        if self._ring.stamps.size:
            first = self._next & self._mask
            self._ring.stamps[first if count == 1 else slice(first, first + count)] = ticks
        self._next += count
        store_release(self.cells, self._cursor, self._next - 1)
        if self._wait_cell >= 0:
            wake_all(self.cells, self._wait_cell)

    def _room(self) -> int:
        """Return how many slots are free, once one is; 0 when the run ends meanwhile."""
        free = self._gate + 1 + self._slots - self._next
        if free > 0:
            return free
        self._gate = wait_for(self.cells, self._consumers, self._next - self._slots + 1, self.halt, 1)
        while self._gate + self._slots < self._next:
            if self._ended():
                return 0
            self._full += 1
            self._gate = wait_for(self.cells, self._consumers, self._next - self._slots + self._portion, self.halt, _SPINS)
            if self._gate + self._slots < self._next:
                time.sleep(_NAP_SECONDS)
        return self._gate + 1 + self._slots - self._next

    def _ended(self) -> bool:
        return bool(self.cells[self.stage.stop]) or bool(self.cells[self.halt])

    def _tell(self) -> None:
        """Bring the counters up to date. One by one that would cost as much as the record itself."""
        self._told = self._ticks
        if self._counters is not None:
            self._counters["records"], self._counters["yields"], self._counters["full"] = self._next, self._yields, self._full

    def _failed(self, cause: BaseException) -> SourceError:
        store_release(self.cells, self.running + CELL_WORDS, self._next)
        store_release(self.cells, self.running, self.stage.number)
        return SourceError(self.stage.name, self._next + 1, cause)

    def _close(self, generator: Iterator[Any], *, quiet: bool) -> None:
        """Let the generator's `finally` run."""
        try:
            generator.close()  # type: ignore[attr-defined]
        except BaseException as error:
            if not quiet:
                raise self._failed(error) from error


def _line(generator: Any) -> str:
    """Return the line at which a generator stands, for messages."""
    frame = getattr(generator, "gi_frame", None)
    return f", yielded at {frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno}" if frame is not None else ""
