"""Read a journal back: verify it, load it for a replay, iterate over it for a dump.

Only what the chain of checksums proves is ever returned; a journal whose writer was killed gives its valid beginning.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from disruptor.compiled import compiled, entry
from disruptor.errors import LogError
from disruptor.log import LogReader, Verdict, read
from disruptor.log.format import RECORD_HEADER_BYTES, record_size
from disruptor.memory import anonymous
from hydraflow.codes import Kind
from hydraflow.errors import DataError, InputNotFound
from hydraflow.journal.changes import changed_parameters, stage_name
from hydraflow.journal.header import decode_header, instruments_from_json
from hydraflow.records import INPUT_BYTES, LEVEL, MESSAGE, REPORT, REPORT_UNITS

__all__ = ["JournalReader", "Loaded", "load", "verify"]

HUGE_FROM = 16 << 20  # bytes
_HEADER_WORDS = RECORD_HEADER_BYTES // 8
_INPUT_WORDS = INPUT_BYTES // 8
_MESSAGE_WORDS = MESSAGE.itemsize // 8
_OFFSETS = {name: entry[1] for name, entry in dict(MESSAGE.fields or {}).items()}
_POSITION_WORD = _OFFSETS["payload_position"] // 8
_COUNT_WORD = _OFFSETS["payload_count"] // 8
_INPUT_FIELDS = [name for name, offset in _OFFSETS.items() if offset < INPUT_BYTES]


class Loaded(NamedTuple):
    """A journal in memory. messages : MESSAGE, work part zero, payload_position counting into `units` (LEVEL)."""

    messages: np.ndarray
    units: np.ndarray


def verify(folder: str | os.PathLike) -> Verdict:
    """Walk the whole journal and say what the chain proves. Raises: InputNotFound, DataError (not a journal)."""
    return JournalReader(folder).verdict


def load(folder: str | os.PathLike, until: int | None = None) -> Loaded:
    """Return the messages and payloads of a journal; see JournalReader.load."""
    return JournalReader(folder).load(until)


class JournalReader:
    """A journal on disk, verified when opened; read-only.

    folder : its path; verdict : what the chain proves; header : what the run said about itself.
    Raises: InputNotFound without folder or segments; DataError for what is no journal, or a broken first header.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)
        try:
            self._log: LogReader = read(self.folder)
        except LogError as error:
            if error.errno:
                raise InputNotFound(f"journal {error}", remedy="give the journal's folder: the report of its run names it") from error
            raise DataError(f"journal {error}") from error
        self._ranges = self._log.ranges()
        self._totals = np.zeros(2, np.int64)
        misfit = int(measure(self._log.words, self._ranges, self._totals))
        if misfit >= 0:
            raise DataError(f"journal {self.folder}: record {misfit:,} is no message: its size does not fit its payload")

    @property
    def verdict(self) -> Verdict:
        return self._log.verdict

    @property
    def header(self) -> dict[str, Any]:
        """The header's content; see hydraflow.journal.header. Raises: DataError when it is of another schema."""
        return decode_header(self._log.text)

    @property
    def instruments(self) -> np.ndarray:
        """The INSTRUMENT table of the run."""
        return instruments_from_json(self.header["instruments"])

    @property
    def file_bytes(self) -> int:
        """Length of all segment files together."""
        return self._log.segment_bytes()

    @property
    def segments(self) -> int:
        """Number of segment files that hold messages."""
        return len(self._log.segments)

    def __len__(self) -> int:
        return len(self._log)

    def load(self, until: int | None = None) -> Loaded:
        """Return the first `until` messages (default: all that the chain proves) with their payloads.

        Memory: 128 bytes per message, 16 per level.
        """
        count = len(self) if until is None else max(0, min(until, len(self)))
        messages = _zeros(count, MESSAGE)
        units = _zeros(int(self._totals[1]), LEVEL)
        used = int(fill(self._log.words, self._ranges, messages.view(np.int64), units.view(np.int64)))
        return Loaded(messages, units[:used])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Iterate over the messages as plain data: sequence, kind by name, input fields, payload as pairs or a report.

        Of a stage's timer: `stage`, by name, and how many periods it `missed`; of changed parameters: `parameters`, by name.
        """
        try:
            stages = self.header.get("stages", [])
        except DataError:  # of another schema: numbers stay numbers
            stages = []
        for sequence, body in self._log:
            message = np.zeros(MESSAGE.itemsize // 8, np.int64)
            message[:_INPUT_WORDS] = body[:_INPUT_WORDS]
            yield _described(sequence, message.view(MESSAGE)[0], body[_INPUT_WORDS:], stages)


def _zeros(count: int, dtype: np.dtype) -> np.ndarray:
    """Return zeroed records in mapped memory, with huge pages where there are: first touches are most of the work."""
    if count == 0:
        return np.zeros(0, dtype)
    return anonymous(count * dtype.itemsize, huge=count * dtype.itemsize >= HUGE_FROM).array(dtype, count)


def _described(sequence: int, message: np.void, payload: np.ndarray, stages: list[dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"sequence": sequence}
    for name in _INPUT_FIELDS:
        if name != "payload_position":
            row[name] = int(message[name])
    kind = row["kind"]
    row["kind"] = Kind(kind).name if kind in Kind._value2member_map_ else kind
    if kind == Kind.REPORT and row["payload_count"] == REPORT_UNITS:
        report = payload.view(REPORT)[0]
        row["report"] = {name: int(report[name]) for name in REPORT.names or () if not name.startswith("pad")}
    elif kind == Kind.STAGE_TIMER:
        row |= {"stage": stage_name(row["first_update"], stages), "missed": row["last_update"]}
    elif kind == Kind.PARAMETERS:
        row["parameters"] = changed_parameters(payload.reshape(-1, 2), stages)
    else:
        row["levels"] = payload.reshape(-1, 2).tolist()
    return row


@compiled
def units_of(words, position):
    """Return the payload units that the message at word `position` says it has."""
    return words[position + _HEADER_WORDS + _COUNT_WORD] & 0xFFFFFFFF


@entry
def measure(words, ranges, totals):
    """Count messages and payload units into totals[0], totals[1]; return the first record that is no message, or -1."""
    for r in range(ranges.shape[0]):
        position = ranges[r, 0]
        while position < ranges[r, 1]:
            size = record_size(words[position]) >> 3
            if size < _HEADER_WORDS + _INPUT_WORDS or size != _HEADER_WORDS + _INPUT_WORDS + 2 * units_of(words, position):
                return words[position + 1]
            totals[0] += 1
            totals[1] += units_of(words, position)
            position += size
    return -1


@entry
def fill(words, ranges, messages, units):
    """Copy messages and payloads out of the log; return how many units were copied.

    messages : int64[n × 16], the words of MESSAGE records, zero; units : int64[2 × m], of LEVEL records.
    """
    message, unit = 0, 0
    for r in range(ranges.shape[0]):
        position = ranges[r, 0]
        while position < ranges[r, 1] and message < messages.shape[0]:
            for k in range(_INPUT_WORDS):
                messages[message + k] = words[position + _HEADER_WORDS + k]
            messages[message + _POSITION_WORD] = unit >> 1
            count = 2 * units_of(words, position)
            body = position + _HEADER_WORDS + _INPUT_WORDS
            for k in range(count):
                units[unit + k] = words[body + k]
            unit += count
            message += _MESSAGE_WORDS
            position = body + count
    return unit >> 1
