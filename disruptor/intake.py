"""What a stream of records reads by: a poller that holds the producers back, or an observer that may miss some.

Both give arrays: `read` returns what is there, `release` says how much of it is done with.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from disruptor.observer import Observer
from disruptor.poller import EventPoller, next_run

__all__ = ["Gated", "Lossy", "open_reader"]


class Gated:
    """Reads by a poller. Records 1..n of what was read are released by release(n), in order."""

    lost = 0

    def __init__(self, poller: EventPoller) -> None:
        self.poller, self.ring, self.upstream = poller, poller.ring, poller.barrier.upstream
        self._before = 0  # the sequence before the first record that was read

    @property
    def sequence(self) -> int:
        """The last record that is released, seen or lost."""
        return self.poller.sequence.get()

    def read(self, most: int) -> np.ndarray | None:
        """Return a view of at most `most` records, None when nothing is there. Passes by what was given up."""
        poller = self.poller
        while True:
            before = self.sequence
            available = min(poller._readable(), before + most)
            if available <= before:
                return None
            first, end, after = next_run(self.ring, before + 1, available)
            if end >= first:
                self._before = first - 1
                return self.ring.view(first, end)
            poller._release(after - 1)

    def release(self, number: int) -> None:
        """Release the first `number` records of what was read."""
        self.poller._release(self._before + number)

    def keep(self, batch: np.ndarray | None) -> None:
        """Nothing was released: it will be read again."""

    def close(self) -> None:
        """Hold the producers back no longer."""
        self.poller.close()


class Lossy:
    """Reads by an observer: copies."""

    def __init__(self, observer: Observer) -> None:
        self.observer, self.ring, self.upstream = observer, observer.ring, np.zeros(0, np.int64)
        self._kept: np.ndarray | None = None

    @property
    def sequence(self) -> int:
        """The last record that is released, seen or lost."""
        return self.observer.sequence

    @property
    def lost(self) -> int:
        """Records that were overwritten before they were read."""
        return self.observer.lost

    def read(self, most: int) -> np.ndarray | None:
        """Return a copy of at most `most` records, None when nothing is there."""
        if self._kept is not None:
            kept, self._kept = self._kept, None
            return kept
        while True:
            before = self.observer.sequence
            batch = self.observer.take(most)
            if len(batch):
                return batch
            if self.observer.sequence == before:  # else all of it was lost or given up
                return None

    def release(self, number: int) -> None:
        """Nobody waits for an observer."""

    def keep(self, batch: np.ndarray | None) -> None:
        """Read this one again next."""
        self._kept = batch

    def close(self) -> None:
        """Nothing to let go of."""


def open_reader(source: Any, after: tuple[Any, ...], observer: bool) -> Gated | Lossy:
    """Return a reader of a Disruptor, RingBuffer, EventPoller or Observer; see disruptor.aio.events."""
    if isinstance(source, EventPoller):
        return Gated(source)
    if isinstance(source, Observer):
        return Lossy(source)
    if observer:
        return Lossy(getattr(source, "ring", source).new_observer())
    return Gated(source.new_poller(*after))
