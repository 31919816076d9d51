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
    ("did not find expected <document start>", "this belongs to nothing above; a topology is one mapping, all its sections in one column"),
    ("did not find expected node content", "a value is expected here, or the bracket above is to be closed"),
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
    tab = "tab character" in problem or "cannot start any token" in problem
    while line > 0 and not lines[line].strip():
        if tab and "\t" in lines[line]:  # a line of blanks, told where it is: its neighbours are as they should be
            findings.error("HF002", "a tab in the indentation", Span(line + 1, lines[line].index("\t") + 1), label="use spaces")
            return
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
    other = _other_end(error, problem, lines, line, column)
    findings.error("HF001", f"not YAML: {problem}", span, label=words, related=(other,) if other else (), notes=notes)


def _other_end(error: yaml.YAMLError, problem: str, lines: list[str], line: int, column: int) -> Related | None:
    """Return where the mistake may be instead: a parser notices late that a bracket was left open, or a line indented wrongly."""
    opened = _open_bracket(lines, line, column)
    if opened is not None and opened[0] < line:
        return Related(Span(opened[0] + 1, opened[1] + 1), "this bracket is open")
    if opened is not None and "':'" not in problem and "mapping values" not in problem:
        return None
    if "mapping values" in problem and ": " in lines[line][:column]:
        return None  # the line has a key of its own
    context = getattr(error, "context_mark", None)
    what = (getattr(error, "context", None) or "").removeprefix("while ")
    if "quoted scalar" in what and context is not None and context.line < line:
        return Related(Span(context.line + 1, context.column + 1), "this quote is open")
    above = [number for number in range(line) if lines[number].strip() and not lines[number].lstrip().startswith("#")]
    if not above:
        return None
    if "document start" in problem:
        first = lines[above[0]]
        return Related(Span(above[0] + 1, len(first) - len(first.lstrip()) + 1), "the file begins here")
    last = lines[above[-1]]
    indent = len(last) - len(last.lstrip())
    return Related(Span(above[-1] + 1, indent + 1, len(last.strip())), "or here: the line above")


def _open_bracket(lines: list[str], line: int, column: int) -> tuple[int, int] | None:
    """Return line and column of the innermost { or [ that is open at a place, both 0-based; quotes and comments are passed by."""
    stack: list[tuple[int, int]] = []
    quote = ""
    for number, text in enumerate(lines[: line + 1]):
        before = " "
        for at, character in enumerate(text[:column] if number == line else text):
            if quote:
                quote = "" if character == quote else quote
            elif character == "#" and before.isspace():
                break
            elif character in "'\"" and (before.isspace() or before in "[{,:"):
                quote = character
            elif character in "[{" and (stack or before.isspace()):
                stack.append((number, at))
            elif character in "]}" and stack:
                stack.pop()
            before = character
        if not stack:
            quote = ""  # outside of brackets a stray quote must not swallow the rest of the file
    return stack[-1] if stack else None
