"""What producers of other processes have published, in the hands of the owner: taken as arrays, or merged into its ring.

Each lane is a ring with one producer, another process, and one reader, the owner. Records of one producer stay in their order;
between producers the order is that in which the owner finds them. The owner looks at all lanes in turn, and begins with
another one each time.

Order: a lane's cursor is stored with release by its producer and loaded with acquire here; a lane's position is stored with
release after the copy, and its producer loads it with acquire before it writes into the slots again.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from disruptor.atomics import load_acquire, store_release, words_at
from disruptor.claims import CURSOR, PARKS, PROGRESS, claim_upto, publish_many, publish_one
from disruptor.compiled import compiled, entry
from disruptor.errors import CapacityError, GraphError, WaitTimeout
from disruptor.lookout import SLICE_NS, scratch
from disruptor.sequence import CELLS, take_cells
from disruptor.stores import copy_bytes
from disruptor.system_calls import CLOCK_MONOTONIC, clock_ns
from disruptor.threads import PinnedThread
from disruptor.wait import Wait, as_wait
from disruptor.waiting import idle_turn, wake

__all__ = ["Lanes", "Merger"]

_FULL_SECONDS = 10.0  # how long a merger that is to end waits for consumers that do not move
_AT_ONCE = 256  # records of one lane that are merged before the next lane has its turn
_PATIENT = Wait.sleeping(spins=1000, yields=20, nap_ns=50_000)


class Lanes:
    """The owner's end of all lanes of a ring."""

    def __init__(self, file: Any) -> None:
        self.name, self.fields, self._file = file.name, file.fields, file
        self.table = np.array(
            [
                (block.word, place.position.word, records.ctypes.data)
                for block, place, records in zip(file.cells.lane_blocks, file.cells.lanes, file.lanes, strict=True)
            ],
            np.int64,
        ).reshape(-1, 3)
        self._sizes = (file.plan.lane_slots, file.plan.lane_record_size)
        self._turn = 0
        self._lock = threading.Lock()
        self.merger: Merger | None = None

    def collect(self, count: int | None, timeout: float | None) -> np.ndarray:
        """Return at most `count` records; see SharedRing.collect."""
        slots, size = self._sizes
        most = slots * len(self.table) if count is None else count
        if most < 1:
            raise CapacityError(f"ring '{self.name}': count must be >= 1, got {most}")
        if self.merger is not None:
            raise GraphError(f"ring '{self.name}': its lanes are merged into it; read the ring itself")
        deadline = None if timeout is None else time.monotonic_ns() + int(timeout * 1e9)
        with self._lock:
            while True:
                waiting = int(_waiting(CELLS, self.table, slots))
                if waiting:
                    out = np.empty(min(most, waiting), self.fields)
                    self._turn = (self._turn + 1) % len(self.table)
                    taken = int(_collect(CELLS, self.table, slots, size, out.view(np.uint8), len(out), self._turn))
                    return out[:taken]
                left = 0 if deadline is None else min(SLICE_NS, deadline - time.monotonic_ns())
                if left <= 0:
                    return np.empty(0, self.fields)
                _await_lanes(CELLS, self.table, np.array(_PATIENT.numbers(), np.int64), scratch(), left)


class Merger:
    """Copies what comes in the lanes into the ring, on a thread of its own; made by `SharedRing.merge`.

    Raises: GraphError when the ring has another producer.
    """

    def __init__(self, ring: Any, lanes: Lanes, wait: Wait | str | None, cpu: int | None) -> None:
        self._ring, self._lanes = ring, lanes
        self._wait = _PATIENT if wait is None else as_wait(wait)
        if self._wait.parks:
            raise GraphError(
                f"ring '{ring.name}': what merges lanes has nobody to wake it; let it wait by busy-spin, yielding or sleeping"
            )
        self._control = take_cells(2)
        cpus = None if cpu is None else (cpu,)
        self._thread = PinnedThread(self._run, name="dis-merge", cpus=cpus, halt=self.halt)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def halt(self) -> None:
        """Make it end once the lanes are empty, or consumers have left the ring full for ten seconds."""
        CELLS[self._control.word] = 1

    def close(self) -> None:
        """End it and wait until it has ended.

        Raises: WaitTimeout when consumers have left the ring full for ten seconds; what is in the lanes then stays there.
        """
        self.halt()
        self._thread.join()
        self._lanes.merger = None
        self._ring.sequencer.given_to("")
        if self._thread.error is not None:
            raise self._thread.error

    def __enter__(self) -> Merger:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _run(self) -> None:
        s, ring = self._ring.sequencer, self._ring
        slots, size = self._lanes._sizes
        own = self._control.word + 16
        target = np.array([ring.records.ctypes.data, ring.slots, ring.dtype.itemsize, slots, size], np.int64)
        claimed, since = s.claimed, time.monotonic()
        while _merge(
            CELLS, s.base, s.marks, s.multi, self._lanes.table, target, np.array(self._wait.numbers(), np.int64),
            self._control.word, own,
        ):  # halted, with records in lanes and no room in the ring
            now, before, claimed = time.monotonic(), claimed, s.claimed
            if claimed != before:
                since = now
            elif s.failures:
                return
            elif now - since > _FULL_SECONDS:
                left = int(_waiting(CELLS, self._lanes.table, slots))
                raise WaitTimeout(f"ring '{ring.name}': {left:,} records of other processes have not come into it", _FULL_SECONDS, s.why())
            time.sleep(0.001)


