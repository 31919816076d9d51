"""What libFuzzer calls with bytes of its own: the compiled parsers, and checks that what they return makes sense.

Each takes data (uint8[n], in a block of exactly n bytes) and arrays of its own; it returns 0, or a number that says which
promise was broken. Memory that is touched outside of an array is AddressSanitizer's to report.
"""

from disruptor.byte_consumer import (
    bytes_next,
    bytes_put_back,
    bytes_release,
    bytes_rewind,
    bytes_size,
)
from disruptor.byte_layout import CAPACITY, BytePort
from disruptor.byte_producer import bytes_abort, bytes_claim, bytes_commit
from disruptor.codegen import compile_once
from disruptor.compiled import compiled
from disruptor.log import reader
from disruptor.log.format import RECORD_TYPE_DATA, record_size, record_word
from disruptor.log.reader import continued
from disruptor.ring import Port
from handlers.deserialize import on_event
from hydraflow.journal import reader as journal

__all__ = ["byte_ring", "frame", "log"]

KNOWN = 1024  # messages whose lengths are remembered

_deserialize = compile_once(on_event)
scan, valid_record_after, measure, fill = (
    compile_once(getattr(f, "py_func", f)) for f in (reader.scan, reader.valid_record_after, journal.measure, journal.fill)
)


def frame(data, frames, instruments, counters, state, params, messages, levels, cell):
    """A frame of the venue, as `deserialize` gets it; nothing before or behind it belongs to it."""
    event, port = frames[0], Port(messages, levels, cell[0])
    cell[0]["next"] = 0
    cell[0]["payload_next"] = 0
    event["payload_position"] = 0
    event["payload_count"] = data.shape[0]
    before = counters[0]["messages"] + counters[0]["lost"] + counters[0]["errors"].sum()
    _deserialize(event, data, instruments, counters[0], state[0], params[0], port)
    if counters[0]["messages"] + counters[0]["lost"] + counters[0]["errors"].sum() == before:
        return 1  # neither decoded nor counted
    if cell[0]["next"] > 1:
        return 2  # more messages than one
    if cell[0]["payload_next"] > levels.shape[0]:
        return 3  # more units than there are
    if cell[0]["next"] == 0 and cell[0]["payload_next"] != 0:
        return 4  # units of no message
    return 0


def log(data, words, messages, units, cursor, ranges, totals):
    """A segment of a log, as it is, and with every record sealed, so that what is in it is believed."""
    count = data.shape[0] >> 3
    for i in range(count):
        value = 0
        for k in range(8):
            value |= int(data[8 * i + k]) << (8 * k)
        words[i] = value
    begin = words.shape[0] - count  # so that the segment ends where the memory ends
    for i in range(count - 1, -1, -1):
        words[begin + i] = words[i]
    limit = words.shape[0]
    _rewound(cursor, begin)
    scan(words, limit, cursor)
    if not begin <= cursor[0] <= limit:
        return 1
    if count:
        valid_record_after(words, cursor[0], limit, cursor)
    position, sequence, checksum = begin, 0, 0
    while position + 2 <= limit:  # seal
        size = record_size(words[position])
        if size < 16 or size & 7 or position + (size >> 3) > limit:
            break
        words[position] = record_word(size, RECORD_TYPE_DATA)
        words[position + 1] = sequence
        checksum = continued(checksum, words, position, size)
        words[position] |= checksum
        sequence += 1
        position += size >> 3
    _rewound(cursor, begin)
    scan(words, limit, cursor)
    if cursor[0] != position or cursor[3] != sequence or cursor[4] != 8 * (position - begin):
        return 2  # a sealed record is not believed
    ranges[0, 0], ranges[0, 1] = begin, position
    totals[0] = totals[1] = 0
    if measure(words, ranges, totals) == -1:
        if totals[0] * 16 > messages.shape[0] or totals[1] * 2 > units.shape[0]:
            return 3  # more than can lie in so few words
        if fill(words, ranges, messages[: totals[0] * 16], units[: totals[1] * 2]) != totals[1]:
            return 4
    return 0


@compiled
def _rewound(cursor, begin):
    for i in range(8):
        cursor[i] = 0
    cursor[0] = begin


def byte_ring(data, octets, words, cells, lengths):
    """Claims, commits, aborts, reads and releases in the order that the data say; every message must come back, once, whole."""
    port = BytePort(octets, words, cells)
    for i in range(words.shape[0] // 2):
        words[i] = 0
    for i in range(80):
        cells[i] = 0
    cells[99] = data[0] & 1 if data.shape[0] else 0  # MANY
    written, read, given, open_index, open_number = 0, 0, 0, -1, 0
    at = 1
    while at + 1 < data.shape[0]:
        what, argument = data[at] & 15, int(data[at + 1])
        at += 2
        if what < 5 or (what < 7 and open_index < 0):
            length = argument * (8 if what == 4 else 1)
            index = bytes_claim(port, length, written)
            if index >= 0:
                if index + length > octets.shape[0]:
                    return 1  # the place lies outside
                for i in range(length):
                    octets[index + i] = (written * 31 + i) & 255
                lengths[written % KNOWN] = length
                if what < 5:
                    if not bytes_commit(port, index):
                        return 2
                else:
                    open_index, open_number = index, written
                written += 1
            elif index == -1 and bytes_size(port) + length + 16 <= cells[CAPACITY] and length <= cells[98]:
                return 3  # full, though it would fit
        elif what == 5:
            if not bytes_commit(port, open_index):
                return 4
            open_index = -1
        elif what == 6:
            lengths[open_number % KNOWN] = -1
            if not bytes_abort(port, open_index):
                return 5
            open_index = -1
        elif what < 12:
            type_id, index, length = bytes_next(port)
            if type_id >= 0:
                while read < written and lengths[read % KNOWN] < 0:
                    read += 1
                if type_id != read or length != lengths[read % KNOWN] or index + length > octets.shape[0]:
                    return 6  # not the next one
                for i in range(length):
                    if octets[index + i] != (read * 31 + i) & 255:
                        return 7  # not as it was written
                if what == 11:
                    bytes_put_back(port)
                else:
                    read += 1
            elif open_index < 0 and what < 11:
                while read < written and lengths[read % KNOWN] < 0:
                    read += 1
                if read != written:
                    return 8  # lost
        elif what == 12:
            bytes_rewind(port)
            read = given
        else:
            bytes_release(port)
            given = read
        if not 0 <= bytes_size(port) <= cells[CAPACITY]:
            return 9
    return 0
