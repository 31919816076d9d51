"""The results as a text table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.disruptor import c_ring, lmax
from bench.disruptor.harness import CHECKED, Plan
from bench.disruptor.machine import NOISY_SHARE, describe
from bench.disruptor.work import SEED

__all__ = ["SCHEMA", "as_data", "as_markdown", "as_text", "goal_text"]

SCHEMA = "hfx.bench.disruptor/1"
_QUEUES = ("queue.Queue", "queue.SimpleQueue", "asyncio.Queue")
_PYTHON = ("python", "python_round_trip", "processes", "processes_round_trip")
_EXCLUDED = "compilation, start of threads and processes, and the first runs of each contender"


def as_data(plan: Plan, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return everything as one JSON document. Each row gets `beside`: our figure in units of Python's own queues."""
    for row in rows:
        row["beside"] = _beside(row, rows)
    return {
        "schema": SCHEMA, "machine": describe(), "seed": SEED, "runs": plan.runs, "seconds_per_run": plan.seconds,
        "record_bytes": 64, "checked_records": CHECKED, "noisy_above_share": NOISY_SHARE, "excluded": _EXCLUDED,
        "c_flags": list(c_ring.FLAGS), "java_options": list(lmax.OPTIONS), "rows": rows,
        "goals": {word: sum(goal["reached"] is state for row in rows for goal in row["goals"])
                  for word, state in (("reached", True), ("missed", False), ("not_measured", None))},
    }


def _beside(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return how many times better ours is than each of _QUEUES, where the row that measures them was measured too."""
    kind = {"per_second": "python", "p50": "python_round_trip"}.get(row["figure"])
    mine = row["contenders"][row["ours"]].get("median")
    found = next((other for other in rows if other["kind"] == kind and other is not row), None)
    if not mine or found is None or row["kind"] in _PYTHON:
        return {}
    theirs = {name: found["contenders"].get(name, {}).get("median") for name in _QUEUES}
    return {name: mine / value if kind == "python" else value / mine for name, value in theirs.items() if value}


def as_text(data: dict[str, Any]) -> str:
    """Return the table for people."""
    machine = data["machine"]
    head = [
        f"{machine['processor']}, {machine['cpus']} cores ({', '.join(map(str, machine['cores_used']))} used), kernel {machine['kernel']},"
        f" load {machine['loadavg'][0]:.1f}",
        f"64-byte records, 8 words written and summed, seed {data['seed']}; medians of {data['runs']} runs of {data['seconds_per_run']} s in turns;"
        f" excluded: {data['excluded']}",
        f"noisy: others took more than {data['noisy_above_share']:.0%} of the cores in more than half of the runs",
    ]
    return "\n".join([*head, *(line for row in data["rows"] for line in _row(row)), "", _counted(data["goals"])])


def as_markdown(data: dict[str, Any]) -> str:
    """Return the table for documents: one line for each row and contender that was measured."""
    machine = data["machine"]
    lines = [
        f"{machine['processor']}, {machine['cpus']} cores, kernel {machine['kernel']}; medians of {data['runs']} runs of"
        f" {data['seconds_per_run']} s in turns, lowest and highest run in brackets.",
        "",
        "| row | contender | figure | | ours is | goal |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in data["rows"]:
        first = row["name"]
        for name, result in row["contenders"].items():
            if "skipped" in result:
                continue
            spread = _spread(row["figure"], result) + (", noisy" if result["noisy"] else "")
            ratio = f"{result['ratio']:.2f} ×" if "ratio" in result else ""
            reached = "; ".join(goal_text(row["figure"], g) for g in row["goals"] if (g["against"] or row["ours"]) == name)
            lines.append(f"| {first} | {name} | {_figure(row['figure'], result['median'])} | {spread} | {ratio} | {reached} |")
            first = ""
    return "\n".join(lines)


def _row(row: dict[str, Any]) -> Iterator[str]:
    yield ""
    shape = f"{row['footprint_bytes'] // 1024:,} KiB, batch {row['batch']}, {row['wait']}, {row['threads']} threads pinned, hash {row['hash']}"
    yield f"{row['name']}   [{shape}]" + (f"   {row['note']}" if row["note"] else "")
    for name, result in row["contenders"].items():
        if "skipped" in result:
            yield f"    {name:<28} skipped: {result['skipped']}"
            continue
        ratio = f"{result['ratio']:>8.2f} ×" if "ratio" in result else " " * 10
        others = [run["others_share"] for run in result["runs"] if run["others_share"] is not None]
        taken = f"others {sum(others) / len(others):4.0%}" if others else "others ?"
        yield (f"    {name:<28} {_figure(row['figure'], result['median']):>14}  {_spread(row['figure'], result):<40}{ratio}  {taken}"
               + ("  noisy" if result["noisy"] else ""))
    if row["beside"]:
        yield "    beside Python's queues: " + ", ".join(f"{value:,.0f} × {name}" for name, value in row["beside"].items())
    for goal in row["goals"]:
        noisy = any(row["contenders"].get(name, {}).get("noisy") for name in (row["ours"], goal["against"]))
        yield f"    goal {goal_text(row['figure'], goal)}" + (" (noisy)" if noisy else "")


def goal_text(figure: str, goal: dict[str, Any]) -> str:
    """Return a goal and what became of it, as a sentence."""
    sign, limit = ("≥", goal["at_least"]) if goal["at_least"] is not None else ("≤", goal["at_most"])
    state = {True: "reached", False: "MISSED", None: "not measured"}[goal["reached"]]
    if goal["against"]:
        return f"{sign} {limit} × {goal['against']}: " + (f"{goal['got']:.2f}, {state}" if goal["got"] is not None else state)
    return f"{sign} {_figure(figure, limit)}: " + (f"{_figure(figure, goal['got'])}, {state}" if goal["got"] is not None else state)


def _figure(figure: str, value: float) -> str:
    if figure == "per_second":
        return f"{value / 1e6:,.2f} M/s"
    if figure == "cpu_percent":
        return f"{value:.2f} %"
    return f"{value:,.0f} ns" if value < 10_000 else f"{value / 1000:,.1f} µs"


def _spread(figure: str, result: dict[str, Any]) -> str:
    text = f"[{_figure(figure, result['min'])} – {_figure(figure, result['max'])}]"
    return text + (f" p99 {_figure(figure, result['median_p99'])}" if "median_p99" in result else "")


def _counted(goals: dict[str, int]) -> str:
    return f"goals: {goals['reached']} reached, {goals['missed']} missed, {goals['not_measured']} not measured"
