"""CPU time of a rate limit and of a table behind read-copy-update, beside the seqlock.

    python -m bench.bench_parts [--json] [--repeats 9] [--count 100000]

Figures, min / median / max over the repeats, CPU time of the measuring thread per call, in a compiled loop:

    rate_take                 one token, always granted
    seqlock, 512 bytes        one word changed and the record stored; 4,096 bytes likewise
    rcu, 1 row of 512 bytes   one word of one of 1,000 rows changed in a new edition: its row and a map of 8 KB are copied
    rcu, 8 rows               the same with eight rows in an edition, per row
    rcu, read                 pin, one word of one row, unpin
    rcu, 8 rows, 4 stalled    while four readers hold old editions

Not measured: compilation, other threads. `hash` covers what lies there at the end: the same on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from disruptor import RateLimit, Rcu, Seqlock, entry, rate_take, rcu_edit, rcu_publish, seqlock_write
from disruptor.rcu import MAPS, rcu_pin, rcu_unpin

ROWS, WORDS, READERS, TOGETHER = 1_000, 64, 5, 8
ROW = [("words", "i8", (WORDS,))]


@entry
def take(rates, count):
    granted = 0
    for i in range(count):
        granted += rate_take(rates[0], 1_000 * i) == 0
    return granted


@entry
def store(cells, record, count):
    for i in range(count):
        record[i % record.shape[0]] = i
        seqlock_write(cells, 0, record)


@entry
def edit(cells, rows, together, count):
    for i in range(count):
        slot = rcu_edit(cells, 0, rows, (7 * i) % 1_000)
        rows[slot]["words"][i % 64] = i
        if (i + 1) % together == 0:
            rcu_publish(cells, 0, i)


@entry
def read(cells, rows, reader, count):
    total = 0
    for i in range(count):
        root = rcu_pin(cells, 0, reader)
        total += rows[cells[cells[MAPS] + root * 1_000 + (7 * i) % 1_000]]["words"][i % 64]
        rcu_unpin(cells, 0, reader)
    return total


def measure(count: int, repeats: int) -> dict[str, Any]:
    """Return the figures of `count` calls per repeat, and the hash of what lies there."""
    limit = RateLimit("bench", 1, 1_000, 1)
    small, large = Seqlock("small", [("words", "i8", (64,))]), Seqlock("large", [("words", "i8", (512,))])
    table = Rcu("bench", ROW, ROWS, readers=READERS)
    rows = {
        "rate_take": _timed(lambda n: take(limit.rates, n), count, repeats, prepare=lambda: limit.rates.__setitem__("full_ns", 0)),
        "seqlock, 512 bytes": _timed(lambda n: store(small.cells, np.zeros(64, np.int64), n), count, repeats),
        "seqlock, 4,096 bytes": _timed(lambda n: store(large.cells, np.zeros(512, np.int64), n), count // 8, repeats),
        "rcu, 1 row of 512 bytes": _timed(lambda n: edit(table.cells, table.rows, 1, n), count // 8, repeats),
        "rcu, 8 rows": _timed(lambda n: edit(table.cells, table.rows, TOGETHER, n), count // 8 * 8, repeats),
    }
    readers = [table.reader(f"r{k}") for k in range(READERS)]
    rows["rcu, read"] = _timed(lambda n: read(table.cells, table.rows, 0, n), count, repeats)
    holding = []
    for reader in readers[1:]:
        edit(table.cells, table.rows, TOGETHER, 8_000)
        held = reader.snapshot()
        holding.append((held, held.__enter__()))
    rows["rcu, 8 rows, 4 stalled"] = _timed(lambda n: edit(table.cells, table.rows, TOGETHER, n), count // 8 * 8, repeats)
    with readers[0].snapshot() as seen:
        text = seen.copy().tobytes() + b"".join(old.copy().tobytes() for _, old in holding)
    for held, _ in holding:
        held.__exit__(None, None, None)
    for reader in readers:
        reader.close()
    return {"count": count, "repeats": repeats, "ns_per_call": rows, "hash": hashlib.sha256(text).hexdigest()[:16]}


def _timed(call: Callable[[int], Any], count: int, repeats: int, prepare: Callable[[], Any] = lambda: None) -> dict[str, float]:
    times = []
    call(1)
    for _ in range(repeats):
        prepare()
        began = time.thread_time_ns()
        call(count)
        times.append((time.thread_time_ns() - began) / count)
    return {"min": min(times), "median": statistics.median(times), "max": max(times)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--count", type=int, default=100_000)
    arguments = parser.parse_args()
    result = {"schema": "hfx.bench.parts/1", "clock": "thread CPU time", **measure(arguments.count, arguments.repeats)}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, row in result["ns_per_call"].items():
        print(f"{name:<24} {row['min']:>9.1f} {row['median']:>9.1f} {row['max']:>9.1f}  ns per call (min, median, max)")
    print(f"hash {result['hash']}")


if __name__ == "__main__":
    main()
