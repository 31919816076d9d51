"""Diagnostics: what is wrong in a topology file, where, and what to do about it.

A diagnostic is data: a stable code (HFnnn, see `explain`), a severity, a sentence, the place in the file, and the other
end of the relation when there is one. It renders the way a good compiler prints it:

    error[HF104]: handler 'strategy' waits for 'signl', which no handler defines
      --> demo.yaml:14:13
       |
    14 |     after: [signl, risk]
       |             ^^^^^ did you mean 'signal' (line 9)?
       = known: book, journal, risk, signal
       = more: hfx explain HF104

`Findings` collects them, so that a file shows all its mistakes in one run.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import attrs

__all__ = ["Diagnostic", "Findings", "Related", "Span", "did_you_mean", "plural", "render", "split_lines", "summary"]

_WIDEST = 110  # characters of a source line that are shown
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # the line breaks of YAML 1.1, which libyaml counts
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "frame": "\x1b[1;34m", "bold": "\x1b[1m", "off": "\x1b[0m"}


@attrs.frozen
class Span:
    """A stretch of one line. line, column : 1-based, in characters; length : characters, at least 1."""

    line: int
    column: int
    length: int = 1


@attrs.frozen
class Related:
    """Another place in the same file that the diagnostic is about, with a few words on it."""

    span: Span
    label: str


@attrs.frozen(kw_only=True)
class Diagnostic:
    """One finding. label : words beside the caret; related : other places; notes : lines below ("known: a, b")."""

    code: str
    message: str
    severity: str = "error"
    path: str = ""
    span: Span | None = None
    label: str = ""
    related: tuple[Related, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def line(self) -> int:
        return self.span.line if self.span else 0

    @property
    def column(self) -> int:
        return self.span.column if self.span else 0

    @property
    def length(self) -> int:
        return self.span.length if self.span else 0

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form (schema hfx.check/1)."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "length": self.length,
            "label": self.label,
            "related": [
                {"line": r.span.line, "column": r.span.column, "length": r.span.length, "label": r.label}
                for r in self.related
            ],
            "notes": list(self.notes),
        }


class Findings:
    """Collects diagnostics of one file; the same code at the same place counts once."""

    def __init__(self, path: str = "", text: str = "") -> None:
        self.path = path
        self.text = text
        self._found: dict[tuple, Diagnostic] = {}

    def error(self, code: str, message: str, span: Span | None = None, **more: Any) -> None:
        """Add an error. more : label, related, notes as in Diagnostic."""
        self._add(Diagnostic(code=code, message=message, path=self.path, span=span, **more))

    def warning(self, code: str, message: str, span: Span | None = None, **more: Any) -> None:
        """Add a warning: the file is usable, but probably not what was meant."""
        self._add(Diagnostic(code=code, message=message, severity="warning", path=self.path, span=span, **more))

    def at(self, path: str) -> Findings:
        """Return a view that adds to the same findings, of what stands not in the file but at `path`: an option."""
        view = Findings(path)
        view._found = self._found
        return view

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Everything found, in the order of the file."""
        return sorted(self._found.values(), key=lambda d: (d.line, d.column, d.code, d.message))

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return any(d.severity == "error" for d in self._found.values())

    def has(self, *codes: str) -> bool:
        """Whether one of these codes is among them."""
        return any(d.code in codes for d in self._found.values())

    def _add(self, diagnostic: Diagnostic) -> None:
        self._found.setdefault((diagnostic.code, diagnostic.span, diagnostic.message), diagnostic)


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return the name out of `known` that `name` was probably meant to be, or None."""
    by_folded = {k.casefold(): k for k in sorted(known, reverse=True)}
    close = difflib.get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def plural(count: int, noun: str) -> str:
    """Return "1 error", "2 errors"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def summary(diagnostics: Iterable[Diagnostic], path: str) -> str:
    """Return the last line of a report: "2 errors, 1 warning in demo.yaml"."""
    severities = [d.severity for d in diagnostics]
    errors, warnings = severities.count("error"), severities.count("warning")
    parts = [plural(errors, "error")] if errors or not warnings else []
    if warnings:
        parts.append(plural(warnings, "warning"))
    return f"{', '.join(parts)} in {path}"


def split_lines(text: str) -> list[str]:
    """Split at every line break that YAML knows, so that line numbers agree with the parser's."""
    return _BREAKS.split(text)


def render(diagnostic: Diagnostic, text: str = "", *, colour: bool = False) -> str:
    """Return the diagnostic as text. text : the file's contents, for the source lines; colour : ANSI sequences."""
    paint = _Paint(colour)
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    out = [f"{paint(diagnostic.severity, head)}{paint('bold', ': ' + diagnostic.message)}"]
    lines = split_lines(text)
    marks = [(r.span, "-", r.label) for r in diagnostic.related if 1 <= r.span.line <= len(lines)]
    span = diagnostic.span
    if span and 1 <= span.line <= len(lines):
        marks.append((span, "^", diagnostic.label))
    gutter = max((len(str(s.line)) for s, _, _ in marks), default=1)
    if span:
        place = f"{diagnostic.path}:{span.line}:{span.column}"
    else:
        place = diagnostic.path
    if place:
        out.append(f"{' ' * gutter}{paint('frame', '-->')} {place}")
    if marks and text:
        out.extend(_snippet(marks, lines, gutter, diagnostic.severity, paint))
    unpointed = [diagnostic.label] if diagnostic.label and not span else []
    for note in [*unpointed, *diagnostic.notes, f"more: hfx explain {diagnostic.code}"]:
        out.append(f"{' ' * gutter} {paint('frame', '=')} {note}")
    return "\n".join(out)


def _snippet(marks: list, lines: list[str], gutter: int, severity: str, paint: _Paint) -> list[str]:
    out = [f"{' ' * gutter} {paint('frame', '|')}"]
    previous = None
    for span, mark, label in sorted(marks, key=lambda m: (m[0].line, m[1] == "^", m[0].column)):
        if previous is None or span.line != previous:
            if previous is not None and span.line > previous + 1:
                out.append(paint("frame", "." * gutter))
            shown, start = _window(lines[span.line - 1], span.column - 1)
            out.append(f"{paint('frame', f'{span.line:>{gutter}} |')} {shown}".rstrip())
        offset = sum(_width(c) for c in shown[: span.column - 1 - start])
        wide = sum(_width(c) for c in shown[span.column - 1 - start :][: span.length])
        pointer = mark * max(1, wide) + (f" {label}" if label else "")
        out.append(f"{' ' * gutter} {paint('frame', '|')} {' ' * offset}{paint(severity if mark == '^' else 'frame', pointer)}")
        previous = span.line
    return out


def _window(line: str, column: int) -> tuple[str, int]:
    """Return the shown part of a source line around 0-based `column`, and the column at which it starts."""
    clean = "".join(" " if c == "\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    start = max(0, column - _WIDEST // 2) if len(clean) > _WIDEST else 0
    return clean[start : start + _WIDEST], start


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class _Paint:
    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, style: str, text: str) -> str:
        return f"{_COLOURS[style]}{text}{_COLOURS['off']}" if self._colour else text
