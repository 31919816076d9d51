"""Work stealing beside the worker pool and one thread: even work, uneven work, work that begins work.

    python -m bench.bench_stealing [--json] [--repeats 9] [--tasks 100000] [--workers 2]

Three kinds of work, each the same sum of spins for everyone, `--tasks` tasks of 100 turns (some 0.1 µs) on the average:

    even     every task has 100 turns
    uneven   one task in 1,000 has 50,000 turns, the others 50; the long ones lie together
    tree     a task begins its halves until 100 turns are left: one task at first, which a ring of records cannot begin

Contenders: `stealing` (StealingPool), `pool` (handle_events_with_worker_pool, compiled workers, blocking, fed by one array), `one
thread` (a compiled loop over the same tasks). Wall time of a run, min / median / max over the repeats, the contenders in turns, and
the CPU time of the process in the median run: where others take the cores, only that can be compared. Pools exist beforehand,
compilation is not measured. `hash` covers what was counted: the same on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from disruptor import Disruptor, StealingPool, compiled, entry, handler, task_push, task_room

TASK = [("turns", "i8"), ("splits", "i8")]
EACH = 100  # turns
LONG, LONG_TURNS, SHORT_TURNS = 1_000, 50_000, 50  # one in LONG tasks
STATE = [("turns", "i8"), ("tasks", "i8"), ("x", "i8")]


@compiled
def spin(state, turns):
    x = state["x"] | 1
    for _ in range(turns):
        x = (x ^ (x << 13)) & 0x7FFFFFFF
        x ^= x >> 17
    state["x"] = x
    state["turns"] += turns
    state["tasks"] += 1


@handler(state=STATE)
def task(event, state, spawn):
    turns = event["turns"]
    if event["splits"] != 0 and turns > EACH:
        for half in (turns // 2, turns - turns // 2):
            at = task_room(spawn)
            spawn.tasks[at]["turns"] = half
            spawn.tasks[at]["splits"] = 1
            task_push(spawn)
    else:
        spin(state, turns)


@handler(state=STATE)
def record(event, state):
    spin(state, event["turns"])


@entry
def alone(tasks, state, splits):
    for i in range(tasks.shape[0]):
        left = tasks[i]["turns"]
        if splits == 0:
            spin(state[0], left)
            continue
        while left > 0:  # of halves of halves; the last bit shorter or longer, the sum the same
            part = min(left, EACH)
            spin(state[0], part)
            left -= part


def works(count: int) -> dict[str, np.ndarray]:
    """Return the tasks of each kind of work."""
    even, uneven, tree = np.zeros(count, TASK), np.zeros(count, TASK), np.zeros(1, TASK)
    even["turns"] = EACH
    uneven["turns"] = SHORT_TURNS
    uneven["turns"][: count // LONG] = LONG_TURNS
    tree["turns"], tree["splits"] = EACH * count, 1
    return {"even": even, "uneven": uneven, "tree": tree}


def measure(count: int, repeats: int, workers: int) -> dict[str, Any]:
    """Return by work and contender the milliseconds, and the hash of what was counted."""
    given = works(count)
    rows: dict[str, dict[str, Any]] = {kind: {} for kind in given}
    counted: dict[str, int] = {}
    state = np.zeros(1, record.state_dtype())
    graph = Disruptor(TASK, slots=4096, wait="blocking")
    group = [record.using(name=f"worker-{k}") for k in range(workers)]
    graph.handle_events_with_worker_pool(*group)
    with StealingPool(TASK, task, workers=workers) as pool, graph:

        def by_pool(tasks: np.ndarray) -> None:
            graph.publish(tasks)
            graph.drain()

        contenders: dict[str, Callable[[np.ndarray], Any]] = {
            "stealing": pool.run, "pool": by_pool, "one thread": lambda tasks: alone(tasks, state, int(tasks["splits"][0])),
        }
        for kind, tasks in given.items():
            names = [name for name in contenders if kind != "tree" or name != "pool"]
            times: dict[str, list[float]] = {name: [] for name in names}
            used: dict[str, list[float]] = {name: [] for name in names}
            pool.clear()
            for turn in range(repeats + 1):
                for name in names:
                    began, busy = time.perf_counter_ns(), time.process_time_ns()
                    contenders[name](tasks)
                    if turn:  # the first warms up
                        times[name].append((time.perf_counter_ns() - began) / 1e6)
                        used[name].append((time.process_time_ns() - busy) / 1e6)
            for name, values in times.items():
                rows[kind][name] = {"min": min(values), "median": statistics.median(values), "max": max(values),
                                    "cpu": statistics.median(used[name])}
            rows[kind]["stealing"]["stolen"] = pool.stolen
            counted[kind] = int(pool.states["turns"].sum()) // (repeats + 1)
    text = json.dumps([counted, {kind: int(tasks["turns"].sum()) for kind, tasks in given.items()}])
    return {"tasks": count, "workers": workers, "repeats": repeats, "cores": len(os.sched_getaffinity(0)), "ms_per_run": rows,
            "hash": hashlib.sha256(text.encode()).hexdigest()[:16]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    result = {"schema": "hfx.bench.stealing/1", "clock": "wall", **measure(arguments.tasks, arguments.repeats, arguments.workers)}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for kind, row in result["ms_per_run"].items():
        for name, one in row.items():
            print(f"{kind:<7} {name:<11} {one['min']:>9.2f} {one['median']:>9.2f} {one['max']:>9.2f}  ms per run (min, median, max), CPU {one['cpu']:.2f}")
    print(f"hash {result['hash']}")


if __name__ == "__main__":
    main()
