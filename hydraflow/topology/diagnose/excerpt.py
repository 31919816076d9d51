"""How a finding looks: a sentence, the place, an excerpt of the file with a caret, the other ends of the relation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from hydraflow.scrubber import SECRETS
from hydraflow.topology.diagnose.finding import Diagnostic, Span

__all__ = ["render", "split_lines"]

_WIDEST = 110  # characters of a source line that are shown
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # the line breaks of YAML 1.1, which libyaml counts
_COLOURS = {
    "error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m", "frame": "\x1b[1;34m", "bold": "\x1b[1m", "off": "\x1b[0m",
}


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
