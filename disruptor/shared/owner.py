"""The ring of the process that made it: a RingBuffer whose records and cells lie in a named file that others map.

    with shared.create("ticks", [("price", "f8"), ("size", "i8")], slots=4096) as ring:
        ring.publish(price=prices, size=sizes)         all that a RingBuffer can do, and Disruptor(ring).then(handler)
        ring.clients()                                 who is attached
        ring.collect()                                 what producers of other processes have published
        ring.merge()                                   or all of that into the ring itself, in one order for everybody
"""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Any

import numpy as np

from disruptor.claims import CLAIMED, CURSOR, FAILED, GATE, IDLE, OFFSET, PROGRESS, SLOTS, STRIDE, TOUCHED
from disruptor.errors import CapacityError, GraphError
from disruptor.gating import GATING_MOST
from disruptor.layout import next_power_of_two, record_dtype
from disruptor.ring import Ring
from disruptor.ring_buffer import RingBuffer, availability_of, with_mark
from disruptor.sequence import CELLS, INITIAL, Sequence
from disruptor.sequencer import Marks, Sequencer
from disruptor.shared.file import RingFile, make
from disruptor.shared.follower import Followed
from disruptor.shared.format import VERSION
from disruptor.shared.keeper import Client, Keeper
from disruptor.shared.lanes import Lanes, Merger
from disruptor.shared.places import await_change, ring_bell
from disruptor.wait import Wait
from disruptor.waiting import wake_all

__all__ = ["Client", "SharedRing", "create"]

_MOST_LANES = 64
_open: weakref.WeakSet[SharedRing] = weakref.WeakSet()


def create(
    name: str, record: Any, *, slots: int = 4096, producers: str = "single", availability: str = "auto", when_full: str = "block",
    wait: Wait | str = "blocking", seats: int = 64, lanes: int = 8, lane_slots: int | None = None,
    folder: str | os.PathLike | None = None,
) -> SharedRing:
    """Make the ring `name`, which other processes of this user attach to; this process is its owner until it is closed.

    record, slots, producers, availability, when_full, wait : as for RingBuffer; `producers` are threads of this process. seats :
    consumers that may be attached at once. lanes : producers of other processes that may be attached at once, with `lane_slots`
    records each (as `slots`, 1,024 at most). folder : where the file lies (see ring_folder). A file that a dead owner left is replaced.
    Raises: SharedRingError (name in use, a foreign file, no permission), MemoryMapError (no memory, no folder), LayoutError,
    CapacityError, GraphError.
    """
    availability = availability_of(name, producers, availability)
    lane_slots = min(slots, 1024) if lane_slots is None else lane_slots
    for what, value in (("slots", slots), ("lane_slots", lane_slots)):
        if value < 1 or value & (value - 1):
            raise CapacityError(f"ring '{name}': {what} must be a power of two, got {value}; the next one is {next_power_of_two(value)}")
    for what, value, limit in (("seats", seats, GATING_MOST), ("lanes", lanes, _MOST_LANES)):
        if not 0 <= value <= limit:
            raise CapacityError(f"ring '{name}': {what} must be 0..{limit}, got {value}")
    fields = record_dtype(record, name=f"ring '{name}'", fill=True)
    whole = with_mark(fields, name) if availability == "record" else fields
    if fields.itemsize % 8:
        raise CapacityError(f"ring '{name}': a record of {fields.itemsize} bytes; make it a multiple of 8 by a pad field")
    file = make(
        name, fields, folder=folder, record_size=whole.itemsize, slots=slots, multi=producers == "multi",
        flags=availability == "flags", seats=seats, lanes=lanes, lane_slots=lane_slots,
    )
    try:
        return SharedRing(file, producers=producers, availability=availability, when_full=when_full, wait=wait)
    except BaseException:
        file.path.unlink(missing_ok=True)
        raise


