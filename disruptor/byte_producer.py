"""The producers' end of a byte ring: claim, commit, abort, write. Compiled, and inlined into the loop that calls it.

    index = bytes_claim(port, length, type_id)      # < 0: FULL, REFUSED_LENGTH, REFUSED_TYPE
    port.bytes[index] = …                           # index .. index + length, contiguous through the mirror
    bytes_commit(port, index)                       # or bytes_abort(port, index)

With one producer the tail is its own. With many, a producer moves the tail by compare-exchange and only when what it
wants fits, so the ring never holds more than its capacity, and a producer that is refused has changed nothing. The word
at the tail is always free and zero: a reader that has caught up finds "nothing here yet". One producer clears it
with each claim; with many, the reader clears what it has read before it gives it back.

Order: the header's release in `bytes_commit` pairs with the acquire in `bytes_next`; the acquire of the head pairs with
the release in `bytes_release`, so nobody writes where somebody still reads.

Source: Agrona OneToOneRingBuffer and ManyToOneRingBuffer (M. Thompson), for mirrored memory.
"""

from __future__ import annotations

from disruptor.atomics import compare_exchange, fence_release, fetch_add, load_acquire, store_release
from disruptor.byte_layout import (
    FULL,
    HEADER_SIZE,
    MAX_LENGTH,
    PADDING,
    REFUSED_LENGTH,
    REFUSED_TYPE,
    TYPE_ID_MAX,
    header_of,
    mask_of,
    record_size,
    rounded_up,
    type_of,
)
from disruptor.compiled import compiled
from disruptor.stores import copy_bytes

__all__ = [
    "bytes_abort", "bytes_claim", "bytes_commit", "bytes_correlation", "bytes_room", "bytes_write",
    "bytes_write_many",
]

# Word indexes in `cells`, 128 bytes apart where different threads write.
TAIL = 0  # bytes claimed so far; producers
HEAD_SEEN = 16  # the head as producers saw it last
HEAD = 32  # bytes given back by the reader
TAKEN = 48  # bytes read so far, not yet given back; the reader's own
LAST = 49  # where the record that was read last began; the reader's own
TAIL_SEEN = 50  # the tail as the reader saw it last; the reader's own
CORRELATION = 64  # next correlation id
HEARTBEAT = 80  # when the reader was last alive, ns
MANY = 99  # 1: several producers; a setting


@compiled
def bytes_claim(port, length, type_id):
    """Claim a message of `length` bytes; return the index of its first byte in port.bytes, or a negative code.

    length : bytes, 0..max_length. type_id : 0..2^31 − 1.
    FULL: not now. REFUSED_LENGTH, REFUSED_TYPE: never. A claim must be committed or aborted, in any order; the reader stops
    at the oldest one that is open.
    """
    mask = mask_of(port.words)
    if length < 0 or length > min(port.cells[MAX_LENGTH], mask + 1 - 2 * HEADER_SIZE):
        return REFUSED_LENGTH
    if type_id < 0 or type_id > TYPE_ID_MAX:
        return REFUSED_TYPE
    size = length + HEADER_SIZE
    position = _claim_span(port, rounded_up(size), header_of(type_id, -size))
    if position < 0:
        return FULL
    return (position & mask) + HEADER_SIZE


@compiled
def bytes_commit(port, index):
    """Show the message claimed at `index`; return whether the claim was still open (not committed, aborted, unblocked)."""
    return _close(port, index, False)


@compiled
def bytes_abort(port, index):
    """Give the claim at `index` up: its place becomes padding. Returns whether it was still open."""
    return _close(port, index, True)


@compiled
def bytes_write(port, source, start, length, type_id):
    """Copy `length` bytes from byte `start` of the array `source` into a message; return what `bytes_claim` returns."""
    index = bytes_claim(port, length, type_id)
    if index >= 0:
        copy_bytes(port.bytes, index, source, start, length)
        bytes_commit(port, index)
    return index


