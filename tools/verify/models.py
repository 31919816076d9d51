"""Models of the ring in Promela, every state of each visited by spin; and the mutants of each, all of which must be found.

    python -m tools.verify.models [--long] [--json]

The models stand in tools/verify/models/; each says which lines of the library it follows. *Safety*: no slot is read while it
is written, every consumer gets each record once and whole, claims never exceed the slots, and no state is an end but the
one where all is done (a lost wake-up). *Liveness*: under weak fairness everything is consumed. Needs spin and a C compiler.
Exit code: 1 when a model breaks or a mutant survives, 69 when a tool is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

__all__ = ["CHECKS", "MUTANTS", "Check", "Outcome", "main", "missing", "run", "verify"]

FOLDER = Path(__file__).parent / "models"
_LIMIT_S = 1800
_MEMORY_MIB = 6000
EX_UNAVAILABLE = 69


class Check(NamedTuple):
    """A model with its sizes. mutant : the fault that it is given; liveness : instead of safety; long : only in the long form."""

    model: str
    sizes: str = ""
    mutant: str = ""
    liveness: bool = False
    long: bool = False

    def __str__(self) -> str:
        parts = [self.model, *self.sizes.split(), self.mutant, "(liveness)" if self.liveness else ""]
        return " ".join(p for p in parts if p)


class Outcome(NamedTuple):
    """What spin has seen. complete : whether it has visited every state; error : what it found, "" for nothing."""

    check: Check
    states: int
    transitions: int
    seconds: float
    complete: bool
    error: str

    @property
    def right(self) -> bool:
        return bool(self.error) if self.check.mutant else self.complete and not self.error


CHECKS = [
    Check("single", "SLOTS=4 LAST=11"),
    Check("single", "SLOTS=4 LAST=5", liveness=True),
    Check("single", "SLOTS=2 LAST=15", long=True),
    Check("single", "SLOTS=4 LAST=11", liveness=True, long=True),
    Check("many", "LAST=1"),
    Check("many", "LAST=1 GIVES_UP CONSUMERS=1"),
    Check("many", "LAST=2 CONSUMERS=1", liveness=True),
    Check("many", "LAST=1 CRASHES CONSUMERS=1", liveness=True),
    Check("many", "LAST=2 GIVES_UP CONSUMERS=1", long=True),
    Check("many", "LAST=3 CONSUMERS=1 CRASHES", long=True),
    Check("many", "LAST=3 CONSUMERS=1", long=True),
    Check("many", "LAST=2 PRODUCERS=3 CONSUMERS=1", long=True),
    Check("parking", "LAST=2"),
    Check("parking", "LAST=2 PHASED"),
    Check("parking", "LAST=1", liveness=True),
    Check("parking", "LAST=2 SLOTS=2", long=True),
    Check("parking", "LAST=1 CONSUMERS=2", long=True),
    Check("parking", "LAST=1 CONSUMERS=2 PHASED", long=True),
    Check("dynamic", "LAST=3 STAYS=1"),
    Check("dynamic", "LAST=3 GUESTS=1", liveness=True),
    Check("dynamic", "LAST=5 STAYS=2", long=True),
    Check("dynamic", "LAST=3 STAYS=1 GUESTS=3", long=True),
]

MUTANTS = [
    *(Check("single", "SLOTS=2 LAST=5", m) for m in (
        "GATE_ONE_TOO_FAR", "PUBLISHED_FIRST", "BESIDE_THE_OTHER", "GATE_NEVER_LOOKED_UP", "FREED_FIRST", "FIRST_GATES", "HALF_A_BATCH",
    )),
    *(Check("many", "LAST=3 CONSUMERS=1", m) for m in (
        "CLAIM_NOT_COMPARED", "GATE_STORED_BLINDLY", "MARK_WITHOUT_LAP", "PUBLISHED_FIRST", "ONE_TOO_MANY", "SCAN_TOO_FAR",
    )),
    *(Check("many", "LAST=3 GIVES_UP CONSUMERS=1", m) for m in ("STOPS_AT_GIVEN_UP", "GIVEN_UP_IS_PUBLISHED", "TAKEN_BACK_BLINDLY")),
    Check("many", "LAST=3", "FASTEST_COUNTS"),
    Check("many", "LAST=2 CRASHES CONSUMERS=1", "NEVER_UNBLOCKED"),
    *(Check("parking", "LAST=2", m) for m in (
        "SLEEPER_WITHOUT_FENCE", "WAKER_WITHOUT_FENCE", "TICKET_AFTER", "FUTEX_UNCHANGED", "WAKES_FIRST", "NO_SECOND_LOOK",
    )),
    *(Check("dynamic", "LAST=5 STAYS=2", m) for m in (
        "PLACED_ONCE", "LAST_MOVES_INTO_THE_HOLE", "NEWEST_FORGOTTEN", "GATE_ONE_TOO_FAR",
    )),
    Check("dynamic", "LAST=5 GUESTS=1 STAYS=1", "STAYS_IN_THE_TABLE", liveness=True),
]


def missing() -> list[str]:
    """Return what must be installed, as Debian names it."""
    return [package for tool, package in (("spin", "spin"), ("gcc", "gcc"), ("cpp", "cpp")) if shutil.which(tool) is None]


def run(check: Check, folder: Path) -> Outcome:
    """Let spin visit every state of one model, or look for a mutant's error. folder : an empty one, for its files.

    Raises: RuntimeError when spin or the compiler refuses the model.
    """
    defines = [f"-D{word}" for word in (*check.sizes.split(), check.mutant) if word]
    _tool(["spin", *defines, "-a", str(FOLDER / f"{check.model}.pml")], folder, check)
    how = ["-DNFAIR=3"] if check.liveness else ["-DSAFETY", "-DNOCLAIM"]
    if check.long:
        how.append("-DCOLLAPSE")
    _tool(["gcc", "-O2" if check.long else "-O1", "-w", f"-DMEMLIM={_MEMORY_MIB}", *how, "-o", "pan", "pan.c"], folder, check)
    started = time.monotonic()
    try:
        ran = subprocess.run(
            ["./pan", "-m2000000", *(["-a", "-f"] if check.liveness else [])], cwd=folder, capture_output=True, text=True, timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(check, 0, 0, time.monotonic() - started, False, "")
    return _outcome(check, ran.stdout, time.monotonic() - started)


def _outcome(check: Check, text: str, seconds: float) -> Outcome:
    def number(pattern: str) -> int:
        found = re.search(pattern, text)
        return int(float(found.group(1))) if found else 0

    problem = re.search(r"pan:\d*:? ?(assertion violated.*|invalid end state.*|acceptance cycle.*)", text)
    cut = "max search depth too small" in text or "out of memory" in text or "Search not completed" in text or "errors:" not in text
    error = problem.group(1).strip() if problem else ""
    return Outcome(check, number(r"([\d.e+]+) states, stored"), number(r"([\d.e+]+) transitions"), seconds, not cut, error)


def _tool(command: list[str], folder: Path, check: Check) -> None:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    if ran.returncode or "syntax error" in ran.stdout:
        raise RuntimeError(f"{check}: {command[0]} says {(ran.stdout + ran.stderr).strip()[-400:]}")


def verify(checks: Iterable[Check], say: bool = True) -> list[Outcome]:
    """Run checks, one per core at a time; return their outcomes in the given order."""
    with tempfile.TemporaryDirectory(prefix="models-") as folder:

        def one(numbered: tuple[int, Check]) -> Outcome:
            at = Path(folder) / str(numbered[0])
            at.mkdir()
            outcome = run(numbered[1], at)
            shutil.rmtree(at)
            if say:
                print(_line(outcome), flush=True)
            return outcome

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            return list(pool.map(one, enumerate(checks)))


def _line(outcome: Outcome) -> str:
    if outcome.check.mutant:
        what = f"found: {outcome.error}" if outcome.error else "SURVIVES"
    else:
        what = f"BROKEN: {outcome.error}" if outcome.error else "holds" if outcome.complete else "NOT ALL VISITED"
    return f"{outcome.check!s:<58} {outcome.states:>11,} states {outcome.seconds:7.1f} s  {what}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.verify.models", description=__doc__.split("\n")[0])
    parser.add_argument("--long", action="store_true", help="the larger sizes too")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end instead of lines")
    parser.add_argument("words", nargs="*", help="only models or mutants whose name contains one of these")
    given = parser.parse_args(arguments)
    lacking = missing()
    if lacking:
        print(f"models: install {' '.join(lacking)} (apt-get install -y {' '.join(lacking)})", file=sys.stderr)
        return EX_UNAVAILABLE
    chosen = [c for c in (*CHECKS, *MUTANTS) if (given.long or not c.long) and (not given.words or any(w in str(c) for w in given.words))]
    outcomes = verify(chosen, say=not given.json)
    report = _report(outcomes)
    print(json.dumps(report) if given.json else _summary(report))
    return 1 if report["wrong"] or not outcomes else 0


def _report(outcomes: list[Outcome]) -> dict:
    rows = []
    for model in sorted({o.check.model for o in outcomes}):
        for mutants in (False, True):
            mine = [o for o in outcomes if o.check.model == model and bool(o.check.mutant) is mutants]
            good = sum(o.right for o in mine)
            count, unit, verb = (len(mine), "mutants", "found") if mutants else (sum(o.states for o in mine), "states", "hold")
            if mine:
                rows.append({
                    "part": "models", "what": model + (" with a fault" if mutants else ""), "count": count, "unit": unit,
                    "result": f"{'ok' if good == len(mine) else 'FAILED'}: {good} of {len(mine)} {verb}",
                    "seconds": round(sum(o.seconds for o in mine), 1),
                })
    right, faulty = [o for o in outcomes if not o.check.mutant], [o for o in outcomes if o.check.mutant]
    return {
        "rows": rows, "models": len(right), "states": sum(o.states for o in right), "mutants": len(faulty),
        "mutants_found": sum(bool(o.error) for o in faulty), "seconds": round(sum(o.seconds for o in outcomes), 1),
        "wrong": [_line(o) for o in outcomes if not o.right],
    }


def _summary(report: dict) -> str:
    return (
        f"models: {report['models']} visited, {report['states']:,} states, {report['mutants_found']} of {report['mutants']} mutants found,"
        f" {report['seconds']:,} s" + "".join(f"\nWRONG {line}" for line in report["wrong"])
    )


if __name__ == "__main__":
    sys.exit(main())
