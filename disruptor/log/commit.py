"""The compiled half of the log writer: take staged records, seal them, write them in blocks, roll segments.

One turn is `step`: gather → commit → perhaps roll. `run_writer` takes turns until it is halted. All of its memory is in
the WRITER record and the arrays it is given; the buffer always begins at a block of the file, and its first bytes are
those of the last, partly filled block, so that each commit rewrites that block with the same bytes in front.
"""

from __future__ import annotations

import errno as errno_codes

from disruptor.atomics import load_acquire, store_release, timestamp
from disruptor.compiled import compiled, entry
from disruptor.layout import record_dtype
from disruptor.log.format import (
    BLOCK,
    CHECKSUM_WORD,
    END_BYTES,
    HEADER_BYTES,
    LOG_MAGIC,
    LOG_VERSION,
    RECORD_HEADER_BYTES,
    RECORD_TYPE_DATA,
    RECORD_TYPE_END,
    chain,
    record_size,
    record_word,
)
from disruptor.log.system import (
    close_file,
    create_file,
    cut_file,
    remove_file,
    reserve,
    sleep_us,
    sync_data,
    sync_folder,
    write_at,
)

__all__ = ["WRITER", "run_writer", "step_writer"]

SLEEP_US_MIN = 50
SLEEP_US_MAX = 1000
GROUP_BYTES = 256 << 10  # without `durable`: wait once for a group of this size before writing less

_EINTR = errno_codes.EINTR
_EIO = errno_codes.EIO
_EPROTO = errno_codes.EPROTO

WRITER = record_dtype(
    [
        ("staged_word", "i8"),  # the cells that it shares with its producer and its engine
        ("consumed_word", "i8"),
        ("durable_word", "i8"),
        ("written_word", "i8"),
        ("error_word", "i8"),
        ("halt_word", "i8"),
        ("mask", "i8"),  # staging capacity − 1, bytes
        ("segment_bytes", "i8"),
        ("record_bytes_max", "i8"),
        ("buffer_bytes", "i8"),  # most bytes to gather for one commit
        ("durable", "i8"),
        ("halt_on_error", "i8"),
        ("flags", "i8"),  # open(2) flags of every segment
        ("sparse", "i8"),  # the file system cannot reserve: segments grow as they are written
        ("run_id", "i8"),
        ("created_ns", "i8"),
        ("folder_fd", "i8"),
        ("fd", "i8"),
        ("next_fd", "i8"),  # the segment prepared ahead, -1 for none
        ("segment", "i8"),
        ("first_sequence", "i8"),  # of the log
        ("sequence", "i8"),  # of the next record
        ("checksum", "i8"),  # of the record before it
        ("taken", "i8"),  # staging position, bytes
        ("block_position", "i8"),  # where the buffer's first byte belongs in the file
        ("filled", "i8"),  # bytes of the buffer in use
        ("full", "i8"),  # the next record does not fit into this segment
        ("records", "i8"),  # on disk
        ("bytes", "i8"),  # of records, sealed
        ("commits", "i8"),
        ("errno", "i8"),
        ("dropped_records", "i8"),
        ("dropped_bytes", "i8"),
        ("unprepared", "i8"),  # the segment that could not be made ahead of need
        ("slowest_ticks", "i8"),  # the longest turn so far: how long the disk has kept the thread
        ("pad", "i8", (5,)),
    ],
    size=320,
)


@compiled
def fail(cells, log, code, position):
    """End the log: note the first errno and its place. Order: release on ERROR; the place is written before."""
    if log["errno"] == 0:
        log["errno"] = code
        word = log["error_word"]
        cells[word + 1] = position
        cells[word + 2] = log["segment"]
        store_release(cells, word, code)


