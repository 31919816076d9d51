"""Explores the order in which threads run: the real ring code, un-jitted, on a machine where each shared access may be overtaken.

    python -m tools.verify.explore [--long] [--json]       programs, then the faults, each of which must be found
    python -m tools.verify.explore --list                  the programs
    python -m tools.verify.explore blocking                those whose name contains a word
    python -m tools.verify.explore --replay "17:2 31:1" --program "blocking" [--fault NAME] [--late-loads]

Every schedule up to a bound of deviations (a change of task in the middle of something, a load that finds an older store) is
run once, then random ones. What fails is printed as a schedule and as a trace: thread, line of source, access. Exit code: 1
when a program fails or a fault is not found, 69 when greenlet is missing. See tools.verify.machine, programs, exploring.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from typing import Any

from tools.verify.exploring import Job, results
from tools.verify.faults import FAULTS

__all__ = ["main"]

EX_UNAVAILABLE = 69
_PROCESSES = len(os.sched_getaffinity(0))

def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.verify.explore", description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="*", help="only programs and faults whose name contains one of these")
    parser.add_argument("--long", action="store_true", help="bound 3, then 8,000 random schedules of each program and kind of memory")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end instead of lines")
    parser.add_argument("--list", action="store_true", help="print the programs")
    parser.add_argument("--faults-only", action="store_true", help="leave the programs without faults out")
    parser.add_argument("--programs-only", action="store_true", help="leave the faults out")
    parser.add_argument("--seed", type=int, default=1, help="of the random schedules")
    parser.add_argument("--points", type=int, default=0, help="decisions that the schedules of a program may take, for each bound")
    parser.add_argument("--random", type=int, help="random schedules of each program, besides")
    parser.add_argument("--processes", type=int, default=_PROCESSES)
    parser.add_argument("--program", help="the program to replay")
    parser.add_argument("--replay", help='a schedule, e.g. "17:2 31:1"; "usual" is the usual course')
    parser.add_argument("--fault", default="", help="a fault of tools/verify/faults.py, seeded before the replay")
    parser.add_argument("--late-loads", action="store_true", help="the schedule was found with late loads")
    given = parser.parse_args(arguments)
    if importlib.util.find_spec("greenlet") is None:
        print("explore: install greenlet (pip install greenlet)", file=sys.stderr)
        return EX_UNAVAILABLE
    from tools.verify.programs import PROGRAMS

    if given.list:
        print("\n".join(PROGRAMS))
        return 0
    if given.replay is not None:
        if given.program not in PROGRAMS:
            parser.error(f"--replay needs --program, one of: {', '.join(PROGRAMS)}")
        return _replay(given)

    def chosen(name: str) -> bool:
        return not given.words or any(word in name for word in given.words)

    bounds, points, drawn = ((1, 3), 800_000, 8000) if given.long else ((0, 1), 20_000, 50)
    points, drawn = given.points or points, drawn if given.random is None else given.random
    jobs = [Job((p,), "", bounds, points=points, random=drawn, seed=given.seed) for p in PROGRAMS if chosen(p) and not given.faults_only]
    if not given.programs_only:
        jobs += [Job((p,), fault, (0, 1, 2), points=200_000, random=20_000, seed=given.seed) for fault, p in FAULTS.items() if chosen(fault)]
    started = time.monotonic()
    found = []
    for result in results(jobs, given.processes):
        found.append(result)
        if not given.json:
            print(_line(result), flush=True)
    report = _report(found, given.long, time.monotonic() - started)
    print(json.dumps(report) if given.json else _summary(report))
    return 1 if report["wrong"] or not found else 0


def _schedules(result: dict[str, Any]) -> int:
    """Return how many different schedules a job has run: a bound includes those below it."""
    best: dict[tuple[Any, bool], int] = {}
    for r in result["runs"]:
        way = (r["bound"] < 0, r["weak"])
        best[way] = max(best.get(way, 0), r["schedules"])
    return sum(best.values())


def _line(result: dict[str, Any]) -> str:
    job = Job(*result["job"])
    seconds = sum(r["seconds"] for r in result["runs"])
    if job.mutant:
        ran = sum(r["schedules"] for r in result["runs"])
        what = f"found: {result['rule']} [{result.get('schedule') or 'usual'}]" if result["rule"] else "NOT FOUND"
        return f"{job.mutant:<56} {ran:>8,} schedules {seconds:6.1f} s  {what}{result.get('error', '')}"
    bound = max((r["bound"] for r in result["runs"] if r["exhausted"]), default=-1)
    what = f"all up to bound {bound}" if bound >= 0 else "a part"
    if result["rule"]:
        what = f"BROKEN: {result['rule']} [{result.get('schedule') or 'usual'}]{' with late loads' if result.get('weak') else ''}"
        what += "\n" + "\n".join(_trace(result)) + result.get("error", "")
    return f"{job.programs[0]:<56} {_schedules(result):>8,} schedules {seconds:6.1f} s  {what}"


def _trace(result: dict[str, Any]) -> list[str]:
    trace = result.get("trace", [])
    width = max((len(where) for _, where, _ in trace), default=0)
    return [f"  {task:<12} {where:<{width}}  {access}" for task, where, access in trace]


def _report(found: list[dict[str, Any]], long: bool, seconds: float) -> dict[str, Any]:
    programs = [r for r in found if not r["job"][1]]
    faults = [r for r in found if r["job"][1]]
    wrong = [_line(r) for r in programs if r["rule"]] + [_line(r) for r in faults if not r["rule"] or r.get("error")]
    schedules, noticed = sum(_schedules(r) for r in programs), sum(bool(r["rule"]) and "error" not in r for r in faults)
    ends = ["FAILED" if any(r["rule"] for r in programs) else "ok", "ok" if noticed == len(faults) else "FAILED"]
    rows = [("interleavings", schedules, "schedules", f"{ends[0]}: {len(programs)} programs")] if programs else []
    rows += [("faults seeded", len(faults), "faults", f"{ends[1]}: {noticed} found")] if faults else []
    return {
        "rows": [
            {"part": "explore", "what": w, "count": n, "unit": u, "result": r, "seconds": round(seconds / len(rows), 1)} for w, n, u, r in rows
        ],
        "programs": len(programs), "schedules": schedules, "mutants": len(faults), "mutants_found": noticed,
        "seconds": round(seconds, 1), "wrong": wrong, "long": long,
    }


def _summary(report: dict[str, Any]) -> str:
    return (
        f"explore: {report['programs']} programs, {report['schedules']:,} schedules, {report['mutants_found']} of {report['mutants']} faults"
        f" found, {report['seconds']:,} s" + "".join(f"\nWRONG {line}" for line in report["wrong"])
    )


def _replay(given: argparse.Namespace) -> int:
    job = Job((given.program,), given.fault, memory=(given.late_loads,), replay=given.replay)
    for result in results([job], 1):
        if "error" in result:
            print(result["error"], file=sys.stderr)
            return 1
        print("\n".join(_trace(result)))
        if result["misfit"]:
            print(f"the schedule does not fit this program: {result['misfit']}; take that of the same sources, with or without --late-loads")
            return 1
        print(result["rule"] or "nothing is broken")
        return 1 if result["rule"] else 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
