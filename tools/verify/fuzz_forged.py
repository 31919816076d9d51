"""What libFuzzer calls with bytes of its own: byte rings and broadcasts in memory that somebody else writes over as well.

The data are steps of ten bytes: what, a place or a count, and a word. Headers, positions and settings become anything; nothing outside
of the ring may be handed out or touched, and everything comes to an end. A kernel returns 0, or which promise was broken.
"""

from disruptor import broadcast
from disruptor.broadcast import broadcast_join, broadcast_next, broadcast_send, broadcast_valid
from disruptor.byte_consumer import (
    bytes_next,
    bytes_put_back,
    bytes_release,
    bytes_rewind,
    bytes_scan,
    bytes_size,
    bytes_unblock,
)
from disruptor.byte_layout import CAPACITY, DAMAGED, MASK, MAX_LENGTH, BytePort, header_of
from disruptor.byte_producer import (
    HEAD,
    HEAD_SEEN,
    LAST,
    MANY,
    TAIL,
    TAIL_SEEN,
    TAKEN,
    bytes_abort,
    bytes_claim,
    bytes_commit,
    bytes_write_many,
)
from disruptor.compiled import compiled

__all__ = ["STEP", "forged_broadcast", "forged_ring"]

STEP = 10  # bytes
_STATE_WORDS = 8


@compiled
def _word(data, at):
    value, top = 0, int(data[at + 7])
    for k in range(7):
        value |= int(data[at + k]) << (8 * k)
    return value | (top - 256 if top >= 128 else top) << 56


@compiled
def _reset(words, cells):
    for i in range(words.shape[0]):
        words[i] = 0
    for i in range(cells.shape[0]):
        cells[i] = 0
    capacity = words.shape[0] << 2
    cells[CAPACITY], cells[MASK], cells[MAX_LENGTH] = capacity, capacity - 1, capacity >> 1


@compiled
def _outside(words, index, length):
    """Whether a message is not wholly in the memory, which `words` shows twice."""
    return index < 8 or length < 0 or index + length > words.shape[0] << 3


def forged_ring(data, octets, words, cells, table, offsets, types):
    """A byte ring. table, offsets, types : as bytes_scan and bytes_write_many take them."""
    port = BytePort(octets, words, cells)
    _reset(words, cells)
    at, total = 0, 0
    while at + STEP <= data.shape[0]:
        what, argument, value = data[at] & 31, int(data[at + 1]), _word(data, at + 2)
        at += STEP
        if what < 4:
            words[argument * 2 % words.shape[0]] = value
        elif what < 8:
            words[argument % 64] = header_of((value >> 32 & 3) - 1, (value & 0x1FFF) - (4096 if what == 7 else 0))
        elif what == 8:
            cells[HEAD] = value
        elif what == 9:
            cells[TAIL] = value
        elif what == 10:
            cells[TAKEN] = value
        elif what == 11:
            cells[LAST] = value
        elif what == 12:
            cells[HEAD_SEEN] = value
        elif what == 13:
            cells[TAIL_SEEN] = value
        elif what == 14:
            cells[CAPACITY if argument & 1 else MASK] = value
        elif what == 15:
            cells[MAX_LENGTH] = value
        elif what == 16:
            cells[MANY] = argument & 1
        elif what == 17:
            cells[TAIL] = cells[HEAD] + argument * 8
        elif what < 22:
            type_id, index, length = bytes_next(port)
            if type_id < DAMAGED:
                return 1  # no message, and not said
            if type_id >= 0:
                if _outside(words, index, length):
                    return 2
                for i in range(length):
                    total += int(octets[index + i])
        elif what == 22:
            bytes_put_back(port)
        elif what == 23:
            bytes_rewind(port)
        elif what == 24:
            bytes_release(port)
        elif what < 27:
            count = bytes_scan(port, table, cells[HEAD], cells[TAIL])
            if not 0 <= count < table.shape[0]:
                return 3
            for i in range(count):
                if table[i, 0] < 0 or _outside(words, table[i, 1], table[i, 2]):
                    return 4
                for k in range(table[i, 2]):
                    total += int(octets[table[i, 1] + k])
        elif what == 27:
            bytes_unblock(port)
        elif what < 30:
            length = value & 0xFFF
            index = bytes_claim(port, length, argument)
            if index >= 0:
                if _outside(words, index, length):
                    return 5
                for i in range(length):
                    octets[index + i] = argument
                bytes_commit(port, index) if what == 28 else bytes_abort(port, index)
        elif what == 30:
            for i in range(offsets.shape[0]):
                offsets[i] = min(i * (value & 127), data.shape[0])
            bytes_write_many(port, data, offsets, types, 0)
        else:
            bytes_commit(port, value)
        if not 0 <= bytes_size(port) <= words.shape[0] << 2:
            return 6
    return 0 if total >= 0 else 7


def forged_broadcast(data, octets, words, cells, state, target):
    """A broadcast. state : a receiver's own. target : room for the longest message."""
    port = BytePort(octets, words, cells)
    _reset(words, cells)
    for i in range(_STATE_WORDS):
        state[i] = 0
    at, total = 0, 0
    while at + STEP <= data.shape[0]:
        what, argument, value = data[at] & 15, int(data[at + 1]), _word(data, at + 2)
        at += STEP
        if what < 2:
            words[argument * 2 % words.shape[0]] = value
        elif what < 4:
            words[argument % 64] = header_of((value >> 32 & 3) - 1, value & 0x1FFF)
        elif what == 4:
            cells[broadcast.TAIL] = value
        elif what == 5:
            cells[broadcast.INTENT] = value
        elif what == 6:
            cells[broadcast.LATEST] = value
        elif what == 7:
            cells[MAX_LENGTH] = value
        elif what == 8:
            cells[CAPACITY if argument & 1 else MASK] = value
        elif what == 9:
            cells[broadcast.TAIL] = cells[broadcast.INTENT] = argument * 8
        elif what == 10:
            broadcast_join(port, state)
        elif what < 13:
            broadcast_send(port, data, 0, min(value & 0xFFF, data.shape[0]), argument)
        else:
            type_id, index, length = broadcast_next(port, state)
            if type_id < DAMAGED:
                return 1
            if type_id >= 0:
                if _outside(words, index, length):
                    return 2
                for i in range(min(length, target.shape[0])):
                    target[i] = octets[index + i]
                    total += int(target[i])
                broadcast_valid(port, state)
    return 0 if total >= 0 else 3
