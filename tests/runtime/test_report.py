"""The report as text: 79 columns, nothing said twice, no zeros, also for a graph that does not trade."""

from __future__ import annotations

from typing import Any

import pytest

from hydraflow.codes import FrameError
from hydraflow.runtime.report import render
from hydraflow.runtime.result import from_snapshot

LATENCY = {"count": 3_000_000, "mean": 21.5, "p50": 20.0, "p90": 30.0, "p99": 1e5, "p999": 1.2e8, "p9999": 3e11, "max": 9e14}


def snapshot(**counters: dict[str, Any]) -> dict[str, Any]:
    handlers = [{"name": n, "thread": "core", "ring": "main", "cursor": 9, "lag": 0, "running": None} for n in counters]
    latency = {name: LATENCY for name in [*counters, "frame_to_wire"]}
    return {"name": "graph", "counters": counters, "handlers": handlers, "latency_ns": latency, "errors": []}


DECODE = {"frames": 3_000_000, "messages": 2_999_999, "errors": [0] * 16, "first_error": [-1] * 16}
BOOK = {"levels_applied": 12, "checks_passed": 5, "checks_failed": 1, "checks_depth_first": 2, "first_crossed": -1, "crossed": 0}


def test_counters_of_a_users_stage_are_in_the_result_and_in_the_report() -> None:
    mine = {"alarms": 3, "ratio": 0.25, "never": 0, "first_alarm": 17, "by_symbol": [1, 2], "pad": 0}
    result = from_snapshot(snapshot(watchdog=mine))
    assert result["counters"]["watchdog"] == {k: v for k, v in mine.items() if k != "pad"}
    text = render(result)
    assert "watchdog               alarms 3, ratio 0.25\n" in text
    assert "never" not in text and "first_alarm" not in text and "pad" not in text


def test_counters_that_have_a_section_of_their_own_are_said_once() -> None:
    text = render(from_snapshot(snapshot(book=BOOK)))
    assert "BBO checks             5 of 6 passed" in text
    assert "levels_applied" not in text


def test_first_frame_error_of_each_kind_is_named_by_its_line() -> None:
    errors, firsts = [0] * 16, [-1] * 16
    errors[FrameError.TRUNCATED], firsts[FrameError.TRUNCATED] = 1_234, 99
    result = from_snapshot(snapshot(deserialize={**DECODE, "errors": errors, "first_error": firsts}))
    assert result["frame_errors"] == {"truncated": 1_234} and result["first_frame_errors"] == {"truncated": 100}
    assert "1,234, first at line 100" in render(result)


@pytest.mark.parametrize("count", [1, 40])
def test_no_line_is_wider_than_79_columns(count: int) -> None:
    many = {f"a_counter_with_quite_a_long_name_{n}": 10**12 + n for n in range(count)}
    result = from_snapshot(snapshot(deserialize=DECODE, book=BOOK, stage_of_mine_with_a_name=many)) | {
        "status": "failed", "seconds": 12.5, "memory_bytes": 1 << 30, "state_hash": "0" * 64,
        "state_hashes": {"book": "0" * 16}, "hiccup_ns": LATENCY,
        "journal": {"path": "/tmp/graph", "messages": 10**9, "bytes": 10**12, "verified": False, "end": "torn", "error": "x " * 90},
        "placement": [{"thread": "core", "cpu": 1, "wait": "yielding", "stages": [f"stage_{n}" for n in range(30)]}],
        "error": {"text": "handler 'book', sequence 4,173, depth message: division by zero; " * 3, "code": 70},
    }
    lines = render(result).splitlines()
    assert max(map(len, lines)) <= 79, max(lines, key=len)
    assert sum("a_counter_with" in line for line in lines) >= count // 2


def test_stamps_that_were_no_nanoseconds_are_said_in_words() -> None:
    text = render(from_snapshot(snapshot(capture={"frames": 7, "stamp_unit_ns": 10**6})))
    assert "receive stamps         of capture: milliseconds, as their size says;\n" in text
    assert "stamp_unit_ns" not in text
    assert "receive stamps" not in render(from_snapshot(snapshot(capture={"frames": 7, "stamp_unit_ns": 0})))


def test_pnl_of_inverse_contracts_is_not_called_money() -> None:
    result = from_snapshot(snapshot(book=BOOK)) | {"decisions": 1, "pnl": 5.5}
    assert "5.5000 quote currency" in render(result)
    text = render(result | {"inverse_contracts": ["BTCUSD_PERP"]})
    assert "5.5000 price × contracts, NOT money\n" in text and "quote currency" not in text
    assert "BTCUSD_PERP: inverse contracts, which are not modelled" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 79


def test_ages_are_rows_of_a_paced_run_only() -> None:
    """Flat out they say how full the rings were, stage by stage the same."""
    result = from_snapshot(snapshot(book=BOOK))
    result["latency_ns"]["book.age"] = LATENCY
    saturated, paced = render(result | {"mode": "saturated"}), render(result | {"mode": "paced"})
    assert "book.age" not in saturated and "time since received: see --json" in saturated
    assert "book.age" in paced and "NAME.age: since received" in paced
