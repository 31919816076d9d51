"""A ring of typed messages of any length, between threads or processes, for Python and compiled code.

    ring = ByteRing("commands", 1 << 16, producers="multi")
    ring.write(b"hello", type_id=7)
    ring.read(lambda type_id, data: print(type_id, bytes(data)))

One reader, one producer (`producers="single"`) or any number of them (`"multi"`). Compiled code takes `ring.port` and the
functions of disruptor.byte_producer and disruptor.byte_consumer; both ends may be mixed with Python.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from disruptor import byte_calls as calls
from disruptor import byte_producer as producer
from disruptor.byte_layout import (
    CAPACITY,
    DAMAGED,
    FULL,
    HEADER_SIZE,
    MAX_LENGTH,
    PADDING,
    TYPE_ID_MAX,
    check_capacity,
    check_length,
    check_max_length,
    check_type_id,
)
from disruptor.byte_memory import RING_MULTI, RING_SINGLE, ByteMemory, attached_memory, new_memory
from disruptor.errors import CapacityError, DamagedMessage, DisruptorError

__all__ = ["Action", "ByteRing", "Claim"]

_ROWS = 256  # messages listed by one call into compiled code


class Action(IntEnum):
    """What a handler of `controlled_read` answers. None counts as CONTINUE."""

    ABORT = 1  # stop here; this message was not handled and comes again
    BREAK = 2  # handled; stop here
    COMMIT = 3  # handled; give back the room up to here now, then go on
    CONTINUE = 4  # handled; go on


class Claim:
    """A place for one message, to be filled and then committed or aborted; `with` does either.

    data : writable memoryview of the message's bytes, of any old content. index : where it lies in ring.port.bytes.
    """

    __slots__ = ("_open", "_ring", "data", "index")

    def __init__(self, ring: ByteRing, index: int, length: int) -> None:
        self._ring = ring
        self._open = True
        self.index = index
        self.data = memoryview(ring.port.bytes)[index : index + length]

    def commit(self) -> None:
        """Show the message to the reader. Raises: DisruptorError when the claim is no longer open."""
        self._close(calls.commit)

    def abort(self) -> None:
        """Give the claim up; the reader skips its place. Raises: DisruptorError when the claim is no longer open."""
        self._close(calls.abort)

    def _close(self, close: Callable) -> None:
        if not self._open:
            raise DisruptorError(f"{self._ring}: the claim at byte {self.index:,} is closed; it is committed or aborted once")
        self._open = False
        if not close(*self._ring.port, self.index):
            raise DisruptorError(f"{self._ring}: the claim was taken back by unblock(); claim again")

    def __enter__(self) -> memoryview:
        return self.data

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if self._open:
            self.commit() if kind is None else self.abort()


class ByteRing:
    """Typed messages of any length in mirrored memory; one reader.

    name : for messages. capacity : bytes, a power of two from 4,096 on; a message takes 8 bytes and its length, rounded up
    to a multiple of 8. producers : "single" or "multi". max_length : of a message, bytes; an eighth of the capacity
    unless given, capacity − 16 at most.
    prefault, lock : as in disruptor.memory. A forked child shares the ring; another process gets `paths` and attaches.
    Python threads count as producers: two of them need "multi". Python reads from the last release on: a compiled reader
    gives back what it took before Python reads.
    Raises: CapacityError for sizes and names, MemoryMapError.
    """

    def __init__(
        self,
        name: str,
        capacity: int,
        producers: str = "single",
        *,
        max_length: int | None = None,
        prefault: bool = False,
        lock: bool = False,
    ) -> None:
        self.name = name
        check_capacity(str(self), capacity)
        if producers not in ("single", "multi"):
            raise CapacityError(f"{self}: producers must be 'single' or 'multi', got {producers!r}")
        self.capacity = capacity
        self.max_length = check_max_length(str(self), max_length, capacity)
        self.producers = producers
        kind = RING_MULTI if producers == "multi" else RING_SINGLE
        self._adopt(new_memory(name, capacity, self.max_length, kind, prefault=prefault, lock=lock))
        self.port.cells[producer.MANY] = producers == "multi"

    @classmethod
    def attach(cls, name: str, paths: tuple[str, str]) -> ByteRing:
        """Return the ring that another process of this user made; paths : its `paths`. That process must still live.

        Raises: LayoutError when something else lies there, OSError when it cannot be opened.
        """
        ring = cls.__new__(cls)
        ring.name = name
        ring._adopt(attached_memory(str(ring), paths, (RING_SINGLE, RING_MULTI)))
        cells = ring.port.cells
        ring.capacity, ring.max_length = int(cells[CAPACITY]), int(cells[MAX_LENGTH])
        ring.producers = "multi" if cells[producer.MANY] else "single"
        return ring

    def _adopt(self, memory: ByteMemory) -> None:
        self.port, self.paths, self.notes = memory
        self._octets = self.port.bytes.view()
        self._octets.flags.writeable = False
        self._table = np.zeros((_ROWS + 1, 4), np.int64)
        self._reading = False

    def try_claim(self, length: int, type_id: int) -> Claim | None:
        """Return a claim of `length` bytes, or None when there is no room now.

        `with ring.try_claim(5, 1) as data: data[:] = b"hello"` commits at its end, aborts on an exception.
        Raises: CapacityError for a length or type_id that is never allowed.
        """
        check_length(str(self), length, self.max_length)
        check_type_id(str(self), type_id)
        index = calls.claim(*self.port, length, type_id)
        return None if index == FULL else Claim(self, index, length)

    def write(self, data: Any, type_id: int) -> bool:
        """Copy `data` (bytes-like, contiguous) into a message; return False when there is no room now.

        Raises: CapacityError for a length or type_id that is never allowed.
        """
        source = _bytes_of(data)
        check_length(str(self), source.size, self.max_length)
        check_type_id(str(self), type_id)
        return bool(calls.write(*self.port, source, type_id) != FULL)

    def write_many(self, data: Any, offsets: Sequence[int] | np.ndarray, type_ids: int | Sequence[int] | np.ndarray) -> int:
        """Write message k = data[offsets[k] : offsets[k + 1]] for k = 0, 1, … as long as they fit; return how many.

        offsets : n + 1 rising integers within data. type_ids : one for all or n of them. Up to an eighth of the capacity
        becomes visible at once, so the reader sees such a batch wholly or not at all.
        Raises: CapacityError before anything is written, naming the first message that is not allowed.
        """
        source = _bytes_of(data)
        places = np.ascontiguousarray(offsets, np.int64)
        types = np.ascontiguousarray(np.atleast_1d(type_ids), np.int64)
        if places.ndim != 1 or places.size == 0:
            raise CapacityError(f"{self}: offsets must be n + 1 integers for n messages, got shape {places.shape}")
        count = places.size - 1
        if types.ndim != 1 or (types.size != count and types.size != 1):
            raise CapacityError(f"{self}: type_ids must be one or {count:,} integers, got {types.size:,}")
        if places[0] < 0 or places[-1] > source.size:
            raise CapacityError(
                f"{self}: offsets must lie within the {source.size:,} bytes of data, got {places[0]:,}..{places[-1]:,}"
            )
        self._check_many(np.diff(places), types)
        return int(calls.write_many(*self.port, source, places, types))

    def read(self, handler: Callable[[int, memoryview], Any], limit: int | None = None) -> int:
        """Call handler(type_id, data) for each message that is there now, `limit` at most; return how many.

        data : read-only memoryview of the message where it lies; it cannot be used after the handler has returned.
        What the handler returns is ignored. When it raises, its message counts as read, and the exception goes on.
        Raises: DisruptorError when the handler kept an array or a slice of data, or reads the same ring; DamagedMessage for a
        record that cannot be one, after those before it.
        """
        return self._deliver(handler, limit, controlled=False)

    def controlled_read(self, handler: Callable[[int, memoryview], Action | None], limit: int | None = None) -> int:
        """As `read`, but the handler answers with an `Action`; returns how many messages were handled."""
        return self._deliver(handler, limit, controlled=True)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield (type_id, a copy of the message) until nothing is there. A message that was yielded counts as read."""
        found: list[tuple[int, bytes]] = []
        while self.read(lambda type_id, data: found.append((type_id, bytes(data))), limit=1):
            yield found.pop()

    def unblock(self) -> bool:
        """Turn an open claim at the head into padding; return whether one was there. See `bytes_unblock` for when.

        Raises: DamagedMessage when what is there cannot be a claim.
        """
        if calls.unblock(*self.port):
            return True
        head = int(self.port.cells[producer.HEAD])
        used = self._in_use(head)
        if used and -self._header(head)[0] > used and head == int(self.port.cells[producer.HEAD]):
            raise self._damaged(head)
        return False

    def next_correlation_id(self) -> int:
        """Return a number that no other call on this ring has returned, from any thread or process."""
        return int(calls.correlation(*self.port))

    def beat(self, now_ns: int | None = None) -> None:
        """Say that the reader is alive. now_ns : CLOCK_MONOTONIC, unless the watchers use another clock."""
        self.port.cells[producer.HEARTBEAT] = time.monotonic_ns() if now_ns is None else now_ns

    @property
    def consumer_heartbeat_ns(self) -> int:
        """What the reader gave to `beat` last; 0 before the first one."""
        return int(self.port.cells[producer.HEARTBEAT])

    def size(self) -> int:
        """Return how many bytes are in use, headers and padding included: 0 when everything was read."""
        return int(calls.size(*self.port))

    def _check_many(self, lengths: np.ndarray, types: np.ndarray) -> None:
        wrong = np.flatnonzero((lengths < 0) | (lengths > self.max_length))
        if wrong.size:
            check_length(f"{self}: message {wrong[0]:,}", int(lengths[wrong[0]]), self.max_length)
        wrong = np.flatnonzero((types < 0) | (types > TYPE_ID_MAX))
        if wrong.size:
            check_type_id(f"{self}: message {wrong[0]:,}", int(types[wrong[0]]))

    def _deliver(self, handler: Callable, limit: int | None, controlled: bool) -> int:
        if self._reading:
            raise DisruptorError(f"{self}: a handler must not read the ring that it is called by; return first")
        position = int(self.port.cells[producer.HEAD])
        until = position + self._in_use(position)
        left = until if limit is None else limit
        done = 0
        going = True
        self._reading = True
        try:
            while going and done < left:
                table = self._table[: min(_ROWS, left - done) + 1]
                count = calls.scan(*self.port, table, position, until)
                for type_id, index, length, after in table[:count].tolist():
                    before, position = position, after
                    action = self._call(handler, type_id, index, length)
                    if controlled and action == Action.ABORT:
                        position = before
                        going = False
                        break
                    done += 1
                    if controlled and action == Action.COMMIT:
                        calls.free(*self.port, position)
                    elif controlled and action == Action.BREAK:
                        going = False
                        break
                if going:
                    position = int(table[count, 3])
                    if table[count, 0] == DAMAGED:
                        raise self._damaged(position)
                    going = count == len(table) - 1
        finally:
            self._reading = False
            calls.free(*self.port, position)
        return done

    def _in_use(self, head: int) -> int:
        """Return how many bytes lie between head and tail. Raises: DamagedMessage when it cannot be so many."""
        used = int(self.port.cells[producer.TAIL]) - head
        if head < 0 or not 0 <= used <= self.capacity - HEADER_SIZE or used & 7:
            raise self._damaged(head)
        return used

    def _header(self, position: int) -> tuple[int, int]:
        """Return (size, type) of what lies at a position."""
        header = int(self.port.words[(position & (self.capacity - 1)) >> 3])
        return (header & 0xFFFFFFFF ^ 1 << 31) - (1 << 31), header >> 32

    def _damaged(self, position: int) -> DamagedMessage:
        used = int(self.port.cells[producer.TAIL]) - position
        size, type_id = self._header(position)
        limit = min(used, self.capacity - HEADER_SIZE) if type_id == PADDING else min(used, self.max_length + HEADER_SIZE)
        return DamagedMessage(str(self), position, size, limit, type_id)

    def _call(self, handler: Callable, type_id: int, index: int, length: int) -> Any:
        part = self._octets[index : index + length]
        alive = weakref.ref(part)  # each view of data keeps this array
        data = memoryview(part)
        del part
        action = handler(type_id, data)
        data.release()
        if alive() is not None:
            raise DisruptorError(
                f"{self}: the handler kept an array or a slice of a message, which is overwritten after it returns;"
                " keep a copy: bytes(data)"
            )
        return action

    def __str__(self) -> str:
        return f"byte ring '{self.name}'"

    def __repr__(self) -> str:
        return f"<ByteRing '{self.name}' {self.capacity:,} bytes, {self.producers} producer>"


def _bytes_of(data: Any) -> np.ndarray:
    """Return data as a read-only uint8 array: of one type, for which one version is compiled."""
    source = np.frombuffer(data, np.uint8)
    source.flags.writeable = False
    return source
