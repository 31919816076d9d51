"""`hfx check FILE`: every mistake of a topology in one run, with line, column and remedy. Compiles nothing, runs nothing."""

from __future__ import annotations

import os
import time

import click

from hydraflow.cli.diagnostics import FORMS, print_diagnostics, report_of

__all__ = ["check", "print_diagnostics"]

BAD_CONFIGURATION = 78


@click.command()
@click.argument("file", type=click.Path(readable=False))
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True,
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
    machine = read_machine()
    topology, findings = examine(read_file(file), file, os.environ, cpus=machine.cpus, cores=machine.check, placement=placement,
                                 overrides=overrides)
    milliseconds = (time.monotonic() - started) * 1e3
    if form == "json":
        import json

        ok = topology is not None and not findings.failed
        click.echo(json.dumps(report_of(file, findings.diagnostics, ok=ok), ensure_ascii=False, indent=2))
    elif form == "github":
        from hydraflow.cli.annotations import annotation

        for diagnostic in findings.diagnostics:
            click.echo(annotation(diagnostic))
    else:
        _print(file, topology, findings, milliseconds)
    context.exit(BAD_CONFIGURATION if topology is None or findings.failed else 0)


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
