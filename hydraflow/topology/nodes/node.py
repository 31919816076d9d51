"""A value of the file, with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from hydraflow.topology.diagnose import Span
from hydraflow.topology.interpolate import Problem

__all__ = ["Node", "Unknown", "forget", "is_unknown"]


@attrs.define(eq=False)
class Node:
    """A value of the file. kind : "scalar", "list" or "map".

    value : resolved scalar; text : its text after interpolation; variables : those that it names, taken : those that it
    really came from (defaults do not count). secret : it holds one; raw : what is written for a text that no output may show.
    problems : what is wrong with its interpolation, each with its place, until it is reported.
    as_text : of a value with variables, whether its field takes text; None: not known.
    items : of a list; entries : of a map, key → (span of the key, node); repeated : keys that it has more than once, which has
    been reported: their values are unknown.
    """

    kind: str
    span: Span | None = None
    value: Any = None
    text: str = ""
    variables: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    secret: bool = False
    raw: str = ""
    problems: tuple[tuple[Span, Problem], ...] = ()
    as_text: bool | None = None
    items: list[Node] = attrs.field(factory=list)
    entries: dict[str, tuple[Span | None, Node]] = attrs.field(factory=dict)
    repeated: tuple[str, ...] = ()

    @classmethod
    def of(cls, value: Any) -> Node:
        """Return a node without position for a plain Python value."""
        if isinstance(value, Mapping):
            return cls("map", entries={str(k): (None, cls.of(v)) for k, v in value.items()})
        if isinstance(value, (list, tuple)):
            return cls("list", items=[cls.of(v) for v in value])
        return cls("scalar", value=value, text="" if value is None else str(value))

    def plain(self) -> Any:
        """Return the value as plain Python: dict, list, str, int, float, bool, None."""
        if self.kind == "map":
            return {key: node.plain() for key, (_, node) in self.entries.items()}
        return [node.plain() for node in self.items] if self.kind == "list" else self.value

    def where(self, *path: str | int) -> Span | None:
        """Return the span of the value at `path` below this node, or of the deepest part of it that exists."""
        node, span = self, self.span
        for step in path:
            if isinstance(step, int) and node.kind == "list" and step < len(node.items):
                node = node.items[step]
            elif node.kind == "map" and step in node.entries:
                node = node.entries[str(step)][1]
            else:
                break
            span = node.span or span
        return span

    def everything(self) -> Iterator[Node]:
        """Yield this node and all below it, in the order of the file."""
        left = [self]
        while left:
            node = left.pop()
            yield node
            if node.entries:
                left += [child for _, child in reversed(node.entries.values())]
            elif node.items:
                left += node.items[::-1]

    def where_key(self, key: str) -> Span | None:
        """Return the span of a key of this map, or of the map."""
        return self.entries[key][0] if key in self.entries else self.span


class Unknown:
    """The value of a scalar whose variable is unset: already reported, so nothing else is said about it."""

    def __repr__(self) -> str:
        return "unknown"


def forget(node: Node) -> None:
    """Make the value unknown: it has been reported, and nothing else may be said about it."""
    node.value, node.text = Unknown(), ""


def is_unknown(node: Node) -> bool:
    """Whether the node's value could not be found out (an unset variable, which has been reported)."""
    return isinstance(node.value, Unknown)
