"""Answers of web servers: a moving average of each server's time, and a warning for what is far above it.

Everything that topology.yaml names is here: two records, a source, three handlers, a sink.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np

from disruptor import handler
from disruptor.single_producer import claim

SERVERS_MAX = 256
ANSWER = [
    ("server", "i8"),  # its number
    ("status", "i8"),  # 200, 404, 500, …
    ("taken_ms", "f8"),
    ("usual_ms", "f8"),  # average: of this server
]
WARNING = [("server", "i8"), ("taken_ms", "f8"), ("usual_ms", "f8")]


def answers(servers: int = 8, count: int = 100_000, seed: int = 1) -> Iterator[np.ndarray]:
    """Makes answers up, a thousand at a time. A source may as well yield one dict or tuple after the other."""
    rng = np.random.default_rng(seed)
    for start in range(0, count, 1_000):
        rows = np.zeros(min(1_000, count - start), np.dtype(ANSWER))
        rows["server"] = rng.integers(0, servers, len(rows))
        rows["status"] = np.where(rng.random(len(rows)) < 0.01, 500, 200)
        rows["taken_ms"] = rng.gamma(4.0, 5.0, len(rows))
        yield rows


@attrs.frozen
class Average:
    """Parameters of `average`."""

    share: float = attrs.field(default=0.02, metadata={"description": "of a new answer in the average", "minimum": 0.0, "maximum": 1.0})


@handler(state=[("usual_ms", "f8", (SERVERS_MAX,))])
def average(event, state, params: Average):
    """Keeps the moving average of every server."""
    usual = state["usual_ms"]
    server = event["server"]
    if usual[server] == 0.0:
        usual[server] = event["taken_ms"]
    usual[server] += params["share"] * (event["taken_ms"] - usual[server])
    event["usual_ms"] = usual[server]


@handler(counters=[("answers", "i8"), ("failed", "i8")])
def tally(event, counters):
    """Counts answers and failures; `hfx stat` shows them while it runs."""
    counters["answers"] += 1
    if event["status"] >= 500:
        counters["failed"] += 1


@attrs.frozen
class Limit:
    """Parameters of `slow`."""

    times: float = attrs.field(default=3.5, metadata={"description": "the average, above which an answer is slow", "minimum": 1.0})


@handler(max_out={"warnings": 1})
def slow(event, warnings, params: Limit):
    """Warns of answers that took far longer than usual."""
    if event["taken_ms"] > params["times"] * event["usual_ms"]:
        warning = claim(warnings)
        warning["server"] = event["server"]
        warning["taken_ms"] = event["taken_ms"]
        warning["usual_ms"] = event["usual_ms"]


def tell(batch, first_sequence):
    """Plain Python: what it gets may be printed, sent, or written somewhere."""
    for row in batch[:3]:
        print(f"server {row['server']}: {row['taken_ms']:.0f} ms, usually {row['usual_ms']:.0f}", flush=True)
