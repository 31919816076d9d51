"""What is printed of tests: a line each, what differed with its place, the handlers that nothing exercised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydraflow.testing.judge import Budget
from hydraflow.testing.runner import Verdict
from hydraflow.topology.diagnose import Span, plural

__all__ = ["SCHEMA", "as_json", "complaints", "line", "not_exercised", "total"]

SCHEMA = "hfx.test/1"
_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1.0, "ns"))


def line(verdict: Verdict, *, judge_budgets: bool) -> str:
    """Return one test's line, with the lines below it that say what differed and how long things took."""
    word = "ok  " if verdict.passed(judge_budgets=judge_budgets) else "FAIL"
    out = [f"{word}  {verdict.name}  ({verdict.seconds:.1f} s)"]
    out += [f"      {text}" for text in complaints(verdict, judge_budgets=judge_budgets)]
    out += [f"      {_budget(b)}" for b in verdict.budgets if b.held or not judge_budgets]
    return "\n".join(out)


def complaints(verdict: Verdict, *, judge_budgets: bool) -> list[str]:
    """Return what a test failed by, a line each: FILE:LINE:COLUMN: what was expected and what came."""
    out = [f"{_place(verdict.path, verdict.span)}: {' '.join(verdict.error.split())}"] if verdict.error else []
    out += [f"{_place(verdict.path, d.span)}: {d}" for d in verdict.differences]
    if judge_budgets:
        out += [f"{_place(verdict.path, b.span)}: {_budget(b)}" for b in verdict.budgets if not b.held]
    return out


def not_exercised(stages: Sequence[str], verdicts: Sequence[Verdict]) -> list[str]:
    """Return the stages of a topology that no test exercised, in their order."""
    seen = {name for verdict in verdicts for name in verdict.exercised}
    return [name for name in stages if name not in seen]


def total(verdicts: Sequence[Verdict], *, judge_budgets: bool) -> str:
    """Return the last line: "3 tests: 2 passed, 1 failed"."""
    passed = sum(v.passed(judge_budgets=judge_budgets) for v in verdicts)
    failed = len(verdicts) - passed
    parts = [f"{passed} passed"] if passed or not failed else []
    return f"{plural(len(verdicts), 'test')}: {', '.join([*parts, *([f'{failed} failed'] if failed else [])])}"


def as_json(files: Sequence[tuple[str, Sequence[str], Sequence[Verdict]]], *, judge_budgets: bool) -> dict[str, Any]:
    """Return the report for programs. files : (path, stages to exercise, verdicts)."""
    everything = [v for _, _, verdicts in files for v in verdicts]
    return {
        "schema": SCHEMA,
        "ok": all(v.passed(judge_budgets=judge_budgets) for v in everything),
        "passed": sum(v.passed(judge_budgets=judge_budgets) for v in everything),
        "failed": sum(not v.passed(judge_budgets=judge_budgets) for v in everything),
        "files": [
            {"path": path, "not_exercised": not_exercised(stages, verdicts),
             "tests": [_test(v, judge_budgets) for v in verdicts]}
            for path, stages, verdicts in files
        ],
    }


def _test(verdict: Verdict, judge_budgets: bool) -> dict[str, Any]:
    return {
        "name": verdict.name, "passed": verdict.passed(judge_budgets=judge_budgets), "seconds": round(verdict.seconds, 3),
        **_at(verdict.span), "error": verdict.error or None,
        "differences": [{"what": d.what, "expected": d.expected, "actual": d.actual, **_at(d.span)} for d in verdict.differences],
        "budgets": [{"latency": b.latency, "percentile": b.percentile, "limit_ns": b.limit_ns, "actual_ns": b.actual_ns,
                     "held": b.held, **_at(b.span)} for b in verdict.budgets],
        "state_hash": verdict.result.get("state_hash"), "exercised": sorted(verdict.exercised),
    }


def _budget(budget: Budget) -> str:
    actual = "nothing measured" if budget.actual_ns is None else _time(budget.actual_ns)
    relation = "within" if budget.held else "over" if budget.actual_ns is not None else "of"
    return f"{budget.latency} {budget.percentile}: {actual}, {relation} its budget of {_time(budget.limit_ns)}"


def _time(nanoseconds: float) -> str:
    size, unit = next(((size, unit) for size, unit in _UNITS if nanoseconds >= size), _UNITS[-1])
    return f"{nanoseconds / size:.3g} {unit}"


def _place(path: str, span: Span | None) -> str:
    return f"{span.path or path}:{span.line}:{span.column}" if span else path


def _at(span: Span | None) -> dict[str, int]:
    return {"line": span.line if span else 0, "column": span.column if span else 0}
