"""The book against the naive one, message by message, on random data full of faults; and jitted against un-jitted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.book import BookParams, levels
from tests.reference.book_driver import BookDriver
from tests.reference.book_scenario import SMALL, _report, scenario
from tests.reference.messages import Messages
from tests.reference.naive_book import NaiveBook

SHOWN = ("book_status", "bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots")


def assert_same_as_naive(params: BookParams, messages: Messages) -> BookDriver:
    driver = BookDriver(params)
    records = driver.feed(messages)
    naive = NaiveBook(params.buffered_levels, params.buffered_deltas, params.remembered)
    for row, record in zip(messages.rows, records, strict=True):
        start, bids = row["payload_position"], row["bid_count"]
        units = messages.units[start : start + row["payload_count"]]
        assert naive.take(row, units[:bids], units[bids:]) == tuple(int(record[name]) for name in SHOWN), row
    bids, asks = levels(driver.state)
    assert bids.tolist() == sorted(naive.bids.items(), reverse=True)
    assert asks.tolist() == sorted(naive.asks.items())
    counted = {name: driver.count(name) for name in naive.counts}
    assert counted == dict(naive.counts)
    assert driver.count("truncated") == 0
    return driver


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_small_book_equals_the_naive_one(seed):
    assert_same_as_naive(SMALL, scenario(seed, 300))


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_default_book_equals_the_naive_one(seed):
    assert_same_as_naive(BookParams(), scenario(seed, 300))


def test_random_data_reaches_every_branch():
    driver = assert_same_as_naive(SMALL, scenario(42, 6_000))
    names = ("deltas_dropped", "crossed", "lost", "checks_ticker_first", "checks_depth_first", "checks_failed", "forgotten")
    for name in (*names, "resyncs", "cleared", "recentres", "far_inserted", "deltas_old", "snapshots_ignored", "sequence_gaps"):
        assert driver.count(name) > 5, name


@pytest.mark.parametrize("seed", [3, 4])
def test_book_unjitted_equals_jitted(seed):
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-W", "error", "-m", "tests.reference.book_scenario", str(seed), "300"]
    environment = dict(os.environ, NUMBA_DISABLE_JIT="1")
    output = subprocess.run(command, check=False, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert output.returncode == 0, output.stderr
    assert json.loads(output.stdout) == _report(seed, 300)
