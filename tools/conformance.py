"""Runs the conformance suite compiled, as plain Python and with bounds checked, and prints what each id came to.

    python -m tools.conformance              all three (make conformance); exit 1 when anything fails
    python -m tools.conformance plain        only one: compiled, plain, bounds
    python -m tools.conformance --tests      with the name of every test
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from tests.conformance.checklist import CHECKLIST, NOT_APPLICABLE, ids_of

__all__ = ["main", "run"]

ROOT = Path(__file__).parents[1]
MODES = {
    "compiled": {"NUMBA_DISABLE_JIT": "0", "NUMBA_BOUNDSCHECK": "0"},
    "plain": {"NUMBA_DISABLE_JIT": "1", "NUMBA_BOUNDSCHECK": "0"},
    "bounds": {"NUMBA_DISABLE_JIT": "0", "NUMBA_BOUNDSCHECK": "1"},
}


def run(mode: str, arguments: list[str]) -> dict[str, str]:
    """Run the suite in a mode; return test → "passed", "skipped" or "FAILED". arguments : for pytest, e.g. files."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        report = Path(folder) / "report.xml"
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}",
             *(arguments or ["tests/conformance"])],
            cwd=ROOT, env={**os.environ, **MODES[mode]}, capture_output=True, text=True, check=False,
        )
        if not report.exists():
            return {f"pytest ended with code {ran.returncode}: {(ran.stdout + ran.stderr)[-2000:]}": "FAILED"}
        outcomes = {}
        for case in ElementTree.parse(report).iter("testcase"):
            bad = case.find("failure") is not None or case.find("error") is not None
            outcome = "FAILED" if bad else "skipped" if case.find("skipped") is not None else "passed"
            outcomes[f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"] = outcome
        if ran.returncode:
            print(ran.stdout[-6000:])
        return outcomes


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.conformance", description=__doc__.split("\n")[0])
    parser.add_argument("modes", nargs="*", help=f"of {', '.join(MODES)}; all of them by default")
    parser.add_argument("--tests", action="store_true", help="print every test with its outcome")
    given = parser.parse_args(arguments)
    modes = given.modes or list(MODES)
    if unknown := [mode for mode in modes if mode not in MODES]:
        parser.error(f"no mode '{unknown[0]}'; known: {', '.join(MODES)}")
    found: dict[str, dict[str, str]] = {}
    for mode in modes:
        started = time.monotonic()
        found[mode] = run(mode, [])
        counts = Counter(found[mode].values())
        print(f"{mode}: {', '.join(f'{n} {what}' for what, n in sorted(counts.items()))} in {time.monotonic() - started:.0f} s", flush=True)
        if given.tests:
            print("\n".join(f"    {outcome:<8}{test}" for test, outcome in found[mode].items()))
    for line in table(found):
        print(line)
    return 1 if any(outcome == "FAILED" for outcomes in found.values() for outcome in outcomes.values()) else 0


def table(found: dict[str, dict[str, str]]) -> list[str]:
    """Return a line for each id of the checklist: what it asks for, and in each mode how many tests came out how."""
    lines = []
    for known, what in CHECKLIST.items():
        parts = []
        for mode, outcomes in found.items():
            counts = Counter(o for test, o in outcomes.items() if known in ids_of(test.partition("::")[2]))
            parts.append(f"{mode} " + (" ".join(f"{n} {o}" for o, n in sorted(counts.items())) or "none"))
        result = "; ".join(parts) if known not in NOT_APPLICABLE else f"not applicable, {NOT_APPLICABLE[known]}"
        lines.append(f"{known:<12}{what}: {result}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
