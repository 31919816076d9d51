"""Random topologies of the kernels in kernels_graphs.py, and random placements of them.

Every stage that touches a field which another one writes is ordered with it, in a random direction; `check` must agree, for
the topologies are loaded like any other. Nothing else needs to be: several stages may be the last. Rings are as small as the
engine allows.
"""

from __future__ import annotations

import json
import random
from typing import Any

import attrs

from disruptor.access import accesses
from hydraflow.topology.graph import ancestors
from tests.reference import kernels_graphs

WRITERS = ("bid_price", "bid_quantity", "ask_price", "ask_quantity", "status", "changes", "orders", "accepted", "fair", "signal")
WATCHERS = ("watch_prices", "watch_counts", "watch_input")
KEYS = ("symbol", "first_update", "number", "flags", "payload_count", "receive_ns")
FIELDS = {"bid_price": "bid_price_ticks", "status": "book_status", "changes": "book_changes", "orders": "order_count"}
WAITS = ("busy-spin", "yielding", "blocking")
MODULE = kernels_graphs.__name__


@attrs.frozen
class Graph:
    """A topology as text, and what it is made of: stages on the main ring in an order that fits, as in the file."""

    number: int
    text: str
    stages: tuple[dict[str, Any], ...]
    sources: tuple[dict[str, Any], ...]
    decoders: tuple[dict[str, Any], ...]

    def instances(self) -> list[str]:
        """Every stage that a placement may name, shards one by one."""
        names = [s["name"] for s in (*self.sources, *self.decoders)] + ["sequencer"]
        for stage in self.stages:
            names += [f"{stage['name']}/{k}" for k in range(stage["replicas"])] if "replicas" in stage else [stage["name"]]
        return names


def random_graph(number: int, data: int = 0, frames: int = 120) -> Graph:
    """Return graph `number`: the same every time. data : other numbers in the same graph, which run in the same loops."""
    draw, value = random.Random(number), random.Random(f"{number} {data}")
    chosen = draw.sample(WRITERS, draw.randint(1, 6)) + [draw.choice(WATCHERS) for _ in range(draw.randint(0, 3))]
    ends = draw.choice([[], ["emit", "tap"], ["emit", "answer"], ["emit", "answer"]])
    draw.shuffle(chosen)
    at = draw.randint(0, len(chosen))
    chosen = [*chosen[:at], *ends[:1], *chosen[at:], *ends[1:], "last"]
    stages: list[dict[str, Any]] = []
    for kernel in chosen:
        count = sum(s["kernel"] == kernel for s in stages)
        stage = {"kernel": kernel, "name": kernel + (f"-{count}" if count else ""), "after": [], "salt": value.randint(1, 1 << 40)}
        _order(stage, stages, draw)
        if kernel not in ("emit", "tap", "answer") and draw.random() < 0.4:
            _divide(stage, stages, draw)
        stages.append(stage)
    _heed_keys(stages)
    if draw.random() < 0.5:
        stages.insert(0, stages.pop())  # the file may name them in any order
    latency = value.choice((1, 25, 400))
    sources = [{"name": f"ticks{k}", "frames": f"frames{k}", "decoded": f"decoded{k}", "seed": (1000 * data + number) * 8 + k,
                "count": frames + 7 * data, "step_ns": value.choice((1, 10))} for k in range(draw.randint(1, 2))]
    decoders = [{"name": f"decode{k}", "salt": value.randint(1, 99)} for k in range(len(sources))]
    return Graph(number, _text(number, stages, sources, decoders, latency, draw), tuple(stages), tuple(sources), tuple(decoders))


def random_placement(graph: Graph, number: int) -> str:
    """Return placement `number` of a graph as text: 1 to 4 threads, each with a wait strategy of its own."""
    draw = random.Random(f"{graph.number} {number}")
    threads: list[list[str]] = [[] for _ in range(draw.randint(1, 4))]
    for name in graph.instances():
        draw.choice(threads).append(name)
    return ";".join(f"t{k}:{draw.choice(WAITS)}={','.join(names)}" for k, names in enumerate(threads) if names)


