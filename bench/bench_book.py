"""Level changes per second of the book handler, best bid and ask looked up and written after every message.

    python bench/bench_book.py [--json] [--repeats 7] [--capture NAME ...]

Cases: the Binance captures (left out where HYDRAFLOW_DATA, or ../shared/data, is absent) and a seeded synthetic flow whose
prices drift and of which one in thirty lies outside the window. Figures, min / median / max over the repeats, CPU time
of the measuring thread:

    level_changes_per_second    snapshot and depth messages only, decoded arrays already in memory
    ns_per_level_change         the same, turned round; sequence checks, crossed check and recentring included
    ns_per_message              all messages: tickers are compared with the book, trades get its best levels
    naive_ns_per_level_change   the naive book of the tests (dicts), same messages, once; without best levels looked up

Not measured: reading, decoding, the ring, compilation (each case runs once before). Each repeat starts from an empty book
in cold memory. `hash` covers every best level shown and the final book: the same on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hydraflow.codes import Kind
from hydraflow.records import INPUT_BYTES
from tests.reference.book_driver import BookDriver
from tests.reference.messages import Messages, capture_messages
from tests.reference.naive_book import NaiveBook

SEED = 7
CAPTURES = {"usdm_btcusdt_20240808": (1, 3), "spot_ethusdt_20240808": (2, 8)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--deltas", type=int, default=5_000, help="of the synthetic flow")
    parser.add_argument("--capture", nargs="*", default=list(CAPTURES), choices=list(CAPTURES))
    arguments = parser.parse_args()
    cases: dict[str, Any] = {}
    folder = captures_folder()
    for name in arguments.capture:
        path = folder / "binance" / f"{name}.gz"
        if path.exists():
            cases[name] = measure(capture_messages(path, *CAPTURES[name]), arguments.repeats)
    cases["synthetic"] = measure(synthetic(arguments.deltas), arguments.repeats)
    result = {"schema": "hfx.bench.book/1", "seed": SEED, "clock": "thread CPU time", "cases": cases}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, case in cases.items():
        print(f"{name}: {case['levels_applied']:,} level changes in {case['depth_messages']:,} messages")
        for figure in ("level_changes_per_second", "ns_per_level_change", "ns_per_message"):
            low, middle, high = (case[figure][key] for key in ("min", "median", "max"))
            print(f"    {figure:<28} {low:>14,.1f} {middle:>14,.1f} {high:>14,.1f}   (min, median, max)")
        print(f"    {'naive_ns_per_level_change':<28} {case['naive_ns_per_level_change']:>14,.1f}")
        print(f"    hash {case['hash']}")


def captures_folder() -> Path:
    named = os.environ.get("HYDRAFLOW_DATA")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"


def measure(messages: Messages, repeats: int) -> dict[str, Any]:
    """Run one case; see the module's docstring for the figures."""
    records, payload = messages.arrays()
    depth = records[(records["kind"] == Kind.DEPTH) | (records["kind"] == Kind.SNAPSHOT)]
    timed_run(depth, payload)
    depth_runs = [timed_run(depth, payload) for _ in range(repeats)]
    all_runs = [timed_run(records, payload) for _ in range(repeats)]
    driver, shown = depth_runs[0][1:]
    if driver.count("stale_transitions"):
        raise SystemExit("the book went stale: this is no measurement")
    levels = driver.count("levels_applied")
    seconds = [run[0] for run in depth_runs]
    work_part = shown.view("u1").reshape(len(shown), -1)[:, INPUT_BYTES:]
    return {
        "levels_applied": levels,
        "depth_messages": len(depth),
        "messages": len(records),
        "recentres": driver.count("recentres"),
        "far_inserted": driver.count("far_inserted"),
        "level_changes_per_second": spread([levels / s for s in seconds]),
        "ns_per_level_change": spread([1e9 * s / levels for s in seconds]),
        "ns_per_message": spread([1e9 * run[0] / len(records) for run in all_runs]),
        "naive_ns_per_level_change": naive_ns(messages, levels),
        "hash": hashlib.sha256(work_part.tobytes() + driver.digest().to_bytes(8, "little", signed=True)).hexdigest()[:16],
    }


def timed_run(records: np.ndarray, payload: np.ndarray) -> tuple[float, BookDriver, np.ndarray]:
    """Return (CPU seconds, driver, records written into) of one pass by a fresh book."""
    driver = BookDriver()
    copy = records.copy()
    start = time.thread_time_ns()
    driver.run(copy, payload)
    return (time.thread_time_ns() - start) / 1e9, driver, copy


def naive_ns(messages: Messages, levels: int) -> float:
    """Return CPU nanoseconds per level change of the naive book's dicts."""
    naive = NaiveBook()
    spent = 0
    for row in messages.rows:
        if row["kind"] in (Kind.DEPTH, Kind.SNAPSHOT):
            first, count, bids = row["payload_position"], row["payload_count"], row["bid_count"]
            units = messages.units[first : first + count]
            halves = units[:bids], units[bids:]
            start = time.thread_time_ns()
            naive._change(*halves)
            spent += time.thread_time_ns() - start
    return spent / levels


def synthetic(deltas: int) -> Messages:
    """Return a snapshot and `deltas` deltas of 60 changes each around a price that drifts."""
    rng = np.random.default_rng(SEED)
    mid = 600_000
    size = 30
    messages = Messages().snapshot(1, [(mid - i, 10) for i in range(1, 1_001)], [(mid + i, 10) for i in range(1, 1_001)])
    lowest, highest = mid - 1_000, mid + 1_000
    for update in range(2, 2 + deltas):
        mid += int(rng.integers(-40, 41))
        away = 1 + rng.geometric(0.01, (2, size))
        away[rng.random((2, size)) < 1 / 30] += 200_000
        lots = rng.integers(0, 50, (2, size)) * (rng.random((2, size)) < 0.75)
        # Levels that the price ran over go first, as a venue would send them.
        over = [(p, 0) for p in range(mid, highest)], [(p, 0) for p in range(lowest, mid + 1)]
        bids = over[0] + list(zip((mid - away[0]).tolist(), lots[0].tolist(), strict=True))
        asks = over[1] + list(zip((mid + away[1]).tolist(), lots[1].tolist(), strict=True))
        highest, lowest = mid, mid
        messages.depth(update, update, update - 1, bids, asks)
    return messages


def spread(values: list[float]) -> dict[str, float]:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


if __name__ == "__main__":
    main()