@compiled
def _copy_out(cells, base, position, records, slots, size, out, at, most):
    """Copy at most `most` records of a lane to out[at:], release them and return how many."""
    done = load_acquire(cells, position)
    count = min(load_acquire(cells, base + CURSOR) - done, most, slots)  # another process writes its cursor
    if count <= 0:
        return 0
    first = (done + 1) & (slots - 1)
    run = min(count, slots - first)
    copy_bytes(out, at * size, records, first * size, run * size)
    if run < count:
        copy_bytes(out, (at + run) * size, records, 0, (count - run) * size)
    _release(cells, base, position, done + count)
    return count


@compiled
def _release(cells, base, position, sequence):
    store_release(cells, position, sequence)
    if cells[base + PARKS] != 0:
        wake(cells, base + PROGRESS)


@entry(brief=True)
def _waiting(cells, table, slots):
    """Return how many records lie in the lanes, of `slots` each."""
    found = 0
    for lane in range(table.shape[0]):
        found += min(max(load_acquire(cells, table[lane, 0] + CURSOR) - load_acquire(cells, table[lane, 1]), 0), slots)
    return found


@entry(brief=True)
def _collect(cells, table, slots, size, out, most, start):
    """Copy at most `most` records from all lanes into `out`, beginning with lane `start`; return how many."""
    taken = 0
    for i in range(table.shape[0]):
        lane = (start + i) % table.shape[0]
        records = words_at(table[lane, 2], slots * size // 8)
        taken += _copy_out(cells, table[lane, 0], table[lane, 1], records, slots, size, out, taken, most - taken)
    return taken


@entry
def _await_lanes(cells, table, wait, own, slice_ns):
    """Wait until something lies in a lane, `slice_ns` at most."""
    idle_count, turns, started = 0, 0, clock_ns(CLOCK_MONOTONIC, cells, own)
    while True:
        for lane in range(table.shape[0]):
            if load_acquire(cells, table[lane, 0] + CURSOR) > load_acquire(cells, table[lane, 1]):
                return
        if turns & 127 == 0 or wait[0] > 1:
            if clock_ns(CLOCK_MONOTONIC, cells, own) - started >= slice_ns:
                return
        turns += 1
        idle_count = idle_turn(wait[0], wait[1], wait[2], wait[3], wait[4], wait[5], idle_count, cells, own, own)


@entry
def _merge(cells, base, marks, multi, table, target, wait, halt, own):
    """Copy from lanes to ring until halted and idle; return 0, or 1 when the ring is full then. target : where the ring's records lie, how many, their size; a
    lane's slots and record size.
    """
    records = words_at(target[0], target[1] * target[2] // 8)
    mask, stride, slots, size = target[1] - 1, target[2], target[3], target[4]
    idle_count = 0
    while True:
        worked, full = 0, 0
        for lane in range(table.shape[0]):
            lane_base, position = table[lane, 0], table[lane, 1]
            done = load_acquire(cells, position)
            waiting = min(load_acquire(cells, lane_base + CURSOR) - done, _AT_ONCE)
            if waiting <= 0:
                continue
            high, count = claim_upto(cells, base, marks, multi, min(waiting, target[1]))
            if count == 0:
                full = 1
                continue
            source = words_at(table[lane, 2], slots * size // 8)
            low = high - count + 1
            for i in range(count):
                copy_bytes(records, ((low + i) & mask) * stride, source, ((done + 1 + i) & (slots - 1)) * size, size)
            if marks.shape[0] == 0:
                publish_one(cells, base, high)
            else:
                publish_many(cells, base, marks, low, high)
            _release(cells, lane_base, position, done + count)
            worked += count
        if worked != 0:
            idle_count = 0
        else:
            if load_acquire(cells, halt) != 0:
                return full
            idle_count = idle_turn(wait[0], wait[1], wait[2], wait[3], wait[4], wait[5], idle_count, cells, own, own)
