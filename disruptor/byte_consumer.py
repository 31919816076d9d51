"""The reader's end of a byte ring: take messages where they lie, give their room back. Compiled; one reader.

    type_id, index, length = bytes_next(port)       # type_id −1: nothing there; −2: what is there cannot be a message
    … port.bytes[index : index + length] …          # where it lies; stays until the release
    bytes_release(port)                             # gives back everything taken so far, once per batch

`bytes_put_back` undoes the last `bytes_next`. A reader that starts anew after a crash calls `bytes_rewind`: what was
taken and never given back comes again.

Order: acquire on the header pairs with the release in `bytes_commit`; the release of the head pairs with the producers'
acquire.

Source: Agrona ManyToOneRingBuffer (read, unblock).
"""

from __future__ import annotations

from disruptor.atomics import compare_exchange, load_acquire, store_release
from disruptor.byte_layout import (
    DAMAGED,
    HEADER_SIZE,
    MAX_LENGTH,
    NO_TYPE,
    PADDING,
    header_of,
    is_position,
    is_sound,
    mask_of,
    record_size,
    rounded_up,
    type_of,
)
from disruptor.byte_producer import HEAD, HEARTBEAT, LAST, MANY, TAIL, TAIL_SEEN, TAKEN
from disruptor.compiled import compiled

__all__ = [
    "bytes_heartbeat", "bytes_next", "bytes_put_back", "bytes_release", "bytes_rewind", "bytes_scan", "bytes_size",
    "bytes_unblock",
]

_TRIES = 16


@compiled
def bytes_next(port):
    """Take the next message: (type_id, index, length); (−1, 0, 0) when there is none; (DAMAGED, index, size) for one that is none.

    index : of its first byte in port.bytes; length : bytes. Padding is skipped, and given back at once when nothing else
    is held, so that a reader without messages never holds a ring full of padding. A reader never gets past a damaged record.
    Order: the tail was moved before the header that this acquires; so the record ends before the tail that is then seen.
    """
    words, cells = port.words, port.cells
    mask = mask_of(words)
    most = mask + 1 - HEADER_SIZE
    first = position = cells[TAKEN]
    if not is_position(position):
        return DAMAGED, (position & mask) + HEADER_SIZE, 0
    while position - first <= most:  # ends at the tail at the latest: the word there is zero
        header = load_acquire(words, (position & mask) >> 3)
        size = record_size(header)
        if size <= 0:
            return NO_TYPE, 0, 0
        if not is_sound(header, _between(position, cells[TAIL_SEEN], most), cells[MAX_LENGTH]):
            tail = load_acquire(cells, TAIL)
            cells[TAIL_SEEN] = tail
            if not is_sound(header, _between(position, tail, most), cells[MAX_LENGTH]):
                return DAMAGED, (position & mask) + HEADER_SIZE, size
        cells[TAKEN] = position + rounded_up(size)
        if type_of(header) != PADDING:
            cells[LAST] = position
            return type_of(header), (position & mask) + HEADER_SIZE, size - HEADER_SIZE
        if position == cells[HEAD]:
            bytes_release(port)
        position += rounded_up(size)
    return NO_TYPE, 0, 0  # a lap of padding, which only somebody else can have put there


@compiled
def bytes_release(port):
    """Give back the room of every message taken so far; return whether: not when head or reader stand where they cannot be.

    Order: release; pairs with the acquire in `bytes_claim`.
    """
    return _free(port, port.cells[TAKEN])


@compiled
def bytes_put_back(port):
    """Undo the last `bytes_next` since the last release: the same message comes again."""
    port.cells[TAKEN] = port.cells[LAST]


@compiled
def bytes_rewind(port):
    """Undo every `bytes_next` since the last release."""
    port.cells[TAKEN] = port.cells[HEAD]
    port.cells[LAST] = port.cells[HEAD]


