"""A graph whose handler fails at many messages, in the ways that it is told, and another behind it that sees what becomes of that.

`guarded` writes `signal` and a note now and then; `watcher` adds up what it sees. Built on the graph of faulty_handlers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from disruptor.compiled import compiled
from disruptor.digest import SEED, fold
from disruptor.handler import handler
from disruptor.notes import note
from tests.reference import faulty_handlers

CELLS = 64
_FILE = Path(__file__).resolve()


def topology(folder: Path, *, on_error: str | None = None, handler: str = "guarded", ticks: dict[str, Any] | None = None,
             **planted: Any) -> str:
    """Write the topology; return its path. handler : `guarded` or `raising`; planted : its parameters."""
    path = Path(faulty_handlers.topology(folder, ticks=ticks))
    tree = json.loads(path.read_text())
    path.unlink()
    stage = {"name": "planted", "use": f"{_FILE}:{handler}", "on": "main", "with": planted}
    if on_error is not None:
        stage["on_error"] = on_error
    tree["handlers"][2:] = [stage, {"name": "watcher", "use": f"{_FILE}:watcher", "on": "main", "after": ["planted"]}]
    threads = tree["placement"]["threads"]
    threads[1]["stages"] = ["planted"]
    threads.append({"name": "behind", "stages": ["watcher"]})
    path = folder / f"{handler}-{abs(hash(json.dumps(tree))):x}.yaml"
    path.write_text(json.dumps(tree, indent=1))
    return str(path)


@attrs.frozen(kw_only=True)
class Planted:
    """Faults at messages whose number leaves `rest` when it is divided by `every`."""

    every: int = 1_000
    rest: int = 7
    division: bool = False
    status: int = 0
    index: bool = False
    overflow: bool = False


@compiled
def divided(number, divisor):
    return number // divisor


@compiled
def digest(state, params):
    return fold(fold(fold(SEED, state["seen"]), state["sum"]), state["cells"][1])


@handler(name="guarded", params=Planted, state=[("seen", "i8"), ("sum", "i8"), ("cells", "i8", (CELLS,))], digest=digest,
         notes={"SEEN": "message {a:,}", "FAULT": "a fault of {b} is next at {a}"})
def guarded(event, sequence, state, params):
    """Write the signal, then fail where it is told: what was written by then must not be seen."""
    number = event["number"]
    event["signal"] = 1.0
    state["seen"] += 1
    if number % 5_000 == 0:
        note("SEEN", number)
    at = number % params["every"] == params["rest"]
    if at:
        note("FAULT", sequence, 0.5)
    if at and params["status"] < 0:
        return params["status"]
    state["sum"] += divided(number, 0 if at and params["division"] else 1)
    state["cells"][CELLS if at and params["index"] else number & (CELLS - 1)] += 1
    if at and params["overflow"]:
        state["cells"][0] = number * ((1 << 62) + 1)
    return 0


@compiled
def seen(state, params):
    return fold(fold(fold(SEED, state["seen"]), state["signals"]), state["parked"])


@handler(name="watcher", state=[("seen", "i8"), ("signals", "i8"), ("parked", "i8")], digest=seen, counters=[("signals", "i8"), ("parked", "i8")])
def watcher(event, state, counters, parked):
    """Add up what the handler before it wrote, and messages at which it is parked."""
    state["seen"] += 1
    state["signals"] += int(event["signal"])
    state["parked"] += parked
    counters["signals"] = state["signals"]
    counters["parked"] = state["parked"]


@handler(name="raising", jit=False, params=Planted, notes={"BATCH": "from {a:,}"})
def raising(batch, first_sequence):
    """Raise in the batch that holds message 10,000."""
    if first_sequence == 0:
        note("BATCH", first_sequence)
    if first_sequence <= 10_000 < first_sequence + len(batch):
        raise ValueError("planted")
