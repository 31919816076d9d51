"""Reading the CnC file, from any process, at any time. Format: disruptor.counters_format.

Loads neither numba nor anything that writes; see disruptor.counters for the engine's end.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from disruptor.buckets import BUCKETS, summary
from disruptor.counters_format import DESCRIPTOR_OFFSET, ERROR, HEADER, MAGIC, NOT_ENDED, VERSION, dtype_of
from disruptor.errors import CounterFileError, MemoryMapError
from disruptor.layout import CELL_WORDS
from disruptor.memory import Mapping, on_file
from disruptor.record import as_record

if TYPE_CHECKING:
    import os

__all__ = ["CounterReader", "is_alive", "open_file", "regions_of", "set_control", "start_ticks", "text_of"]

_UNFINISHED = "unfinished: its engine is starting, or died while it started"

class CounterReader:
    """Another process's end: maps the file read-only, never locks. Works on a dead engine's file and on a copy.

    Raises: FileNotFoundError, PermissionError; CounterFileError for a file that is foreign, truncated, unfinished or of
    another layout version.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self._mapping, self._header = open_file(self.path, read_only=True)
        self.descriptor = read_descriptor(self.path, self._mapping, self._header)
        try:
            self.cells, self.histograms, self._errors, self._counters = regions_of(self._mapping, self.descriptor)
            self.snapshot()  # whatever is wrong with the description shows here, not in the middle of a later reading
        except (LookupError, TypeError, ValueError, AttributeError, MemoryMapError) as error:
            raise CounterFileError(f"{self.path}: its description does not fit the file: {error!r}") from error

    @property
    def alive(self) -> bool:
        """Whether the process that wrote the file still runs (by pid and start time)."""
        return is_alive(self._header)

    def cell(self, name: str) -> int:
        """Return the value of a cell now. Raises: KeyError."""
        return int(self.cells[self.descriptor["cells"]["names"].index(name) * CELL_WORDS])

    def histogram(self, name: str) -> np.ndarray:
        """Return a copy of the histogram `name`. Raises: KeyError. See disruptor.buckets for what to do with it."""
        names = [entry["name"] for entry in self.descriptor["histograms"]["entries"]]
        if name not in names:
            raise KeyError(name)
        return self.histograms[names.index(name)].copy()

    def snapshot(self) -> dict[str, Any]:
        """Return everything as plain Python values.

        Keys: name, path, pid, alive, generation, started_ns, heartbeat_ns (wall clock), phase {code, text}, exit_code
        (None while it has none), ns_per_tick, control, cells {name: value}, handlers [{name, thread, ring, cursor, lag,
        running}], counters {record: {field: value or list}}, latency_ns {name: summary}, latency_units, errors [..].
        """
        header = self._header
        cells = {name: int(self.cells[i * CELL_WORDS]) for i, name in enumerate(self.descriptor["cells"]["names"])}
        exit_code = int(header["exit_code"])
        return {
            "name": text_of(header["name"]),
            "path": str(self.path),
            "pid": int(header["pid"]),
            "alive": self.alive,
            "generation": int(header["generation"]),
            "started_ns": int(header["start_wall_ns"]),
            "heartbeat_ns": int(header["heartbeat_wall_ns"]),
            "phase": {"code": int(header["phase_code"]), "text": text_of(header["phase_text"])},
            "exit_code": None if exit_code == NOT_ENDED else exit_code,
            "ns_per_tick": float(header["ns_per_tick"]),
            "control": {name.partition(".")[2]: cells[name] for name in cells if name.startswith("control.")},
            "cells": cells,
            "handlers": [self._handler(entry, cells) for entry in self.descriptor["handlers"]],
            "counters": {
                name: {field: array[0][field].tolist() for field in array.dtype.names or ()}
                for name, array in self._counters.items()
            },
            "latency_ns": {name: summary(row, scale) for name, row, scale in self._rows()},
            "errors": [self._error(record) for record in self._errors if record["count"] > 0],
        }

    def close(self) -> None:
        """Give up the mapping."""
        self._mapping.close()

    def _rows(self) -> list[tuple[str, np.ndarray, float]]:
        ns_per_tick = float(self._header["ns_per_tick"])
        entries = self.descriptor["histograms"]["entries"]
        return [
            (entry["name"], self.histograms[i], ns_per_tick if entry["unit"] == "ticks" else 1.0)
            for i, entry in enumerate(entries)
        ]

    def _handler(self, entry: dict[str, Any], cells: dict[str, int]) -> dict[str, Any]:
        cursor = cells.get(entry["cursor"])
        source = cells.get(entry["source"])
        running = None
        names = self.descriptor["cells"]["names"]
        if entry["running"] and cells[entry["running"]] == entry["number"] >= 0:
            place = names.index(entry["running"]) + 1
            running = int(self.cells[place * CELL_WORDS]) if place < len(names) else None
        return {
            "name": entry["name"],
            "thread": entry["thread"],
            "ring": entry["ring"],
            "cursor": cursor,
            "lag": None if cursor is None or source is None else max(0, source - cursor),
            "running": running,
        }

    def _error(self, record: Any) -> dict[str, Any]:
        place = int(record["handler"])
        handlers = self.descriptor["handlers"]
        return {
            "count": int(record["count"]),
            "first_ns": int(record["first_ns"]),
            "last_ns": int(record["last_ns"]),
            "code": int(record["code"]),
            "handler": handlers[place]["name"] if 0 <= place < len(handlers) else None,
            "sequence": int(record["sequence"]),
            "text": text_of(record["text"]),
        }


