"""`hfx doctor`: what this machine offers a low-latency engine; each shortcoming with its fix."""

from __future__ import annotations

import os
import sys

import click

__all__ = ["doctor"]

SCHEMA = "hfx.doctor/1"
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Look at this machine: cores, limits, memory, caches. Exit 1 when something must be mended before a run."""
    from hydraflow.doctor import examine

    findings = examine()
    failed = sum(f.status == "fail" for f in findings)
    if as_json:
        import json

        rows = [{"name": f.name, "status": f.status, "text": f.text, "fix": f.fix} for f in findings]
        click.echo(json.dumps({"schema": SCHEMA, "ok": not failed, "findings": rows}, ensure_ascii=False, indent=2))
    else:
        _print(findings)
    context.exit(1 if failed else 0)


def _print(findings) -> None:
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = max(len(f.name) for f in findings)
    for finding in findings:
        status = click.style(f"{finding.status:<4}", fg=_COLOURS[finding.status], bold=finding.status != "ok")
        click.echo(f"{status}  {finding.name:<{width}}  {finding.text}", color=colour)
        if finding.fix:
            word = "fix" if finding.status != "ok" else "hint"
            click.echo(f"{'':4}  {'':{width}}  {word}: {finding.fix}", color=colour)
    counts = [f"{sum(f.status == s for f in findings)} {s}" for s in ("ok", "warn", "fail")]
    click.echo(", ".join(counts))
