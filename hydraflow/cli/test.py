"""`hfx test [FILE …]`: run the tests that topologies declare under `tests:`, on the real engine, in virtual time."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from hydraflow.cli.diagnostics import diagnosing, print_diagnostics, print_summary
from hydraflow.errors import OutputError, UsageError, cannot_write
from hydraflow.notes import note

__all__ = ["test"]

BAD_CONFIGURATION = 78


@click.command()
@click.argument("files", nargs=-1, type=click.Path(readable=False), metavar="[FILE]...")
@click.option("-k", "pattern", metavar="TEXT", default="", help="Only tests whose name contains TEXT, in any case; * and ? are wildcards.")
@click.option("--budgets", "judge_budgets", is_flag=True, help="A latency over its budget fails the test; otherwise it is only shown.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON (schema hfx.test/1).")
@click.option("--junit", "junit_file", type=click.Path(readable=False), metavar="FILE", help="Write a JUnit file too.")
@diagnosing
@click.pass_context
def test(context: click.Context, files: tuple[str, ...], pattern: str, judge_budgets: bool, as_json: bool, junit_file: str | None) -> None:
    """Run the tests in topology files; a folder stands for all files with `tests:` below it. Default: this folder.

    Exit 0 when all pass, 1 when one fails, 78 when a file is wrong (then nothing runs).
    """
    from hydraflow.cli.run import shipped
    from hydraflow.testing.coverage import stages_to_exercise
    from hydraflow.testing.files import files_with_tests
    from hydraflow.testing.report import not_exercised, total

    topologies = _load(files_with_tests(tuple(shipped(f) for f in files)))
    if topologies is None:
        context.exit(BAD_CONFIGURATION)
    chosen = [(t, [c for c in t.tests if _matches(pattern, c.name)]) for t in topologies]
    if not any(cases for _, cases in chosen):
        known = [c.name for t in topologies for c in t.tests]
        what = f"no test's name contains '{pattern}'" if known else f"no tests in {' and '.join(t.path for t in topologies)}"
        raise UsageError(what, remedy=f"known: {', '.join(known)}" if known else "declare them under tests:, see docs/testing.md")
    _check_writable(junit_file)
    reports = []
    for topology, cases in chosen:
        if not cases:
            continue
        verdicts = _run(topology, cases, judge_budgets, quiet=as_json)
        reports.append((topology.path, stages_to_exercise(topology), verdicts))
        missed = not_exercised(*reports[-1][1:])
        if missed and not pattern and not as_json:
            click.echo(f"handlers that no test exercised: {', '.join(missed)}")
    everything = [v for _, _, verdicts in reports for v in verdicts]
    if as_json:
        from hydraflow.testing.report import as_json as report

        click.echo(_dump(report(reports, judge_budgets=judge_budgets)))
    else:
        click.echo(total(everything, judge_budgets=judge_budgets))
    if junit_file:
        _write_junit(junit_file, reports, judge_budgets)
    context.exit(0 if all(v.passed(judge_budgets=judge_budgets) for v in everything) else 1)


def _load(paths: list[str]) -> list[Any] | None:
    """Return the topologies, checked; None, after every mistake of all files has been printed, when one is wrong."""
    from hydraflow.topology.load import examine, read_file

    topologies, wrong = [], False
    for path in paths:
        topology, findings = examine(read_file(path), path, os.environ)
        if topology is not None and not findings.failed:
            topologies.append(topology)
            continue
        wrong = True
        print_diagnostics(findings, path)
        print_summary(findings, path)
    return None if wrong else topologies


def _matches(pattern: str, name: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(name.casefold(), f"*{pattern.casefold()}*")


def _run(topology: Any, cases: list[Any], judge_budgets: bool, *, quiet: bool) -> list[Any]:
    from hydraflow.testing.report import line
    from hydraflow.testing.runner import run_case

    if not quiet:
        click.echo(topology.path)
    verdicts = []
    for case in cases:
        verdicts.append(_with_progress(lambda progress, case=case: run_case(topology, case, progress)))
        if not quiet:
            click.echo(line(verdicts[-1], judge_budgets=judge_budgets))
    return verdicts


def _with_progress(run: Any) -> Any:
    """On a terminal, show that the loop is being compiled, and how far the run is; elsewhere nothing."""
    if not sys.stderr.isatty():
        return run(None)
    from hydraflow.cli.progress import Progress

    progress = Progress()
    try:
        return run(progress)
    finally:
        progress.close()


def _check_writable(path: str | None) -> None:
    """Raise OutputError before anything runs when the JUnit file could not be written at the end."""
    if path is not None and (os.path.isdir(path) or not os.path.isdir(os.path.dirname(path) or ".")):
        raise OutputError("cannot be written", where=f"--junit '{path}'", remedy="name a file in a folder that exists")


def _write_junit(path: str, reports: list[Any], judge_budgets: bool) -> None:
    from hydraflow.testing.junit import junit

    try:
        with open(path, "wb") as file:
            file.write(junit(reports, judge_budgets=judge_budgets))
    except OSError as error:
        raise cannot_write(error, where=f"--junit '{path}'", remedy="name another place") from error
    note(f"JUnit file: {path}")


def _dump(report: dict[str, Any]) -> str:
    import json

    return json.dumps(report, ensure_ascii=False, indent=2)
