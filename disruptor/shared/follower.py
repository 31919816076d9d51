"""Reading a shared ring from Python, one record or one array after the other, until its owner closes it or dies.

    for event in ring.follow(): ...                      every record; holds the producers back
    for batch in ring.batches(observer=True): ...        copies; what was overwritten is counted in `lost`
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from disruptor.errors import CapacityError, WaitTimeout
from disruptor.intake import Gated, Lossy, open_reader
from disruptor.lookout import SLICE_NS, await_published
from disruptor.sequence import take_cells
from disruptor.wait import Wait, as_wait

__all__ = ["Followed", "Follower"]


class Follower:
    """An iterator over a ring; made by `follow` and `batches`. One thread at a time.

    It ends when the owner has closed the ring and everything is read. Leaving `with`, the end and `close` let go of the ring.
    Raises, while it runs: WaitTimeout; OwnerGone when the owner has died and everything is read.
    """

    def __init__(
        self, ring: Any, observer: bool, count: int | None, timeout: float | None, most: int, wait: Wait, *, singly: bool
    ) -> None:
        self._closed = True  # until it is complete
        for name, value in (("count", count), ("most", most)):
            if value is not None and value < 1:
                raise CapacityError(f"ring '{ring.name}': {name} must be >= 1, got {value}")
        if timeout is not None and timeout < 0:
            raise CapacityError(f"ring '{ring.name}': a timeout must be >= 0 seconds, got {timeout}")
        self._ring, self._left, self._timeout, self._most, self._singly = ring, count, timeout, most, singly
        self._wait, self._never = wait, take_cells(1)
        ring.sequencer.parks(wait)
        self._batch: np.ndarray | None = None
        self._next = 0
        self._reader: Gated | Lossy = open_reader(ring, (), observer)
        self._closed = False

    @property
    def sequence(self) -> int:
        """The last record that it is done with, or has lost."""
        return self._reader.sequence

    @property
    def lost(self) -> int:
        """Records that were overwritten before they were read: always 0 for one that holds the producers back."""
        return self._reader.lost

    def __iter__(self) -> Follower:
        return self

    def __next__(self) -> Any:
        if self._batch is not None and self._singly and self._next < len(self._batch):
            return self._give()
        self._release()
        if self._left == 0:
            self.close()
        if self._closed:
            raise StopIteration
        most = self._most if self._left is None else min(self._most, self._left)
        self._batch = self._await(most)
        if self._batch is None:
            self.close()
            raise StopIteration
        return self._give()

    def close(self) -> None:
        """Let go of the ring: its producers no longer wait for this one."""
        if not self._closed:
            self._closed, self._batch = True, None
            self._reader.close()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _give(self) -> Any:
        assert self._batch is not None
        if not self._singly:
            self._left = None if self._left is None else self._left - len(self._batch)
            return self._batch
        event = self._batch[self._next]
        self._next += 1
        self._left = None if self._left is None else self._left - 1
        return event

    def _release(self) -> None:
        if self._batch is not None:
            self._reader.release(len(self._batch))
        self._batch, self._next = None, 0

    def _await(self, most: int) -> np.ndarray | None:
        """Return what is there, waiting for it; None when nothing will ever come."""
        s, reader = self._ring.sequencer, self._reader
        deadline = None if self._timeout is None else time.monotonic_ns() + int(self._timeout * 1e9)
        while True:
            s.check_fork()
            ended, failure = s.ended, s.failures[0] if s.failures else None  # before the look: what was published then, it sees
            batch = reader.read(most)
            if batch is not None:
                return batch
            if failure is not None:
                raise failure
            if ended or self._closed:
                return None
            left = SLICE_NS if deadline is None else min(SLICE_NS, deadline - time.monotonic_ns())
            if left <= 0:
                raise WaitTimeout(f"ring '{self._ring.name}': sequence {reader.sequence + 1:,} was not to be read", self._timeout or 0)
            await_published(s.base, s.marks, reader.upstream, reader.sequence + 1, self._wait, self._never.word, left)


class Followed:
    """What rings of several processes offer besides: reading until the end."""

    def follow(
        self, *, observer: bool = False, count: int | None = None, timeout: float | None = None, wait: Wait | str | None = None
    ) -> Follower:
        """Return an iterator over records, from now on.

        observer : False: producers wait for it, and a record is released, with those read beside it (256 at most), when the
        first one after them is asked for; True: copies, and `lost` counts what was overwritten. count : records after which it
        ends. timeout : longest wait for a record in seconds, then WaitTimeout. wait : how it waits; by default as the ring.
        """
        return Follower(self, observer, count, timeout, self._part(256), self._waiting(wait), singly=True)

    def batches(
        self, *, observer: bool = False, count: int | None = None, timeout: float | None = None, most: int = 4096,
        wait: Wait | str | None = None,
    ) -> Follower:
        """Return an iterator over arrays of at most `most` records, whatever is there, never empty. Else as `follow`.

        Without `observer` they are views of the ring, released when the next one is asked for; copy what must last.
        """
        return Follower(self, observer, count, timeout, most, self._waiting(wait), singly=False)

    def _part(self, most: int) -> int:
        return max(1, min(most, self.slots // 4))  # type: ignore[attr-defined]

    def _waiting(self, wait: Wait | str | None) -> Wait:
        return self.sequencer.wait if wait is None else as_wait(wait)  # type: ignore[attr-defined, no-any-return]
