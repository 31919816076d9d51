"""The note file of an engine: one lane per thread that may write notes, read from any process. Format: disruptor.note_format.

    notes = NoteFile.create(path, name="demo", codes={"wide": {"WIDE": "spread {a} is above {b}"}},
                            lanes=[NoteLane("loop", {0: "wide"})])
    with notes.lane("loop", cells, number=16, sequence=32):     # on the thread that runs the loop
        loop.run()

    for one in NoteReader(path).read():                         # anywhere, at any time, also after the engine has died
        print(one.handler, one.sequence, one.text)

The reader loads neither numba nor anything that writes.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from disruptor.counters_reader import start_ticks
from disruptor.errors import CapacityError, CounterFileError, MemoryMapError
from disruptor.layout import PAGE, next_power_of_two
from disruptor.memory import on_file
from disruptor.note_format import HEAD_SIZE, HEADER, MAGIC, NOTE, VERSION, code_number, say

__all__ = ["Note", "NoteFile", "NoteLane", "NoteReader"]

_SLOTS = 2_048


@attrs.frozen
class NoteLane:
    """A thread that may write notes. handlers : which handler a number in its `number` cell means."""

    thread: str
    handlers: Mapping[int, str]


@attrs.frozen
class Note:
    """A note. time_ns : wall clock. sequence : that the handler had in hand, -1 for none. values : its numbers, 0 to 4."""

    time_ns: int
    thread: str
    handler: str
    sequence: int
    code: str
    values: tuple[int | float, ...]
    text: str


class NoteFile:
    """The engine's end. lost : threads that could not get a lane, because 63 had one."""

    def __init__(self, path: Path, mapping: Any, descriptor: dict[str, Any]) -> None:
        self.path = path
        self._mapping = mapping
        self._lanes = {lane["thread"]: lane["offset"] for lane in descriptor["lanes"]}
        self._mask = descriptor["slots"] - 1
        self.lost = 0

    @classmethod
    def create(
        cls, path: str | os.PathLike, *, name: str, codes: Mapping[str, Mapping[str, str]], lanes: Sequence[NoteLane],
        slots: int = _SLOTS, clock: Any = None,
    ) -> NoteFile:
        """Make the file; one that lies there is replaced.

        codes : handler → {code: text}. slots : notes that a lane keeps, a power of two. clock : a Calibration, measured when
        absent (20 ms). Raises: CapacityError for slots, MemoryMapError when the file system is full.
        """
        if slots < 1 or slots & (slots - 1):
            raise CapacityError(f"notes of '{name}': slots must be a power of two, got {slots}; the next one is {next_power_of_two(slots)}")
        path = Path(path)
        descriptor, size = _describe(name, codes, lanes, slots)
        path.unlink(missing_ok=True)
        mapping = on_file(path, size, create=True)
        mapping.prefault()
        text = json.dumps(descriptor).encode()
        mapping.array(np.uint8, len(text), PAGE)[:] = np.frombuffer(text, np.uint8)
        made = cls(path, mapping, descriptor)
        for offset in made._lanes.values():
            mapping.array(NOTE, slots, offset + HEAD_SIZE)["mark"] = -1
        header = mapping.array(HEADER, 1)[0]
        header["magic"], header["file_size"], header["descriptor_size"] = MAGIC, size, len(text)
        header["pid"], header["pid_start_ticks"] = os.getpid(), start_ticks(os.getpid())
        made.set_clock(_measured() if clock is None else clock)
        header["version"] = VERSION
        return made

    def set_clock(self, clock: Any) -> None:
        """Store a disruptor.clock.Calibration, with which readers turn ticks into times."""
        header = self._mapping.array(HEADER, 1)[0]
        for field in ("base_ticks", "base_realtime_ns", "ns_per_tick"):
            header[field] = getattr(clock, field)

    @contextlib.contextmanager
    def lane(self, thread: str, cells: np.ndarray, *, number: int, sequence: int, python: bool = False) -> Iterator[None]:
        """Let the calling thread write notes into the lane `thread` while this lasts; without such a lane, nowhere.

        cells : int64 words; number, sequence : those that say which handler is at work and what it has in hand. python : it
        runs plain Python, whose way to write is compiled, or loaded, now.
        """
        if thread not in self._lanes:
            yield
            return
        from disruptor import notes
        from disruptor.note_board import put_up, take_down

        if python:
            notes.prepare()
        address = int(cells.ctypes.data)
        up = put_up(self._mapping.address + self._lanes[thread], self._mask, address + 8 * number, address + 8 * sequence)
        self.lost += not up
        try:
            yield
        finally:
            take_down()

    def close(self, *, unlink: bool = False) -> None:
        """Give up the mapping; no thread may be in one of its lanes. unlink : remove the file."""
        self._mapping.close()
        if unlink:
            self.path.unlink(missing_ok=True)


