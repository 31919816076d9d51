"""A finding as data: where it is, what is wrong, what else it is about."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["Diagnostic", "Related", "Span"]


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