def set_control(path: str | os.PathLike, name: str, value: int) -> None:
    """Store `value` into the control cell `name` ("halt", "kill_switch", …) of an engine, from outside.

    Works with a wedged ring: it is a store into mapped memory. What looks at the cell is the engine's affair; its loops
    look at "halt" in every turn, a parked one within 10 ms.
    Raises: CounterFileError for an unknown name and what CounterReader raises.
    """
    mapping, header = open_file(Path(path), read_only=False)
    descriptor = read_descriptor(Path(path), mapping, header)
    names = descriptor["cells"]["names"]
    if f"control.{name}" not in names:
        known = ", ".join(n.partition(".")[2] for n in names if n.startswith("control."))
        raise CounterFileError(f"{path}: no control '{name}'; known: {known}")
    regions_of(mapping, descriptor)[0][names.index(f"control.{name}") * CELL_WORDS] = value
    mapping.close()


def regions_of(
    mapping: Mapping, descriptor: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return the arrays (cells, histograms, errors, counters by name) that the descriptor describes."""
    cells = mapping.array(np.int64, len(descriptor["cells"]["names"]) * CELL_WORDS, descriptor["cells"]["offset"])
    place = descriptor["histograms"]
    if place["words"] != BUCKETS:
        raise ValueError(f"histograms of {place['words']} words, this reader knows {BUCKETS}")
    count = len(place["entries"])
    rows = mapping.array(np.int64, count * BUCKETS, place["offset"]).reshape(count, BUCKETS)
    errors = mapping.array(ERROR, descriptor["errors"]["slots"], descriptor["errors"]["offset"])
    counters = {
        entry["name"]: mapping.array(as_record(dtype_of(entry["fields"])), 1, entry["offset"])
        for entry in descriptor["counters"]
    }
    return cells, rows, errors, counters


def open_file(path: Path, *, read_only: bool) -> tuple[Mapping, Any]:
    """Map the file and return it with its header record, after looking whether it is one of ours and whole."""
    try:
        if path.stat().st_size == 0:
            raise CounterFileError(f"{path}: {_UNFINISHED}")
        mapping = on_file(path, read_only=read_only)
    except MemoryMapError as error:
        raise CounterFileError(f"{path}: not a CnC file: {str(error).removeprefix(f'{path}: ')}") from error
    if mapping.size < HEADER.itemsize:
        raise CounterFileError(f"{path}: not a CnC file: {mapping.size:,} bytes, its header alone has {HEADER.itemsize:,}")
    header = mapping.array(HEADER, 1)[0]
    version = int(header["version"])
    if bytes(header["magic"]) != MAGIC:
        if not any(mapping.array(np.uint8, HEADER.itemsize)):
            raise CounterFileError(f"{path}: {_UNFINISHED}")
        raise CounterFileError(f"{path}: not a CnC file: it does not begin with '{MAGIC.decode()}'")
    if version == 0:
        raise CounterFileError(f"{path}: {_UNFINISHED}")
    if version != VERSION:
        raise CounterFileError(
            f"{path}: layout version {version}, this reader knows {VERSION}; read it with the release that wrote it"
        )
    if int(header["file_size"]) > mapping.size:
        raise CounterFileError(f"{path}: truncated: {mapping.size:,} of {int(header['file_size']):,} bytes are there")
    return mapping, header


def read_descriptor(path: Path, mapping: Mapping, header: Any) -> dict[str, Any]:
    try:
        text = mapping.array(np.uint8, int(header["descriptor_size"]), DESCRIPTOR_OFFSET).tobytes()
        return json.loads(text)
    except (ValueError, MemoryMapError) as error:
        raise CounterFileError(f"{path}: its description is broken: {error}") from error


def is_alive(header: Any) -> bool:
    started = start_ticks(int(header["pid"]))
    return started != 0 and started == int(header["pid_start_ticks"])


def start_ticks(pid: int) -> int:
    """Return when process `pid` started, in clock ticks since boot; 0 when there is none, or only its remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    fields = text.rpartition(")")[2].split()  # the command name may hold blanks and brackets
    return 0 if fields[0] in "ZX" else int(fields[19])


def text_of(raw: bytes) -> str:
    return bytes(raw).decode(errors="replace")
