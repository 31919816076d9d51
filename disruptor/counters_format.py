"""The format of the CnC file ("counters and control", after Aeron): one mapped file per engine.

    offset        what
    0             HEADER, 1,024 bytes. `version` is written last: 0 means that creation was interrupted
    1,024         descriptor: UTF-8 JSON, `descriptor_size` bytes; says where everything below lies and what it means
    cells         int64, 128 bytes apart: cursors, flags, running marks. Word index = 16 × place in `descriptor.cells`
    counters      records of int64 or float64 fields, each record at a multiple of 128 bytes
    histograms    int64[count, BUCKETS], layout in disruptor.buckets
    errors        ERROR records, one per distinct error; slots are used in order, `count` 0 ends them

All numbers are little endian; offsets are bytes from the start of the file. Every word has one writer. Readers map the
file read-only and never lock: a word is never torn, words beside each other may be from different instants. The file
stays when the engine dies, and a copy reads like the original.
"""

from __future__ import annotations

import re
from typing import Any

import attrs
import numpy as np

from disruptor.errors import CounterFileError, LayoutError
from disruptor.layout import record_dtype

__all__ = [
    "CONTROL_CELLS",
    "DESCRIPTOR_OFFSET",
    "ERROR",
    "HEADER",
    "MAGIC",
    "NAME",
    "NOT_ENDED",
    "VERSION",
    "CounterGroup",
    "HandlerEntry",
    "cut_text",
    "dtype_of",
]

MAGIC = b"disruptor-cnc"
VERSION = 1
DESCRIPTOR_OFFSET = 1024
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
NOT_ENDED = -(1 << 31)  # exit code of an engine that has not ended by itself
CONTROL_CELLS = ("control.halt", "control.kill_switch")  # in every file, to be set from outside

HEADER = record_dtype(
    [
        ("magic", "S16"),
        ("version", "i8"),  # written last
        ("file_size", "i8"),
        ("descriptor_size", "i8"),
        ("pid", "i8"),
        ("pid_start_ticks", "i8"),  # field 22 of /proc/PID/stat: tells this process from a later one of the same pid
        ("start_wall_ns", "i8"),
        ("heartbeat_wall_ns", "i8"),
        ("generation", "i8"),  # 1 + that of the file it replaced
        ("phase_code", "i8"),  # the engine's own; written after the text
        ("exit_code", "i8"),  # NOT_ENDED until it ends by itself
        ("ns_per_tick", "f8"),  # of histograms whose unit is ticks
        ("base_ticks", "i8"),
        ("base_monotonic_ns", "i8"),
        ("base_realtime_ns", "i8"),
        ("name", "S64"),
        ("phase_text", "S256"),
        ("pad", "i8", (72,)),
    ],
    size=DESCRIPTOR_OFFSET,
)

ERROR = record_dtype(
    [
        ("count", "i8"),  # written last
        ("first_ns", "i8"),  # wall clock
        ("last_ns", "i8"),
        ("code", "i8"),
        ("handler", "i8"),  # place in descriptor.handlers, -1 for none
        ("sequence", "i8"),  # of the first occurrence, -1 for none
        ("text", "S192"),
        ("pad", "i8", (2,)),
    ],
    size=256,
)


@attrs.frozen
class CounterGroup:
    """A named record of counters.

    fields : as for record_dtype, each int64 or float64, sub-arrays allowed. labels, units : by field, may be incomplete.
    """

    fields: Any
    labels: dict[str, str] = attrs.field(factory=dict)
    units: dict[str, str] = attrs.field(factory=dict)

    def dtype(self, name: str) -> np.dtype:
        """Return the record dtype. Raises: LayoutError for fields that are neither int64 nor float64."""
        dtype = record_dtype(self.fields, name=f"counters '{name}'")
        for field in dtype.names or ():
            if dtype[field].base not in (np.dtype("i8"), np.dtype("f8")):
                raise LayoutError(f"counters '{name}': field '{field}' must be int64 or float64, got {dtype[field].base}")
        return dtype

    def describe(self, name: str) -> list[dict[str, Any]]:
        """Return the fields as the descriptor holds them."""
        dtype = self.dtype(name)
        return [
            {
                "name": field,
                "offset": dtype.fields[field][1],  # type: ignore[index]
                "type": dtype[field].base.str,
                "shape": list(dtype[field].shape),
                "label": self.labels.get(field, field.replace("_", " ")),
                "unit": self.units.get(field, _unit(field)),
            }
            for field in dtype.names or ()
        ]


@attrs.frozen(kw_only=True)
class HandlerEntry:
    """A row of the handler table. cursor, source, running : names of cells.

    cursor : highest sequence it has finished. source : what it follows (its ring's cursor, or the upstream handler's).
    running : the cell that holds `number` while this handler is at work; the next cell holds the sequence it has in hand.
    """

    name: str
    thread: str = ""
    ring: str = ""
    cursor: str = ""
    source: str = ""
    running: str = ""
    number: int = -1


def dtype_of(fields: list[dict[str, Any]]) -> np.dtype:
    """Return the dtype that `CounterGroup.describe` described. Raises: CounterFileError."""
    try:
        return np.dtype(
            {
                "names": [f["name"] for f in fields],
                "formats": [(f["type"], tuple(f["shape"])) for f in fields],
                "offsets": [f["offset"] for f in fields],
            }
        )
    except (TypeError, ValueError, KeyError) as error:
        raise CounterFileError(f"the description of a counter record is broken: {error}") from error


def cut_text(text: str, size: int) -> bytes:
    """Return the UTF-8 of `text`, at most `size` bytes, never ending inside a character."""
    return text.encode(errors="replace")[:size].decode(errors="ignore").encode()


_UNITS = ("ns", "ticks", "lots", "bytes", "units", "ppm")


def _unit(field: str) -> str:
    last = field.rpartition("_")[2]
    return last if last in _UNITS else ""
