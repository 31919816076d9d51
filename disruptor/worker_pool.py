"""Worker pools: each record goes to exactly one of several workers.

    graph.handle_events_with_worker_pool(fetch, fetch_too)     plain Python or compiled, on a thread each

The workers share one sequence: whoever moves it from n to n + 1 has taken record n + 1. A worker that is halted keeps the
record that it has taken, and handles it first when it runs again, so that none is lost.

Source: LMAX v3 WorkerPool, WorkProcessor (whose halt loses a taken record, issue 481).
"""

from __future__ import annotations

from typing import Any

from disruptor.barrier import SequenceBarrier
from disruptor.handler import Handler
from disruptor.layout import CELL_WORDS
from disruptor.lookout import await_published
from disruptor.measuring import note_batch, now
from disruptor.processor import BatchEventProcessor
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import CELLS, Sequence

__all__ = ["WorkProcessor", "WorkerPool"]


class WorkerPool:
    """What the workers of a pool share. work : the highest record that a worker has taken."""

    def __init__(self) -> None:
        self.work = Sequence()


class WorkProcessor(BatchEventProcessor):
    """A worker with a plain Python handler of (event, sequence, end_of_batch); every record is a batch of its own."""

    def __init__(self, ring: RingBuffer, barrier: SequenceBarrier, handler: Handler, pool: WorkerPool) -> None:
        super().__init__(ring, barrier, handler)
        self.pool = pool
        self.taken = -1

    def _work(self) -> None:
        ring, work = self.ring, self.pool.work
        base, marks = ring.sequencer.base, ring.sequencer.marks
        patience = self.wait.timeout_ns or -1
        while not self._stop:
            if self.taken < 0:
                before = work.get()
                self.sequence.set(before)
                ring.sequencer.wake_producers()  # they may wait for this worker alone, be there a record for it or not
                if not work.compare_and_set(before, before + 1):
                    continue
                self.taken = before + 1
            available = await_published(
                base, marks, self.barrier.upstream, self.taken, self.wait, self._control.word, patience
            )
            if self._stop:
                return
            if available < self.taken:
                self._timed_out()
                continue
            self._handle(self.taken)
            self.sequence.set(self.taken)
            self.taken = -1
        ring.sequencer.wake_producers()

    def _handle(self, sequence: int) -> None:
        stamps = self.ring.sequencer.stamps
        try:
            if self.measured.size:
                published, began = int(stamps[sequence & self.ring.mask]), now()
            self._deliver(sequence)
            if self.measured.size:
                note_batch(self.measured, published, began, 1)
        except BaseException as error:
            self._event_failed(error, sequence)

    def _deliver(self, sequence: int) -> Any:
        CELLS[self._control.word + CELL_WORDS] = 0
        CELLS[self._control.word + 2 * CELL_WORDS] = sequence
        if self.handler.takes_batches:
            return self._deliver_batch(sequence, sequence)
        return self._deliver_each(sequence, sequence)


