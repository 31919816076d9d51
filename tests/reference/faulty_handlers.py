"""A graph small enough to compile in seconds, with a handler that fails in the way and at the message that it is told.

`ticks` publishes empty frames, `relay` makes a message of each; `faulty` counts, and sums what it counts, until message
`at`. `failing` is a plain Python handler that raises there.
"""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import Any

import attrs

from disruptor.atomics import load_acquire, pause
from disruptor.compiled import compiled
from disruptor.digest import SEED, fold
from disruptor.handler import handler
from disruptor.single_producer import claim
from hydraflow.ingress.base import source

CELLS = 64
FOREVER = {"frames": 1 << 40, "gap": 1_000_000}
_FILE = Path(__file__).resolve()


def topology(folder: Path, *, handler: str = "faulty", ticks: dict[str, Any] | None = None, **planted: Any) -> str:
    """Write the topology; return its path. handler : `faulty` or `failing`; ticks, planted : parameters of the two."""
    ring = {"record": "message", "slots": 1024, "payload": 131_072}
    tree = {
        "version": 1,
        "name": "faulty",
        "instruments": [{"symbol": "X", "tick": "1", "lot": "1"}],
        "sources": [{"name": "ticks", "use": f"{_FILE}:ticks", "into": "frames", "with": ticks or {}}],
        "rings": {
            "frames": {"record": "frame", "slots": 1024, "payload": "16MiB"},
            "decoded": ring,
            "main": {**ring, "sequence": ["decoded"]},
        },
        "handlers": [
            {"name": "relay", "use": f"{_FILE}:relay", "on": "frames", "into": "decoded"},
            {"name": "journal", "use": "journal", "on": "main"},
            {"name": "planted", "use": f"{_FILE}:{handler}", "on": "main", "with": planted},
        ],
        "placement": {"mode": "explicit", "threads": [
            {"name": "core", "stages": ["ticks", "relay", "sequencer", "journal"]}, {"name": "apart", "stages": ["planted"]},
        ]},
    }
    path = folder / f"{handler}-{abs(hash(json.dumps(tree))):x}.yaml"
    path.write_text(json.dumps(tree, indent=1))
    return str(path)


class Fault(enum.IntEnum):
    """What happens at message `at`."""

    NONE = 0
    INDEX = 1  # an element just behind the array
    DIVISION = 2
    LOOP = 3
    WILD = 4  # an element where no memory is


@attrs.frozen(kw_only=True)
class Ticks:
    frames: int = 20_000
    burst: int = 64
    gap: int = 0  # ticks of the time-stamp counter between two bursts


@attrs.frozen(kw_only=True)
class Faulty:
    fault: Fault = Fault.NONE
    at: int = 10_000


@source(params=Ticks, state=[("number", "i8"), ("due", "i8")], max_out={"frames": 64}, virtual=True)
def ticks(state, params, frames, room, now, stamps):
    """Publish a burst of empty frames, one per microsecond of virtual time."""
    published = 0
    if now < state["due"]:
        return 0
    state["due"] = now + params["gap"]
    while published < params["burst"] and published < room:
        if state["number"] >= params["frames"]:
            return published if published > 0 else -1
        frame = claim(frames)
        frame["receive_ns"] = 1_000 * (state["number"] + 1)
        frame["number"] = state["number"]
        frame["payload_position"] = 0
        frame["payload_count"] = 0
        frame["error"] = 0
        frame["source"] = 0
        stamps[(frames.cell["next"] - 1) & frames.cell["mask"]] = now
        state["number"] += 1
        published += 1
    return published


@handler(name="relay", max_out={"decoded": 1}, counters=[("frames", "i8"), ("errors", "i8", (1,)), ("first_error", "i8", (1,))])
def relay(event, counters, decoded):
    """Make a message of a frame."""
    counters["frames"] += 1
    message = claim(decoded)
    message["receive_ns"] = event["receive_ns"]
    message["venue_ns"] = 0
    message["number"] = event["number"]
    message["first_update"] = 0
    message["last_update"] = 0
    message["previous_update"] = 0
    message["payload_position"] = 0
    message["payload_count"] = 0
    message["bid_count"] = 0
    message["kind"] = 2
    message["source"] = 0
    message["symbol"] = 0
    message["flags"] = 0


@compiled
def _digest(state, params):
    return fold(fold(SEED, state["seen"]), state["sum"])


_STATE = [("seen", "i8"), ("sum", "i8"), ("cells", "i8", (CELLS,))]


@handler(name="faulty", params=Faulty, state=_STATE, digest=_digest)
def faulty(event, sequence, state, params):
    """Count; at message `at` do what `fault` says."""
    cells = state["cells"]
    index = sequence & (CELLS - 1)
    divisor = 1
    if sequence == params["at"]:
        if params["fault"] == 1:
            index = CELLS
        elif params["fault"] == 2:
            divisor = 0
        elif params["fault"] == 4:
            index = 1 << 42
        while params["fault"] == 3 and load_acquire(cells, 0) >= 0:
            pause()
    cells[index] += event["number"] // divisor
    state["seen"] += 1
    state["sum"] += cells[index]


@handler(name="failing", jit=False, params=Faulty)
def failing(batch, first_sequence):
    """Raise in the batch that holds message 10,000."""
    if first_sequence <= 10_000 < first_sequence + len(batch):
        raise ValueError("planted")
