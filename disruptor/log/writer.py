"""From staging memory to segment files: a thread that blocks, never spins, and commits in groups.

A producer copies whole records, checksum bits zero, into the *staging ring* (mirror-mapped bytes) and publishes how far it
has come. The writer's thread seals them (the chain of disruptor.log.format), copying each into an aligned buffer of its
own, and writes that in blocks with O_DIRECT, and O_DSYNC when `durable`; the staging memory is free again before the disk
is touched. Where O_DIRECT is refused the same blocks go through the page cache.

Cells, CACHE_PAIR bytes each, in an int64 array that both sides share (LogWords says which words):

    staged      bytes staged so far            written by the producer, release
    consumed    bytes taken out of staging     the producer may write up to consumed + capacity
    durable     highest sequence on disk       first − 1 before the first; without `durable`: handed to the disk
    written     bytes of records on disk
    error       errno, then byte and segment   0 while all is well
    halt        1: nothing more will be staged; write all of it, the end record, and return

After an error nothing is written any more: what a failed sync left in which state nobody knows. `on_error="halt"`: the
writer stops taking, returns the errno, and its producer is gated; `"continue"`: the log ends there, what comes later is
counted and dropped.

Order: release on staged pairs with the writer's acquire, release on consumed with the producer's; halt is read before
staged.
"""

from __future__ import annotations

import errno as errno_codes
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np

from disruptor.atomics import store_release
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import LogError
from disruptor.layout import CELL_WORDS, PAGE, next_power_of_two
from disruptor.log import system
from disruptor.log.commit import WRITER, run_writer
from disruptor.log.format import (
    BLOCK,
    CHECKSUM_WORD,
    FIRST_SEED,
    RECORD_BYTES_MAX,
    header_words,
    segment_name,
)
from disruptor.memory import Mapping, anonymous
from disruptor.ring import Ring

__all__ = ["LogStatus", "LogWords", "LogWriter"]

MIB = 1 << 20


class LogStatus(NamedTuple):
    """What a writer has done so far. Bytes of records; errno 0 while all is well, with its place.

    slowest_ticks : the longest turn (gather, write, perhaps roll) in ticks of disruptor.atomics.timestamp.
    """

    staged_bytes: int
    consumed_bytes: int
    written_bytes: int
    durable_sequence: int
    records: int
    commits: int
    segments: int
    direct: bool
    errno: int
    error_segment: int
    error_position: int
    dropped_records: int
    slowest_ticks: int


class LogWords(NamedTuple):
    """Which words of `cells` a writer uses; see the module. Each begins a cell of its own."""

    staged: int
    consumed: int
    durable: int
    written: int
    error: int
    halt: int


_STREAM = np.dtype([("payload_position", "i8"), ("payload_count", "i8")])  # a byte stream has no records
_OWN_WORDS = LogWords(*range(0, 6 * CELL_WORDS, CELL_WORDS))


