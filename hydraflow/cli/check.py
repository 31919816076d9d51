"""`hfx check FILE`: every mistake of a topology in one run, with line, column and remedy. Compiles nothing, runs nothing."""

from __future__ import annotations

import os
import sys
import time

import click

__all__ = ["check", "print_diagnostics"]

SCHEMA = "hfx.check/1"
BAD_CONFIGURATION = 78


@click.command()
@click.argument("file", type=click.Path())
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True,
              help="text for people (mistakes on stderr); on stdout json for programs, github for annotations of a CI job.")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE",
              help="Check with this value, as sources.simulator.with.frames=1000; may be repeated.")
@click.option("--placement", "placement_text", metavar="TEXT", default=None,
              help="Check with this placement instead of the file's: auto, fused, or 'ingest=simulator,deserialize;core=…'.")
@click.pass_context
def check(context: click.Context, file: str, form: str, overrides: tuple[str, ...], placement_text: str | None) -> None:
    """Check a topology file, or one that is shipped (demo): exit 0 when it is usable, 78 when it is not."""
    from hydraflow.cli.run import shipped
    from hydraflow.placement import parse_placement, read_machine
    from hydraflow.topology.load import examine, read_file

    started = time.monotonic()
    file = shipped(file)
    placement = parse_placement(placement_text) if placement_text is not None else None
    topology, findings = examine(read_file(file), file, os.environ, cpus=read_machine().cpus, placement=placement,
                                 overrides=overrides)
    milliseconds = (time.monotonic() - started) * 1e3
    if form == "json":
        click.echo(_as_json(file, topology, findings))
    elif form == "github":
        from hydraflow.cli.annotations import annotation

        for diagnostic in findings.diagnostics:
            click.echo(annotation(diagnostic))
    else:
        _print(file, topology, findings, milliseconds)
    context.exit(BAD_CONFIGURATION if topology is None or findings.failed else 0)


def _as_json(file, topology, findings) -> str:
    import json

    found = findings.diagnostics
    report = {
        "schema": SCHEMA,
        "path": file,
        "ok": topology is not None and not findings.failed,
        "errors": sum(d.severity == "error" for d in found),
        "warnings": sum(d.severity == "warning" for d in found),
        "diagnostics": [d.as_dict() for d in found],
    }
    return json.dumps(report, ensure_ascii=False, indent=2)


def print_diagnostics(findings) -> None:
    """Print what was found on stderr."""
    from hydraflow.topology import render

    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    for diagnostic in findings.diagnostics:
        click.echo(render(diagnostic, findings.texts, colour=colour) + "\n", err=True, color=colour)


def _print(file, topology, findings, milliseconds: float) -> None:
    from hydraflow.topology.diagnose import places, plural, summary

    print_diagnostics(findings)
    if findings.failed or topology is None:
        click.echo(f"{summary(findings.diagnostics, places(findings.diagnostics, file))} (checked in {milliseconds:,.0f} ms)", err=True)
        return
    parts = [(len(topology.sources), "source"), (len(topology.handlers), "handler"), (len(topology.sinks), "sink"),
             (len(topology.rings), "ring"), (len(topology.instruments), "instrument"), (len(topology.tests), "test")]
    counts = {word: sum(d.severity == word for d in findings.diagnostics) for word in ("warning", "note")}
    warned = "".join(f", {plural(count, word)}" for word, count in counts.items() if count)
    counted = ", ".join(plural(count, noun) for count, noun in parts if count)
    click.echo(f"{file}: ok: {counted}{warned} (checked in {milliseconds:,.0f} ms)")
