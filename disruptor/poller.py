"""A poller: a consumer that takes records when it likes, from any Python code.

    poller = ring.new_poller()                 gates the producers from here on
    for event in poller.take(100): ...         at most 100 records, released when the loop is done
    poller.poll(lambda event, sequence, end_of_batch: True)

Source: LMAX EventPoller; `take`, partial reads and release on leaving: disruptor-rs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from disruptor.barrier import SequenceBarrier
from disruptor.channel import Receiver, Taker
from disruptor.claims import was_given_up
from disruptor.compiled import entry
from disruptor.sequence import CELLS, Sequence
from disruptor.sequencer_core import core

if TYPE_CHECKING:
    from disruptor.ring_buffer import RingBuffer

__all__ = ["EventPoller", "PollState", "next_run"]

_BRIEF_BYTES = 64 << 10  # copied in a few microseconds: the GIL may be kept


class PollState(IntEnum):
    """What a poll found."""

    IDLE = 0  # nothing is published
    GATING = 1  # published, but a consumer before this one has not passed it
    PROCESSING = 2  # records were handled


class EventPoller:
    """Reads a ring on demand; its `sequence` is the last record it has released.

    Made by `RingBuffer.new_poller`. One thread at a time.
    """

    def __init__(self, ring: RingBuffer, barrier: SequenceBarrier, sequence: Sequence) -> None:
        self.ring, self.barrier, self.sequence = ring, barrier, sequence
        self._taker: Taker | None = None

    @property
    def available(self) -> int:
        """How many records could be read now."""
        return max(0, self._readable() - self.sequence.get())

    def poll(self, handler: Callable[[Any, int, bool], Any], limit: int | None = None) -> PollState:
        """Hand what is there to `handler(event, sequence, end_of_batch)`, until it returns False.

        limit : most records. An exception of the handler goes through to the caller; what was handled before it is
        released, the record that failed is not.
        """
        following = self.sequence.get() + 1
        available = self._readable()
        if available < following:
            published = self.ring.sequencer.published()
            return PollState.GATING if published >= following else PollState.IDLE
        if limit is not None:
            available = min(available, following + limit - 1)
        done = following - 1
        try:
            for sequence in range(following, available + 1):
                if not self.ring.given_up(sequence) and (
                    handler(self.ring.records[sequence & self.ring.mask], sequence, sequence == available) is False
                ):
                    done = sequence
                    break
                done = sequence
        finally:
            self._release(done)
        return PollState.PROCESSING

    def take(self, count: int | None = None, timeout: float | None = None) -> Iterator[np.record]:
        """Yield at most `count` records that are there; each is released when the next one is asked for.

        timeout : seconds to wait for the first; None does not wait. Leaving the loop keeps what was not yielded.
        """
        following = self.sequence.get() + 1
        available = self._readable()
        if available < following and timeout is not None:
            available = self.barrier.await_(following, int(timeout * 1e9))
        if count is not None:
            available = min(available, following + count - 1)
        for sequence in range(following, available + 1):
            try:
                if not self.ring.given_up(sequence):
                    yield self.ring.records[sequence & self.ring.mask]
            finally:
                self._release(sequence)

    def take_batch(self, count: int | None = None, timeout: float | None = None) -> np.ndarray:
        """Return a copy of at most `count` records that are there, and release them.

        timeout : seconds to wait for the first; None does not wait.
        """
        ring, following = self.ring, self.sequence.get() + 1  # get sees a fork
        if count is not None and 0 < count * ring.dtype.itemsize <= _BRIEF_BYTES:
            if self._taker is None:
                self._taker = Taker(self, whole=True)
            found = self._taker.array(count)
            if len(found) or timeout is None:
                return found
        available = self._readable_from(following)
        if available < following and timeout is not None:
            available = self.barrier.await_(following, int(timeout * 1e9))
        if count is not None:
            available = min(available, following + count - 1)
        parts = []
        while following <= available:
            first, end, following = next_run(ring, following, available)
            if end >= first:
                start = first & ring.mask
                parts.append(ring.raw[start : start + end - first + 1].copy())
        self._release(available)
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else ring.raw[:0].copy()
        return whole.view(ring.dtype)

    def receiver(self, count: int = 1) -> Receiver:
        """Return what takes records from Python fastest: `count` at most by one compiled call; see disruptor.channel."""
        return Receiver(self, count)

    def close(self) -> None:
        """Stop gating the producers."""
        self.ring.remove_gating_sequence(self.sequence)
        self.ring.sequencer.labels.pop(self.sequence.word, None)

    def __enter__(self) -> EventPoller:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _readable(self) -> int:
        return self._readable_from(self.sequence.get() + 1)

    def _readable_from(self, following: int) -> int:
        barrier = self.barrier
        if barrier.dependencies:
            return barrier.cursor
        s = self.ring.sequencer
        return int(core.published_upto(CELLS, s.base, s.marks, following))

    def _release(self, sequence: int) -> None:
        if self.sequence.get() < sequence:  # get sees a fork
            core.release(CELLS, self.sequence.word, sequence, self.ring.sequencer.base)


def next_run(ring: Any, following: int, available: int) -> tuple[int, int, int]:
    """Return (first, end, next): the records first..end lie side by side and none was given up; go on at `next`.

    end < first when there is none.
    """
    last = min(available, following | ring.mask)  # the last slot before the ring's end
    if not ring.sequencer.multi:
        return following, last, last + 1
    first, end = _live_run(CELLS, ring.sequencer.base, ring.sequencer.marks, following, last)
    return int(first), int(end), int(end) + 1 if end >= first else last + 1


@entry(brief=True)
def _live_run(cells, base, marks, following, last):
    """Return the first run of records of following..last that were not given up, as (first, end)."""
    first = following
    while first <= last and was_given_up(cells, base, marks, first):
        first += 1
    end = first
    while end <= last and not was_given_up(cells, base, marks, end):
        end += 1
    return first, end - 1
