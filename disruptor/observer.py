"""An observer: reads a ring without holding its producers back, and knows what it has missed.

    observer = ring.new_observer()
    batch = observer.take()            a copy of what is there; observer.lost counts what was overwritten before

It copies, then looks whether the producers have meanwhile claimed the copied slots again; what they have is dropped from
the copy and counted. A torn record is never returned.

Order: the producers' claim is a store before their records' stores, and the observer looks at the claim behind a fence
after its copy; what it kept had not been claimed when the copy ended.
Source: the lapping receiver of Agrona's broadcast buffer, for records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from disruptor.atomics import fence
from disruptor.claims import oldest_whole, published_upto
from disruptor.compiled import entry
from disruptor.sequence import CELLS

if TYPE_CHECKING:
    from disruptor.ring_buffer import RingBuffer

__all__ = ["Observer"]


class Observer:
    """Reads a ring from any thread, lossily. sequence : the last record it has seen or lost; lost : how many it lost."""

    def __init__(self, ring: RingBuffer) -> None:
        self.ring = ring
        ring.sequencer.check_fork()
        ring.sequencer.observed()
        self.sequence = ring.sequencer.published()
        self.lost = 0

    def take(self, count: int | None = None) -> np.ndarray:
        """Return a copy of at most `count` records that are there, the oldest first; it may be empty."""
        ring, s = self.ring, self.ring.sequencer
        wanted = ring.slots if count is None else min(count, ring.slots)
        skipped, last = _range(CELLS, s.base, s.marks, self.sequence)
        self.lost += int(skipped)
        self.sequence += int(skipped)
        first = self.sequence + 1
        last = min(int(last), self.sequence + wanted)
        if last < first:
            return ring.records[:0].copy()
        slots = np.arange(first, last + 1) & ring.mask
        copied = ring.records[slots]
        whole = np.ones(len(copied), bool)
        if s.multi:  # looked at before the producers are: a mark is overwritten together with its record
            whole[:] = [not ring.given_up(q) for q in range(first, last + 1)]
        oldest = int(_oldest(CELLS, s.base))  # those before it may have been overwritten while they were copied
        torn = min(max(0, oldest - first), len(copied))
        self.lost += torn
        self.sequence = last
        return copied[torn:][whole[torn:]]


@entry(brief=True)
def _range(cells, base, marks, seen):
    """Return (how many records behind `seen` are lost already, the highest that may be read)."""
    skipped = max(0, oldest_whole(cells, base) - seen - 1)
    return skipped, published_upto(cells, base, marks, seen + skipped + 1)


@entry(brief=True)
def _oldest(cells, base):
    """Return the oldest sequence whose slot nobody has claimed again. Order: after every load of the copy."""
    fence()
    return oldest_whole(cells, base)


