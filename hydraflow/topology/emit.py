"""Nodes as YAML that reads back as the same values, each single value on a line of its own.

Quoting is by what our reader would make of a text, not by YAML 1.1. `$` is doubled where the text would be interpolated again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from hydraflow.topology.nodes import Node
from hydraflow.topology.values import resolve

__all__ = ["as_data", "as_yaml"]

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+-]*|[0-9]+(\.[0-9]+)?[A-Za-z]+")  # names, paths, quantities
_REFERENCE = re.compile(r"\$\{[A-Za-z0-9_.:-]+\}")
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
_COMMENTS_FROM, _COMMENTS_TO = 32, 60  # columns


def as_yaml(root: Node, origin: Callable[[Node], str] | None = None) -> str:
    """Return the map `root` as a document. origin : what to say about a value in a comment behind it."""
    lines = list(_entries(root, 0, origin))
    widest = max((len(text) for text, comment in lines if comment and len(text) <= _COMMENTS_TO), default=0)
    column = max(_COMMENTS_FROM, widest + 2)
    return "".join(f"{text.ljust(column - 2)}  # {comment}\n" if comment else f"{text}\n" for text, comment in lines)


def as_data(node: Node) -> Any:
    """Return a node as what JSON can hold; a document made of it reads back as the same values."""
    if node.kind == "map":
        return {key: as_data(child) for key, (_, child) in node.entries.items()}
    if node.kind == "list":
        return [as_data(item) for item in node.items]
    if node.raw:
        return node.raw
    value = _value(node)
    if isinstance(value, float) and not math.isfinite(value):
        return _number(value)
    return _dollars(_clean(value)) if isinstance(value, str) else value


def _entries(node: Node, depth: int, origin: Callable[[Node], str] | None) -> Iterator[tuple[str, str]]:
    """Yield (line, comment) for the entries of a map."""
    before: Node | None = None
    for key, (_, child) in node.entries.items():
        head = f"{' ' * depth}{_text(key, dollars=False)}:"
        if depth == 0 and before is not None and (child.entries or child.items or before.entries or before.items):
            yield "", ""
        before = child
        if child.kind == "map" and child.entries:
            yield head, ""
            yield from _entries(child, depth + 2, origin)
        elif child.items and all(item.kind == "map" and item.entries for item in child.items):
            yield head, ""
            for item in child.items:
                for place, (line, comment) in enumerate(_entries(item, depth + 4, origin)):
                    yield (f"{' ' * (depth + 2)}- {line.lstrip()}" if place == 0 else line), comment
        else:
            yield f"{head} {_flow(child, block=True)}", origin(child) if origin else ""


def _flow(node: Node, *, block: bool = False) -> str:
    if node.kind == "map":
        return "{" + ", ".join(f"{_text(key, dollars=False)}: {_flow(child)}" for key, (_, child) in node.entries.items()) + "}"
    if node.kind == "list":
        return "[" + ", ".join(map(_flow, node.items)) + "]"
    if node.raw:
        typed = node.as_text is not None or not isinstance(node.value, str)  # quotes would make it text, or change nothing
        return node.raw if block and typed and _REFERENCE.fullmatch(node.raw) else _quoted(node.raw)
    value = _value(node)
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    again = resolve(node.text)
    same = again == value or (again != again and value != value)  # a NaN differs from itself
    return node.text if same and not isinstance(again, (str, bool)) else _number(value)


def _value(node: Node) -> Any:
    """Return the value as its field takes it: one that came from a variable has no type of its own."""
    if node.as_text is None:
        return node.value
    return node.text if node.as_text else resolve(node.text)


def _number(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return repr(value)


def _text(text: str, *, dollars: bool = True) -> str:
    text = _dollars(_clean(text)) if dollars else _clean(text)
    return text if _PLAIN.fullmatch(text) and isinstance(resolve(text), str) else _quoted(text)


def _dollars(text: str) -> str:
    return text.replace("$", "$$") if "${" in text or "$$" in text else text


def _clean(text: str) -> str:
    """Replace halves of surrogate pairs, which bytes that are no UTF-8 become in variables: no document can hold them."""
    return text.encode("utf-8", "replace").decode()


def _quoted(text: str) -> str:
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