def _order(stage: dict[str, Any], earlier: list[dict[str, Any]], draw: random.Random) -> None:
    """Let a stage come after all those that it would race with, and after some others."""
    own = accesses(getattr(kernels_graphs, stage["kernel"]))
    edges = {s["name"]: s["after"] for s in earlier}
    for other in reversed(earlier):
        seen = accesses(getattr(kernels_graphs, other["kernel"]))
        races = own.writes & (seen.reads | seen.writes | {other.get("by")}) or seen.writes & own.reads
        drains = stage["kernel"] in ("tap", "answer") and other["kernel"] == "emit"
        if other["name"] in ancestors({**edges, "": stage["after"]}, ""):
            continue
        if races or drains or draw.random() < (0.4 if stage["kernel"] == "last" else 0.15):
            stage["after"].append(other["name"])


def _divide(stage: dict[str, Any], earlier: list[dict[str, Any]], draw: random.Random) -> None:
    """Make shards of a stage, by an input or by a field that a stage before it writes."""
    before = ancestors({s["name"]: s["after"] for s in earlier} | {"": stage["after"]}, "")
    fields = [FIELDS[s["kernel"]] for s in earlier if s["name"] in before and s["kernel"] in FIELDS]
    stage["replicas"] = draw.choice((2, 3, 5))
    stage["by"] = draw.choice([*KEYS, *fields, *fields])


def _heed_keys(stages: list[dict[str, Any]]) -> None:
    """A key must not be written by a later stage: such a stage is divided by its symbol instead."""
    for place, stage in enumerate(stages):
        later = {field for s in stages[place:] for field in accesses(getattr(kernels_graphs, s["kernel"])).writes}
        if stage.get("by") in later:
            stage["by"] = "symbol"


def _text(number: int, stages: list[dict[str, Any]], sources: list[dict[str, Any]], decoders: list[dict[str, Any]], latency: int,
          draw: random.Random) -> str:
    made = []
    for stage in stages:
        kernel = stage["kernel"]
        keys: dict[str, Any] = {"name": stage["name"], "use": f"{MODULE}:{kernel}", "after": stage["after"], "with": {"salt": stage["salt"]}}
        keys |= {key: stage[key] for key in ("replicas", "by") if key in stage}
        if kernel == "emit":
            keys["into"] = ["egress"]
        if kernel in ("tap", "answer"):
            keys["from"] = ["egress"]
        if kernel == "answer":
            keys |= {"into": ["feedback"], "with": {"salt": stage["salt"], "latency_ns": latency}}
        made.append(keys)
    kernels = {s["kernel"] for s in stages}
    slots = 64  # of the main ring: the least that its sequencer takes
    rings: dict[str, Any] = {}
    for source in sources:
        rings[source["frames"]] = {"record": "frame", "slots": 64, "payload": 1 << 24}
        rings[source["decoded"]] = {"record": "message", "slots": draw.choice((1, 2, 16)), "payload": 256}
    rings["main"] = {"record": "message", "slots": slots, "payload": 131_072, "sequence": [s["decoded"] for s in sources]}
    if "emit" in kernels:
        rings["egress"] = {"record": "egress", "slots": draw.choice((2, 4, 64)), "payload": 4096}
    if "answer" in kernels:
        rings["feedback"] = {"record": "feedback", "slots": 1024}  # timers of all messages may be on their way at once
        rings["main"]["feedback"] = ["feedback"]
    return json.dumps({
        "version": 1, "name": f"graph{number}", "instruments": [{"symbol": f"S{k}", "tick": 1, "lot": 1} for k in range(kernels_graphs.SYMBOLS)],
        "sources": [{"name": s["name"], "use": f"{MODULE}:ticks", "into": s["frames"],
                     "with": {key: s[key] for key in ("seed", "count", "step_ns")}} for s in sources],
        "rings": rings,
        "handlers": [{"name": d["name"], "use": f"{MODULE}:decode", "on": s["frames"], "into": [s["decoded"]], "with": {"salt": d["salt"]}}
                     for s, d in zip(sources, decoders, strict=True)] + made,
    })
