"""Prepared ends for Python code that sends and receives one record at a time: each is one compiled call.

    sender = ring.sender()                     the producers' end
    sender.record["price"] = 3.5
    sender.send()

    receiver = poller.receiver()               a consumer's end
    while not receiver.receive(): ...          0: nothing is there; or receive(timeout=1.0)
    receiver.record["price"]

The record that is filled, and the one that is read, are the caller's own: no slot is held between two calls, and nothing is made anew
for a record. What a call needs to know lies in one array, whose address it gets: each array argument would cost 0.1 µs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from disruptor.atomics import load_acquire, pause, store_release, timestamp, words_at
from disruptor.claims import (
    PARKS,
    PROGRESS,
    claim_many,
    claim_one,
    publish_many,
    publish_one,
    published_upto,
    was_given_up,
)
from disruptor.compiled import compiled, direct, entry
from disruptor.errors import CapacityError
from disruptor.lookout import GIL_HELD
from disruptor.sequence import CELLS, _arena
from disruptor.stores import copy_bytes
from disruptor.waiting import wake

if TYPE_CHECKING:
    from disruptor.poller import EventPoller
    from disruptor.ring_buffer import RingBuffer

__all__ = ["Receiver", "Sender", "Taker"]

_SPINS = 400  # pauses before a wait looks at clocks and sleeps: some 20 µs
_COUNT_MOST = 1 << 20


class Sender:
    """Publishes one record after the other; made by `ring.sender()`. One thread at a time; as many senders as wanted.

    record : what `send` publishes, a record of the ring's fields; `send` copies it, so fields keep their values.
    """

    __slots__ = ("_enter", "_generation", "_places", "_ring", "_sequencer", "_source", "record")

    def __init__(self, ring: RingBuffer) -> None:
        self._ring, self._sequencer, self._generation = ring, ring.sequencer, _arena.generation
        self._source = np.zeros(1, ring.fields)
        self.record: Any = self._source[0]
        self._places = (ring._address.ctypes.data, self._source.ctypes.data, ring.fields.itemsize)
        self._enter = direct(_send, *self._places)

    def send(self) -> int:
        """Publish a copy of `record`; return its sequence, −1 when it was dropped. Waits and raises as `ring.publish` does."""
        s = self._sequencer
        if not (s.failures or s._owner or self._generation != _arena.generation):
            sequence = self._enter(*self._places)
            if sequence >= 0:
                return sequence
        return int(self._ring.publish(self._source))


class Taker:
    """What a poller copies out by, in compiled calls. whole : the marks of records too, else their fields alone.

    enter(address, target, most) : copies at most `most` records to the address `target`, releases them, returns how many.
    """

    __slots__ = ("_control", "_dtype", "_enter_array", "_keep", "_nothing", "_peek", "_size", "_wait", "address", "enter")

    def __init__(self, poller: EventPoller, *, whole: bool) -> None:
        ring, s, upstream = poller.ring, poller.ring.sequencer, poller.barrier.upstream
        size = ring.dtype.itemsize if whole else ring.fields.itemsize
        self._control = np.array(
            [CELLS.ctypes.data, len(CELLS), s.marks.ctypes.data, len(s.marks), s.base, s.multi, ring.records.ctypes.data, ring.slots,
             ring.dtype.itemsize, size, poller.sequence.word, upstream.ctypes.data, len(upstream)], np.int64,
        )
        self._keep = (ring, upstream)
        self.address = self._control.ctypes.data
        self._dtype, self._size, self._nothing = ring.dtype if whole else ring.fields, size, np.zeros(0, ring.dtype if whole else ring.fields)
        self.enter, self._wait = direct(_take, self.address, 0, 0), direct(_spin, self.address, 0)
        self._peek, self._enter_array = direct(_peek, self.address), direct(_take_array, self.address, np.zeros(1, np.uint8), 0)

    def array(self, most: int) -> np.ndarray:
        """Return at most `most` records, which are released."""
        count = min(most, self._peek(self.address))
        if count <= 0:
            return self._nothing
        out = np.empty(count * self._size, np.uint8)
        found = self._enter_array(self.address, out, count)
        whole = out.view(self._dtype)
        return whole if found == count else whole[:found]

    def spin(self, turns: int) -> None:
        """Look, without the GIL, until something is there, `turns` times at most."""
        self._wait(self.address, turns)


class Receiver:
    """Takes one record after the other; made by `poller.receiver()`. One thread at a time.

    records : what `receive` fills, an array of `count` records of the ring's fields. record : the first of them.
    """

    __slots__ = ("_enter", "_generation", "_places", "_poller", "_taker", "record", "records")

    def __init__(self, poller: EventPoller, count: int = 1) -> None:
        if not 1 <= count <= _COUNT_MOST:
            raise CapacityError(f"ring '{poller.ring.name}': a receiver takes 1..{_COUNT_MOST:,} records at once, got {count:,}")
        self._poller, self._generation = poller, _arena.generation
        self.records = np.zeros(count, poller.ring.fields)
        self.record: Any = self.records[0]
        self._taker = Taker(poller, whole=False)
        self._enter, self._places = self._taker.enter, (self._taker.address, self.records.ctypes.data, count)

    def receive(self, timeout: float | None = None) -> int:
        """Copy what is there to `records` and release it; return how many records, 0 for none.

        timeout : seconds to wait for the first one; None does not wait.
        Raises: what `poller.take_batch` raises.
        """
        if self._generation != _arena.generation:
            self._poller.sequence.get()  # says so
        count = self._enter(*self._places)
        return count if count or timeout is None else self._await(timeout)

    def _await(self, timeout: float) -> int:
        taker, poller = self._taker, self._poller
        end = time.monotonic_ns() + int(timeout * 1e9)
        taker.spin(_SPINS)
        while True:
            count = self._enter(*self._places)
            left = end - time.monotonic_ns()
            if count or left <= 0:
                return count
            poller.barrier.await_(poller.sequence.get() + 1, left)  # again after records that were given up


@entry(brief=True)
def _send(address, source, size):
    """Claim, copy and publish one record of `size` bytes at `source`; return its sequence, negative when there is no room.

    address : of a ring's control words; see `_copy_in` of disruptor.ring_buffer.
    """
    control = words_at(address, 11)
    cells, marks = words_at(control[0], control[1]), words_at(control[2], control[3])
    base, slots, stride = control[4], control[7], control[8]
    high = claim_many(cells, base, marks, 1) if control[5] != 0 else claim_one(cells, base, marks, 1)
    if high < 0:
        return high
    slot = high & (slots - 1)
    copy_bytes(words_at(control[6], slots * stride // 8), slot * stride, words_at(source, (size + 7) // 8), 0, size)
    if control[10] != 0:
        words_at(control[9], control[10])[slot] = timestamp()
    store_release(cells, GIL_HELD, 1)
    if control[3] == 0:
        publish_one(cells, base, high)
    else:
        publish_many(cells, base, marks, high, high)
    return high


@compiled
def _readable(control, cells, marks, following):
    """Return the highest sequence that may be read."""
    if control[12] == 0:
        return published_upto(cells, control[4], marks, following)
    upstream = words_at(control[11], control[12])
    available = load_acquire(cells, upstream[0])
    for i in range(1, control[12]):
        available = min(available, load_acquire(cells, upstream[i]))
    return available


@entry(brief=True)
def _peek(address):
    """Return how many sequences may be read, those that were given up as well."""
    control = words_at(address, 13)
    cells, marks = words_at(control[0], control[1]), words_at(control[2], control[3])
    before = load_acquire(cells, control[10])
    return _readable(control, cells, marks, before + 1) - before


@entry(brief=True)
def _take(address, target, most):
    """Copy at most `most` records to the address `target`; see `_copy_out`."""
    return _copy_out(address, words_at(target, (most * words_at(address, 13)[9] + 7) // 8), most)


@entry(brief=True)
def _take_array(address, out, most):
    """Copy at most `most` records to the bytes `out`; see `_copy_out`."""
    return _copy_out(address, out, most)


@compiled
def _copy_out(address, out, most):
    """Copy at most `most` records to `out`, passing by what was given up; release them; return how many.

    address : of a Taker's control words: cells, marks, base, whether there are many producers, records, slots, stride, bytes to copy
    of each, word of the consumer's sequence, words that it follows.
    """
    control = words_at(address, 13)
    cells, marks = words_at(control[0], control[1]), words_at(control[2], control[3])
    base, multi, slots, stride, size, word = control[4], control[5] != 0, control[7], control[8], control[9], control[10]
    before = load_acquire(cells, word)
    available = _readable(control, cells, marks, before + 1)
    if available <= before:
        return 0
    records = words_at(control[6], slots * stride // 8)
    taken, sequence = 0, before
    while sequence < available and taken < most:
        sequence += 1
        if multi and was_given_up(cells, base, marks, sequence):
            continue
        copy_bytes(out, taken * size, records, (sequence & (slots - 1)) * stride, size)
        taken += 1
    store_release(cells, word, sequence)
    if cells[base + PARKS] != 0:
        wake(cells, base + PROGRESS)
    return taken


@entry
def _spin(address, turns):
    """Look until something may be read, `turns` times at most."""
    control = words_at(address, 13)
    cells, marks = words_at(control[0], control[1]), words_at(control[2], control[3])
    store_release(cells, GIL_HELD, 0)
    following = load_acquire(cells, control[10]) + 1
    for _ in range(turns):
        if _readable(control, cells, marks, following) >= following:
            return
        pause()