class LogWriter:
    """Owns the folder, the descriptors and the memory of a log that is being written. Starts no thread.

    folder : created here, must not exist: two logs never share one. text : bytes for the header of segment 0.
    staging : a ring whose payload is the byte stream (mirrored uint8); None for a new one of staging_bytes, a power of
    two. cells, words : the int64 cells shared with producer and engine; None for own ones.
    segment_bytes : reserved on disk for each segment. record_bytes_max : largest record that will be staged.
    durable : each commit waits for the device. on_error : "halt" or "continue". direct : try O_DIRECT.
    Raises: LogError (with errno) when folder or first segment cannot be made.

        writer = LogWriter(folder, text=b"{}")
        thread = Thread(target=writer.run)      # returns 0 or an errno once stopped
        …; writer.stop(); thread.join(); writer.close()
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        text: bytes = b"",
        staging: Any = None,
        cells: np.ndarray | None = None,
        words: LogWords | None = None,
        staging_bytes: int = 16 * MIB,
        segment_bytes: int = 64 * MIB,
        record_bytes_max: int = MIB,
        durable: bool = False,
        on_error: str = "halt",
        first_sequence: int = 0,
        direct: bool = True,
        run_id: int | None = None,
        created_ns: int | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._memory: list[Mapping] = []
        if cells is None:
            words = _OWN_WORDS
            self._memory.append(anonymous(len(words) * CELL_WORDS * 8))
            cells = self._memory[-1].array(np.int64)
        if words is None:
            raise LogError("shared cells need `words`: which of them are this writer's")
        self.cells = cells
        self.words = words
        if staging is not None:
            staging_bytes = len(staging.payload) // 2
        _check_sizes(staging_bytes, segment_bytes, record_bytes_max, len(text), on_error)
        self.staging = Ring("staging", _STREAM, 1, payload=(np.uint8, staging_bytes)) if staging is None else staging
        buffer_bytes = max(MIB, _blocks(record_bytes_max)) + 2 * BLOCK
        self._memory.append(anonymous(buffer_bytes + WRITER.itemsize + PAGE))
        self._buffer = self._memory[-1].array(np.int64, buffer_bytes // 8)
        self._log = self._memory[-1].array(WRITER, 1, offset=buffer_bytes)
        self._name = np.zeros(32, np.uint8)
        self._running = self._finished = self._closed = False
        self._last: LogStatus
        log = self._log[0]
        for name, word in words._asdict().items():
            log[f"{name}_word"] = word
            cells[word] = 0
        cells[words.durable] = first_sequence - 1
        log["mask"] = staging_bytes - 1
        log["segment_bytes"] = segment_bytes
        log["record_bytes_max"] = record_bytes_max
        log["buffer_bytes"] = buffer_bytes - BLOCK
        log["durable"] = durable
        log["halt_on_error"] = on_error == "halt"
        log["sequence"] = first_sequence
        log["first_sequence"] = first_sequence
        log["run_id"] = int.from_bytes(os.urandom(8), "little", signed=True) if run_id is None else run_id
        log["created_ns"] = time.time_ns() if created_ns is None else created_ns
        log["fd"] = log["next_fd"] = -1
        self._create(text, direct)

    def compile(self) -> None:
        """Compile the writer's loop now, so that `run` starts at once."""
        if JIT_ENABLED:
            run_writer.compile(tuple(numba.typeof(a) for a in self._arguments()))

    def run(self) -> int:
        """Write until stopped and everything staged is on disk; return 0 or the errno that ended the log. Blocks."""
        self._running = True
        try:
            return int(run_writer(*self._arguments()))
        finally:
            self._running, self._finished = False, True

    def stop(self) -> None:
        """Say that nothing more will be staged; `run` returns when all of it is written."""
        store_release(self.cells, self.words.halt, 1)

    def status(self) -> LogStatus:
        """Return what the writer has done so far."""
        cells, words, log = self.cells, self.words, self._log[0]
        return LogStatus(
            int(cells[words.staged]),
            int(cells[words.consumed]),
            int(cells[words.written]),
            int(cells[words.durable]),
            int(log["records"]),
            int(log["commits"]),
            int(log["segment"]) + 1,
            bool(log["flags"] & os.O_DIRECT),
            int(cells[words.error]),
            int(cells[words.error + 2]),
            int(cells[words.error + 1]),
            int(log["dropped_records"]),
            int(log["slowest_ticks"]),
        )

    def error_text(self) -> str:
        """Return a sentence about the failed write, or "" while all is well."""
        status = self.status()
        if not status.errno:
            return ""
        place = f"{self.folder / segment_name(status.error_segment)}, byte {status.error_position:,}"
        return f"cannot write the log ({place}): {os.strerror(status.errno)}; {status.records:,} records before it are intact"

    def close(self) -> LogStatus:
        """Finish the log if `run` has not, sync the folder, give up descriptors and memory. Again: only the status.

        Raises: LogError while `run` is still at work: stop and join its thread first.
        """
        if self._closed:
            return self._last
        if self._running:
            raise LogError(f"{self.folder}: the writer still runs; stop it and join its thread before closing")
        if not self._finished:
            self.stop()
            self.run()
        self._last = self.status()
        os.fsync(self._folder_fd)
        os.close(self._folder_fd)
        self._closed = True
        return self._last

    def abandon(self) -> None:
        """Give up descriptors without finishing the log: it stays without its end record, or its folder goes.

        Raises: LogError while `run` is still at work.
        """
        if self._closed:
            return
        if self._running:
            raise LogError(f"{self.folder}: the writer still runs; stop it and join its thread before closing")
        self._last = self.status()
        for field in ("fd", "next_fd"):
            if self._log[0][field] >= 0:
                os.close(int(self._log[0][field]))
                self._log[0][field] = -1
        os.close(self._folder_fd)
        self._closed = True

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _arguments(self) -> tuple[np.ndarray, ...]:
        return self.cells, self.staging.payload.view(np.int64), self._buffer, self._log, self._name

    def _create(self, text: bytes, direct: bool) -> None:
        """Make the folder and segment 0 with its header."""
        segment = segment_name(0)
        try:
            self.folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            raise LogError(f"{self.folder} exists already: two logs never share a folder", errno_codes.EEXIST) from None
        except OSError as error:
            raise _refused(f"cannot create the folder {self.folder}", error) from error
        self._folder_fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._log[0]["folder_fd"] = self._folder_fd
        log = self._log[0]
        size = int(log["segment_bytes"])
        words = header_words(
            segment=0, first_sequence=int(log["sequence"]), run_id=int(log["run_id"]), created_ns=int(log["created_ns"]),
            segment_bytes=size, seed=FIRST_SEED, text=text,
        )
        base_flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | (os.O_DSYNC if log["durable"] else 0)
        try:
            log["fd"], log["flags"] = self._open_first(segment, base_flags, direct, words)
            log["fd"] = self._reserve(int(log["fd"]), size)
            os.fsync(self._folder_fd)
        except OSError as error:
            self._abandon(segment)
            raise _refused(f"cannot create {self.folder / segment} of {size:,} bytes", error) from error
        log["checksum"] = words[CHECKSUM_WORD]
        log["block_position"] = len(words) * 8

    def _open_first(self, segment: str, flags: int, direct: bool, words: np.ndarray) -> tuple[int, int]:
        """Create segment 0 and write its header; without O_DIRECT where it is refused. Returns descriptor and flags."""
        mapping = anonymous(words.nbytes)
        aligned = mapping.array(np.uint8, words.nbytes)
        aligned[:] = words.view(np.uint8)
        for attempt in (flags | os.O_DIRECT, flags) if direct else (flags,):
            fd = -1
            try:
                fd = os.open(segment, attempt, 0o600, dir_fd=self._folder_fd)
                _write_all(fd, aligned)
                return fd, attempt
            except OSError as error:
                if fd >= 0:
                    os.close(fd)
                    os.unlink(segment, dir_fd=self._folder_fd)
                elif attempt != flags and os.path.exists(self.folder / segment):
                    os.unlink(segment, dir_fd=self._folder_fd)  # some file systems create it before they refuse
                if attempt == flags or error.errno != errno_codes.EINVAL:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _reserve(self, fd: int, size: int) -> int:
        log = self._log[0]
        code = system.reserve(fd, size)
        log["sparse"] = -code in (errno_codes.EINVAL, errno_codes.EOPNOTSUPP)
        if code < 0 and not log["sparse"]:
            os.close(fd)
            raise OSError(-code, os.strerror(-code))
        if log["sparse"]:
            os.ftruncate(fd, size)
        return fd

    def _abandon(self, segment: str) -> None:
        """Leave nothing half-made behind."""
        for undo in (lambda: os.unlink(segment, dir_fd=self._folder_fd), lambda: os.rmdir(self.folder)):
            try:
                undo()
            except OSError:
                pass
        os.close(self._folder_fd)
        self._closed = True
        self._last = self.status()


