"""Collects what is found, so that a file shows all its mistakes in one run, in a stable order, each once."""

from __future__ import annotations

from typing import Any

import attrs

from hydraflow.scrubber import SECRETS
from hydraflow.topology.diagnose.finding import Diagnostic, Related, Span

__all__ = ["Findings"]


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
