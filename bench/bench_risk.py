"""Nanoseconds per order decision in the risk stage, all checks on, every reason hit.

    python bench/bench_risk.py [--decisions 1000000] [--seed 7] [--json]

The stage runs over messages in a ring of 1,024 slots: market data of 4 instruments with or without 4 order lines, and the
reports that answer accepted orders. Sides, prices, defects and outcomes are random, so branches are mispredicted as they
are in a flow that nobody can foresee. Messages come in runs of one kind, and the time of each run is taken:

    ns_per_decision       runs of market data with 4 order lines each, per line: observing the book, 14 checks, reservation
    ns_per_report         runs of reports: fill or release, marking
    ns_per_market_data    runs of market data without orders
    ns_all_in             CPU time of the whole loop, everything included, per decision

Every chunk is run three times from the same state and the quickest counts (the machine is shared). Not measured:
generation of the flow, the ring's own claim and publish, the call from Python (timed empty and taken off).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.risk_flow import FLOW, generate, replay
from disruptor.atomics import timestamp
from disruptor.compiled import entry
from disruptor.handler import params_record
from disruptor.layout import record_dtype
from handlers.risk.limits import RiskParams
from handlers.risk.stage import digest, on_event
from hydraflow.codes import Kind, Reason
from hydraflow.records import INSTRUMENT, LEVEL, MESSAGE, ORDER, ORDERS_PER_MESSAGE, REPORT_UNITS

SLOTS = 1024
REPEATS = 3
PARAMS = RiskParams(
    max_order_quantity=5.0, max_order_notional=45_000.0, max_position=0.4, max_open_notional=24_000.0,
    max_open_orders=60, collar_ppm=10_000, orders_per_second=600_000.0, order_burst=36, loss_limit=10_000_000.0,
)


def instruments() -> np.ndarray:
    """Return four instruments with BTCUSDT's tick 0.1 and lot 0.001."""
    table = np.zeros(4, INSTRUMENT)
    for index, record in enumerate(table):
        record["price_multiple"], record["price_decimals"], record["tick"] = 1, 1, 0.1
        record["quantity_multiple"], record["quantity_decimals"], record["lot"] = 1, 3, 0.001
        record["underlying"] = index
    return table


@entry
def _now():
    return timestamp()


def ticks_per_ns() -> float:
    """Return the rate of the time-stamp counter."""
    _now()
    ticks, wall = _now(), time.perf_counter_ns()
    while time.perf_counter_ns() - wall < 50_000_000:
        pass
    return (_now() - ticks) / (time.perf_counter_ns() - wall)


def measure(decisions: int, seed: int) -> dict:
    """Run the flow until that many decisions were made; return the figures."""
    table, params = instruments(), params_record(PARAMS)
    state = np.zeros(1, on_event.state_dtype(PARAMS, instruments=table))
    on_event.prepare(state[0], PARAMS, instruments=table)
    flow = np.zeros(1, record_dtype(FLOW))
    flow[0]["random"] = seed
    flow[0]["mids"] = 500_000
    counters = np.zeros(1, on_event.counters_dtype())
    events, orders = np.zeros(SLOTS, MESSAGE), np.zeros((SLOTS, ORDERS_PER_MESSAGE), ORDER)
    payload = np.zeros(2 * SLOTS * REPORT_UNITS, LEVEL)
    before = state.copy(), counters.copy()
    common = (state[0], params[0], orders, payload, counters[0])
    seconds, ticks, classes = 0.0, np.zeros(3), np.zeros(3, np.int64)
    messages, crashed, skipped = 0, False, 0
    while counters[0]["decisions"] < decisions:
        done = int(counters[0]["decisions"])
        crash = done > decisions * 0.97 and not crashed
        crashed |= crash
        if done > decisions * 0.985:
            params[0]["kill"] = 1
        span = (messages, messages + SLOTS)
        before[0][:], before[1][:] = state, counters
        generate(flow[0], int(crash), events, *span, *common)
        quickest, least = np.inf, np.full(3, np.iinfo(np.int64).max)
        for _ in range(REPEATS):
            state[:], counters[:] = before
            found = np.zeros(3, np.int64)
            empty = _timed(events, messages, messages, *common, np.zeros(3, np.int64))
            quickest = min(quickest, _timed(events, *span, *common, found) - empty)
            least = np.minimum(least, found)
        if messages:  # the first chunk compiles
            seconds += quickest
            ticks += least
            classes += np.bincount(np.where(events["kind"] == Kind.REPORT, 1, 2 * (events["order_count"] == 0)), minlength=3)
        else:
            skipped = int(counters[0]["decisions"])
        messages += SLOTS
    return _figures(seed, seconds, ticks / ticks_per_ns(), classes, counters[0], skipped, state, params)


def _timed(*arguments) -> float:
    started = time.thread_time()
    replay(*arguments)
    return time.thread_time() - started


def _figures(seed, seconds, ns, classes, counters, skipped, state, params) -> dict:
    decisions = int(counters["decisions"]) - skipped
    rejects = {Reason(i).name: int(n) for i, n in enumerate(counters["rejects"]) if n}
    content = json.dumps([int(digest(state[0], params[0])), rejects])
    return {
        "schema": "hfx.bench.risk/1",
        "seed": seed,
        "decisions": decisions,
        "messages": int(classes.sum()),
        "reports": int(classes[1]),
        "open_orders_max": int(counters["open_orders_max"]),
        "ns_per_decision": round(ns[0] / decisions, 2),
        "ns_per_report": round(ns[1] / classes[1], 2),
        "ns_per_market_data": round(ns[2] / classes[2], 2),
        "ns_all_in": round(seconds / decisions * 1e9, 2),
        "reasons": rejects,
        "reasons_not_hit": [r.name for r in Reason if r < 100 and r.name not in rejects],
        "clock": "time-stamp counter, quickest of 3 per chunk; ns_all_in: CPU time of the thread",
        "excluded": "generation of the flow, ring claim and publish, first chunk, the call from Python",
        "result_hash": hashlib.sha256(content.encode()).hexdigest()[:16],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = measure(given.decisions, given.seed)
    if given.json:
        print(json.dumps(result))
    else:
        print(f"{result['decisions']:,} decisions, {result['messages']:,} messages, {result['reports']:,} reports")
        for name in ("ns_per_decision", "ns_per_report", "ns_per_market_data", "ns_all_in"):
            print(f"  {name:<20} {result[name]:>9}")
        for name, count in result["reasons"].items():
            print(f"  {name:<20} {count:>9,}")
    return 1 if result["reasons_not_hit"] else 0


if __name__ == "__main__":
    sys.exit(main())
