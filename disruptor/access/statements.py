"""Statements: what they bind, what they write, and which of them run."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from disruptor.access.expressions import is_array
from disruptor.access.frame import merged
from disruptor.access.names import module_of, named
from disruptor.access.parts import parts_at
from disruptor.access.purity import ALLOCATES
from disruptor.access.values import (
    ANYTHING,
    NOTHING,
    NUMBER,
    UNKNOWN,
    Local,
    Ref,
    Thing,
    Tuple,
    Value,
    joined,
    just,
    refs_of,
)

if TYPE_CHECKING:
    from disruptor.access.frame import Frame
    from disruptor.access.walk import Walk

__all__ = ["block", "store"]

_PASSES = 12
_COPY = "keep the fields that are needed, or event.copy()"


def block(walk: Walk, body: Sequence[ast.stmt], frame: Frame) -> None:
    """Walk statements, one after the other."""
    for one in body:
        statement(walk, one, frame)


def statement(walk: Walk, node: ast.stmt, frame: Frame) -> None:
    """Walk one statement and those inside of it."""
    match node:
        case ast.Assign():
            value = walk.value(node.value, frame)
            for target in node.targets:
                walk.store(target, value, node, frame)
        case ast.AnnAssign():
            if node.value is not None:
                walk.store(node.target, walk.value(node.value, frame), node, frame)
        case ast.AugAssign():
            _in_place(walk, node, frame)
        case ast.For() | ast.AsyncFor():
            _loop(walk, node, walk.items(walk.value(node.iter, frame, whole=True), node.iter, frame), frame)
        case ast.While():
            _loop(walk, node, None, frame)
        case ast.Return():
            frame.result = joined(frame.result, walk.value(node.value, frame) if node.value else just(NUMBER))
        case ast.Expr():
            walk.value(node.value, frame)
        case ast.If():
            walk.consume(walk.value(node.test, frame), node.test, frame)
            _branches(walk, [node.body, node.orelse], frame)
        case ast.Try() | ast.TryStar():
            _try(walk, node, frame)
        case ast.With() | ast.AsyncWith():
            for item in node.items:
                value = walk.value(item.context_expr, frame)
                if item.optional_vars is not None:
                    walk.store(item.optional_vars, joined(value, ANYTHING), node, frame)
            _interrupted(walk, node.body, frame)  # it may swallow an exception
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            walk.nested(node, frame)
            frame.bind(node.name, just(Local(node, frame)))
        case ast.Delete():
            for target in node.targets:
                if not isinstance(target, ast.Name):
                    walk.store(target, just(NUMBER), node, frame)
        case ast.Global():
            frame.outer |= set(node.names)
        case ast.Match():
            subject = walk.value(node.subject, frame)
            walk.consume(subject, node.subject, frame)
            before = dict(frame.names)
            ends = [before]
            for case in node.cases:
                frame.names = dict(before)
                for part in ast.walk(case.pattern):
                    name = getattr(part, "name", None) or getattr(part, "rest", None)
                    if isinstance(name, str):
                        frame.bind(name, joined(subject, walk.items(subject, node.subject, frame), ANYTHING))
                if case.guard is not None:
                    walk.consume(walk.value(case.guard, frame), case.guard, frame)
                walk.block(case.body, frame)
                ends.append(frame.names)
            frame.names = merged(*ends)
        case _:
            _parts(walk, node, frame)


def _branches(walk: Walk, bodies: Sequence[Sequence[ast.stmt]], frame: Frame) -> None:
    """Walk statements of which one or the other runs."""
    before, ends = frame.names, []
    for body in bodies:
        frame.names = dict(before)
        walk.block(body, frame)
        ends.append(frame.names)
    frame.names = merged(*ends)


def _loop(walk: Walk, node: ast.For | ast.AsyncFor | ast.While, items: Value | None, frame: Frame) -> None:
    """Walk a loop until its variables stay what they are. It may be left at any statement."""
    before = dict(frame.names)
    inside: dict[str, Value] = {}
    frame.bound.append(inside)
    for _ in range(_PASSES):
        known = dict(inside)
        frame.names = merged(before, inside)
        if isinstance(node, ast.While):
            walk.consume(walk.value(node.test, frame), node.test, frame)
        else:
            walk.store(node.target, items or NOTHING, node, frame)
        walk.block(node.body, frame)
        if inside == known:
            break
    frame.bound.pop()
    frame.names = merged(before, inside)
    walk.block(node.orelse, frame)


def _interrupted(walk: Walk, body: Sequence[ast.stmt], frame: Frame) -> dict[str, Value]:
    """Walk statements that may be left anywhere; return what the variables may be then."""
    before = dict(frame.names)
    inside: dict[str, Value] = {}
    frame.bound.append(inside)
    walk.block(body, frame)
    frame.bound.pop()
    anywhere = merged(before, inside)
    frame.names = merged(frame.names, anywhere)
    return anywhere


def _try(walk: Walk, node: Any, frame: Frame) -> None:
    anywhere = _interrupted(walk, node.body, frame)
    walk.block(node.orelse, frame)
    ends = [frame.names]
    for handler in node.handlers:
        frame.names = dict(anywhere)
        if handler.name:
            frame.bind(handler.name, ANYTHING)
        ends.append(_interrupted(walk, handler.body, frame))
        ends.append(frame.names)
    frame.names = merged(*ends)
    walk.block(node.finalbody, frame)


def _parts(walk: Walk, node: ast.AST, frame: Frame) -> None:
    """Walk whatever stands in a statement that needs no more: raise, assert, class."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            statement(walk, child, frame)
        elif isinstance(child, ast.expr):
            walk.consume(walk.value(child, frame), child, frame)
        else:
            _parts(walk, child, frame)