def _check_sizes(staging: int, segment: int, record: int, text: int, on_error: str) -> None:
    if staging != next_power_of_two(staging) or staging < BLOCK:
        raise LogError(f"staging_bytes must be a power of two >= {BLOCK:,}, got {staging:,}; try {next_power_of_two(staging):,}")
    if record % 8 or not 16 <= record <= min(RECORD_BYTES_MAX, staging):
        raise LogError(
            f"record_bytes_max must be a multiple of 8 from 16 to {min(RECORD_BYTES_MAX, staging):,}, got {record:,}"
        )
    least = BLOCK + _blocks(text) + _blocks(record) + BLOCK
    if segment % BLOCK or segment < least:
        raise LogError(
            f"segment_bytes must be a multiple of {BLOCK:,} and >= {least:,} (header, text, one record), got {segment:,}"
        )
    if on_error not in ("halt", "continue"):
        raise LogError(f"on_error must be 'halt' or 'continue', got {on_error!r}")


def _blocks(size: int) -> int:
    return (size + BLOCK - 1) // BLOCK * BLOCK


def _write_all(fd: int, data: np.ndarray) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data.data[done:], done)


def _refused(what: str, error: OSError) -> LogError:
    advice = {
        errno_codes.ENOSPC: "make room on that disk, choose another folder or a smaller segment",
        errno_codes.EFBIG: "raise `ulimit -f` or choose a smaller segment",
        errno_codes.EDQUOT: "the quota is used up; make room or choose another folder",
        errno_codes.EACCES: "choose a folder that you may write",
        errno_codes.EROFS: "choose a folder on a file system that can be written",
    }.get(error.errno or 0, "choose another folder")
    return LogError(f"{what}: {error.strerror}; {advice}", error.errno or 0)
