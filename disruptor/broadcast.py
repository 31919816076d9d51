"""Lossy broadcast of typed messages to any number of observers: the sender never waits, a slow observer loses messages.

    sender = Broadcast("events", 1 << 16)
    observer = sender.receiver()
    sender.send(b"hello", type_id=7)
    observer.receive()                  # (7, b"hello"), or None

Compiled code takes `sender.port` with `broadcast_send`, and `broadcast_next`, `broadcast_valid` with `receiver.state`:

    type_id, index, length = broadcast_next(port, state)        # −1: nothing new; −2: no message can be like that
    … copy port.bytes[index : index + length] …
    if broadcast_valid(port, state): …                          # else the sender has run over it: throw the copy away

A receiver starts at the latest message. One that was lapped goes on at the latest message; `lapped` counts how often that
happened, `lost_bytes` how much was skipped (headers included).

Order: the sender announces how far it will write (`intent`), then writes, then moves the tail (release). A receiver sees
the tail (acquire), copies, and then looks at the intent: when that is not beyond its message by more than the
capacity, nothing of the copy had been touched. The release fence keeps the writes behind the announcement, the acquire
fence keeps the copy in front of the look.

Source: Agrona BroadcastTransmitter, BroadcastReceiver, CopyBroadcastReceiver (M. Thompson), for mirrored memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from disruptor.atomics import fence_acquire, fence_release, load_acquire, store_release
from disruptor.byte_layout import (
    CAPACITY,
    DAMAGED,
    HEADER_SIZE,
    MAX_LENGTH,
    NO_TYPE,
    REFUSED_LENGTH,
    REFUSED_TYPE,
    TYPE_ID_MAX,
    BytePort,
    check_capacity,
    check_length,
    check_max_length,
    check_type_id,
    header_of,
    is_position,
    is_sound,
    mask_of,
    record_size,
    rounded_up,
    type_of,
)
from disruptor.byte_memory import BROADCAST, attached_memory, new_memory
from disruptor.compiled import compiled, entry
from disruptor.errors import CapacityError, DamagedMessage
from disruptor.stores import copy_bytes

__all__ = [
    "Broadcast", "BroadcastReceiver", "broadcast_join", "broadcast_next", "broadcast_send", "broadcast_valid",
]

# Word indexes in `cells`.
INTENT = 0  # up to where the sender may be writing
TAIL = 16  # up to where everything is written
LATEST = 32  # where the last message begins

# Elements of a receiver's state, its own.
FOLLOWING = 0  # position of the message to be taken next
CURRENT = 1  # position of the message taken last
LAPPED = 2
LOST = 3  # bytes
STATE_WORDS = 16

_TRIES = 8


@compiled
def broadcast_send(port, source, start, length, type_id):
    """Send `length` bytes from byte `start` of the array `source`; return 0, REFUSED_LENGTH or REFUSED_TYPE. One sender."""
    words, cells = port.words, port.cells
    mask = mask_of(words)
    if length < 0 or length > min(cells[MAX_LENGTH], mask + 1 - 2 * HEADER_SIZE):
        return REFUSED_LENGTH
    if type_id < 0 or type_id > TYPE_ID_MAX:
        return REFUSED_TYPE
    tail = load_acquire(cells, TAIL)
    following = tail + rounded_up(length + HEADER_SIZE)
    store_release(cells, INTENT, following)
    fence_release()
    begin = tail & mask
    store_release(words, begin >> 3, header_of(type_id, length + HEADER_SIZE))
    copy_bytes(port.bytes, begin + HEADER_SIZE, source, start, length)
    store_release(cells, LATEST, tail)
    store_release(cells, TAIL, following)
    return 0


@compiled
def broadcast_join(port, state):
    """Put a receiver at the latest message; its counts stay. state : int64[16], private to the receiver."""
    state[FOLLOWING] = load_acquire(port.cells, LATEST)
    state[CURRENT] = state[FOLLOWING]


@compiled
def broadcast_next(port, state):
    """Take the next message: (type_id, index, length); (−1, 0, 0) when nothing is new or the sender is too fast; (DAMAGED, index, size).

    index : of its first byte in port.bytes. What lies there may change under the reader: copy it, then `broadcast_valid`.
    """
    words, cells = port.words, port.cells
    mask = mask_of(words)
    for _ in range(_TRIES):
        position = state[FOLLOWING]
        tail = load_acquire(cells, TAIL)
        if position >= tail:
            return NO_TYPE, 0, 0
        header = load_acquire(words, (position & mask) >> 3)
        if _untouched(cells, position):
            index, size = (position & mask) + HEADER_SIZE, record_size(header)
            room = min(tail, position + mask + 1) - position if is_position(position) else 0
            if type_of(header) < 0 or not is_sound(header, room, cells[MAX_LENGTH]):
                return DAMAGED, index, size
            state[CURRENT] = position
            state[FOLLOWING] = position + rounded_up(size)
            return type_of(header), index, size - HEADER_SIZE
        latest = load_acquire(cells, LATEST)
        state[LAPPED] += 1
        state[LOST] += latest - position
        state[FOLLOWING] = latest
    return NO_TYPE, 0, 0


@compiled
def broadcast_valid(port, state):
    """Return whether what was read of the message taken last was whole. Ask after the copy, before its use.

    When it was not, the message counts as lost, and the receiver goes on at the latest one.
    """
    fence_acquire()
    if _untouched(port.cells, state[CURRENT]):
        return True
    latest = load_acquire(port.cells, LATEST)
    state[LAPPED] += 1
    state[LOST] += max(latest, state[FOLLOWING]) - state[CURRENT]
    state[FOLLOWING] = max(latest, state[FOLLOWING])
    return False


@compiled
def _untouched(cells, position):
    return load_acquire(cells, INTENT) <= position + cells[CAPACITY]


class Broadcast:
    """The sender's end. One thread sends; it never waits and never knows who listens.

    name : for messages. capacity : bytes, a power of two from 4,096 on: what an observer may lag behind. max_length : of a
    message, bytes; an eighth of the capacity unless given. A forked child shares it; another process gets `paths` and attaches.
    Raises: CapacityError, MemoryMapError.
    """

    def __init__(self, name: str, capacity: int, *, max_length: int | None = None) -> None:
        self.name = name
        check_capacity(str(self), capacity)
        self.capacity = capacity
        self.max_length = check_max_length(str(self), max_length, capacity)
        self.port, self.paths, _ = new_memory(name, capacity, self.max_length, BROADCAST)

    @classmethod
    def attach(cls, name: str, paths: tuple[str, str]) -> Broadcast:
        """Return the broadcast that another process of this user made, to observe it; paths : its `paths`.

        Raises: LayoutError when something else lies there, OSError when it cannot be opened.
        """
        sender = cls.__new__(cls)
        sender.name = name
        sender.port, sender.paths, _ = attached_memory(str(sender), paths, (BROADCAST,))
        sender.capacity, sender.max_length = int(sender.port.cells[CAPACITY]), int(sender.port.cells[MAX_LENGTH])
        return sender

    def send(self, data: Any, type_id: int) -> None:
        """Send `data` (bytes-like, contiguous). Raises: CapacityError for a length or type_id that is not allowed."""
        source = np.frombuffer(data, np.uint8)
        source.flags.writeable = False
        check_length(str(self), source.size, self.max_length)
        check_type_id(str(self), type_id)
        _send(*self.port, source, type_id)

    def receiver(self) -> BroadcastReceiver:
        """Return a new observer, placed at the latest message."""
        return BroadcastReceiver(self)

    def __str__(self) -> str:
        return f"broadcast '{self.name}'"

    def __repr__(self) -> str:
        return f"<Broadcast '{self.name}' {self.capacity:,} bytes>"


class BroadcastReceiver:
    """An observer that copies each message out. For one thread; make as many as there are observers.

    state : int64[16] for `broadcast_next` and `broadcast_valid` in compiled code; do not use both at the same time.
    """

    def __init__(self, sender: Broadcast) -> None:
        if not isinstance(sender, Broadcast):
            raise CapacityError(f"a receiver needs a Broadcast to listen to, got {type(sender).__name__}")
        self._sender = sender
        self.state = np.zeros(STATE_WORDS, np.int64)
        self._copy = np.zeros(max(sender.max_length, 1), np.uint8)
        self._view: Any = memoryview(self._copy.data)
        self._found = np.zeros(3, np.int64)
        _join(*sender.port, self.state)

    def receive(self) -> tuple[int, bytes] | None:
        """Return (type_id, message) of the next message, whole, or None when nothing is new (or the sender is too fast).

        Raises: DamagedMessage for a record that cannot be one.
        """
        if not _receive(*self._sender.port, self.state, self._copy, self._found):
            return None
        if self._found[0] < 0:
            size, limit = int(self._found[1]), self._sender.max_length + HEADER_SIZE
            raise DamagedMessage(str(self._sender), int(self.state[FOLLOWING]), size, limit, int(self._found[2]))
        type_id, length = self._found[:2].tolist()
        return type_id, bytes(self._view[:length])

    @property
    def lapped(self) -> int:
        """How often the sender has run over this receiver."""
        return int(self.state[LAPPED])

    @property
    def lost_bytes(self) -> int:
        """How many bytes were skipped for that, headers included."""
        return int(self.state[LOST])

    def __repr__(self) -> str:
        return f"<BroadcastReceiver of '{self._sender.name}', lapped {self.lapped:,} times>"


@entry
def _send(octets, words, cells, source, type_id):
    return broadcast_send(BytePort(octets, words, cells), source, 0, source.shape[0], type_id)


@entry(brief=True)
def _join(octets, words, cells, state):
    broadcast_join(BytePort(octets, words, cells), state)


@entry
def _receive(octets, words, cells, state, target, found):
    port = BytePort(octets, words, cells)
    for _ in range(_TRIES):
        type_id, index, length = broadcast_next(port, state)
        if type_id == DAMAGED or length > target.shape[0]:
            found[0], found[1] = DAMAGED, length if type_id == DAMAGED else length + HEADER_SIZE
            found[2] = type_of(words[(index - HEADER_SIZE) >> 3])
            return True
        if type_id < 0:
            return False
        copy_bytes(target, 0, port.bytes, index, length)
        if broadcast_valid(port, state):
            found[0] = type_id
            found[1] = length
            return True
    return False