@compiled
def bytes_scan(port, table, position, until):
    """List messages from `position` on without taking them; return how many rows of `table` were filled.

    table : int64[rows + 1, 4]; a row is type_id, index, length, position after it. The row after the last one holds, as
    its position, where reading went to (behind padding too), and as its type DAMAGED when a record there cannot be one, else −1.
    until : the position at which to stop, the tail or before it.
    """
    words, cells = port.words, port.cells
    mask = mask_of(words)
    rows = table.shape[0] - 1
    count, found = 0, NO_TYPE
    until = position + _between(position, until, mask + 1 - HEADER_SIZE) if is_position(position) else position
    while count < rows and position < until:
        header = load_acquire(words, (position & mask) >> 3)
        size = record_size(header)
        if size <= 0:
            break
        if not is_sound(header, until - position, cells[MAX_LENGTH]):
            found = DAMAGED
            break
        index = (position & mask) + HEADER_SIZE
        position += rounded_up(size)
        if type_of(header) != PADDING:
            table[count, 0] = type_of(header)
            table[count, 1] = index
            table[count, 2] = size - HEADER_SIZE
            table[count, 3] = position
            count += 1
    table[count, 0] = found
    table[count, 3] = position
    return count


@compiled
def bytes_unblock(port):
    """Turn an open claim at the head into padding; return whether one was there.

    For a producer that died between claim and commit. Also for one that died before it could write the header (with many
    producers): everything up to the next header, or the tail, becomes padding.
    Precondition: what has been read is given back, and whoever holds the claim will never come back: call it when the
    head has stood still below the tail for much longer than a producer ever needs. A producer that commits later is told
    so by `bytes_commit`, as long as its place has not been claimed anew.
    Order: compare-exchange on the header, so a commit that comes at the same time is not lost.
    """
    words, cells = port.words, port.cells
    mask = mask_of(words)
    head = load_acquire(cells, HEAD)
    tail = load_acquire(cells, TAIL)
    if not is_position(head) or tail <= head or tail - head > mask + 1 - HEADER_SIZE:
        return False
    place = (head & mask) >> 3
    header = load_acquire(words, place)
    size = record_size(header)
    if size > 0:
        return False
    if size < 0:
        if rounded_up(-size) > tail - head:
            return False  # no claim is like that
        return compare_exchange(words, place, header, header_of(PADDING, -size))
    position = head + HEADER_SIZE
    while position < tail and load_acquire(words, (position & mask) >> 3) == 0:
        position += HEADER_SIZE
    # Headers are written before their bytes; still, look again from behind whether one has come in front of it.
    before = position - HEADER_SIZE
    while before > head:
        if load_acquire(words, (before & mask) >> 3) != 0:
            return False
        before -= HEADER_SIZE
    return compare_exchange(words, place, 0, header_of(PADDING, position - head))


@compiled
def bytes_size(port):
    """Return how many bytes are claimed and not given back, headers and padding included: 0..capacity. Any thread."""
    cells, capacity = port.cells, mask_of(port.words) + 1
    head = load_acquire(cells, HEAD)
    for _ in range(_TRIES):
        tail = load_acquire(cells, TAIL)
        again = load_acquire(cells, HEAD)
        if again == head:
            break
        head = again
    return _between(head, tail, capacity) if is_position(head) else 0


@compiled
def bytes_heartbeat(port, now_ns):
    """Say that the reader is alive. now_ns : any clock that whoever watches reads too. Order: release."""
    store_release(port.cells, HEARTBEAT, now_ns)


@compiled
def _between(position, end, most):
    """Return how many bytes lie between a position and `end`, which may be anything: 0..most."""
    return min(max(end, position), position + most) - position


@compiled
def _free(port, position):
    """Give back everything before `position`; with many producers it is cleared first. Returns whether that lies in the ring."""
    words, cells = port.words, port.cells
    mask, head = mask_of(words), cells[HEAD]
    if not is_position(head) or position < head or position - head > mask + 1 - HEADER_SIZE or (position - head) & 7 != 0:
        return False
    count = position - head
    if cells[MANY] != 0:
        start = (head & mask) >> 3
        for i in range(count >> 3):
            words[start + i] = 0
    cells[TAKEN] = position
    cells[LAST] = position
    store_release(cells, HEAD, position)
    return True
