"""`hfx test`: what is printed, exit codes, JUnit. The engine is replaced; it runs in tests/system/test_topology_tests.py."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from hydraflow.cli.test import test as command
from hydraflow.errors import OutputError, UsageError
from hydraflow.testing import runner
from hydraflow.testing.judge import budgets, differences
from hydraflow.testing.runner import Verdict

HERE = "tests.reference.topology_stubs"
HEAD = (f"version: 1\nsources: [{{name: s, use: '{HERE}:simulator'}}]\nhandlers:\n"
        f"  - {{name: d, use: '{HERE}:deserialize', on: frames, into: decoded}}\n  - {{name: r, use: '{HERE}:risk'}}\n")
TESTS = """\
instruments: [{symbol: X, tick: 1, lot: 1}]
tests:
  - {name: well, input: "1 {}", expect: {frames: 3}}
  - name: Badly
    input: "1 {}"
    expect:
      frames: 4
      budgets: {r: {p99: 1us}}
  - {name: broken, input: "1 {}"}
"""
COUNTS = {"frames": 3, "frame_errors": {}, "rejects": 0, "rejects_by_reason": {}, "book_checks": {}, "counters": {},
          "latency_ns": {"r": {"count": 1, "p99": 1500.0}}, "state_hash": "ab" * 32}


@pytest.fixture
def run(tmp_path, monkeypatch):
    def fake(topology, case, progress):
        at = {"path": topology.path, "name": case.name, "span": case.where("name"), "seconds": 0.25}
        if case.name == "broken":
            return Verdict(error="the engine\ndied", **at)
        return Verdict(differences=tuple(differences(case.expect, COUNTS, {})), budgets=tuple(budgets(case.expect, COUNTS)),
                       exercised=frozenset(["d"]), result=COUNTS, **at)

    monkeypatch.setattr(runner, "run_case", fake)
    monkeypatch.chdir(tmp_path)

    def call(text, *options):
        (tmp_path / "t.yaml").write_text(HEAD + text)
        return CliRunner().invoke(command, ["t.yaml", *options], catch_exceptions=False)

    return call


def test_a_line_for_each_test_what_differed_and_where_and_exit_1(run):
    result = run(TESTS)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "t.yaml",
        "ok    well  (0.2 s)",
        "FAIL  Badly  (0.2 s)",
        "      t.yaml:12:15: frames: expected 4, got 3",
        "      r p99: 1.5 us, over its budget of 1 us",
        "FAIL  broken  (0.2 s)",
        "      t.yaml:14:12: the engine died",
        "handlers that no test exercised: r",
        "3 tests: 1 passed, 2 failed",
    ]
    assert result.stderr == ""


def test_a_budget_fails_a_test_only_when_asked_to(run):
    tests = TESTS.replace("frames: 4", "frames: 3")
    assert run(tests, "-k", "badly").exit_code == 0
    result = run(tests, "-k", "badly", "--budgets")
    assert result.exit_code == 1
    assert "      t.yaml:13:26: r p99: 1.5 us, over its budget of 1 us\n" in result.stdout


def test_k_chooses_tests_by_name(run):
    result = run(TESTS, "-k", "W?LL")
    assert (result.exit_code, result.stdout) == (0, "t.yaml\nok    well  (0.2 s)\n1 test: 1 passed\n")
    with pytest.raises(UsageError, match=r"no test's name contains 'zzz'; known: well, Badly, broken"):
        run(TESTS, "-k", "zzz")


def test_json_holds_the_same(run):
    result = run(TESTS, "--json")
    report = json.loads(result.stdout)
    assert (report["schema"], report["ok"], report["passed"], report["failed"]) == ("hfx.test/1", False, 1, 2)
    file = report["files"][0]
    assert (file["path"], file["not_exercised"]) == ("t.yaml", ["r"])
    assert file["tests"][1]["differences"] == [{"what": "frames", "expected": "4", "actual": "3", "line": 12, "column": 15}]
    assert file["tests"][1]["budgets"][0] | {"column": 0} == {
        "latency": "r", "percentile": "p99", "limit_ns": 1000, "actual_ns": 1500.0, "held": False, "line": 13, "column": 0}
    assert [t["error"] for t in file["tests"]] == [None, None, "the engine\ndied"]
    assert result.exit_code == 1


def test_junit_tells_failures_from_errors(run, tmp_path):
    result = run(TESTS.replace("name: well", 'name: "well \\x07 & <so>"'), "--junit", "j.xml")
    assert result.exit_code == 1 and result.stderr == "JUnit file: j.xml\n"
    suite = ElementTree.parse(tmp_path / "j.xml").getroot()[0]
    assert [suite.get(k) for k in ("name", "tests", "failures", "errors")] == ["t.yaml", "3", "1", "1"]
    assert [c.get("name") for c in suite] == ["well � & <so>", "Badly", "broken"]
    assert suite[1][0].tag == "failure" and suite[1][0].get("message") == "t.yaml:12:15: frames: expected 4, got 3"
    assert suite[2][0].tag == "error"


def test_a_junit_file_that_cannot_be_written_is_refused_before_anything_runs(run):
    with pytest.raises(OutputError, match=r"--junit 'gone/j\.xml': cannot be written"):
        run(TESTS, "--junit", "gone/j.xml")


def test_a_wrong_file_is_exit_78_with_every_mistake(run):
    result = run(TESTS.replace("frames: 3", "frams: 3").replace("r: {p99", "q: {p99"))
    assert (result.exit_code, result.stdout) == (78, "")
    assert "error[HF007]: expectation has no key 'frams'" in result.stderr and "error[HF603]" in result.stderr
    assert result.stderr.endswith("\n2 errors in t.yaml\n")


def test_a_file_without_tests_is_named(run):
    with pytest.raises(UsageError, match=r"no tests in t\.yaml; declare them under tests:"):
        run("instruments: [{symbol: X, tick: 1, lot: 1}]\n")
