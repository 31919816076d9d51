"""`python -m bench.disruptor`: measure the rows and print them; see the package for what is what."""

from __future__ import annotations

import argparse
import json
import sys


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 0, or 2 when no row fits the pattern."""
    parser = argparse.ArgumentParser(prog="python -m bench.disruptor", description="the ring beside C, LMAX and Python's queues")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout (schema hfx.bench.disruptor/1)")
    parser.add_argument("--markdown", action="store_true", help="the table for documents")
    parser.add_argument("--quick", action="store_true", help="small sizes: it runs, but the figures mean nothing")
    parser.add_argument("--row", metavar="PATTERN", action="append", help="only rows whose name contains it (repeat for more)")
    parser.add_argument("--without", metavar="NAME", action="append", default=[], help="leave out a contender (repeat for more)")
    parser.add_argument("--runs", type=int, help="counted runs of each contender (16)")
    parser.add_argument("--seconds", type=float, help="length of a run (0.125)")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    choices = parser.parse_args(arguments)

    from bench.disruptor import report  # not above: processes started for a row import this module again
    from bench.disruptor.harness import Plan, measure
    from bench.disruptor.table import rows

    wanted = [row for row in rows() if not choices.row or any(p.lower() in row.name.lower() for p in choices.row)]
    if not wanted:
        print(f"no row is called like {' or '.join(choices.row)}; --list prints their names", file=sys.stderr)
        return 2
    if choices.list:
        print("\n".join(row.name for row in wanted))
        return 0
    plan = Plan(runs=choices.runs or (2 if choices.quick else 16), seconds=choices.seconds or (0.005 if choices.quick else 0.125),
                longest=20_000 if choices.quick else 200_000_000)

    def tell(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{text:<100}", end="", file=sys.stderr, flush=True)

    measured = [measure(row, plan, tell, frozenset(choices.without)) for row in wanted]
    tell("")
    data = report.as_data(plan, measured)
    print(json.dumps(data, indent=2) if choices.json else report.as_markdown(data) if choices.markdown else report.as_text(data))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
