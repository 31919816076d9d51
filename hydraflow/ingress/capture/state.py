"""What the capture source is told, what it remembers, what it counts."""

from __future__ import annotations

from typing import Any

import attrs

from disruptor.layout import CELL_WORDS
from hydraflow.ingress.pacing import PACE, prepare_pace

__all__ = [
    "CAPTURE", "CLOSED", "CLOSED_DAMAGED", "CLOSED_WHOLE", "CONSUMED", "COUNTERS", "CaptureParams", "RAW_BYTES_MIN",
    "PROMISED", "RAW_CELLS", "WRITTEN", "prepare",
]

# word indexes into the cells beside the byte ring, each on a pair of cache lines of its own
WRITTEN = 0  # bytes decompressed so far; written by the feed
CONSUMED = CELL_WORDS  # bytes that the step is done with; written by the step
PROMISED = 3 * CELL_WORDS  # paced by recorded time: nothing earlier will come, ns; written by the step
CLOSED = 2 * CELL_WORDS  # 0 while more may come, then CLOSED_WHOLE or CLOSED_DAMAGED; written by the feed
RAW_CELLS = 4 * CELL_WORDS
CLOSED_WHOLE = 1
CLOSED_DAMAGED = 2

RAW_BYTES_MIN = 32 << 20  # a line of 16 MiB, its stamp, and room to write the next


def _field(default: Any, description: str, unit: str, *, minimum: float = 0) -> Any:
    return attrs.field(
        default=default,
        validator=attrs.validators.ge(minimum),
        metadata={"description": description, "unit": unit, "minimum": minimum},
    )


@attrs.frozen(kw_only=True)
class CaptureParams:
    """Parameters of the capture source. Without `speed` and `rate` frames go out as fast as they are taken."""

    path: str = attrs.field(metadata={"description": "file of lines `<receive ns> <json>`: plain, gzip or zstd; stamps in s, ms or µs are told by their size", "unit": "path"})
    burst: int = _field(256, "most frames published per turn of the loop", "frames", minimum=1)
    speed: float = _field(0.0, "multiple of recorded time at which frames go out; 0: not paced by time", "ratio")
    rate: float = _field(0.0, "frames per second; 0: not paced by rate", "1/s")
    buffer_bytes: int = _field(
        128 << 20, "decompressed bytes held; a smaller file is decompressed before the run", "bytes", minimum=RAW_BYTES_MIN
    )


# lines are counted from 1 here and in messages; FRAME.number is line − 1. first_…: line of the first one, 0: none
COUNTERS = [
    ("frames", "i8"),  # published, bad lines included
    ("lines", "i8"),  # blank ones included
    ("bytes", "i8"),  # decompressed
    ("blank_lines", "i8"),
    ("carriage_returns", "i8"),  # lines that ended in CR LF
    ("byte_order_marks", "i8"),
    ("no_stamp", "i8"),
    ("first_no_stamp", "i8"),
    ("oversize", "i8"),
    ("first_oversize", "i8"),
    ("backwards", "i8"),  # a stamp earlier than the one before; the sequencer clamps it
    ("first_backwards", "i8"),
    ("ahead", "i8"),  # a stamp more than an hour ahead that the next line takes back; not believed
    ("first_ahead", "i8"),
    ("truncated_input", "i8"),  # 1 when the compressed file was damaged or cut off
    ("first_truncated", "i8"),
    ("starved_ticks", "i8"),  # time spent waiting for the decompressor
    ("stamp_unit_ns", "i8"),  # of stamps that were no nanoseconds: 10^3, 10^6 or 10^9, by which they were multiplied; else 0
]

CAPTURE = [
    ("position", "i8"),  # bytes: where the next line begins
    ("scanned", "i8"),  # bytes: no line end between `position` and here
    ("line", "i8"),  # index of that line
    ("number", "i8"),  # frames published
    ("receive_ns", "i8"),  # of the frame before
    ("skipping", "i8"),  # 1: inside the rest of an oversize line
    ("unit_ns", "i8"),  # of a stamp: 1, 10^3, 10^6, 10^9; 0 before the first
    ("starved_since", "i8"),  # ticks, 0: not starved
    ("source", "i8"),
    ("pace", PACE),
]


def prepare(state: Any, params: CaptureParams, **context: Any) -> None:
    """Fill the zeroed state record. context : ticks_per_second, source_index (see ingress.base.Source).

    Raises: ConfigurationError for `speed` with `rate`.
    """
    state["source"] = context.get("source_index", 0)
    where = f"capture '{params.path}'"
    prepare_pace(state["pace"], params.speed, params.rate, context.get("ticks_per_second", 1e9), where)