class SharedRing(Followed, RingBuffer):
    """The owner's end of a ring; made by `create`. Leaving `with` closes it."""

    def __init__(self, file: RingFile, **settings: Any) -> None:
        self.file = file
        super().__init__(file.fields, file.plan.slots, name=file.name, **settings)
        plan, s = file.plan, self.sequencer
        CELLS[s.base + STRIDE] = s._marks.stride if s._marks is not None else 0
        CELLS[s.base + OFFSET] = s._marks.offset if s._marks is not None else 0
        for place, block in zip(file.cells.lanes, file.cells.lane_blocks, strict=True):
            for word in (CURSOR, CLAIMED, GATE, TOUCHED):
                CELLS[block.word + word] = INITIAL
            CELLS[block.word + FAILED] = 0
            CELLS[block.word + SLOTS] = plan.lane_slots
            place.position.set(INITIAL)
        self._lanes = Lanes(file)
        self._closed = False
        self._rehearse()
        self.keeper = Keeper(self)
        self.keeper.start()
        file.header["version"] = VERSION  # from here on others find it
        _open.add(self)

    def clients(self) -> list[Client]:
        """Return the processes that are attached, each place of theirs."""
        return self.keeper.clients()

    @property
    def departed(self) -> list[Client]:
        """The processes that died while they were attached, the last thousand."""
        return list(self.keeper.departed)

    def collect(self, count: int | None = None, timeout: float | None = None) -> np.ndarray:
        """Return a copy of at most `count` records that producers of other processes have published, and release them.

        Records of one producer are in their order; between producers, in the order in which they are found. timeout : seconds to
        wait for the first one; None does not wait. It may be empty.
        Raises: CapacityError; GraphError for a ring without lanes, or whose lanes are merged into it.
        """
        self._check_lanes()
        return self._lanes.collect(count, timeout)

    def merge(self, *, wait: Wait | str | None = None, cpu: int | None = None) -> Merger:
        """Copy what producers of other processes publish into this ring, on a compiled thread, until it is closed.

        Then all of it has one order, the same for every consumer in every process. With producers="single" nobody else can publish.
        wait : how it waits: busy-spin, yielding or sleeping; by default it naps for 50 µs. cpu : the core it is pinned to.
        Raises: GraphError for a ring without lanes, one that merges already, or a wait that would have to be woken.
        """
        self._check_lanes()
        if self._lanes.merger is not None:
            raise GraphError(f"ring '{self.name}': its lanes are merged into it already")
        merger = Merger(self, self._lanes, wait, cpu)
        self.sequencer.given_to("the thread that merges its lanes")
        self._lanes.merger = merger
        merger.start()
        return merger

    def close(self) -> None:
        """End it: others read what is published and are done. The file goes; memory stays as long as anybody uses it.

        Raises: as Merger.close, when all that is done.
        """
        if self._closed or self.file.cells.forked:
            return
        self._closed = True
        try:
            if self._lanes.merger is not None:
                self._lanes.merger.close()
        finally:
            self._end()

    def _end(self) -> None:
        self.keeper.stop()
        self.sequencer.ended = True
        self.file.cells.closed.set(1)
        ring_bell(self.file.cells.answers)
        for block in (self.file.cells.block, *self.file.cells.lane_blocks):
            for cell in (IDLE, PROGRESS):
                wake_all(CELLS, block.word + cell)
        self.file.path.unlink(missing_ok=True)
        _open.discard(self)

    def __enter__(self) -> SharedRing:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _rehearse(self) -> None:
        """Let in and out once before anybody comes: what the keeper calls is compiled, or loaded, before it matters."""
        sequence = Sequence()
        self.sequencer.add_gating_sequences(sequence)
        self.sequencer.remove_gating_sequence(sequence)
        ring_bell(self.file.cells.bell)
        await_change(self.file.cells.bell, 0, 1)

    def _check_lanes(self) -> None:
        self.sequencer.check_fork()
        if not self.file.plan.lanes:
            raise GraphError(f"ring '{self.name}' has no lanes for producers of other processes; make it with lanes=…")

    def _new_memory(self, dtype: np.dtype, slots: int, **_: bool) -> Ring:
        return Ring(self.name, dtype, slots, records=self.file.records.view(dtype))

    def _new_sequencer(self, slots: int, **options: Any) -> Sequencer:
        return Sequencer(slots, name=self.name, block=self.file.cells.block, **options)

    def _marks(self, availability: str) -> Marks | None:
        return Marks(self.file.marks, 1, 0) if availability == "flags" else super()._marks(availability)


def _close_all() -> None:
    for ring in list(_open):
        ring.close()


atexit.register(_close_all)
