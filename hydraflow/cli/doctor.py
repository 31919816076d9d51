"""`hfx doctor`: what this machine offers a low-latency engine; each shortcoming with its reason and its fix."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

import click

__all__ = ["doctor"]

SCHEMA = "hfx.doctor/1"
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_WIDTH = (60, 100)  # columns: least and most


@click.command()
@click.option("--json", "as_json", is_flag=True, help=f"Print the findings as JSON (schema {SCHEMA}).")
@click.option("--brief", is_flag=True, help="Only what is not ok.")
@click.pass_context
def doctor(context: click.Context, as_json: bool, brief: bool) -> None:
    """Look at this machine: cores, limits, memory, disk, caches, versions; each finding with why it matters and its fix.

    `fail`: a run would not start, or be ended; exit code 1. `warn`: it runs, worse than it could. Nothing is changed.
    """
    from hydraflow.doctor import STATUSES, examine

    findings = examine()
    failed = sum(f.status == "fail" for f in findings)
    if as_json:
        import json

        rows = [{"name": f.name, "status": f.status, "text": f.text, "why": f.why, "fix": f.fix} for f in findings]
        click.echo(json.dumps({"schema": SCHEMA, "ok": not failed, "findings": rows}, ensure_ascii=False, indent=2))
    else:
        _print(findings, brief)
        click.echo(", ".join(f"{sum(f.status == s for f in findings)} {s}" for s in STATUSES))
    context.exit(1 if failed else 0)


def _print(findings, brief: bool) -> None:
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    columns = min(max(shutil.get_terminal_size().columns, _WIDTH[0]), _WIDTH[1])
    width = max(len(f.name) for f in findings)
    for finding in findings:
        if brief and finding.status == "ok":
            continue
        status = click.style(f"{finding.status:<4}", fg=_COLOURS[finding.status], bold=finding.status != "ok")
        start = f"{finding.status:<4}  {finding.name:<{width}}  "
        first, *more = _wrapped(finding.text, columns - len(start))
        click.echo(f"{status}  {finding.name:<{width}}  {first}", color=colour)
        wanted = finding.status != "ok"
        details = [("why", finding.why)] if wanted and finding.why else []
        details += [("fix" if wanted else "hint", finding.fix)] if finding.fix else []
        lines = [line for word, text in details for line in _wrapped(f"{word}: {text}", columns - len(start), "     ")]
        for line in [*more, *lines]:
            click.echo(" " * len(start) + line)


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]
