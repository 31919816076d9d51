"""Measures a row: its contenders in turns within one loop, so that whatever the machine does, it does to all of them.

First everybody does CHECKED records (the same for all: the row's hash), then a warm-up of full length, then `runs` rounds in
which each contender runs once. Counts are chosen per contender so that a run takes `seconds`. A figure is the median over
the quiet runs when at least half of them are quiet, else over all of them and tagged noisy. A ratio is the median of the
rounds' ratios: the processor's clock drifts by a third, and within a round it has little time to. Every sum is checked.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable
from typing import Any

import attrs

from bench.disruptor.machine import NOISY_SHARE, Meter
from bench.disruptor.work import Contender, Missing, Run, Work

__all__ = ["CHECKED", "Goal", "Plan", "Row", "Verdict", "measure"]

CHECKED = 3_000
_FEWEST = 64


@attrs.frozen(kw_only=True)
class Goal:
    """What our figure must be. against : a contender whose median is the unit, or None for an absolute figure.

    at_least for figures where more is better (records/s); at_most for latencies and CPU.
    """

    against: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def limit(self) -> float:
        return self.at_least if self.at_least is not None else float(self.at_most or 0)


@attrs.frozen(kw_only=True)
class Row:
    """A row of the table. contenders : name → how to make it for this work; the first is ours. figure : what is compared."""

    name: str
    work: Work
    contenders: dict[str, Callable[[Work], Contender]]
    figure: str = "per_second"
    goals: tuple[Goal, ...] = ()
    note: str = ""


@attrs.frozen(kw_only=True)
class Plan:
    """How much is measured. runs : counted rounds; seconds : length of a run; longest : most records of a run."""

    runs: int = 16
    seconds: float = 0.125
    longest: int = 200_000_000


@attrs.frozen(kw_only=True)
class Verdict:
    """A goal and what became of it. got : our median, or its ratio to that of `against`; None when one is missing."""

    goal: Goal
    got: float | None

    @property
    def reached(self) -> bool | None:
        if self.got is None:
            return None
        return self.got >= self.goal.limit if self.goal.at_least is not None else self.got <= self.goal.limit


def measure(
    row: Row, plan: Plan, tell: Callable[[str], None] = lambda text: None, without: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Measure a row; return it as data: the work, per contender its figures and runs, goals, hash.

    tell : is told what goes on. without : contenders to leave out. Raises: RuntimeError when a sum is wrong.
    """
    results: dict[str, dict[str, Any]] = {}
    present: dict[str, Contender] = {}
    try:
        for name, make in row.contenders.items():
            if name in without:
                results[name] = {"skipped": "left out with --without"}
                continue
            try:
                present[name] = make(row.work)
            except Missing as missing:
                results[name] = {"skipped": str(missing)}
        counts = {name: _warm(row, name, contender, plan) for name, contender in present.items()}
        seen: dict[str, list[dict[str, Any]]] = {name: [] for name in present}
        for number in range(plan.runs):
            tell(f"{row.name}: {number + 1} of {plan.runs}")
            for name, contender in present.items():
                seen[name].append(_once(row, name, contender, counts[name]))
    finally:
        for contender in present.values():
            contender.close()
    results |= {name: _summary(row, runs) for name, runs in seen.items()}
    ours = next(iter(row.contenders))
    for name in results:
        if name != ours and name in seen and ours in seen:
            results[name]["ratio"] = _ratio(row.figure, seen[ours], seen[name])
    return {
        "name": row.name, "kind": row.work.kind, "slots": row.work.slots, "batch": row.work.batch, "wait": row.work.wait,
        "gap_us": row.work.gap_us, "threads": row.work.threads, "footprint_bytes": row.work.footprint_bytes,
        "figure": row.figure, "note": row.note, "hash": _hash(row), "ours": ours,
        "contenders": {name: results[name] for name in row.contenders},
        "goals": [_goal(Verdict(goal=goal, got=_got(goal, results, ours))) for goal in row.goals],
    }


def _warm(row: Row, name: str, contender: Contender, plan: Plan) -> int:
    """Do the checked records and a full run; return how many records make a run of the planned length."""
    if row.work.kind == "idle":
        contender.run(10_000_000)
        return max(20_000_000, round(4e9 * plan.seconds))  # nanoseconds
    count = row.work.whole(min(CHECKED, plan.longest))
    for _ in range(6):
        run = _checked(row, name, contender.run(count))
        per_record = max(run.ns / run.count, 0.5)
        count = row.work.whole(min(plan.longest, max(_FEWEST, round(plan.seconds * 1e9 / per_record))))
    return count


def _once(row: Row, name: str, contender: Contender, count: int) -> dict[str, Any]:
    meter = Meter(contender.processes)
    meter.start()
    run = contender.run(count)
    meter.stop()
    _checked(row, name, run)
    waited = run.waited_ns / meter.wall_ns if run.waited_ns is not None and meter.wall_ns else None
    noisy = (meter.share or 0.0) > NOISY_SHARE or (row.work.threads <= 2 and (waited or 0.0) > NOISY_SHARE)
    return {**run.figures(), "count": run.count, "seconds": run.ns / 1e9, "others_share": meter.share, "waited_share": waited, "noisy": noisy}


def _checked(row: Row, name: str, run: Run) -> Run:
    if row.work.kind != "idle" and run.total != row.work.expected(run.count):
        raise RuntimeError(
            f"{row.name}: {name} summed {run.total} over {run.count} records, must be {row.work.expected(run.count)}:"
            " records were lost, repeated or torn"
        )
    return run


def _summary(row: Row, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians of every figure, over quiet runs when at least half are quiet."""
    quiet = [run for run in runs if not run["noisy"]]
    used = quiet if 2 * len(quiet) >= len(runs) else runs
    values = sorted(run[row.figure] for run in used)
    extra = {key: statistics.median(run[key] for run in used) for key in ("p50", "p99", "p999", "max") if key in used[0]}
    return {
        "median": statistics.median(values), "min": values[0], "max": values[-1], **{f"median_{k}": v for k, v in extra.items()},
        "runs": runs, "runs_used": len(used), "noisy": used is runs and len(quiet) < len(runs),
    }


def _ratio(figure: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> float:
    """Return the median of ours / theirs over the rounds in which both were quiet, or over all when those are fewer than half."""
    rounds = list(zip(ours, theirs, strict=True))
    quiet = [(a, b) for a, b in rounds if not a["noisy"] and not b["noisy"]]
    used = quiet if 2 * len(quiet) >= len(rounds) else rounds
    return statistics.median(a[figure] / b[figure] for a, b in used)


def _got(goal: Goal, results: dict[str, dict[str, Any]], ours: str) -> float | None:
    against = ours if goal.against is None else goal.against
    return results.get(against, {}).get("median" if goal.against is None else "ratio")


def _goal(verdict: Verdict) -> dict[str, Any]:
    goal = verdict.goal
    return {"against": goal.against, "at_least": goal.at_least, "at_most": goal.at_most, "got": verdict.got, "reached": verdict.reached}


def _hash(row: Row) -> str:
    """Return a hash of what everybody summed over CHECKED records: equal on every machine, or the work has changed."""
    count = row.work.whole(CHECKED)
    return hashlib.sha256(f"{row.name} {row.work} {count} {row.work.expected(count)}".encode()).hexdigest()[:16]
