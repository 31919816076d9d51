"""Nanoseconds per message in the market maker: with quotes that stay, and with both quotes replaced each time.

    python bench/bench_strategy.py [--messages 1000000] [--seed 7] [--json]

Messages: best prices of 4 instruments with random quantities, in a ring of 1,024 slots; orders are confirmed at once. CPU
time of the thread, quickest of 5. Not measured: reports, the ring's own claim and publish.
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

from bench.strategy_flow import replay
from disruptor.handler import params_record
from handlers.strategy.market_maker import MarketMakerParams, digest, on_event
from hydraflow.codes import BookStatus, Kind
from hydraflow.records import INSTRUMENT, LEVEL, MESSAGE, ORDER, ORDERS_PER_MESSAGE

SLOTS = 1024
REPEATS = 5


def measure(messages: int, seed: int, step: int) -> dict:
    """Run `messages` messages whose prices move by `step` ticks from one message of a symbol to the next."""
    given, table = MarketMakerParams(), np.zeros(4, INSTRUMENT)
    table["tick"], table["lot"], table["underlying"] = 0.1, 0.001, np.arange(4)
    params = params_record(given)
    random = np.random.default_rng(seed)
    events, orders = np.zeros(SLOTS, MESSAGE), np.zeros((SLOTS, ORDERS_PER_MESSAGE), ORDER)
    events["kind"], events["book_status"], events["symbol"] = Kind.TICKER, BookStatus.LIVE, np.arange(SLOTS) % 4
    events["bid_price_ticks"] = 500_000 + step * (np.arange(SLOTS) // 4 % 2)
    events["ask_price_ticks"] = events["bid_price_ticks"] + 1
    for name in ("bid_quantity_lots", "ask_quantity_lots"):
        events[name] = random.integers(1, 5_000, SLOTS)
    best, rounds = np.inf, max(1, messages // SLOTS)
    for _ in range(REPEATS):
        state = np.zeros(1, on_event.state_dtype(given, instruments=table))
        on_event.prepare(state[0], given, instruments=table)
        counters = np.zeros(1, on_event.counters_dtype())
        arguments = (state[0], params[0], np.zeros(8, LEVEL), orders, counters[0])
        replay(events, 1, *arguments)
        started = time.thread_time()
        lines = replay(events, rounds, *arguments)
        best = min(best, time.thread_time() - started)
    return {
        "ns_per_message": round(best / (rounds * SLOTS) * 1e9, 2),
        "lines": int(lines),
        "digest": int(digest(state[0], params[0])),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    still, moving = (measure(given.messages, given.seed, step) for step in (0, 2))
    content = json.dumps([still["lines"], still["digest"], moving["lines"], moving["digest"]])
    result = {
        "schema": "hfx.bench.strategy/1",
        "seed": given.seed,
        "messages": given.messages // SLOTS * SLOTS,
        "ns_per_message_still": still["ns_per_message"],
        "ns_per_message_replacing_both_quotes": moving["ns_per_message"],
        "lines_still": still["lines"],
        "lines_moving": moving["lines"],
        "clock": "CPU time of the thread, quickest of 5",
        "excluded": "reports, ring claim and publish",
        "result_hash": hashlib.sha256(content.encode()).hexdigest()[:16],
    }
    if given.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:<38} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
