"""Open, verify and walk a log: one that ended well, one whose writer was killed, one that is damaged.

Segments are mapped one after another, so that compiled code walks a whole log as one int64 array. Only what the chain
proves is ever handed out: reading stops at the first record whose checksum, sequence or size fails.

How a log ends (`Verdict.end`):

    clean     the end record is there, and nothing but zeros behind it
    open      nothing but zeros behind the last record: the writer was killed, or is still at work
    torn      something that is no record of this log: a commit that the machine did not survive, or a damaged tail
    corrupt   damage in the middle: valid records or segments follow it; or a header is broken
    foreign   not a log, or of another version
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np

from disruptor.compiled import compiled, entry
from disruptor.errors import LogError
from disruptor.log.format import (
    BLOCK,
    CHECKSUM_WORD,
    END_BYTES,
    FIRST_SEED,
    HEADER,
    HEADER_BYTES,
    LOG_MAGIC,
    LOG_VERSION,
    RECORD_HEADER_BYTES,
    RECORD_TYPE_DATA,
    RECORD_TYPE_END,
    SEGMENT_SUFFIX,
    chain,
    chain_words,
    record_size,
    record_type,
    record_word,
    segment_name,
)
from disruptor.memory import concatenated

__all__ = ["LogReader", "Record", "Segment", "Verdict", "read"]

# Why a walk stopped
_LIMIT, _ENDED, _ZERO, _SIZE, _SEQUENCE, _CHECKSUM = 0, 1, 2, 3, 4, 5
_WHY = {
    _SIZE: "a record size that cannot be",
    _SEQUENCE: "a record out of sequence",
    _CHECKSUM: "a record whose checksum does not continue the chain",
}
_NAME = re.compile(rf"(\d{{6,}}){re.escape(SEGMENT_SUFFIX)}")


@attrs.frozen
class Segment:
    """One file. start, size : bytes, in the mapped whole; begin, end : words of its valid records in `LogReader.words`."""

    number: int
    path: Path
    start: int
    size: int
    first_sequence: int
    begin: int
    end: int


@attrs.frozen
class Verdict:
    """What verification found. `verified`: every byte of the log is accounted for and it ended cleanly.

    records, bytes : that the chain proves, and their size on disk with headers; last_sequence : of the last one.
    error : "" or a sentence; segment, position : file and byte where the first damage is, -1 for none.
    """

    records: int
    bytes: int
    last_sequence: int
    verified: bool
    end: str
    error: str = ""
    segment: int = -1
    position: int = -1


class Record(NamedTuple):
    """One record: its sequence and its body, a read-only view of the mapped file as int64 words."""

    sequence: int
    body: np.ndarray


def read(folder: str | os.PathLike) -> LogReader:
    """Open the log in `folder` and verify it. Raises: LogError when there is no log, or none of this version."""
    return LogReader(folder)


class LogReader:
    """A log on disk, verified when opened; read-only.

    folder : its path; text : what the engine put into the header; segments : the files; verdict : see Verdict.
    words : int64, the mapped files; Segment.begin and .end say where in it valid records lie.
    Raises: LogError with errno ENOENT without folder or segments, errno 0 for a first header that is foreign or broken.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)
        paths = _segment_paths(self.folder)
        try:
            self._mapping, starts, sizes = concatenated(paths)
        except OSError as error:
            raise LogError(f"{error.filename}: {error.strerror}", error.errno or 0) from error
        self.words = self._mapping.array(np.int64)
        self.words.flags.writeable = False
        self.segments: list[Segment] = []
        self.text = b""
        self.run_id = 0
        self.created_ns = 0
        self.first_sequence = 0
        self.verdict = self._verify(list(zip(paths, starts, sizes, strict=True)))

    def __len__(self) -> int:
        return self.verdict.records

    def __iter__(self) -> Iterator[Record]:
        """Iterate over the records that the chain proves, in order."""
        for segment in self.segments:
            position = segment.begin
            while position < segment.end:
                count = int(record_size(int(self.words[position]))) >> 3
                body = self.words[position + RECORD_HEADER_BYTES // 8 : position + count]
                yield Record(int(self.words[position + 1]), body)
                position += count

    def ranges(self) -> np.ndarray:
        """Return int64[segments, 2]: first word and one past the last of the valid records, for compiled walks."""
        return np.array([(s.begin, s.end) for s in self.segments], np.int64).reshape(-1, 2)

    def segment_bytes(self) -> int:
        """Return the length of all files together."""
        return sum(s.size for s in self.segments)

    def _verify(self, files: list[tuple[Path, int, int]]) -> Verdict:
        """Walk everything; fill `segments`, `text` and the rest from what the chain proves."""
        cursor = np.zeros(8, np.int64)  # position, sequence, checksum, records, bytes, last size, -, -
        cursor[2] = FIRST_SEED
        for number, (path, start, size) in enumerate(files):
            header, trouble = self._header(number, start, size, cursor)
            if header is None:
                if number == 0:
                    raise LogError(f"{path}: {trouble}")
                if not self.words[start // 8 : (start + size + 7) // 8].any():
                    break  # prepared ahead, never used
                return self._verdict(cursor, "corrupt", f"{path.name}: {trouble}", number, 0)
            cursor[0] = begin = start // 8 + int(header["header_bytes"]) // 8
            stop = scan(self.words, (start + size) // 8, cursor)
            position = int(cursor[0])
            self.segments.append(Segment(number, path, start, size, int(header["first_sequence"]), begin, position))
            last = number == len(files) - 1
            offset = position * 8 - start
            if stop == _ENDED:
                behind = offset + END_BYTES
                if self._nothing(start + behind, start + size) and self._unused(files[number + 1 :]):
                    return self._verdict(cursor, "clean")
                return self._verdict(cursor, "corrupt", f"{path.name}: something follows the end record", number, behind)
            if not self._nothing(start + offset, start + size):
                follows = not last and not self._unused(files[number + 1 :])
                follows = follows or bool(valid_record_after(self.words, position, (start + size) // 8, cursor))
                end = "corrupt" if follows else "torn"
                why = _WHY.get(stop, "bytes that are no record")
                return self._verdict(cursor, end, f"{path.name}, byte {offset:,}: {why}", number, offset)
        return self._verdict(cursor, "open", "no end record: the writer was killed, or is still at work")

    def _header(self, number: int, start: int, size: int, cursor: np.ndarray) -> tuple[Any, str]:
        """Return the header of a segment if it continues the chain (whose checksum is advanced), else None and why."""
        if size < HEADER_BYTES:
            return None, f"{size:,} bytes are less than a header"
        words = self.words[start // 8 : (start + size) // 8]
        header = words[: HEADER.itemsize // 8].view(HEADER)[0]
        if header["magic"] != LOG_MAGIC:
            return None, "not a segment of a log"
        if header["version"] != LOG_VERSION:
            return None, f"log version {header['version']}; this program reads version {LOG_VERSION}"
        length = int(header["header_bytes"])
        if length % BLOCK or not HEADER_BYTES <= length <= size:
            return None, "the header's length cannot be"
        sealed = words[: length // 8].copy()
        sealed[CHECKSUM_WORD] = 0
        checksum = chain_words(int(cursor[2]), sealed, 0, len(sealed))
        if header["checksum"] != checksum or header["seed"] != cursor[2]:
            return None, "the header's checksum does not continue the chain"
        if header["segment"] != number or (number and header["first_sequence"] != cursor[1]):
            return None, f"segment {header['segment']} stands where segment {number} belongs"
        if number == 0:
            self.run_id, self.created_ns = int(header["run_id"]), int(header["created_ns"])
            self.first_sequence = int(header["first_sequence"])
            self.text = words.view(np.uint8)[HEADER_BYTES : HEADER_BYTES + int(header["text_bytes"])].tobytes()
            cursor[1] = header["first_sequence"]
        cursor[2] = checksum
        return header, ""

    def _nothing(self, begin: int, end: int) -> bool:
        """Return whether bytes [begin, end) of the mapped whole are zeros."""
        return not self.words.view(np.uint8)[begin:end].any()

    def _unused(self, files: list[tuple[Path, int, int]]) -> bool:
        return all(self._nothing(start, start + size) for _, start, size in files)

    def _verdict(self, cursor: np.ndarray, end: str, error: str = "", segment: int = -1, position: int = -1) -> Verdict:
        return Verdict(
            int(cursor[3]), int(cursor[4]), int(cursor[1]) - 1, end == "clean", end, error, segment, position,
        )


def _segment_paths(folder: Path) -> list[Path]:
    """Return the segment files in order. Raises: LogError for a missing folder, no segments, a gap in the numbers."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise LogError(f"{folder}: {error.strerror}", error.errno or 0) from error
    numbers = sorted(int(m[1]) for m in map(_NAME.fullmatch, names) if m)
    if not numbers:
        raise LogError(f"{folder}: no segment files (000000{SEGMENT_SUFFIX}, …); not a log", 2)
    missing = next((k for k, number in enumerate(numbers) if number != k), None)
    if missing is not None:
        raise LogError(f"{folder}: segment {segment_name(missing)} is missing")
    return [folder / segment_name(number) for number in numbers]


@entry
def scan(words, limit, cursor):
    """Walk one segment's records from word cursor[0] to `limit`; return why it stopped.

    words : int64; cursor : int64[8]: position (word), next sequence, checksum, records, bytes; advanced over valid
    records only, so that afterwards position is the first word that is not proved.
    """
    position, sequence, checksum = cursor[0], cursor[1], cursor[2]
    first_position, first_sequence = position, sequence
    stop = _LIMIT
    while position + RECORD_HEADER_BYTES // 8 <= limit:
        word = words[position]
        size = record_size(word)
        if word == 0 and words[position + 1] == 0:
            stop = _ZERO
            break
        if size < RECORD_HEADER_BYTES or size & 7 or position + (size >> 3) > limit:
            stop = _SIZE
            break
        if words[position + 1] != sequence:
            stop = _SEQUENCE
            break
        sealed = continued(checksum, words, position, size)
        if sealed != word & 0xFFFFFFFF:
            stop = _CHECKSUM
            break
        if record_type(word) == RECORD_TYPE_END and size == END_BYTES:
            stop = _ENDED
            break
        if record_type(word) != RECORD_TYPE_DATA:
            stop = _SIZE
            break
        checksum = sealed
        sequence += 1
        position += size >> 3
    cursor[0], cursor[1], cursor[2] = position, sequence, checksum
    cursor[3] += sequence - first_sequence
    cursor[4] += (position - first_position) << 3
    return stop


@compiled
def continued(checksum, words, position, size):
    """Return the checksum of the record at `position`, continued from `checksum`."""
    word = words[position]
    one = chain_word(checksum, record_word(record_size(word), record_type(word)))
    return chain(one, words, position + 1, (size >> 3) - 1)


@compiled
def chain_word(checksum, word):
    """Return `checksum` continued over one word."""
    from_word = (word,)
    return chain(checksum, from_word, 0, 1)


@entry
def valid_record_after(words, position, limit, cursor):
    """Return whether two records that prove each other lie after the damage at `position`: so it is not a torn tail.

    A record's own checksum is the seed of the next: no need to know what was lost between.
    """
    for start in range(position + 1, limit - 3):
        sequence = words[start + 1]
        if sequence < cursor[1] or sequence > cursor[1] + (limit - position):
            continue
        size = record_size(words[start])
        following = start + (size >> 3)
        if size < RECORD_HEADER_BYTES or size & 7 or following + 2 > limit or words[following + 1] != sequence + 1:
            continue
        length = record_size(words[following])
        if length < RECORD_HEADER_BYTES or length & 7 or following + (length >> 3) > limit:
            continue
        if continued(words[start] & 0xFFFFFFFF, words, following, length) == words[following] & 0xFFFFFFFF:
            return True
    return False
