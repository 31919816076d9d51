"""The CnC file: what an engine shows of itself, and how other processes read it. Format: disruptor.counters_format.

    file = CounterFile.create(counter_path("demo"), name="demo", cells=["ring.main", "stage.book"],
                              counters={"book": CounterGroup([("gaps", "i8")])}, histograms=["book"])
    file.cells[file.cell("ring.main")]       # what compiled loops get
    CounterReader(path).snapshot()           # in any process, at any time, also after the engine has died

Neither end loads numba.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from disruptor.buckets import BUCKETS
from disruptor.counters_format import (
    CONTROL_CELLS,
    DESCRIPTOR_OFFSET,
    ERROR,
    HEADER,
    MAGIC,
    NAME,
    NOT_ENDED,
    VERSION,
    CounterGroup,
    HandlerEntry,
    cut_text,
)
from disruptor.counters_reader import CounterReader, is_alive, open_file, regions_of, set_control, start_ticks, text_of
from disruptor.errors import CounterFileError
from disruptor.layout import CACHE_PAIR, CELL_WORDS, PAGE
from disruptor.memory import Mapping as MappedMemory
from disruptor.memory import on_file, runtime_folder

__all__ = ["CounterFile", "CounterGroup", "CounterReader", "HandlerEntry", "counter_path", "folder_locked", "set_control"]


def counter_path(name: str, *, create_folder: bool = True) -> Path:
    """Return where the CnC file of the engine `name` lies. Raises: CounterFileError for a name no file can have."""
    if not NAME.fullmatch(name):
        raise CounterFileError(f"'{name}' cannot name an engine: letters, digits, '.', '_' and '-', 60 at most")
    return runtime_folder(create=create_folder) / f"{name}.cnc"


class CounterFile:
    """The engine's end. One per engine; other threads may use everything but `create` and `close`.

    cells : int64[16 × number of cells]; histograms : int64[number, BUCKETS]; both handed to compiled loops.
    """

    def __init__(self, path: Path, mapping: MappedMemory, descriptor: dict[str, Any]) -> None:
        self.path = path
        self.descriptor = descriptor
        self._mapping = mapping
        self._header = mapping.array(HEADER, 1)
        regions = regions_of(mapping, descriptor)
        self.cells, self.histograms, self._errors, self._counters = regions
        self._places = {name: i * CELL_WORDS for i, name in enumerate(descriptor["cells"]["names"])}
        self._rows = {entry["name"]: i for i, entry in enumerate(descriptor["histograms"]["entries"])}
        self._handlers = {entry["name"]: i for i, entry in enumerate(descriptor["handlers"])}
        self._log_mutex = threading.Lock()

    @classmethod
    def create(
        cls,
        path: str | os.PathLike,
        *,
        name: str,
        cells: Sequence[str] = (),
        counters: Mapping[str, CounterGroup | Any] | None = None,
        histograms: Sequence[str] | Mapping[str, str] = (),
        handlers: Sequence[HandlerEntry] = (),
        error_slots: int = 64,
    ) -> CounterFile:
        """Make the file of a new engine; one left behind by a dead engine is replaced.

        cells : names, in order: cell i begins at word 16 i. `control.halt` and `control.kill_switch` are added at the
        end when missing. counters : by name, a CounterGroup or fields. histograms : names, or name → unit ("ticks",
        the default, are shown in ns). handlers : rows of the handler table; their cells must be among `cells`.
        Raises: CounterFileError when an engine that still runs owns the file, or for unknown and doubled names;
        MemoryMapError when the file system is full.
        """
        path = Path(path)
        names = [*cells, *(c for c in CONTROL_CELLS if c not in cells)]
        groups = {key: g if isinstance(g, CounterGroup) else CounterGroup(g) for key, g in (counters or {}).items()}
        units = histograms if isinstance(histograms, Mapping) else dict.fromkeys(histograms, "ticks")
        _refuse_doubles("cell", names)
        _refuse_unknown_cells(handlers, set(names))
        descriptor, size = _describe(names, groups, units, handlers, error_slots)
        with folder_locked(path.parent):
            generation = 1 + _make_way(path)
            mapping = on_file(path, size, create=True)
            mapping.prefault()
            header = mapping.array(HEADER, 1)[0]
            header["magic"] = MAGIC
            text = json.dumps(descriptor).encode()
            mapping.array(np.uint8, len(text), DESCRIPTOR_OFFSET)[:] = np.frombuffer(text, np.uint8)
            header["file_size"] = mapping.size
            header["descriptor_size"] = len(text)
            header["pid"] = os.getpid()
            header["pid_start_ticks"] = start_ticks(os.getpid())
            header["start_wall_ns"] = header["heartbeat_wall_ns"] = time.time_ns()
            header["generation"] = generation
            header["exit_code"] = NOT_ENDED
            header["ns_per_tick"] = 1.0
            header["name"] = cut_text(name, 64)
            header["version"] = VERSION
        return cls(path, mapping, descriptor)

    def cell(self, name: str) -> int:
        """Return the word index of a cell. Raises: CounterFileError naming the cells that exist."""
        return self._find(self._places, "cell", name)

    def counter(self, name: str) -> np.ndarray:
        """Return the counter record `name`: a record array of length 1 in the file."""
        return self._find(self._counters, "counter record", name)

    def histogram(self, name: str) -> np.ndarray:
        """Return the histogram `name`: int64[BUCKETS] in the file."""
        return self.histograms[self.histogram_row(name)]

    def histogram_row(self, name: str) -> int:
        """Return the row of the histogram `name` in `histograms`."""
        return self._find(self._rows, "histogram", name)

    def beat(self, wall_ns: int | None = None) -> None:
        """Say that the engine is alive; a few times a second, from a Python thread."""
        self._header[0]["heartbeat_wall_ns"] = time.time_ns() if wall_ns is None else wall_ns

    def set_phase(self, code: int, text: str = "") -> None:
        """Say what the engine is doing."""
        self._header[0]["phase_text"] = cut_text(text, 256)
        self._header[0]["phase_code"] = code
        self.beat()

    def set_clock(self, calibration: Any) -> None:
        """Store a disruptor.clock.Calibration, with which readers turn ticks into nanoseconds."""
        for field in ("base_ticks", "base_monotonic_ns", "base_realtime_ns", "ns_per_tick"):
            self._header[0][field] = getattr(calibration, field)

    def finish(self, exit_code: int) -> None:
        """Say that the engine has ended by itself, and how."""
        self._header[0]["exit_code"] = exit_code
        self.beat()

    def log_error(self, code: int, text: str, *, handler: str = "", sequence: int = -1, wall_ns: int | None = None) -> None:
        """Count an error; a new (code, handler, text) takes a slot, the last slot takes all that no slot is left for."""
        now = time.time_ns() if wall_ns is None else wall_ns
        place = self._handlers.get(handler, -1)
        content = cut_text(text, 192)
        with self._log_mutex:
            for slot, record in enumerate(self._errors):
                if record["count"] == 0:
                    record["code"], record["handler"], record["sequence"] = code, place, sequence
                    record["text"] = content
                    record["first_ns"] = now
                    break
                if (record["code"], record["handler"], record["text"]) == (code, place, content):
                    break
                if slot == len(self._errors) - 2:  # keep one for "others"
                    code, place, content = -1, -1, b"other errors, not kept apart"
            record["last_ns"] = now
            record["count"] += 1

    def close(self, *, unlink: bool = False) -> None:
        """Give up the mapping; the memory goes when the last array over it is gone. unlink : remove the file."""
        self._mapping.close()
        if unlink:
            self.path.unlink(missing_ok=True)

    def _find(self, places: Mapping[str, Any], kind: str, name: str) -> Any:
        try:
            return places[name]
        except KeyError:
            raise CounterFileError(f"{self.path}: no {kind} '{name}'; known: {', '.join(places) or 'none'}") from None


def _describe(
    names: list[str], groups: dict[str, CounterGroup], units: Mapping[str, str], handlers: Sequence[HandlerEntry], slots: int
) -> tuple[dict[str, Any], int]:
    """Return (descriptor, file size). Two passes: the offsets depend on the descriptor's own length."""
    room = 0
    while True:
        at = _up(DESCRIPTOR_OFFSET + room, PAGE)
        start = {"cells": at}
        at = _up(at + len(names) * CACHE_PAIR, CACHE_PAIR)
        counters = []
        for name, group in groups.items():
            counters.append({"name": name, "offset": at, "fields": group.describe(name)})
            at = _up(at + group.dtype(name).itemsize, CACHE_PAIR)
        start["histograms"] = at
        at += len(units) * BUCKETS * 8
        start["errors"] = at
        at += slots * ERROR.itemsize
        descriptor = {
            "cells": {"offset": start["cells"], "names": names},
            "counters": counters,
            "histograms": {
                "offset": start["histograms"],
                "words": BUCKETS,
                "entries": [{"name": name, "unit": unit} for name, unit in units.items()],
            },
            "errors": {"offset": start["errors"], "slots": slots},
            "handlers": [
                {
                    "name": h.name, "thread": h.thread, "ring": h.ring, "cursor": h.cursor, "source": h.source,
                    "running": h.running, "number": h.number,
                }
                for h in handlers
            ],
        }
        length = len(json.dumps(descriptor))
        if length <= room:
            return descriptor, _up(at, PAGE)
        room = length + 256


