"""When a frame may go out: flat out, at its recorded time × speed, or at a fixed rate.

The *planned* stamp of a frame depends on the frame alone, never on when the loop came round to it, and it is what latency
is measured from: a late engine shows as latency, not as a slower source (no coordinated omission).

`pace` is a record of PACE fields, nested in the source's state. Ticks are those of `now` (time-stamp counter).
"""

from __future__ import annotations

from typing import Any

from disruptor.compiled import compiled
from hydraflow.errors import ConfigurationError

__all__ = ["FIXED", "FLAT_OUT", "PACE", "RECORDED", "plan", "prepare_pace", "promise"]

FLAT_OUT = 0
RECORDED = 1
FIXED = 2

_FAR_TICKS = 4e18  # a corrupt stamp must not overflow int64

PACE = [
    ("mode", "i8"),  # FLAT_OUT, RECORDED or FIXED
    ("started", "i8"),  # 1 once the first frame was planned
    ("start_ticks", "i8"),  # when the first frame was planned
    ("origin_ns", "i8"),  # RECORDED: receive_ns of the first frame
    ("last_ticks", "i8"),  # planned stamp of the frame before: plans never go backwards
    ("scale", "f8"),  # RECORDED: ticks per recorded nanosecond; FIXED: ticks per frame
]


def prepare_pace(pace: Any, speed: float, rate: float, ticks_per_second: float, where: str) -> None:
    """Fill a PACE record. speed : multiple of recorded time, 0 for none; rate : frames per second, 0 for none.

    Raises: ConfigurationError when both are given.
    """
    if speed and rate:
        raise ConfigurationError(
            f"'speed' ({speed:g}) and 'rate' ({rate:g}) exclude each other", where=where, remedy="give one of them"
        )
    pace["mode"] = RECORDED if speed else FIXED if rate else FLAT_OUT
    pace["scale"] = ticks_per_second / 1e9 / speed if speed else ticks_per_second / rate if rate else 0.0


@compiled
def plan(pace, number, receive_ns, now):
    """Return the planned stamp in ticks of frame `number` (0-based); the first call fixes the start. Flat out: now.

    Calling it again for the same frame gives the same answer, so a frame that is not due yet is simply asked for later.
    """
    if pace["mode"] == FLAT_OUT:
        return now
    if pace["started"] == 0:
        pace["started"] = 1
        pace["start_ticks"] = now
        pace["last_ticks"] = now
        pace["origin_ns"] = receive_ns
    if pace["mode"] == RECORDED:
        offset = pace["scale"] * (receive_ns - pace["origin_ns"])
    else:
        offset = pace["scale"] * number
    planned = pace["start_ticks"] + int(min(offset, _FAR_TICKS))
    if planned < pace["last_ticks"]:
        return pace["last_ticks"]
    pace["last_ticks"] = planned
    return planned


@compiled
def promise(pace, receive_ns, planned, now):
    """Return the recorded time that it is now, while a frame with that stamp waits until `planned`; 0 when time is not recorded.

    It is below the frame's own stamp, so whoever hears of it knows that nothing earlier will come.
    """
    if pace["mode"] != RECORDED:
        return 0
    return receive_ns - int(min((planned - now) / pace["scale"], _FAR_TICKS))
