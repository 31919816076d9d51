"""Rows, alternated, medians: `python -m bench.processes [--json | --markdown] [--rounds 5] [--smoke]`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from bench.processes import contenders, one_way

__all__ = ["main", "measure"]

_ROWS: list[tuple[str, str, Callable[[int], float], int, int, str]] = [  # name, unit, what, count, count of a smoke run, what it needs
    ("round trip, compiled, two threads", "ns", contenders.round_trip_threads_ns, 50_000, 2_000, ""),
    ("round trip, compiled, two processes", "ns", contenders.round_trip_processes_ns, 50_000, 2_000, ""),
    ("round trip, both ends Python, prepared", "µs", contenders.prepared_round_trip_us, 20_000, 500, ""),
    ("round trip, both ends Python, publish and take_batch", "µs", contenders.python_round_trip_us, 20_000, 500, ""),
    ("attach and be let in", "ms", contenders.attach_ms, 20, 2, ""),
    ("one message a call", "1/s", one_way.ours, 500_000, 5_000, ""),
    ("one message a call, zmq", "1/s", one_way.zmq, 200_000, 2_000, "zmq"),
    ("one message a call, tachyon-ipc", "1/s", one_way.tachyon, 200_000, 2_000, "tachyon"),
    ("arrays of 100", "1/s", one_way.ours_arrays, 5_000_000, 20_000, ""),
    ("arrays of 100, zmq", "1/s", one_way.zmq_arrays, 2_000_000, 20_000, "zmq"),
    ("one sent a call, many drained, tachyon-ipc", "1/s", one_way.tachyon_drained, 500_000, 2_000, "tachyon"),
]
_RATIOS = {
    "processes / threads": ("round trip, compiled, two processes", "round trip, compiled, two threads"),
    "one a call, ours / zmq": ("one message a call", "one message a call, zmq"),
    "one a call, ours / tachyon-ipc": ("one message a call", "one message a call, tachyon-ipc"),
    "arrays, ours / zmq": ("arrays of 100", "arrays of 100, zmq"),
    "arrays, ours / zmq one a call": ("arrays of 100", "one message a call, zmq"),
    "arrays, ours / tachyon-ipc drained": ("arrays of 100", "one sent a call, many drained, tachyon-ipc"),
}


def measure(rounds: int, smoke: bool, only: str = "") -> list[dict[str, Any]]:
    """Return for each row its figures and their median; the rows take turns. A row whose library is not installed is left out."""
    rows = [row for row in _ROWS if only in row[0] and (not row[5] or find_spec(row[5]) is not None)]
    figures: dict[str, list[float]] = {row[0]: [] for row in rows}
    for _ in range(rounds):
        for name, _unit, what, count, few, _needs in rows:
            figures[name].append(what(few if smoke else count))
    return [{"row": row[0], "unit": row[1], "median": statistics.median(figures[row[0]]), "runs": figures[row[0]]} for row in rows]


def main() -> int:
    """Print the rows, their ratios, and how busy the machine was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="a few records, to see that it runs")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    rows = measure(options.rounds, options.smoke, options.only)
    median = {row["row"]: row["median"] for row in rows}
    ratios = {name: median[one] / median[other] for name, (one, other) in _RATIOS.items() if one in median and other in median}
    if options.json:
        print(json.dumps({"rows": rows, "ratios": ratios, "load": [before, os.getloadavg()[0]], "rounds": options.rounds}))
        return 0
    bar = "|" if options.markdown else ""
    if options.markdown:
        print("| row | median | unit |\n|---|---:|---|")
    for row in rows:
        print(f"{bar} {row['row']:<53} {bar} {row['median']:>14,.2f} {bar} {row['unit']} {bar}".strip())
    print("\n" + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()) + f"; load {before:.1f}; medians of {options.rounds}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