@compiled(inline=False)
def gather(cells, staging, buffer, log):
    """Copy staged records into the buffer, sealing each; stop at the end of staging, buffer or segment."""
    staged = load_acquire(cells, log["staged_word"])
    taken, filled, checksum, sequence = log["taken"], log["filled"], log["checksum"], log["sequence"]
    room = log["segment_bytes"] - END_BYTES - log["block_position"]
    log["full"] = 0
    while taken < staged:
        start = (taken & log["mask"]) >> 3
        word = staging[start]
        size = record_size(word)
        if (
            size < RECORD_HEADER_BYTES or size & 7 or size > log["record_bytes_max"] or size > staged - taken
            or word != record_word(size, RECORD_TYPE_DATA) or staging[start + 1] != sequence
        ):
            fail(cells, log, _EPROTO, log["block_position"] + filled)
            break
        if filled + size > room:
            log["full"] = 1
            break
        if filled + size > log["buffer_bytes"]:
            break
        target = filled >> 3
        for k in range(size >> 3):
            buffer[target + k] = staging[start + k]
        checksum = chain(checksum, buffer, target, size >> 3)
        buffer[target] = word | checksum
        filled += size
        taken += size
        sequence += 1
    log["bytes"] += taken - log["taken"]
    log["taken"], log["filled"], log["checksum"], log["sequence"] = taken, filled, checksum, sequence
    store_release(cells, log["consumed_word"], taken)


@compiled(inline=False)
def commit(cells, buffer, log):
    """Write the buffer in whole blocks, keep its last partial block, publish what is on disk."""
    end = (log["filled"] + BLOCK - 1) // BLOCK * BLOCK
    for k in range(log["filled"] >> 3, end >> 3):
        buffer[k] = 0
    done = 0
    while done < end:
        count = write_at(log["fd"], buffer, done, end - done, log["block_position"] + done)
        if count == -_EINTR:
            continue
        if count <= 0:
            fail(cells, log, -count if count < 0 else _EIO, log["block_position"] + done)
            return
        done += count
    whole = log["filled"] // BLOCK * BLOCK
    for k in range((log["filled"] - whole) >> 3):
        buffer[k] = buffer[(whole >> 3) + k]
    log["block_position"] += whole
    log["filled"] -= whole
    log["commits"] += 1
    log["records"] = log["sequence"] - log["first_sequence"]
    store_release(cells, log["written_word"], log["bytes"])
    store_release(cells, log["durable_word"], log["sequence"] - 1)


@compiled(inline=False)
def prepare(log, name):
    """Make the next segment's file; return 0 or an errno. Its header comes with its first commit."""
    write_name(name, log["segment"] + 1)
    fd = create_file(log["folder_fd"], name, log["flags"])
    if fd < 0:
        return -fd
    code = cut_file(fd, log["segment_bytes"]) if log["sparse"] != 0 else reserve(fd, log["segment_bytes"])
    if code == 0 and log["durable"] != 0:
        code = sync_folder(log["folder_fd"])
    if code < 0:
        close_file(fd)
        remove_file(log["folder_fd"], name)
        return -code
    log["next_fd"] = fd
    return 0


@compiled
def write_name(name, number):
    """Write segment_name(number), zero-terminated."""
    for k in range(6):
        name[5 - k] = 48 + number % 10
        number //= 10
    name[6], name[7], name[8], name[9], name[10] = 46, 104, 102, 106, 0  # .hfj


@compiled(inline=False)
def close_segment(cells, log):
    """Cut the segment to its size and close it. Precondition: all of it is written."""
    size = log["block_position"] + log["filled"]
    code = cut_file(log["fd"], size)
    if code == 0:
        code = sync_data(log["fd"])
    if code < 0:
        fail(cells, log, -code, size)
    close_file(log["fd"])
    log["fd"] = -1


@compiled(inline=False)
def roll(cells, buffer, log, name):
    """Go on in the next segment: its header is put into the buffer. Precondition: all of this one is written."""
    if log["next_fd"] < 0:
        code = prepare(log, name)
        if code != 0:
            fail(cells, log, code, log["block_position"] + log["filled"])
            return
    close_segment(cells, log)
    log["fd"] = log["next_fd"]
    log["next_fd"] = -1
    log["segment"] += 1
    log["block_position"] = 0
    log["filled"] = HEADER_BYTES
    for k in range(HEADER_BYTES >> 3):
        buffer[k] = 0
    buffer[0] = LOG_MAGIC  # the words of HEADER, in order
    buffer[1] = LOG_VERSION
    buffer[2] = HEADER_BYTES
    buffer[3] = log["segment"]
    buffer[4] = log["sequence"]
    buffer[5] = log["run_id"]
    buffer[6] = log["created_ns"]
    buffer[7] = log["segment_bytes"]
    buffer[8] = 0
    buffer[9] = log["checksum"]
    log["checksum"] = chain(log["checksum"], buffer, 0, HEADER_BYTES >> 3)
    buffer[CHECKSUM_WORD] = log["checksum"]