@contextlib.contextmanager
def folder_locked(folder: Path) -> Iterator[None]:
    """Let one engine at a time look for a predecessor's file and make its own."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _make_way(path: Path) -> int:
    """Remove the file that a dead engine left; return its generation, 0 when there was none."""
    try:
        _, header = open_file(path, read_only=True)
    except FileNotFoundError:
        return 0
    except CounterFileError as error:
        if "unfinished" not in str(error):
            raise CounterFileError(f"{error}; it will not be overwritten: remove it or choose another name") from None
        path.unlink(missing_ok=True)
        return 0
    if is_alive(header):
        raise CounterFileError(
            f"engine '{text_of(header['name'])}' is already running (pid {int(header['pid'])}, {path});"
            " stop it or give this one another name"
        )
    path.unlink(missing_ok=True)
    return int(header["generation"])


def _refuse_doubles(kind: str, names: Sequence[str]) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise CounterFileError(f"{kind} '{doubled[0]}' is declared twice")


def _refuse_unknown_cells(handlers: Sequence[HandlerEntry], names: set[str]) -> None:
    for entry in handlers:
        for cell in (entry.cursor, entry.source, entry.running):
            if cell and cell not in names:
                raise CounterFileError(f"handler '{entry.name}' names the cell '{cell}', which is not declared")


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit
