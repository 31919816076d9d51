"""Rows, alternated, medians: `python -m bench.processes [--json | --markdown] [--rounds 5] [--smoke]`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable
from typing import Any

from bench.processes import contenders

__all__ = ["main", "measure"]

_ROWS: list[tuple[str, str, Callable[[int], float], int, int]] = [  # name, unit, what, count, count of a smoke run
    ("round trip, compiled, two threads", "ns", contenders.round_trip_threads_ns, 50_000, 2_000),
    ("round trip, compiled, two processes", "ns", contenders.round_trip_processes_ns, 50_000, 2_000),
    ("round trip, both ends Python, two processes", "µs", contenders.python_round_trip_us, 20_000, 500),
    ("attach and be let in", "ms", contenders.attach_ms, 20, 2),
    ("64-byte messages, arrays of 100, two processes", "1/s", contenders.one_way_ours, 5_000_000, 20_000),
    ("64-byte messages, zmq, two processes", "1/s", contenders.one_way_zmq, 200_000, 2_000),
]


def measure(rounds: int, smoke: bool) -> list[dict[str, Any]]:
    """Return for each row its figures and their median; the rows take turns."""
    figures: dict[str, list[float]] = {name: [] for name, *_ in _ROWS}
    for _ in range(rounds):
        for name, _unit, what, count, few in _ROWS:
            figures[name].append(what(few if smoke else count))
    return [
        {"row": name, "unit": unit, "median": statistics.median(figures[name]), "runs": figures[name]} for name, unit, *_ in _ROWS
    ]


def main() -> int:
    """Print the rows, their ratios, and how busy the machine was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="a few records, to see that it runs")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    rows = measure(options.rounds, options.smoke)
    median = [row["median"] for row in rows]
    ratios = {"processes / threads": median[1] / median[0], "ours / zmq": median[4] / median[5]}
    if options.json:
        print(json.dumps({"rows": rows, "ratios": ratios, "load": [before, os.getloadavg()[0]], "rounds": options.rounds}))
        return 0
    bar = "|" if options.markdown else ""
    if options.markdown:
        print("| row | median | unit |\n|---|---:|---|")
    for row in rows:
        print(f"{bar} {row['row']:<50} {bar} {row['median']:>14,.2f} {bar} {row['unit']} {bar}".strip())
    print("\n" + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()) + f"; load {before:.1f}; medians of {options.rounds}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
