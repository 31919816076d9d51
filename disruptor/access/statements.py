"""Statements: what they bind, what they write, and which of them run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from disruptor.access.expressions import acts, is_array, replaced
from disruptor.access.frame import bound_by, merged
from disruptor.access.names import attribute_region, closed_region, module_of, named
from disruptor.access.overloads import operators_of
from disruptor.access.parts import parts_at
from disruptor.access.purity import ALLOCATES
from disruptor.access.values import (
    ANYTHING,
    ARRAY,
    FRESH,
    NOTHING,
    NUMBER,
    UNKNOWN,
    Literal,
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

_PASSES = 64
_DECLARE = "declare what it touches: @handler(reads=(…), writes=(…))"
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
                walk.escape(value, f"what {ast.unparse(item.context_expr)} does is not known", _COPY, node, frame)
                if item.optional_vars is not None:
                    walk.store(item.optional_vars, joined(value, ANYTHING), node, frame)
            _interrupted(walk, node.body, frame)  # it may swallow an exception
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            for decorator in node.decorator_list:
                walk.value(decorator, frame)
            walk.nested(node, frame)
            frame.bind(node.name, joined(just(Local(node, frame)), ANYTHING if node.decorator_list else NOTHING))
        case ast.ClassDef():
            _class(walk, node, frame)
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                for name in bound_by(alias):
                    frame.bind(name, _imported(node, alias))
        case ast.Nonlocal():
            frame.outer_of_function |= set(node.names)
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
                inside = [subject]
                for _ in ast.walk(case.pattern):  # no pattern reaches deeper than it has parts
                    inside.append(walk.items(just(*(a for a in inside[-1] if not isinstance(a, Literal))), node.subject, frame))
                    if inside[-1] in inside[:-1]:
                        break
                for part in ast.walk(case.pattern):
                    if isinstance(part, ast.MatchValue):
                        walk.consume(walk.value(part.value, frame), part.value, frame)
                    for name in bound_by(part):
                        found = joined(*inside, ANYTHING)
                        frame.bind(name, just(Tuple((found,))) if isinstance(part, ast.MatchStar) else found)
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
    else:
        walk.hidden("what its variables may be after this loop was not found out", _DECLARE, node, frame)
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


def _class(walk: Walk, node: ast.ClassDef, frame: Frame) -> None:
    """Walk the body of a class, whose variables are those of an object that is not followed."""
    for expression in (*node.decorator_list, *node.bases, *(k.value for k in node.keywords)):
        walk.consume(walk.value(expression, frame), expression, frame)
    own, names = set(frame.own), dict(frame.names)
    for part in node.body:
        frame.own |= {name for inner in ast.walk(part) for name in bound_by(inner)}
        statement(walk, part, frame)
    for name in sorted(frame.names):
        if frame.names[name] != names.get(name):
            walk.escape(frame.names[name], f"the record is kept in the class {node.name}", _COPY, node, frame)
    frame.own, frame.names = own, names
    frame.bind(node.name, ANYTHING)


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
    given = walk.value(node.value, frame)
    walk.consume(given, node.value, frame)
    if operators_of(node):
        replaced(walk, joined(given, walk.value(ast.copy_location(_as_load(node.target), node.target), frame)), node, frame)
    if isinstance(node.target, ast.Name):
        known = named(walk, node.target, frame, store=True)
        for atom in known:
            if isinstance(atom, Thing):
                walk.share("writes", atom, node, frame)
        if any(isinstance(atom, Tuple) or (isinstance(atom, Literal) and isinstance(atom.value, str)) for atom in known):
            whole = ast.copy_location(ast.BinOp(_as_load(node.target), node.op, node.value), node)
            walk.store(node.target, walk.value(whole, frame), node, frame)
            return
        if any(not isinstance(atom, Ref | Literal) and atom not in (NUMBER, ARRAY) for atom in known):
            walk.escape(given, f"the record is kept in {node.target.id}", _COPY, node, frame)
        for ref in refs_of(known):  # an array is changed where it is
            walk.mark("reads", ref, node, frame)
            if not ref.is_scalar and ref.dims != 0:
                walk.mark("writes", ref, node, frame)
        kept = [a for a in known if (isinstance(a, Ref) and not a.is_scalar) or isinstance(a, Thing) or a in (FRESH, UNKNOWN)]
        walk.store(node.target, just(NUMBER, *kept), node, frame)
        return
    loaded = ast.copy_location(_as_load(node.target), node.target)
    walk.consume(walk.value(loaded, frame), node, frame)
    walk.store(node.target, just(NUMBER), node, frame)


def store(walk: Walk, target: ast.expr, value: Value, node: ast.AST, frame: Frame) -> None:
    """Bind or write what an assignment assigns to."""
    match target:
        case ast.Name():
            if target.id in frame.outer:
                _store_global(walk, f"{module_of(frame)}:{target.id}", target.id, value, node, frame)
            elif target.id in frame.outer_of_function:
                _store_outside(walk, target.id, value, node, frame)
            else:
                frame.bind(target.id, value)
        case ast.Starred():
            walk.store(target.value, value, node, frame)
        case ast.Tuple() | ast.List():
            for position, part in enumerate(target.elts):
                one = _part(walk, value, position, target, frame)
                walk.store(part, just(Tuple((one,))) if isinstance(part, ast.Starred) else one, node, frame)
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


def _store_global(walk: Walk, region: str, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
    walk.share("writes", Thing(None, region), node, frame)
    walk.lost(just(*(r for r in refs_of(value) if not r.is_scalar)), f"the record is kept in the global '{name}'", _COPY, node, frame)
    walk.escape(value, f"the record is kept in the global '{name}'", _COPY, node, frame)


def _store_outside(walk: Walk, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
    """Bind a variable of an outer function, which this one may do at any time."""
    at = frame
    while at.parent is not None:
        at = at.parent
        if name in at.own:
            at.loose.add(name)
            at.bind(name, value, perhaps=True)
            return
    if at.function is not None:  # of a function that has returned: others may hold it too
        _store_global(walk, closed_region(at.function, name), name, value, node, frame)


def _store_item(walk: Walk, target: ast.Subscript, value: Value, node: ast.AST, frame: Frame) -> None:
    base = walk.value(target.value, frame, store=True)
    index = walk.value(target.slice, frame)
    walk.consume(index, target.slice, frame)
    replaced(walk, base, target, frame)
    acts(walk, base, index, target, frame)
    if isinstance(target.slice, ast.Slice) and is_array(value):
        walk.effect(ALLOCATES, "it allocates: an assignment to a slice may copy first",
                    "a loop over the elements: for i in range(…): …", target, frame)
    chosen = [part for ref in refs_of(base) for part in parts_at(walk, ref, index, target, frame)]
    _store_into(walk, base, chosen, target, value, frame)


def _store_into(walk: Walk, base: Value, chosen: list[Ref], target: ast.expr, value: Value, frame: Frame) -> None:
    for ref in chosen:
        walk.mark("writes", ref, target, frame)
    for atom in base:
        if isinstance(atom, Thing):
            walk.share("writes", _changed(atom, target), target, frame)
    if any(not isinstance(atom, Ref) and atom is not ARRAY for atom in base) and not (walk.jit and base <= {NUMBER, ARRAY, UNKNOWN}):
        walk.escape(value, f"the record is kept in {ast.unparse(target)}", _COPY, target, frame)
    walk.consume(value, target, frame)


def _imported(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> Value:
    """Return what an import inside of a function gives: a module that is there already; nothing is imported for this."""
    path = alias.name if alias.asname else alias.name.partition(".")[0]
    module = sys.modules.get(path) if isinstance(node, ast.Import) else None
    return just(Thing(module)) if module is not None else ANYTHING


def _changed(thing: Thing, target: ast.expr) -> Thing:
    """Return what a store into an object changes: of a module, a class or a function the one name."""
    name = attribute_region(thing.object, target.attr) if isinstance(target, ast.Attribute) else ""
    return Thing(None, name) if name and not thing.region else thing


def _records(value: Value) -> list[Ref]:
    return [atom for atom in value if isinstance(atom, Ref)]


def _as_load(node: ast.expr) -> ast.expr:
    kind: Any = type(node)
    fresh: ast.expr = kind(**{name: getattr(node, name) for name in node._fields if name != "ctx"}, ctx=ast.Load())
    return fresh