@compiled
def bytes_write_many(port, source, offsets, type_ids, first):
    """Write messages first, first + 1, … as long as they fit; return how many, or a code when the first is refused.

    offsets : int64[n + 1]; message k is source[offsets[k] : offsets[k + 1]]. type_ids : int64[n], or [1] for all.
    Batches of up to an eighth of the capacity take one claim each and become visible at once.
    """
    words = port.words
    mask = mask_of(words)
    capacity, longest = mask + 1, min(port.cells[MAX_LENGTH], mask + 1 - 2 * HEADER_SIZE)
    count = offsets.shape[0] - 1
    chosen = min(type_ids.shape[0] - 1, 1)  # 0: one type for all
    done = first
    while done < count:
        room = bytes_room(port, capacity >> 3)
        span = 0
        last = done
        refused = FULL
        while last < count:
            length = offsets[last + 1] - offsets[last]
            type_id = type_ids[last * chosen]
            if length < 0 or length > longest:
                refused = REFUSED_LENGTH
                break
            if type_id < 0 or type_id > TYPE_ID_MAX:
                refused = REFUSED_TYPE
                break
            size = rounded_up(length + HEADER_SIZE)
            if span + size > room or (last > done and span + size > capacity >> 3):
                break
            span += size
            last += 1
        if last == done:
            if refused == FULL and bytes_room(port, capacity) > room:
                continue  # the reader has given something back meanwhile
            return refused if done == first and refused != FULL else done - first
        type_id = type_ids[done * chosen]
        position = _claim_span(port, span, header_of(type_id, -span))
        if position < 0:
            return done - first  # another producer was faster
        begin = position & mask
        place = position
        for k in range(done, last):
            length = offsets[k + 1] - offsets[k]
            copy_bytes(port.bytes, (place & mask) + HEADER_SIZE, source, offsets[k], length)
            if k > done:
                words[(place & mask) >> 3] = header_of(type_ids[k * chosen], length + HEADER_SIZE)
            place += rounded_up(length + HEADER_SIZE)
        size = offsets[done + 1] - offsets[done] + HEADER_SIZE
        store_release(words, begin >> 3, header_of(type_id, size))
        done = last
    return done - first


@compiled
def bytes_room(port, wanted):
    """Return how many bytes of records may be claimed now; looks at the reader's head when fewer than `wanted` are known.

    Order: acquire on the head pairs with the release in `bytes_release`.
    """
    cells, most = port.cells, mask_of(port.words) + 1 - HEADER_SIZE
    tail = load_acquire(cells, TAIL)
    free = most - (tail - load_acquire(cells, HEAD_SEEN))
    if free < wanted:
        head = load_acquire(cells, HEAD)
        store_release(cells, HEAD_SEEN, head)
        free = most - (tail - head)
    return free


@compiled
def bytes_correlation(port):
    """Return a number that no other call on this ring returns, from 0 on."""
    return fetch_add(port.cells, CORRELATION, 1)


@compiled
def _claim_span(port, size, header):
    """Claim `size` bytes (a multiple of 8) and put the header of an open claim there. Returns the position, or FULL."""
    words, cells = port.words, port.cells
    mask = mask_of(words)
    limit = mask + 1 - HEADER_SIZE - size
    while True:  # with many producers: each turn after the first means that another one has got its claim
        tail = load_acquire(cells, TAIL)
        if tail - load_acquire(cells, HEAD_SEEN) > limit:
            head = load_acquire(cells, HEAD)
            if tail - head > limit:
                return FULL
            store_release(cells, HEAD_SEEN, head)
        if cells[MANY] == 0:
            words[((tail + size) & mask) >> 3] = 0
            store_release(words, (tail & mask) >> 3, header)
            store_release(cells, TAIL, tail + size)
            return tail
        if compare_exchange(cells, TAIL, tail, tail + size):
            store_release(words, (tail & mask) >> 3, header)
            fence_release()  # whoever finds bytes of this message in a place without header finds its header too
            return tail


@compiled
def _close(port, index, aborted):
    """Turn the open claim at `index` into a message or padding; return whether it was open."""
    words = port.words
    if index < HEADER_SIZE or index > mask_of(words) + HEADER_SIZE:
        return False
    place = (index - HEADER_SIZE) >> 3
    header = load_acquire(words, place)
    size = record_size(header)
    if size >= 0:
        return False
    store_release(words, place, header_of(PADDING if aborted else type_of(header), -size))
    return True
