"""How verbs tell what is wrong with a topology: for people, as JSON, or as annotations of a CI job.

`check` prints diagnostics as its data, on stdout (`--format`). The other verbs print them on stderr, beside their own words,
in the form that `--diagnostics` asks for.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hydraflow.topology.diagnose import Diagnostic, Findings

__all__ = ["FORMS", "SCHEMA", "diagnosing", "print_diagnostics", "print_summary", "report_of", "wanted_form"]

FORMS = ("text", "json", "github")
SCHEMA = "hfx.check/1"
_META = "hydraflow.diagnostics"


def diagnosing(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the option `--diagnostics`, and print in that form the mistakes of a topology that end it."""

    @functools.wraps(verb)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        from hydraflow.errors import ConfigurationError

        try:
            return verb(*arguments, **options)
        except ConfigurationError as error:
            found, context = getattr(error, "diagnostics", None), click.get_current_context()
            if found is None or wanted_form() == "text":
                raise
            _print(found, error.texts, error.path, ok=False)  # type: ignore[attr-defined]
            context.exit(error.exit_code)

    return click.option("--diagnostics", type=click.Choice(FORMS), default="text", show_default=True, expose_value=False, is_eager=True,
                        callback=_remember, help="How mistakes in the file are told, on stderr: for people, as JSON, as annotations of a CI job.",
                        )(wrapped)


def wanted_form() -> str:
    """Return the form in which the verb that runs is to tell mistakes."""
    context = click.get_current_context(silent=True)
    return context.meta.get(_META, "text") if context is not None else "text"


def print_diagnostics(findings: Findings, path: str = "") -> None:
    """Print on stderr what was found, in the form that is wanted. path : of the topology, for the JSON report."""
    if findings.diagnostics:
        _print(findings.diagnostics, findings.texts, path or findings.root, ok=not findings.failed)


def print_summary(findings: Findings, path: str) -> None:
    """Print how much was found and where, below the diagnostics; for people only."""
    from hydraflow.topology.diagnose import places, summary

    if wanted_form() == "text":
        click.echo(summary(findings.diagnostics, places(findings.diagnostics, path)), err=True)


def report_of(path: str, diagnostics: Iterable[Diagnostic], *, ok: bool) -> dict[str, Any]:
    """Return the JSON form of all that was found (schema hfx.check/1)."""
    found = list(diagnostics)
    return {
        "schema": SCHEMA, "path": path, "ok": ok,
        "errors": sum(d.severity == "error" for d in found), "warnings": sum(d.severity == "warning" for d in found),
        "diagnostics": [d.as_dict() for d in found],
    }


def _print(found: Iterable[Diagnostic], texts: Mapping[str, str], path: str, *, ok: bool) -> None:
    form = wanted_form()
    if form == "json":
        import json

        click.echo(json.dumps(report_of(path, found, ok=ok), ensure_ascii=False), err=True)
        return
    if form == "github":
        from hydraflow.cli.annotations import annotation

        for diagnostic in found:
            click.echo(annotation(diagnostic), err=True)
        return
    from hydraflow.topology import render

    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    for diagnostic in found:
        click.echo(render(diagnostic, texts, colour=colour) + "\n", err=True, color=colour)


def _remember(context: click.Context, parameter: click.Parameter, value: str) -> str:
    context.meta[_META] = value
    return value
