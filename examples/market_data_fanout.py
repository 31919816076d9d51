"""Market data to four processes: one decodes and publishes, four strategies read the same ring, each with a rule of its own.

    python -m examples.market_data_fanout [TICKS]      200,000 by default

    feed ─▶ ring "market-data" in shared memory ─┬▶ process 1: highest and lowest price
                                                 ├▶ process 2: volume-weighted price
                                                 ├▶ process 3: moving average, crossings
                                                 └▶ process 4: largest trade

Each strategy is a compiled handler on a thread of its own process. None can slow another down but by being slower than the
whole ring; when one is killed, the others and the feed go on. Every process prints what it found; the feed computes the same
with numpy and compares.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np

from disruptor import Disruptor, handler, shared

RING = "market-data"
TICK = [("price", "f8"), ("size", "i8")]
PART = 500  # ticks that the feed publishes at once


@handler(state=[("count", "i8"), ("low", "f8"), ("high", "f8")])
def extremes(event, state):
    """Keep the lowest and the highest price."""
    if state["count"] == 0 or event["price"] < state["low"]:
        state["low"] = event["price"]
    if state["count"] == 0 or event["price"] > state["high"]:
        state["high"] = event["price"]
    state["count"] += 1


@handler(state=[("size", "i8"), ("value", "f8")])
def weighted(event, state):
    """Add up sizes and values."""
    state["size"] += event["size"]
    state["value"] += event["price"] * event["size"]


@handler(state=[("average", "f8"), ("above", "i8"), ("crossings", "i8")])
def crossings(event, state):
    """Count how often the price crosses its moving average."""
    if state["average"] == 0.0:
        state["average"] = event["price"]
    state["average"] += 0.01 * (event["price"] - state["average"])
    above = 1 if event["price"] > state["average"] else -1
    if state["above"] != 0 and above != state["above"]:
        state["crossings"] += 1
    state["above"] = above


@handler(state=[("size", "i8"), ("price", "f8")])
def largest(event, state):
    """Keep the largest trade."""
    if event["size"] > state["size"]:
        state["size"] = event["size"]
        state["price"] = event["price"]


STRATEGIES = {h.name: h for h in (extremes, weighted, crossings, largest)}


def ticks(count: int, seed: int = 1) -> np.ndarray:
    """Return made-up ticks: a price that walks, sizes of 1 to 1,000."""
    rng = np.random.default_rng(seed)
    made = np.zeros(count, TICK)
    made["price"] = np.round(100 + np.cumsum(rng.normal(0, 0.01, count)), 2)
    made["size"] = rng.integers(1, 1001, count)
    return made


def strategy(name: str) -> None:
    """Run one strategy until the feed ends."""
    rule = STRATEGIES[name]
    with shared.attach(RING, TICK, label=name, timeout=60) as ring, Disruptor(ring).then(rule) as graph:
        print("attached", flush=True)
        ring.join()
        graph.drain()
        state = graph.state(rule)
        print(json.dumps({field: state[field].item() for field in state.dtype.names}))


def feed(count: int) -> dict[str, Any]:
    """Publish to four processes; return what each has found."""
    with shared.create(RING, TICK, slots=8192) as ring:
        processes = {
            name: subprocess.Popen(
                [sys.executable, "-m", "examples.market_data_fanout", "strategy", name], stdout=subprocess.PIPE, text=True
            )
            for name in STRATEGIES
        }
        for process in processes.values():
            assert process.stdout is not None and process.stdout.readline() == "attached\n"
        made = ticks(count)
        for start in range(0, count, PART):
            ring.publish(made[start : start + PART])
    return {name: json.loads(process.communicate()[0]) for name, process in processes.items()}


def main(arguments: list[str]) -> None:
    """Be a strategy, or the feed."""
    if arguments[:1] == ["strategy"]:
        strategy(arguments[1])
        return
    count = int(arguments[0]) if arguments else 200_000
    found = feed(count)
    made = ticks(count)
    assert found["extremes"] == {"count": count, "low": made["price"].min(), "high": made["price"].max()}
    assert found["weighted"]["size"] == made["size"].sum()
    assert found["largest"] == {"size": made["size"].max(), "price": made["price"][made["size"].argmax()]}
    print(f"{count:,} ticks to {len(found)} processes, all of them whole")
    for name, what in found.items():
        print(f"  {name:<10} {', '.join(f'{field} {value:,}' for field, value in what.items())}")


if __name__ == "__main__":
    main(sys.argv[1:])
