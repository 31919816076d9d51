"""Measures what each wait strategy costs when idle and how fast it wakes: the table of docs/library/waiting.md.

    python -m tools.measure_waits
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from disruptor import Disruptor, handler
from disruptor.atomics import timestamp
from disruptor.clock import calibrate
from disruptor.compiled import entry

STRATEGIES = ("busy-spin", "yielding", "sleeping", "blocking", "phased-backoff")


@handler
def stamp(event):
    """Note when the record was seen."""
    event.seen = timestamp()


@entry
def _now(dummy):
    return timestamp() + dummy


def measure(strategy: str, rounds: int = 300) -> tuple[float, float]:
    """Return (share of a core when idle, median microseconds from publishing to the handler)."""
    seen = []
    graph = Disruptor([("sent", "i8"), ("seen", "i8")], slots=64, wait=strategy).then(stamp)
    ticks_per_us = 1e3 * calibrate().ticks_per_ns
    sent = np.zeros(1, graph.ring.fields)
    with graph:
        for _ in range(rounds):
            time.sleep(0.002)
            sent["sent"] = _now(0)
            sequence = graph.publish(sent)
            graph.drain()
            event = graph.get(sequence)
            seen.append((int(event.seen) - int(event.sent)) / ticks_per_us)
        used = time.process_time()
        time.sleep(1.0)
        used = time.process_time() - used
    return used, statistics.median(seen[10:])


def main() -> int:
    """Print a line for each strategy."""
    for strategy in STRATEGIES:
        used, micros = measure(strategy)
        print(f"{strategy:<16}{100 * used:>8.2f} % of a core when idle{micros:>8.1f} µs to wake")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
