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

A place may lie in an included file, or be an option (`--set a.b=c`): a span knows which, and every excerpt comes from the
file that it is about. `Findings` collects diagnostics, so that a file shows all its mistakes in one run.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from hydraflow.scrubber import SECRETS

__all__ = ["Diagnostic", "Findings", "Related", "Span", "did_you_mean", "places", "plural", "render", "split_lines", "summary"]

_WIDEST = 110  # characters of a source line that are shown
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # the line breaks of YAML 1.1, which libyaml counts
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m", "frame": "\x1b[1;34m", "bold": "\x1b[1m", "off": "\x1b[0m"}


@attrs.frozen
class Span:
    """A stretch of one line. line, column : 1-based, in characters; length : characters, at least 1.

    path : the file it lies in, "" for the topology's own. Line 0: no file but an option, which `path` shows.
    """

    line: int
    column: int
    length: int = 1
    path: str = ""

    @classmethod
    def option(cls, text: str) -> Span:
        """Return the place of an option, as it was given: "--set rings.main.slots=64"."""
        return cls(0, 0, 0, text)


@attrs.frozen
class Related:
    """Another place that the diagnostic is about, with a few words on it. `span.path` "": in the same file."""

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
                {"path": r.span.path or self.path, "line": r.span.line, "column": r.span.column, "length": r.span.length,
                 "label": r.label}
                for r in self.related
            ],
            "notes": list(self.notes),
        }


class Findings:
    """Collects diagnostics of a file and of those that it includes; the same code at the same place counts once.

    path : of the topology file. texts : path → contents of every file read so far. inner : this is a view of an included
    file, whose spans say so.
    """

    def __init__(self, path: str = "", text: str = "") -> None:
        self.path = path
        self.root = path
        self.inner = False
        self.texts: dict[str, str] = {path: text} if text else {}
        self._found: dict[tuple, Diagnostic] = {}

    @property
    def text(self) -> str:
        """The contents of the file, "" when it could not be read."""
        return self.texts.get(self.path, "")

    @text.setter
    def text(self, text: str) -> None:
        self.texts[self.path] = text

    def error(self, code: str, message: str, span: Span | None = None, **more: Any) -> None:
        """Add an error. more : label, related, notes as in Diagnostic."""
        self._add(Diagnostic(code=code, message=message, span=span, **more))

    def warning(self, code: str, message: str, span: Span | None = None, **more: Any) -> None:
        """Add a warning: the file is usable, but probably not what was meant."""
        self._add(Diagnostic(code=code, message=message, severity="warning", span=span, **more))

    def note(self, code: str, message: str, span: Span | None = None, **more: Any) -> None:
        """Add a note: nothing is wrong, but it could be said more simply."""
        self._add(Diagnostic(code=code, message=message, severity="note", span=span, **more))

    def at(self, path: str, *, inner: bool = False) -> Findings:
        """Return a view that adds to the same findings, of what stands at `path`: an option, or an included file (inner)."""
        view = Findings(path)
        view.root, view.inner, view.texts, view._found = self.root, inner, self.texts, self._found
        return view

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Everything found, in the order of the files, options first."""
        order = {path: number for number, path in enumerate(self.texts)}
        return sorted(self._found.values(), key=lambda d: (order.get(d.path, -1), d.line, d.column, d.code, d.message))

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return any(d.severity == "error" for d in self._found.values())

    def has(self, *codes: str) -> bool:
        """Whether one of these codes is among them."""
        return any(d.code in codes for d in self._found.values())

    def _add(self, found: Diagnostic) -> None:
        """Say where it is (a span that names no file lies in the topology's own), and hide secrets."""
        span = found.span
        own = self.path if span is None or self.inner else self.root
        path = span.path if span is not None and span.path else own
        related = tuple(
            Related(r.span if r.span.path or path == own else attrs.evolve(r.span, path=own), SECRETS.scrub(r.label))
            for r in found.related
        )
        found = attrs.evolve(
            found, path=path, span=span if span is not None and span.line else None, related=related,
            message=SECRETS.scrub(found.message), label=SECRETS.scrub(found.label), notes=tuple(map(SECRETS.scrub, found.notes)),
        )
        self._found.setdefault((found.code, found.path, found.span, found.message), found)


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
    if severities.count("note"):
        parts.append(plural(severities.count("note"), "note"))
    return f"{', '.join(parts)} in {path}"


def places(diagnostics: Iterable[Diagnostic], path: str) -> str:
    """Return where diagnostics are, each file or option once: "a.yaml, b.yaml and --placement"; `path` when there are none."""
    named = list(dict.fromkeys(d.path.partition(" ")[0] if d.path.startswith("--") else d.path or path for d in diagnostics)) or [path]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def split_lines(text: str) -> list[str]:
    """Split at every line break that YAML knows, so that line numbers agree with the parser's."""
    return _BREAKS.split(text)


def render(diagnostic: Diagnostic, text: str | Mapping[str, str] = "", *, colour: bool = False) -> str:
    """Return the diagnostic as text. text : contents of its file, or of several by path; colour : ANSI sequences."""
    paint = _Paint(colour)
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    out = [f"{paint(diagnostic.severity, head)}{paint('bold', ': ' + diagnostic.message)}"]
    texts = {diagnostic.path: text} if isinstance(text, str) else text
    marks: dict[str, list[tuple[Span, str, str]]] = {diagnostic.path: []}  # file → what is marked in it
    span, options = diagnostic.span, []
    for related in diagnostic.related:
        path = related.span.path or diagnostic.path
        if related.span.line == 0:
            options.append(f"{related.label}: {path}")
        elif related.span.line <= len(split_lines(texts.get(path, ""))):
            marks.setdefault(path, []).append((related.span, "-", related.label))
    if span and span.line <= len(split_lines(texts.get(diagnostic.path, ""))):
        marks[diagnostic.path].append((span, "^", diagnostic.label))
    gutter = max((len(str(s.line)) for found in marks.values() for s, _, _ in found), default=1)
    place = f"{diagnostic.path}:{span.line}:{span.column}" if span else diagnostic.path
    if place:
        out.append(f"{' ' * gutter}{paint('frame', '-->')} {place}")
    for path, found in marks.items():
        if path != diagnostic.path:
            out.append(f"{' ' * gutter}{paint('frame', ':::')} {path}:{found[0][0].line}:{found[0][0].column}")
        if found and texts.get(path):
            out.extend(_snippet(found, split_lines(texts[path]), gutter, diagnostic.severity, paint))
    unpointed = [diagnostic.label] if diagnostic.label and not span else []
    for note in [*unpointed, *options, *diagnostic.notes, f"more: hfx explain {diagnostic.code}"]:
        out.append(f"{' ' * gutter} {paint('frame', '=')} {note}")
    return SECRETS.scrub("\n".join(out))


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
