"""Does a result meet an expectation?"""

from __future__ import annotations

import pytest

from hydraflow.testing.judge import budgets, differences
from hydraflow.topology.convert import SPEC_CODES, convert
from hydraflow.topology.diagnose import Findings
from hydraflow.topology.nodes import read
from hydraflow.topology.spec import ExpectSpec

RESULT = {
    "frames": 100, "messages": 120, "decisions": 9, "orders": 5, "fills": 3, "sequence_gaps": 1, "rejects": 4,
    "rejects_by_reason": {"price_collar": 3, "kill_switch": 1},
    "frame_errors": {"no_stamp": 2, "stamp_ahead": 7},
    "book_checks": {"passed": 50, "failed": 0},
    "counters": {"spread": {"wide": 4, "each": [1, 2]}},
    "latency_ns": {"book": {"count": 10, "p50": 100.0, "p99": 2_000.0}, "risk": {"count": 0, "p99": 0.0}},
    "state_hash": "0123456789abcdef" * 4,
}
ROWS = {"fills": [{"side": "BUY", "price": "61800.10", "line": None}, {"side": "SELL", "price": "61800.20", "line": 7}]}


def expect(text: str) -> ExpectSpec:
    findings = Findings("t.yaml")
    made = convert(ExpectSpec, read(text, findings, {}), findings, codes=SPEC_CODES)
    assert not findings.diagnostics, findings.diagnostics
    return made


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{frames: 100, messages: '> 100', decisions: 9, orders: 1..5, fills: 3, sequence_gaps: 1}",
        "{rejects: 4}", "{rejects: {price_collar: 3, KILL_SWITCH: 1, rate_limit: 0}}",
        "{frame_errors: 2}", "{frame_errors: {no_stamp: 2, stamp_ahead: 7, corrupt: 0}}",
        "{book_checks: {failed: 0, passed: '>= 1'}}",
        "{counters: {spread: {wide: 4}}}",
        "{rows: [{of: fills, has: {side: SELL, price: 61800.2, line: 7}}]}",
        "{rows: [{of: fills, row: 1, has: {line: null, price: '61800.1'}}, {of: fills, row: -2, has: {side: BUY}}]}",
        "{state_hash: 01234567}",
    ],
)
def test_a_result_that_meets_an_expectation_has_no_differences(text):
    assert differences(expect(text), RESULT, ROWS) == []


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        ("frames: 99", "frames: expected 99, got 100", (1, 9)),
        ("orders: '> 1_000'", "orders: expected > 1,000, got 5", (1, 9)),
        ("rejects: 0", "rejects: expected 0, got 4", (1, 10)),
        ("rejects:\n  price_collar: 1", "rejects price_collar: expected 1, got 3", (2, 17)),
        ("frame_errors: 0", "frame_errors: expected 0, got 2", (1, 15)),
        ("frame_errors: {corrupt: 1}", "frame_errors corrupt: expected 1, got 0", (1, 25)),
        ("book_checks: {passed: 51}", "book_checks passed: expected 51, got 50", (1, 23)),
        ("counters: {spread: {wide: '< 4'}}", "counter spread.wide: expected < 4, got 4", (1, 27)),
        ("counters: {spread: {each: 1}}", "counter spread.each: expected 1, got [1, 2]", (1, 27)),
        ("counters: {gone: {x: 0}}", "counter gone.x: expected 0, got nothing", (1, 22)),
        ("rows: [{of: fills, has: {side: BUY}}]", "fills row last side: expected BUY, got SELL", (1, 32)),
        ("rows: [{of: fills, row: 1, has: {line: 7}}]", "fills row 1 line: expected 7, got nothing", (1, 40)),
        ("rows: [{of: fills, row: 3, has: {line: 7}}]", "fills row 3: expected one, got 2 rows", (1, 8)),
        ("rows: [{of: fills, row: -3, has: {line: 7}}]", "fills row -3: expected one, got 2 rows", (1, 8)),
        ("rows: [{of: book, has: {u: 7}}]", "book row last: expected one, got 0 rows", (1, 8)),
        ("rows: [{of: fills, has: {line: true}}]", "fills row last line: expected true, got 7", (1, 32)),
        ("state_hash: 11234567", f"state_hash: expected 11234567, got {RESULT['state_hash']}", (1, 13)),
    ],
)
def test_a_difference_says_what_was_expected_what_came_and_where(text, said, place):
    found = differences(expect(text), RESULT, ROWS)
    assert [str(d) for d in found] == [said]
    assert (found[0].span.line, found[0].span.column) == place


def test_all_differences_are_found_at_once():
    assert len(differences(expect("{frames: 1, orders: 1, rejects: {price_collar: 0}}"), RESULT, ROWS)) == 3


def test_budgets_are_held_or_not_and_nothing_measured_holds_none():
    found = budgets(expect("{budgets: {book: {p99: 2us, p50: 99ns}, risk: {p99: 1s}}}"), RESULT)
    assert [(b.latency, b.percentile, b.limit_ns, b.actual_ns, b.held) for b in found] == [
        ("book", "p99", 2_000, 2_000.0, True), ("book", "p50", 99, 100.0, False), ("risk", "p99", 1_000_000_000, None, False),
    ]