@compiled(inline=False)
def step(cells, staging, buffer, log, name):
    """Take one turn; return the bytes of records taken."""
    before = log["taken"]
    began = timestamp()
    gather(cells, staging, buffer, log)
    if log["errno"] == 0 and log["taken"] > before:
        commit(cells, buffer, log)
    if log["errno"] == 0 and log["full"] != 0:
        roll(cells, buffer, log, name)
    elif log["errno"] == 0 and log["next_fd"] < 0 and 2 * log["block_position"] > log["segment_bytes"]:
        if log["unprepared"] <= log["segment"] and prepare(log, name) != 0:
            log["unprepared"] = log["segment"] + 1  # a refusal is an error only once the segment is needed
    took = timestamp() - began
    if took > log["slowest_ticks"]:
        log["slowest_ticks"] = took
    return log["taken"] - before


@compiled(inline=False)
def drop(cells, staging, log):
    """Take what is staged without writing it, and count it."""
    staged = load_acquire(cells, log["staged_word"])
    taken = log["taken"]
    if staged <= taken:
        return
    log["dropped_bytes"] += staged - taken
    while taken < staged:
        size = record_size(staging[(taken & log["mask"]) >> 3])
        if size < RECORD_HEADER_BYTES:
            break
        taken += size
        log["dropped_records"] += 1
    log["taken"] = staged
    store_release(cells, log["consumed_word"], staged)


@compiled(inline=False)
def finish(cells, buffer, log, name):
    """Write the end record, cut the last segment, remove what was prepared."""
    if log["errno"] == 0:
        at = log["filled"] >> 3
        buffer[at] = record_word(END_BYTES, RECORD_TYPE_END)
        buffer[at + 1] = log["sequence"]
        buffer[at + 2] = log["sequence"] - log["first_sequence"]
        buffer[at + 3] = log["bytes"]
        checksum = chain(log["checksum"], buffer, at, END_BYTES >> 3)
        buffer[at] |= checksum
        log["filled"] += END_BYTES
        commit(cells, buffer, log)
    if log["errno"] == 0:
        close_segment(cells, log)
    if log["fd"] >= 0:
        close_file(log["fd"])
        log["fd"] = -1
    if log["next_fd"] >= 0:
        close_file(log["next_fd"])
        log["next_fd"] = -1
        write_name(name, log["segment"] + 1)
        remove_file(log["folder_fd"], name)


@entry
def step_writer(cells, staging, buffer, logs, name):
    """Take one turn; return the bytes of records taken. For tests that decide when a commit happens."""
    return step(cells, staging, buffer, logs[0], name)


@entry
def run_writer(cells, staging, buffer, logs, name):
    """Take turns until HALT is set and everything staged is written; return 0 or the errno that ended the log.

    cells : int64, shared; staging : int64[2 × capacity / 8], mirrored; buffer : int64, aligned to BLOCK; logs : WRITER[1];
    name : uint8[32], scratch for file names. Blocks; releases the GIL; sleeps at most SLEEP_US_MAX at a time.
    """
    log = logs[0]
    sleep = SLEEP_US_MIN
    waited = False
    while True:
        stopping = load_acquire(cells, log["halt_word"]) > 0
        waiting = load_acquire(cells, log["staged_word"]) - log["taken"]
        if log["errno"] != 0:
            if log["halt_on_error"] != 0:
                break
            drop(cells, staging, log)
            if stopping:
                break
            sleep_us(SLEEP_US_MAX)
        elif waiting > 0 and (log["durable"] != 0 or waiting >= GROUP_BYTES or waited or stopping):
            step(cells, staging, buffer, log, name)
            waited = False
            sleep = SLEEP_US_MIN
        elif stopping:
            break
        else:
            waited = waiting > 0
            if waited:
                sleep = SLEEP_US_MAX
            sleep_us(sleep)
            sleep = min(2 * sleep, SLEEP_US_MAX)
    finish(cells, buffer, log, name)
    return log["errno"]
