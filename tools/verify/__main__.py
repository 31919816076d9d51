"""Runs every part of the verification and prints one table.

    python -m tools.verify                 the short form of every part
    python -m tools.verify --long          the form whose figures stand in docs/verification.md (make verify)
    python -m tools.verify --only PART …   these parts; --json: the rows as one JSON array

Each part is a process of its own, `python -m tools.verify.PART`. Exit 1: something failed; 69: nothing failed, but a tool is
missing, which is named with its package; 64: no such part.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from tools.verify.figures import FAILED, MISSING_TOOL, Row, table

__all__ = ["PARTS", "main"]

PARTS = ("explore", "models", "races", "litmus", "fuzz", "arm")
APART = ("emulated",)  # run when they are named
_ROOT = Path(__file__).parents[2]
_USAGE = 64


def known(parts: Sequence[str]) -> list[str]:
    """Return those of the parts that this checkout has."""
    return [p for p in parts if importlib.util.find_spec(f"tools.verify.{p}") is not None]


def run(part: str, long: bool) -> tuple[list[Row], int]:
    """Run a part as a process; return its rows and its exit code."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", f"tools.verify.{part}", "--json", *(["--long"] if long else [])]
    ran = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, check=False)
    seconds = round(time.perf_counter() - begun, 1)
    if ran.returncode == MISSING_TOOL:
        return [Row(part, "not run", 0, "", "a tool is missing; the line above says which", seconds)], MISSING_TOOL
    rows = rows_of(part, ran.stdout)
    if ran.returncode and not any(row.failed for row in rows):
        rows.append(Row(part, "the part itself", 0, "", f"{FAILED}: ended with {ran.returncode}", seconds))
    return rows, int(any(row.failed for row in rows))


def rows_of(part: str, text: str) -> list[Row]:
    """Return the rows in a part's JSON: an array of rows, or an object with one under "rows"."""
    try:
        found: Any = json.loads(text)
        found = found["rows"] if isinstance(found, dict) else found
        names = [field.name for field in attrs.fields(Row)]
        return [Row(**{name: row[name] for name in names if name in row}) for row in found]
    except (json.JSONDecodeError, KeyError, TypeError):
        return [Row(part, "the part itself", 0, "", f"{FAILED}: printed no rows: {text[-200:]!r}")]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.verify", description="Run every part of the verification.")
    parser.add_argument("--long", action="store_true", help="the form whose figures stand in docs/verification.md")
    parser.add_argument("--only", nargs="+", metavar="PART", help=f"some of {', '.join(known(PARTS + APART))}")
    parser.add_argument("--json", action="store_true", help="rows as one JSON array")
    options = parser.parse_args(argv)
    wanted = options.only or known(PARTS)
    for part in wanted:
        if part not in known(PARTS + APART):
            print(f"no part is called '{part}'; there are {', '.join(known(PARTS + APART))}", file=sys.stderr)
            return _USAGE
    rows: list[Row] = []
    codes = []
    for part in wanted:
        print(f"— {part}", file=sys.stderr, flush=True)
        found, code = run(part, options.long)
        rows += found
        codes.append(code)
    print(json.dumps([attrs.asdict(r) for r in rows], ensure_ascii=False) if options.json else "\n".join(table(rows)))
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    raise SystemExit(main())