class NoteReader:
    """Another process's end: reads, never locks, works on a dead engine's file and on a copy.

    lost : notes that were overwritten before this reader saw them. written : all notes so far.
    Raises: FileNotFoundError, PermissionError; CounterFileError for a file that is foreign, unfinished, truncated or broken.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.lost = 0
        self._mapping, self._header, self.descriptor = _opened(self.path)
        try:
            self._slots = int(self.descriptor["slots"])
            self._lanes = [self._lane(lane) for lane in self.descriptor["lanes"]]
            self._codes = {
                handler: {int(number): (str(code), str(text)) for number, (code, text) in codes.items()}
                for handler, codes in self.descriptor["codes"].items()
            }
        except (LookupError, TypeError, ValueError, AttributeError, MemoryMapError) as error:
            raise CounterFileError(f"{self.path}: its description does not fit the file: {error!r}") from error
        self._seen = [0] * len(self._lanes)

    @property
    def alive(self) -> bool:
        """Whether the process that wrote the file still runs (by pid and start time)."""
        started = start_ticks(int(self._header["pid"]))
        return started != 0 and started == int(self._header["pid_start_ticks"])

    @property
    def ended(self) -> bool:
        """Whether no thread of that process writes any more: of one that is killed, some go on for a moment after the first has ended."""
        if self.alive:
            return False
        try:
            text = Path(f"/proc/{int(self._header['pid'])}/stat").read_text()
        except OSError:
            return True
        return int(text.rpartition(")")[2].split()[17]) <= 1

    @property
    def handlers(self) -> list[str]:
        """Names of the handlers that declare notes."""
        return list(self._codes)

    @property
    def written(self) -> int:
        """How many notes have been written so far."""
        return sum(int(head[0]) for _, head, _ in self._lanes)

    def read(self) -> list[Note]:
        """Return the notes that are new since the last reading, in the order of their times."""
        found: list[Note] = []
        for place, (lane, head, records) in enumerate(self._lanes):
            end = int(head[0])
            first = max(self._seen[place], end - self._slots)
            wanted = np.arange(first, end)
            copy = records[wanted & (self._slots - 1)]
            whole = (copy["mark"] == wanted) & (records["mark"][wanted & (self._slots - 1)] == wanted)
            self.lost += first - self._seen[place] + int(np.count_nonzero(~whole))
            found.extend(self._note(lane, record) for record in copy[whole])
            self._seen[place] = end
        return sorted(found, key=lambda note: note.time_ns)

    def close(self) -> None:
        """Give up the mapping."""
        self._mapping.close()

    def _lane(self, lane: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
        head = self._mapping.array(np.int64, 1, lane["offset"])
        named = {"thread": str(lane["thread"]), "handlers": {int(n): str(h) for n, h in lane["handlers"].items()}}
        return named, head, self._mapping.array(NOTE, self._slots, lane["offset"] + HEAD_SIZE)

    def _note(self, lane: dict[str, Any], record: Any) -> Note:
        header = self._header
        time_ns = int(header["base_realtime_ns"]) + round((int(record["ticks"]) - int(header["base_ticks"])) * float(header["ns_per_tick"]))
        handler = lane["handlers"].get(int(record["handler"]), "")
        number = int(record["code"])
        code, text = self._codes.get(handler, {}).get(number, (f"{number:08x}", None))
        floats, bits = int(record["floats"]), record["values"][: max(0, min(4, int(record["count"])))]
        values = tuple(float(bit.view(np.float64)) if floats >> i & 1 else int(bit) for i, bit in enumerate(bits))
        said = ", ".join(map(str, values)) if text is None else say(text, list(values))
        return Note(time_ns, lane["thread"], handler, int(record["sequence"]), code, values, said)


def _opened(path: Path) -> tuple[Any, Any, dict[str, Any]]:
    """Map the file and return it with its header and descriptor."""
    try:
        mapping = on_file(path, read_only=True)
    except MemoryMapError as error:
        raise CounterFileError(f"{path}: not a note file: {str(error).removeprefix(f'{path}: ')}") from error
    if mapping.size < HEADER.itemsize:
        raise CounterFileError(f"{path}: not a note file: {mapping.size:,} bytes, its header alone has {HEADER.itemsize:,}")
    header = mapping.array(HEADER, 1)[0]
    if bytes(header["magic"]) != MAGIC:
        what = "unfinished: its engine is starting, or died while it started" if not bytes(header["magic"]) else (
            f"not a note file: it does not begin with '{MAGIC.decode()}'")
        raise CounterFileError(f"{path}: {what}")
    version = int(header["version"])
    if version != VERSION:
        known = "unfinished: its engine is starting, or died while it started" if version == 0 else (
            f"layout version {version}, this reader knows {VERSION}; read it with the release that wrote it")
        raise CounterFileError(f"{path}: {known}")
    if int(header["file_size"]) > mapping.size:
        raise CounterFileError(f"{path}: truncated: {mapping.size:,} of {int(header['file_size']):,} bytes are there")
    try:
        descriptor = json.loads(mapping.array(np.uint8, int(header["descriptor_size"]), PAGE).tobytes())
    except (ValueError, MemoryMapError) as error:
        raise CounterFileError(f"{path}: its description is broken: {error}") from error
    return mapping, header, descriptor


def _describe(
    name: str, codes: Mapping[str, Mapping[str, str]], lanes: Sequence[NoteLane], slots: int
) -> tuple[dict[str, Any], int]:
    """Return (descriptor, file size). The room for the descriptor is taken generously: offsets stand in it."""
    descriptor: dict[str, Any] = {
        "name": name, "slots": slots, "made_ns": time.time_ns(),
        "codes": {handler: {code_number(code): [code, text] for code, text in declared.items()} for handler, declared in codes.items()},
    }
    room = len(json.dumps(descriptor)) + sum(256 + len(json.dumps({**lane.handlers})) for lane in lanes) + len(lanes) * len(max((lane.thread for lane in lanes), key=len, default="")) * 6
    at = PAGE + -(-room // PAGE) * PAGE
    descriptor["lanes"] = []
    for lane in lanes:
        descriptor["lanes"].append({"thread": lane.thread, "offset": at, "handlers": dict(lane.handlers)})
        at += HEAD_SIZE + slots * NOTE.itemsize
    return descriptor, -(-at // PAGE) * PAGE


def _measured() -> Any:
    from disruptor.clock import calibrate

    return calibrate()
