"""Diagnostics as workflow commands: a CI job that prints them shows each one at its line of the change.

Source: GitHub Actions, "Workflow commands", `::error file={name},line={line},col={col},endColumn={endColumn},title={title}::`
and its escapes.
"""

from __future__ import annotations

from hydraflow.topology.diagnose import Diagnostic

__all__ = ["annotation"]


def annotation(diagnostic: Diagnostic) -> str:
    """Return one line. The place of an option is no file: it stands in the message."""
    properties = {}
    in_file = diagnostic.path and not diagnostic.path.startswith("--")
    if in_file:
        properties["file"] = diagnostic.path
    if diagnostic.span is not None:
        properties |= {"line": str(diagnostic.line), "col": str(diagnostic.column),
                       "endColumn": str(diagnostic.column + diagnostic.length)}
    properties["title"] = diagnostic.code
    first = diagnostic.message if in_file or not diagnostic.path else f"{diagnostic.path}: {diagnostic.message}"
    also = [f"{r.span.path or diagnostic.path}:{r.span.line}: {r.label}" for r in diagnostic.related]
    lines = [first, *([diagnostic.label] if diagnostic.label else []), *also, *diagnostic.notes]
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    command = "notice" if diagnostic.severity == "note" else diagnostic.severity
    return f"::{command} {written}::{_message(chr(10).join(lines))}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
