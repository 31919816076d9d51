"""What an expression may stand for, and what it touches."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import numpy as np

from disruptor.access import calls
from disruptor.access.frame import bound_by
from disruptor.access.names import named
from disruptor.access.overloads import foreign, operators_of
from disruptor.access.parts import parts_at
from disruptor.access.purity import ALLOCATES, container
from disruptor.access.things import is_mutable, is_object
from disruptor.access.values import (
    ANYTHING,
    ARRAY,
    FRESH,
    NOTHING,
    NUMBER,
    RECORD,
    UNKNOWN,
    Literal,
    Local,
    Method,
    Ref,
    Thing,
    Tuple,
    Value,
    flat,
    joined,
    just,
    lift,
    refs_of,
    texts_of,
)

if TYPE_CHECKING:
    from disruptor.access.frame import Frame
    from disruptor.access.walk import Walk

__all__ = ["acts", "is_array", "items", "replaced", "value"]

_SHAPE = ("shape", "size", "ndim", "itemsize", "nbytes", "strides", "dtype", "flags")
_VIEWS = ("T", "flat", "real", "imag", "base", "data")
_RAW = ("ctypes",)  # of an array: its address
_DECLARE = "declare what it touches: @handler(reads=(…), writes=(…))"
_COPY = "keep the fields that are needed, or event.copy()"


def value(walk: Walk, node: ast.expr, frame: Frame, *, store: bool = False, whole: bool = False, called: bool = False) -> Value:
    """Return what an expression may stand for, and note what it touches.

    store : it is what a store goes into; whole : what is made here is used on the spot; called : it is called.
    """
    if walk.jit and not whole:
        made = container(node)
        if made is not None:
            walk.effect(ALLOCATES, f"it allocates: {made[0]}", made[1], node, frame)
    match node:
        case ast.Constant():
            return lift(node.value) if not isinstance(node.value, complex) else just(NUMBER)
        case ast.Name():
            return named(walk, node, frame, store=store)
        case ast.Attribute():
            return _attribute(walk, node, frame, store=store, called=called)
        case ast.Subscript():
            return _subscript(walk, node, frame, store=store)
        case ast.Call():
            return calls.call(walk, node, frame)
        case ast.Tuple():
            return just(Tuple(tuple(walk.value(e, frame) for e in node.elts)))
        case ast.IfExp():
            walk.consume(walk.value(node.test, frame), node.test, frame)
            return joined(walk.value(node.body, frame, store=store), walk.value(node.orelse, frame, store=store))
        case ast.BoolOp():
            values = [walk.value(v, frame, store=store) for v in node.values]
            for value in values:
                for ref in refs_of(value):
                    walk.take(ref, node, frame)
            return joined(*values)
        case ast.NamedExpr():
            value = walk.value(node.value, frame)
            frame.bind(node.target.id, value, perhaps=True)  # it may stand behind an `and`
            return value
        case ast.BinOp():
            return _operation(walk, node, frame)
        case ast.Lambda():
            walk.nested(node, frame)
            return just(Local(node, frame))
        case ast.Starred():
            return walk.items(walk.value(node.value, frame), node, frame)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return _comprehension(walk, node, frame)
        case ast.List() | ast.Set():
            if all(isinstance(e, ast.Constant) for e in node.elts):
                return just(Tuple(tuple(lift(e.value) for e in node.elts if isinstance(e, ast.Constant))))
    return _other(walk, node, frame)


def _other(walk: Walk, node: ast.expr, frame: Frame) -> Value:
    """Numbers of numbers, texts, containers: everything in them is used up, records that they keep are lost."""
    held: list[Value] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            held.append(walk.value(child, frame))
            if isinstance(node, ast.List | ast.Set | ast.Dict):
                walk.escape(held[-1], "the record is kept in a container", _COPY, child, frame)
            elif isinstance(node, ast.Yield | ast.YieldFrom | ast.Await):
                walk.escape(held[-1], "the record is handed out", _COPY, child, frame)
            if not (isinstance(node, ast.Compare) and all(isinstance(o, ast.Is | ast.IsNot) for o in node.ops)):
                walk.consume(held[-1], child, frame)
    replaced(walk, joined(*held), node, frame)
    if isinstance(node, ast.Compare):
        acts(walk, joined(*held), joined(*held), node, frame)
    if isinstance(node, ast.JoinedStr):
        return _text(walk, node, frame)
    if isinstance(node, ast.Compare | ast.UnaryOp | ast.Slice):
        return just(ARRAY if any(map(is_array, held)) else NUMBER)
    if isinstance(node, ast.List | ast.Set | ast.Dict):
        return just(FRESH)
    return ANYTHING


def _text(walk: Walk, node: ast.JoinedStr, frame: Frame) -> Value:
    found = [""]
    for part in node.values:
        inner = part.value if isinstance(part, ast.FormattedValue) and part.format_spec is None and part.conversion == -1 else part
        texts = texts_of(walk.value(inner, frame)) if isinstance(inner, ast.expr) else None
        if not texts:
            return ANYTHING
        found = [a + b for a in found for b in texts][:64]
    return joined(*(lift(text) for text in found))


def _operation(walk: Walk, node: ast.BinOp, frame: Frame) -> Value:
    left, right = walk.value(node.left, frame), walk.value(node.right, frame)
    if isinstance(node.op, ast.Add):
        texts, more = texts_of(left), texts_of(right)
        if texts and more:
            return joined(*(lift(a + b) for a in texts for b in more))
        if any(isinstance(a, Tuple) for a in left | right):
            parts = [a for v in (left, right) for a in v if isinstance(a, Tuple)]
            if left | right <= set(parts) and len(left) == len(right) == 1:
                return just(Tuple(tuple(i for a in parts for i in a.items)))
            return joined(just(Tuple((joined(*(i for a in parts for i in a.items)),))), ANYTHING)
    walk.consume(left, node.left, frame)
    walk.consume(right, node.right, frame)
    replaced(walk, joined(left, right), node, frame)
    many = [i for a in left | right if isinstance(a, Tuple) for i in a.items]
    if many:  # repeated
        return joined(just(Tuple((joined(*many),))), ANYTHING)
    acts(walk, left, right, node, frame)
    acts(walk, right, left, node, frame)
    if is_array(left) or is_array(right):
        walk.effect(ALLOCATES, "it allocates: an expression over whole arrays makes a temporary array",
                    'a loop over the elements: for i in range(…): state["window"][i] = …', node, frame)
        return just(ARRAY)
    return ANYTHING if any(UNKNOWN in v or texts_of(v) for v in (left, right)) else just(NUMBER)


def _comprehension(walk: Walk, node: Any, frame: Frame) -> Value:
    before, own = dict(frame.names), set(frame.own)
    frame.own |= {name for part in node.generators for inner in ast.walk(part.target) for name in bound_by(inner)}
    for part in node.generators:
        walk.store(part.target, walk.items(walk.value(part.iter, frame), part.iter, frame), node, frame)
        for test in part.ifs:
            walk.consume(walk.value(test, frame), test, frame)
    for child in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
        value = walk.value(child, frame)
        walk.escape(value, "records are kept in a container", _COPY, child, frame)
        walk.consume(value, child, frame)
    targets = frame.own - own
    frame.names = {**{k: v for k, v in frame.names.items() if k not in targets}, **{k: v for k, v in before.items() if k in targets}}
    frame.own = own
    return just(FRESH)


def items(walk: Walk, value: Value, node: ast.AST, frame: Frame) -> Value:
    """Return what a loop over a value gets."""
    found: list[Value] = []
    for atom in value:
        if isinstance(atom, Tuple):
            found.extend(atom.items)
        elif isinstance(atom, Ref):
            if atom.field is None and atom.dims == 0 and atom.region == RECORD:
                walk.mark("reads", atom, node, frame)
                found.append(just(NUMBER))
            else:
                part = atom.element(1)
                walk.take(part, node, frame)
                found.append(just(part))
        elif isinstance(atom, Literal) and isinstance(atom.value, str):
            found.append(ANYTHING)
        elif isinstance(atom, Thing):
            found.append(_items_of(walk, atom))
        else:
            found.append(just(NUMBER) if atom in (NUMBER, ARRAY) else ANYTHING)
    return joined(*found)


def _items_of(walk: Walk, thing: Thing) -> Value:
    if isinstance(thing.object, list | tuple | set | frozenset | dict) and len(thing.object) <= 64:
        known = joined(*(lift(i, thing.region) for i in thing.object))
        return known if all(isinstance(i, str | int | float) for i in thing.object) or not thing.region else joined(ANYTHING, known)
    if isinstance(thing.object, range):
        return just(NUMBER)
    return joined(ANYTHING, just(thing) if thing.region else NOTHING)


def _attribute(walk: Walk, node: ast.Attribute, frame: Frame, *, store: bool, called: bool) -> Value:
    found: list[Value] = []
    for atom in walk.value(node.value, frame, store=store):
        if isinstance(atom, Ref):
            found.append(_part_of(walk, atom, node, frame, store, called))
        elif isinstance(atom, Thing):
            found.append(calls.attribute(walk, atom, node, frame))
        elif isinstance(atom, Tuple | Method | Local):
            walk.escape(just(atom), f"what {ast.unparse(node)} does is not known", _COPY, node, frame)
            found.append(just(Method(UNKNOWN, node.attr)) if called else ANYTHING)
        elif atom in (ARRAY, FRESH, UNKNOWN) and called:
            found.append(just(Method(atom, node.attr)))  # type: ignore[arg-type]
        else:
            found.append(just(Method(FRESH, node.attr)) if called else ANYTHING)
    return joined(*found)


def _part_of(walk: Walk, ref: Ref, node: ast.Attribute, frame: Frame, store: bool, called: bool) -> Value:
    is_record = ref.dims == 0 or (ref.dims is None and ref.field is not None)
    fields = ref.base.fields if ref.base is not None and ref.dims == 0 else None
    if called and (fields is None or node.attr not in fields):
        return just(Method(ref, node.attr))
    if walk.jit and node.attr in foreign().names:
        walk.lost(just(Ref(ref.region) if ref.field is None else ref), f"what {ast.unparse(node)} does when it is compiled is not known", _DECLARE, node, frame)
        return ANYTHING
    if node.attr in _SHAPE and (not (is_record and ref.field is None and node.attr != "dtype") or (fields is not None and node.attr not in fields)):
        return just(NUMBER if node.attr != "dtype" else UNKNOWN)
    if node.attr == "__class__":
        return ANYTHING
    if node.attr in _RAW or (node.attr.startswith("__") and node.attr.endswith("__")) or (
            fields is not None and node.attr not in fields and hasattr(np.record, node.attr)):
        if fields is None or node.attr not in fields:
            whole = just(Ref(ref.region) if ref.field is None else ref)
            walk.lost(whole, f"{ast.unparse(node)} reaches the record by other ways than its fields", _COPY, node, frame)
            return ANYTHING
    if node.attr in _VIEWS and not (is_record and ref.field is None):
        return just(ref)
    if ref.base is not None and ref.dims and hasattr(np.ndarray, node.attr) and not store:  # to be called later
        return just(Method(ref, node.attr))
    part = ref.of(node.attr)
    if not store:
        walk.take(part, node, frame)
    return just(part)


def _subscript(walk: Walk, node: ast.Subscript, frame: Frame, *, store: bool) -> Value:
    base = walk.value(node.value, frame, store=store)
    index = walk.value(node.slice, frame, whole=True)
    walk.consume(index, node.slice, frame)
    replaced(walk, joined(base, index), node, frame)
    acts(walk, base, index, node, frame)
    found: list[Value] = []
    for atom in base:
        if isinstance(atom, Ref):
            for part in parts_at(walk, atom, index, node, frame):
                if not store:
                    walk.take(part, node, frame)
                found.append(just(part))
        elif isinstance(atom, Tuple):
            at = [a.value for a in index if isinstance(a, Literal) and isinstance(a.value, int)]
            exact = len(at) == 1 and len(index) == 1 and -len(atom.items) <= at[0] < len(atom.items)
            found.append(atom.items[at[0]] if exact else just(Tuple((joined(*atom.items),))) if isinstance(node.slice, ast.Slice)
                         else joined(*atom.items))
        elif isinstance(atom, Thing):
            found.append(_item_of(walk, atom))
        else:
            found.append(just(NUMBER, atom) if atom in (NUMBER, ARRAY)
                         else just(FRESH) if atom is FRESH and isinstance(node.slice, ast.Slice) else ANYTHING)
    return joined(*found)


def _item_of(walk: Walk, thing: Thing) -> Value:
    if isinstance(thing.object, np.ndarray):
        return just(NUMBER, thing) if thing.region and (thing.object.ndim > 1 or thing.object.dtype.names) else just(NUMBER)
    if isinstance(thing.object, list | dict) and len(thing.object) <= 64:
        items = thing.object.values() if isinstance(thing.object, dict) else thing.object
        return joined(*(lift(i, thing.region) for i in items), ANYTHING if is_mutable(thing.object) and not walk.jit else NOTHING)
    return joined(ANYTHING, just(thing) if thing.region else NOTHING)


def replaced(walk: Walk, value: Value, node: ast.AST, frame: Frame) -> None:
    """Note that an operator of these values may be an `@overload` of somebody's when it is compiled."""
    if walk.jit and operators_of(node):
        walk.lost(value, f"what {ast.unparse(node)} does when it is compiled is not known", _DECLARE, node, frame)


def acts(walk: Walk, value: Value, others: Value, node: ast.AST, frame: Frame) -> None:
    """Note that an object of somebody's class, where one is among `value`, does what it likes with what an operator hands it."""
    if any((a is UNKNOWN and not walk.jit) or (isinstance(a, Thing) and is_object(a.object)) for a in flat(value)):
        walk.escape(others, f"what {ast.unparse(node)} does is not known", _COPY, node, frame)


def is_array(value: Value) -> bool:
    """Whether it is known to be an array, of a record, a state or its own."""
    return (ARRAY in value and NUMBER not in value) or any(isinstance(a, Ref) and bool(a.dims) and a.field is not None for a in value)
