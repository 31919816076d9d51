"""A ring that another process has made: read it here, or publish into a lane of one's own.

    ring = shared.attach("ticks")                    a RingBuffer to read: Disruptor(ring), new_poller(), follow(), aio
    lane = shared.attach("ticks", producer=True)     a RingBuffer to publish into, with one producer: this process

A consumer that producers wait for needs a place in the file, which the owner grants; an observer needs none. When the owner
dies, whoever waits gets OwnerGone once everything that is published has been read; the memory stays.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import numpy as np

from disruptor.claims import CURSOR, IDLE, PROGRESS
from disruptor.errors import CapacityError, OwnerGone, SharedRingError
from disruptor.lookout import SLICE_NS
from disruptor.ring import Ring
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import CELLS, Sequence
from disruptor.sequencer import Marks, Sequencer
from disruptor.shared.file import SUFFIX, RingFile, open_ring, ring_path
from disruptor.shared.follower import Followed
from disruptor.shared.identity import pid_of
from disruptor.shared.places import Place, await_change
from disruptor.shared.seats import LaneSequencer, ReaderSequencer
from disruptor.shared.watch import Watch
from disruptor.wait import Wait, as_wait
from disruptor.waiting import wake_all

__all__ = ["AttachedLane", "AttachedRing", "attach"]

_LOOK_SECONDS = 0.005  # between two looks for a ring that is not there yet


def attach(
    name: str, record: Any = None, *, producer: bool = False, label: str = "", wait: Wait | str = "blocking",
    timeout: float | None = 0.0, folder: str | os.PathLike | None = None,
) -> Any:
    """Attach to the ring `name` that another process has made: an AttachedRing to read, or an AttachedLane to publish into.

    record : the fields that it must have, None for whatever it has. label : who this is, for messages; by default the program's
    name. wait : how to wait here. timeout : seconds to wait until there is such a ring, None for ever. folder : as for `create`.
    Raises: SharedRingError, which says what is wrong with the file, or that there is none; MemoryMapError.
    """
    label = label or os.path.basename(sys.argv[0]) or "python"
    file = _find(name, record, folder, timeout)
    return AttachedLane(file, label, wait) if producer else AttachedRing(file, label, wait)


class _Guest:
    """What both ends share: leaving, and the watch."""

    file: RingFile
    name: str
    sequencer: Sequencer

    def _watch(self) -> None:
        self._closed = False
        self._watcher = Watch(self.file.cells, self.file.owner, self._places, self._owner_gone)
        self._watcher.start()

    def _places(self) -> list[Place]:
        raise NotImplementedError

    def _owner_gone(self, orderly: bool) -> None:
        raise NotImplementedError

    def _wake(self) -> None:
        for cell in (IDLE, PROGRESS):
            wake_all(CELLS, self.sequencer.base + cell)

    @property
    def owner_pid(self) -> int:
        """The process that made the ring."""
        return pid_of(self.file.owner)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the owner has closed the ring, or died; return whether it has closed it within `timeout` seconds.

        Raises: OwnerGone when it has died; HandlerError when a handler of this process has.
        """
        s, cells = self.sequencer, self.file.cells
        deadline = None if timeout is None else time.monotonic_ns() + int(timeout * 1e9)
        answers = Sequence.at(cells.answers, cells)
        while True:
            seen = answers.get()
            for failure in s.failures:
                if not getattr(failure, "orderly", False):
                    raise failure
            if cells.closed.get():
                return True
            left = SLICE_NS if deadline is None else min(SLICE_NS, deadline - time.monotonic_ns())
            if left <= 0:
                return False
            await_change(cells.answers, seen, left)

    def close(self) -> None:
        """Let go of the ring: nobody waits for this process any more."""
        if self._closed or self.file.cells.forked:
            return
        self._closed = True
        self._watcher.stop()
        del self._watcher
        self._leave()

    def _leave(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class AttachedRing(_Guest, Followed, RingBuffer):
    """A ring of another process, to read; made by `attach`. A consumer starts at what is published when it is made.

    Raises: GraphError for publishing: that is the owner's, and `attach(…, producer=True)`'s.
    """

    def __init__(self, file: RingFile, label: str, wait: Wait | str) -> None:
        self.file, self.label = file, label
        producers = "multi" if file.multi else "single"
        with_mark = file.plan.record_size > file.fields.itemsize
        availability = "flags" if file.plan.flags else "record" if with_mark else "cursor"
        super().__init__(
            file.fields, file.plan.slots, producers=producers, availability=availability, wait=wait, name=file.name
        )
        self._watch()

    def new_sequence(self) -> Sequence:
        """Return a sequence in the file, for a consumer that the owner is to wait for. Raises: SharedRingError when none is left."""
        return self._reader.new_sequence()

    @property
    def _reader(self) -> ReaderSequencer:
        assert isinstance(self.sequencer, ReaderSequencer)
        return self.sequencer

    def _places(self) -> list[Place]:
        return self._reader.places()

    def _owner_gone(self, orderly: bool) -> None:
        if orderly:
            self.sequencer.ended = True
        else:
            self.sequencer.failures.append(OwnerGone(self.name, self.owner_pid, False))
        self._wake()

    def _leave(self) -> None:
        for sequence in self.sequencer.gating_sequences:
            self.sequencer.remove_gating_sequence(sequence)

    def _new_memory(self, dtype: np.dtype, slots: int, **_: bool) -> Ring:
        return Ring(self.name, dtype, slots, records=self.file.records.view(dtype))

    def _new_sequencer(self, slots: int, **options: Any) -> Sequencer:
        return ReaderSequencer(self.file, self.label, **options)

    def _marks(self, availability: str) -> Marks | None:
        return Marks(self.file.marks, 1, 0) if availability == "flags" else super()._marks(availability)


class AttachedLane(_Guest, RingBuffer):
    """A lane of another process's ring, to publish into as into any RingBuffer with one producer; made by `attach`.

    After `close` it refuses; the lane is given back once it is collected as garbage, or the process is gone: until then something
    may still hold one of its records.
    """

    def __init__(self, file: RingFile, label: str, wait: Wait | str) -> None:
        self.file, self.label = file, label
        wait = as_wait(wait)  # before a place is taken, which would stay taken
        self.lane = _take_lane(file, label)
        super().__init__(file.fields, file.plan.lane_slots, wait=wait, name=file.name)
        self._watch()

    @property
    def unread(self) -> int:
        """How many published records the owner has not taken."""
        return int(CELLS[self.sequencer.base + CURSOR]) - self.lane.position.get()

    def _places(self) -> list[Place]:
        return [self.lane]

    def _owner_gone(self, orderly: bool) -> None:
        self._fail(OwnerGone(self.name, self.owner_pid, orderly))

    def _leave(self) -> None:
        self._fail(SharedRingError(self.name, "this process has closed its lane", "attach again"))

    def _fail(self, error: Any) -> None:
        self.sequencer.consumer_died(error)
        self._wake()

    def _new_memory(self, dtype: np.dtype, slots: int, **_: bool) -> Ring:
        return Ring(self.name, dtype, slots, records=self.file.lanes[self.lane.number].view(dtype))

    def _new_sequencer(self, slots: int, **options: Any) -> Sequencer:
        return LaneSequencer(self.file, self.lane, **options)


def _take_lane(file: RingFile, label: str) -> Place:
    for place in file.cells.lanes:
        if place.take(label):
            return place
    lanes = file.plan.lanes
    have = f"all {lanes} lanes for producers of other processes are taken" if lanes else "it has no lanes for producers of other processes"
    raise SharedRingError(file.name, have, f"make it with lanes={max(8, 2 * lanes)}")


def _find(name: str, record: Any, folder: str | os.PathLike | None, timeout: float | None) -> RingFile:
    """Open the ring, waiting for it to be there. Raises: SharedRingError."""
    if timeout is not None and timeout < 0:
        raise CapacityError(f"ring '{name}': a timeout must be >= 0 seconds, got {timeout}")
    deadline = None if timeout is None else time.monotonic() + timeout
    patience = time.monotonic() + 1.0  # for an owner that is just making it
    while True:
        late = deadline is not None and time.monotonic() >= deadline
        try:
            return open_ring(name, record, folder)
        except FileNotFoundError:
            if late:
                raise _missing(name, folder, timeout) from None
        except BlockingIOError as error:
            if late and time.monotonic() >= patience:
                raise SharedRingError(name, str(error), "attach again when it has, or give a timeout") from None
        except SharedRingError as error:
            if late or "was left by" not in str(error):  # the next owner will replace it
                raise
        time.sleep(_LOOK_SECONDS)


def _missing(name: str, folder: str | os.PathLike | None, timeout: float | None) -> SharedRingError:
    where = ring_path(name, folder)[0].parent
    there = sorted(path.stem for path in where.glob(f"*{SUFFIX}"))
    known = f"there is {', '.join(there)}" if there else "there is none"
    return SharedRingError(
        name, f"no such ring in {where}{f' after {timeout:g} s' if timeout else ''}; {known}",
        "start its owner first, or give a timeout",
    )
