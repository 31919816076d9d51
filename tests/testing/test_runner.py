"""What the engine is asked to do for a test, and what becomes of its answer. The engine itself is replaced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hydraflow.runtime.supervisor import Outcome
from hydraflow.testing import runner
from hydraflow.topology import examine
from tests.reference.topology_stubs import registry

TEXT = """\
version: 1
name: small
sources: [{use: simulator}]
instruments: [{symbol: X, tick: 1, lot: 1}]
handlers: [{use: deserialize.binance}, {use: book}]
tests:
  - {name: one, input: "1 {}", expect: {frames: 3}}
"""
ROWS = "  - {name: two, input: '1 {}', expect: {rows: [{of: book, row: 2, has: {u: 7}}]}}\n"
RESULT = {"status": "completed", "error": None, "frames": 3, "frame_errors": {}, "rejects": 0, "rejects_by_reason": {},
          "handlers": [{"name": "book", "cursor": 5}], "counters": {}, "latency_ns": {}, "state_hash": "ab"}


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return a function that runs a test by number against a given outcome; `run.asked` is what the engine was asked."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def call(text=TEXT, number=0, result=RESULT, code=0, rows=()):
        path = tmp_path / "small.yaml"
        path.write_text(text)
        topology, findings = examine(text, str(path), {}, registry=registry())
        assert topology is not None and not findings.failed, findings.diagnostics

        def supervise(options, progress):
            call.asked = options
            call.tree = json.loads(Path(options.topology).read_text())
            call.capture = Path(call.tree["sources"][0]["with"]["path"]).read_text()
            for stream, file in options.record.items():
                Path(file).write_text("".join(json.dumps(r) + "\n" for r in rows if stream == "book"))
            return Outcome(dict(result), code)

        monkeypatch.setattr(runner, "supervise", supervise)
        return runner.run_case(topology, topology.tests[number])

    return call


def test_the_engine_runs_fused_without_pacing_journal_or_baseline(run):
    verdict = run()
    assert verdict.passed() and verdict.exercised == {"book"}
    assert (run.asked.placement, run.asked.hiccup_seconds, run.asked.record) == ("fused", 0.0, {})
    assert (run.tree["name"], run.capture) == ("small", "1 {}\n")
    assert not Path(run.asked.topology).exists()


def test_all_tests_of_a_file_are_recorded_when_one_speaks_of_rows_so_that_they_share_a_loop(run):
    assert run(TEXT + ROWS).passed()
    assert sorted(run.asked.record) == ["book", "fills", "orders"]
    assert run(TEXT + ROWS, 1, rows=[{"u": 1}, {"u": 7}]).passed()
    assert [str(d) for d in run(TEXT + ROWS, 1, rows=[{"u": 1}, {"u": 8}]).differences] == ["book row 2 u: expected 7, got 8"]


def test_a_run_that_does_not_begin_or_ends_early_fails_the_test_whatever_it_expects(run):
    verdict = run(result={"failure": "no such core"}, code=78)
    assert (verdict.passed(), verdict.error, verdict.result) == (False, "no such core", {})
    verdict = run(result=RESULT | {"status": "failed", "error": {"text": "handler 'book': bad"}}, code=70)
    assert (verdict.passed(), verdict.error, verdict.differences) == (False, "handler 'book': bad", ())


@pytest.mark.parametrize(
    ("result", "code"),
    [(RESULT | {"status": "interrupted"}, 0), (RESULT, 130), ({"failure": "stopped before the run began; nothing has run"}, 0)],
)
def test_what_a_signal_ends_is_no_verdict(run, result, code):
    with pytest.raises(KeyboardInterrupt):
        run(result=result, code=code)
