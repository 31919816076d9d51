"""What a YAML parser complains about, in words that help."""

from __future__ import annotations

import yaml

from hydraflow.topology.diagnose import Findings, Related, Span, split_lines

__all__ = ["report_syntax"]

_EXPLANATIONS = [  # libyaml's and PyYAML's words → ours
    ("that cannot start any token", "this character cannot stand here; quote the value"),
    ("mapping values are not allowed", "unexpected ':'; quote a value that contains ': ', and check the indentation"),
    ("could not find expected ':'", "a key without ':'; check the indentation, or close the quote above"),
    ("did not find expected key", "expected a key here; check the indentation"),
    ("did not find expected '-' indicator", "expected '- ' here, as in the other items of this list"),
    ("did not find expected ',' or '}'", "expected ',' or '}' here; a value with braces or commas must be quoted"),
    ("did not find expected ',' or ']'", "expected ',' or ']' here; a value with brackets or commas must be quoted"),
    ("found unexpected end of stream", "the quote or bracket that is open here is never closed"),
    ("found undefined alias", "no anchor of this name stands above"),
    ("undefined tag handle", "unknown tag"),
    ("block sequence entries are not allowed", "a list item cannot start here; put it on a line of its own"),
]


def report_syntax(error: yaml.YAMLError, text: str, findings: Findings) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is None:
        findings.error("HF001", f"not YAML: {problem}")
        return
    lines = split_lines(text)
    line = min(mark.line, len(lines) - 1)
    while line > 0 and not lines[line].strip():
        line -= 1
    source = lines[line]
    column = min(mark.column, len(source)) if line == mark.line else len(source.rstrip())
    span = Span(line + 1, column + 1)
    if source[: len(source) - len(source.lstrip())].count("\t") or (source[column : column + 1] == "\t"):
        at = source.index("\t")
        findings.error("HF002", "a tab in the indentation", Span(line + 1, at + 1), label="use spaces")
        return
    words = next((ours for theirs, ours in _EXPLANATIONS if theirs in problem), "")
    notes: tuple[str, ...] = ()
    if "${" in source:
        notes = ("inside { } or [ ] a variable must be quoted: \"${NAME}\"",)
    context = getattr(error, "context_mark", None)
    related: tuple[Related, ...] = ()
    if context is not None and context.line < line and context.line < len(lines):
        what = (getattr(error, "context", None) or "").removeprefix("while ")
        related = (Related(Span(context.line + 1, context.column + 1), what),)
    findings.error("HF001", f"not YAML: {problem}", span, label=words, related=related, notes=notes)
