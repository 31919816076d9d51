"""Which parts of a record or an array an index takes: fields by name, elements by number."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from disruptor.access.values import (
    NUMBER,
    RECORD,
    Literal,
    Ref,
    Tuple,
    Value,
    just,
    texts_of,
)

if TYPE_CHECKING:
    from disruptor.access.frame import Frame
    from disruptor.access.walk import Walk

__all__ = ["parts_at"]

_NAME = "write the name out, event[\"price\"], or declare it: @handler(reads=(…), writes=(…))"


def parts_at(walk: Walk, ref: Ref, index: Value, node: ast.Subscript, frame: Frame) -> list[Ref]:
    """Return the parts of `ref` that an index names."""
    if isinstance(node.slice, ast.List | ast.Tuple) and ref.field is None and ref.region == RECORD:
        names = [t for a in index if isinstance(a, Tuple) for i in a.items for t in texts_of(i) or ()]
        if names:  # batch[["a", "b"]]
            return [ref.of(name) for name in names]
    texts = texts_of(index)
    chosen = [ref.of(text) for text in texts or ()]
    if texts is None:
        is_array = walk.jit and (ref.dims is None or ref.dims > 0)
        if ref.field is not None or (is_array and ref.region != RECORD) or ref.dims:
            return [ref.element(None)] if walk.jit or ref.field is not None else _unnamed(walk, ref, node, frame)
        return _unnamed(walk, ref, node, frame)
    if any(not (isinstance(a, Literal) and isinstance(a.value, str)) for a in index):
        if ref.field is None and ref.dims == 0 and ref.region == RECORD:
            return [*chosen, *_by_position(walk, ref, index, node, frame)]
        chosen.append(ref.element(_count(node.slice, index)))
    return chosen


def _by_position(walk: Walk, ref: Ref, index: Value, node: ast.Subscript, frame: Frame) -> list[Ref]:
    """A record takes the number of a field as well."""
    numbers = [a.value for a in index if isinstance(a, Literal) and isinstance(a.value, int)]
    names = ref.base.names if ref.base is not None else None
    if names and len(numbers) == len(index) and all(-len(names) <= n < len(names) for n in numbers):
        return [ref.of(names[n]) for n in numbers]
    return _unnamed(walk, ref, node, frame)


def _unnamed(walk: Walk, ref: Ref, node: ast.Subscript, frame: Frame) -> list[Ref]:
    walk.lost(just(ref), f"which field {ast.unparse(node)} means is not known before it runs", _NAME, node, frame)
    return []


def _count(node: ast.expr, index: Value) -> int | None:
    """Return how many numbers an index consists of: it takes away as many dimensions."""
    if isinstance(node, ast.Slice):
        return 0
    if isinstance(node, ast.Tuple):
        items = [i for a in index if isinstance(a, Tuple) for item in a.items for i in item]
        return sum(not isinstance(e, ast.Slice) for e in node.elts) if all(map(_is_number, items)) else None
    return 1 if all(map(_is_number, index)) else None


def _is_number(atom: object) -> bool:
    """Whether an index takes one dimension away: None, True and `...` do not, an array need not."""
    if isinstance(atom, Literal):
        return atom.value is not None and atom.kind is not bool
    return atom is NUMBER or (isinstance(atom, Ref) and (atom.is_scalar or atom.base is None))
