"""What a part of the verification shows: rows of figures, printed as a table or as JSON; what every part's command does.

    python -m tools.verify.PART [--long] [--json]       exit 1: something failed; 69: a tool is missing, with its package
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs

__all__ = ["FAILED", "MISSING_TOOL", "PASSED", "MissingTool", "Row", "Rows", "command", "table", "timed"]

PASSED, FAILED = "ok", "FAILED"
MISSING_TOOL = 69  # EX_UNAVAILABLE


class MissingTool(Exception):
    """A tool that a part needs is not installed; the message says which package has it."""


@attrs.frozen
class Row:
    """One figure. count : how many of `unit` were looked at. result : begins with PASSED or FAILED."""

    part: str
    what: str
    count: int
    unit: str
    result: str
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return not self.result.startswith(PASSED)


Rows = Callable[[bool], Iterable[Row]]


def timed(make: Callable[[], Row]) -> Row:
    """Return what `make` returns, with the wall time that it took."""
    begun = time.perf_counter()
    row = make()
    return attrs.evolve(row, seconds=round(time.perf_counter() - begun, 1))


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Return the lines of a table."""
    cells = [("part", "what", "count", "result", "seconds")]
    cells += [(r.part, r.what, f"{r.count:,} {r.unit}", r.result, f"{r.seconds:.1f}") for r in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(5)]
    for row in cells:
        places = zip(row, widths, strict=True)
        yield "  ".join(text.rjust(w) if i in (2, 4) else text.ljust(w) for i, (text, w) in enumerate(places)).rstrip()


def command(part: str, about: str, rows: Rows, argv: Sequence[str] | None = None) -> int:
    """Run a part's command; return its exit code. rows : given whether the long form is meant, yields its figures."""
    parser = argparse.ArgumentParser(prog=f"python -m tools.verify.{part}", description=about)
    parser.add_argument("--long", action="store_true", help="the form whose figures stand in docs/verification.md")
    parser.add_argument("--json", action="store_true", help="figures as one JSON array")
    options = parser.parse_args(argv)
    found: list[Row] = []
    try:
        for row in rows(options.long):
            found.append(row)
            print(f"{row.what}: {row.count:,} {row.unit}, {row.result}", file=sys.stderr, flush=True)
    except MissingTool as missing:
        print(f"{part}: {missing}", file=sys.stderr)
        return MISSING_TOOL
    if options.json:
        print(json.dumps([attrs.asdict(row) for row in found], ensure_ascii=False))
    else:
        print("\n".join(table(found)))
    return 1 if not found or any(row.failed for row in found) else 0