def _in_place(walk: Walk, node: ast.AugAssign, frame: Frame) -> None:
    walk.consume(walk.value(node.value, frame), node.value, frame)
    if isinstance(node.target, ast.Name):
        known = named(walk, node.target, frame, store=True)
        for ref in refs_of(known):  # an array is changed where it is
            walk.mark("reads", ref, node, frame)
            if not ref.is_scalar and ref.dims != 0:
                walk.mark("writes", ref, node, frame)
        walk.store(node.target, just(NUMBER, *(a for a in known if isinstance(a, Ref) and not a.is_scalar)), node, frame)
        return
    loaded = ast.copy_location(_as_load(node.target), node.target)
    walk.consume(walk.value(loaded, frame), node, frame)
    walk.store(node.target, just(NUMBER), node, frame)


def store(walk: Walk, target: ast.expr, value: Value, node: ast.AST, frame: Frame) -> None:
    """Bind or write what an assignment assigns to."""
    match target:
        case ast.Name():
            if target.id in frame.outer:
                _store_global(walk, target.id, value, node, frame)
            else:
                frame.bind(target.id, value)
        case ast.Starred():
            walk.store(target.value, value, node, frame)
        case ast.Tuple() | ast.List():
            for position, part in enumerate(target.elts):
                walk.store(part, _part(walk, value, position, target, frame), node, frame)
        case ast.Subscript():
            _store_item(walk, target, value, node, frame)
        case ast.Attribute():
            base = walk.value(target.value, frame, store=True)
            _store_into(walk, base, [r.of(target.attr) for r in _records(base)], target, value, frame)


def _part(walk: Walk, value: Value, position: int, target: ast.Tuple | ast.List, frame: Frame) -> Value:
    parts: list[Value] = []
    starred = any(isinstance(e, ast.Starred) for e in target.elts)
    for atom in value:
        if isinstance(atom, Tuple):
            exact = len(atom.items) == len(target.elts) and not starred
            parts.append(atom.items[position] if exact else joined(*atom.items, ANYTHING))
        else:
            parts.append(walk.items(just(atom), target, frame))
    return joined(*parts)


def _store_global(walk: Walk, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
    walk.share("writes", Thing(None, f"{module_of(frame)}:{name}"), node, frame)
    walk.lost(just(*(r for r in refs_of(value) if not r.is_scalar)), f"the record is kept in the global '{name}'", _COPY, node, frame)


def _store_item(walk: Walk, target: ast.Subscript, value: Value, node: ast.AST, frame: Frame) -> None:
    base = walk.value(target.value, frame, store=True)
    index = walk.value(target.slice, frame)
    walk.consume(index, target.slice, frame)
    if isinstance(target.slice, ast.Slice) and is_array(value):
        walk.effect(ALLOCATES, "it allocates: an assignment to a slice may copy first",
                    "a loop over the elements: for i in range(…): …", target, frame)
    chosen = [part for ref in refs_of(base) for part in parts_at(walk, ref, index, target, frame)]
    _store_into(walk, base, chosen, target, value, frame)


def _store_into(walk: Walk, base: Value, chosen: list[Ref], target: ast.expr, value: Value, frame: Frame) -> None:
    for ref in chosen:
        walk.mark("writes", ref, target, frame)
    things = [atom for atom in base if isinstance(atom, Thing)]
    for thing in things:
        walk.share("writes", thing, target, frame)
    if not chosen and not walk.jit and (things or UNKNOWN in base):
        kept = just(*(r for r in refs_of(value) if r.field is None))
        walk.lost(kept, f"the record is kept in {ast.unparse(target)}", _COPY, target, frame)
    walk.consume(value, target, frame)


def _records(value: Value) -> list[Ref]:
    return [atom for atom in value if isinstance(atom, Ref)]


def _as_load(node: ast.expr) -> ast.expr:
    kind: Any = type(node)
    fresh: ast.expr = kind(**{name: getattr(node, name) for name in node._fields if name != "ctx"}, ctx=ast.Load())
    return fresh
