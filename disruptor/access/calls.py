"""What a call does with the records that it is handed: functions of ours and the user's are walked, others looked up.

Known are the built-in functions, the methods of arrays and records, and those functions of numpy and the standard library
that are listed (known.py): which read what they get, which write into it. Anything else that gets a record, or a part of
one that could be stored into, is lost.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from disruptor.access.given import LOST, Given, allocation, unknown
from disruptor.access.known import IN_PLACE, METHOD_OUT, READING
from disruptor.access.library import COPY, library
from disruptor.access.names import attribute_region
from disruptor.access.origin import is_library, library_path, module_name
from disruptor.access.overloads import foreign, is_raw
from disruptor.access.purity import called_effect
from disruptor.access.things import described, is_mutable, is_object, plain, shared_as
from disruptor.access.values import (
    ANYTHING,
    ARRAY,
    EVERY,
    FRESH,
    NOTHING,
    NUMBER,
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

__all__ = ["attribute", "call"]

_WRITING_METHODS = {"sort", "fill", "put", "partition", "itemset", "setfield", "resize", "byteswap", "setflags"}
_VIEWING_METHODS = {"reshape", "ravel", "view", "transpose", "swapaxes", "squeeze", "diagonal"}
_COPYING_METHODS = {"copy", "item", "tolist", "tobytes", "astype", "flatten"}
_NOTHING_READ = (len, isinstance, id, callable, issubclass, hasattr)
_FRAMES = (locals, globals, vars, eval, exec, sys._getframe)
_FIRM = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type, staticmethod, classmethod, property)
_NOTE = ("disruptor.notes", "note")


def call(walk: Walk, node: ast.Call, frame: Frame) -> Value:
    """Return what a call may return, and note what it does."""
    callee = walk.value(node.func, frame, called=True)
    given = _arguments(walk, node, frame)
    found = [_one(walk, atom, given, node, frame) for atom in callee]
    return joined(*found)


def attribute(walk: Walk, thing: Thing, node: ast.Attribute, frame: Frame) -> Value:
    """Return what an attribute of a known object may be."""
    owner, name = thing.object, node.attr
    if isinstance(owner, types.ModuleType):
        value = getattr(owner, name, None)
        walk.assumed[owner.__name__, name] = described(value)
        if not isinstance(value, _FIRM):
            walk.share("reads", Thing(value, shared_as(value, f"{owner.__name__}:{name}") or f"{owner.__name__}:{name}"), node, frame)
        return lift(value, f"{owner.__name__}:{name}") if hasattr(owner, name) else ANYTHING
    if owner is None:
        return ANYTHING
    static = inspect.getattr_static(owner, name, None)
    region = attribute_region(owner, name)
    if region and not isinstance(static, _FIRM) and not is_library(owner):
        walk.share("reads", Thing(None, region), node, frame)
    special = _by_its_class(walk, thing, static, node, frame)
    if special is not None:
        return special
    if isinstance(static, staticmethod | classmethod):
        return just(Thing(static.__func__, "", thing if isinstance(static, classmethod) else None))
    if isinstance(static, property) and static.fget is not None and not isinstance(owner, type):
        return _walked(walk, Thing(static.fget, "", thing), Given([], {}), node, frame)
    if isinstance(static, types.FunctionType):
        own = isinstance(owner, type) or name in getattr(owner, "__dict__", ())  # no method: it stands in the object
        return just(Thing(static, "", None if own else thing))
    if isinstance(owner, type) and hasattr(static, "__get__") and not isinstance(static, property):
        static = getattr(owner, name, static)
    if static is None or isinstance(static, types.MemberDescriptorType | types.GetSetDescriptorType | property):
        static = getattr(owner, name, None) if not is_mutable(owner) or isinstance(owner, np.ndarray) else _slot(owner, name, static)
    if isinstance(static, types.BuiltinMethodType | types.MethodDescriptorType | types.WrapperDescriptorType):
        return just(Thing(getattr(owner, name), thing.region, thing))
    if isinstance(static, int | float) and not isinstance(static, bool):
        return just(NUMBER)  # it may be another one when it runs
    if isinstance(static, str):  # the value decides, and where it is from is not followed
        walk.kept = False
    return lift(static, thing.region or region) if static is not None else ANYTHING


def _by_its_class(walk: Walk, thing: Thing, static: Any, node: ast.Attribute, frame: Frame) -> Value | None:
    """Return what an attribute is where functions of somebody's class give it; None where it simply stands there."""
    kind, name = type(thing.object), node.attr
    if isinstance(thing.object, type) or is_library(kind):
        return None
    asked = inspect.getattr_static(kind, "__getattribute__", None)
    if static is None and not isinstance(asked, types.FunctionType):
        asked = inspect.getattr_static(kind, "__getattr__", None)
    if isinstance(asked, types.FunctionType):
        return joined(ANYTHING, _walked(walk, Thing(asked, "", thing), Given([lift(name)], {}), node, frame))
    gets = inspect.getattr_static(type(static), "__get__", None)
    if isinstance(gets, types.FunctionType) and not is_library(type(static)):
        return joined(ANYTHING, _walked(walk, Thing(gets, "", Thing(static)), Given([just(thing), just(Thing(kind))], {}), node, frame))
    return None


def _slot(owner: Any, name: str, static: Any) -> Any:
    return getattr(owner, name, None) if isinstance(static, types.MemberDescriptorType) else None


def _arguments(walk: Walk, node: ast.Call, frame: Frame) -> Given:
    given = Given([], {})
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            value = walk.value(argument.value, frame, whole=True)
            tuples = [a for a in value if isinstance(a, Tuple)]
            if len(tuples) == len(value) == 1:
                given.positional.extend(tuples[0].items)
            else:
                given.spread = True
                given.positional.append(walk.items(value, argument, frame))
        else:
            given.positional.append(walk.value(argument, frame))
    for keyword in node.keywords:
        value = walk.value(keyword.value, frame)
        if keyword.arg is None:
            given.spread = True
        given.named[keyword.arg or "**"] = value
    return given


def _one(walk: Walk, atom: Any, given: Given, node: ast.Call, frame: Frame) -> Value:
    if isinstance(atom, Local):
        return walk.enter_local(atom, given.positional, given.named, node, frame)
    if isinstance(atom, Method):
        return _method(walk, atom, given, node, frame)
    if isinstance(atom, Thing):
        found = _thing(walk, atom, given, node, frame)
        others = foreign().of(atom.object) if walk.jit else []
        return joined(found, *(_instead(walk, one, given, node, frame) for one in others))
    why = f"what {ast.unparse(node.func)}() does is not known"
    if isinstance(atom, Ref):  # a method of a record whose fields are not known
        walk.lost(just(Ref(atom.region)), why, LOST, node, frame)
    return unknown(walk, given, why, node, frame)


def _instead(walk: Walk, giver: Any, given: Given, node: ast.Call, frame: Frame) -> Value:
    """What an `@overload` gives runs when it is compiled: the functions that it returns, whatever the types are."""
    why = f"what runs for {ast.unparse(node.func)}() when it is compiled is not known"
    if giver is None or given.spread:
        return unknown(walk, given, why, node, frame)
    walk.jit = False  # it runs while others are compiled
    try:
        chosen = walk.enter(giver, [ANYTHING for _ in given.positional], dict.fromkeys(given.named, ANYTHING), node, frame)
    finally:
        walk.jit = True
    functions = [a for a in chosen if isinstance(a, Local) or (isinstance(a, Thing) and isinstance(plain(a.object), types.FunctionType))]
    if not functions or any(a not in functions and a != Literal(None, type(None)) and a is not NUMBER for a in chosen):
        return unknown(walk, given, why, node, frame)
    return joined(*(_one(walk, a, given, node, frame) for a in functions))


def _thing(walk: Walk, thing: Thing, given: Given, node: ast.Call, frame: Frame) -> Value:
    function = plain(thing.object)
    if isinstance(function, types.MethodType):
        thing = Thing(function.__func__, "", thing.owner or Thing(function.__self__, shared_as(function.__self__, "")))
        function = function.__func__
    effect = called_effect(thing.object)
    if effect is not None:
        walk.effect(*effect, node, frame)
        walk.consume(given.everything, node, frame)
        return just(NUMBER)
    if walk.jit and is_raw(function) and not frame.path.startswith(library_path()):
        why = f"what {ast.unparse(node.func)}() reaches is not known: it is below Python, or takes an address"
        walk.hidden(why, LOST, node, frame)
        return unknown(walk, given, why, node, frame)
    special = _BUILTINS.get(function) if _is_hashable(function) else None
    if special is not None:
        allocation(walk, function, "", given, node, frame)
        return special(walk, given, node, frame)
    if function is type:
        return ANYTHING
    if function in _NOTHING_READ:
        _used_by_objects(walk, given, node, frame)
        return just(NUMBER)
    if function in _FRAMES or (module_name(function) in ("inspect", "gc") and is_library(function)):
        walk.hidden(f"what {ast.unparse(node)} reaches is not known", "use the names themselves", node, frame)
        return ANYTHING
    if _is_note(function):  # stamped outside of what handlers know
        return _number(walk, given, node, frame)
    if isinstance(function, types.FunctionType) and not is_library(function):
        if given.spread and refs_of(given.everything):
            return unknown(walk, given, f"which arguments {ast.unparse(node)} gets is not known", node, frame)
        return _walked(walk, Thing(function, "", thing.owner), given, node, frame)
    if isinstance(function, type) and not is_library(function):
        return _made(walk, function, given, node, frame)
    instance_call = None if isinstance(function, type) else inspect.getattr_static(type(function), "__call__", None)
    if isinstance(instance_call, types.FunctionType) and not isinstance(function, types.FunctionType) and not is_library(function):
        return _walked(walk, Thing(instance_call, "", thing), given, node, frame)
    return library(walk, thing, function, given, node, frame)


def _is_note(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and (module_name(function), code.co_name) == _NOTE and code.co_filename.startswith(library_path())


def _walked(walk: Walk, thing: Thing, given: Given, node: ast.AST, frame: Frame) -> Value:
    positional = ([just(thing.owner)] if thing.owner is not None else []) + given.positional
    return walk.enter(thing.object, positional, given.named, node, frame)


def _made(walk: Walk, kind: type, given: Given, node: ast.Call, frame: Frame) -> Value:
    """An object of somebody's class: a record that it is given is kept in it."""
    kept = just(*(r for r in refs_of(given.everything) if not r.is_scalar))
    walk.lost(kept, f"the record is kept in a {kind.__name__}", "hand its fields over", node, frame)
    walk.escape(given.everything, f"the record is kept in a {kind.__name__}", "hand its fields over", node, frame)
    walk.consume(given.everything, node, frame)
    return ANYTHING


def _method(walk: Walk, method: Method, given: Given, node: ast.Call, frame: Frame) -> Value:
    target, name = method.target, method.name
    if not isinstance(target, Ref):
        return _method_of_other(walk, target, name, given, node, frame)
    if walk.jit and name in foreign().names:
        return unknown(walk, Given([just(target), *given.positional], given.named), f"what .{name}() does when it is compiled is not known", node, frame)
    on_array = bool(target.dims) or target.is_view or target.dims is None
    allocation(walk, None, name, given, node, frame, on_array)
    for ref in refs_of(joined(*given.positional[METHOD_OUT.get(name, len(given.positional)) :])):
        walk.mark("writes", ref, node, frame)
    if name in _WRITING_METHODS or name in IN_PLACE:
        if target.field is None:
            return unknown(walk, Given([just(target)], {}), f".{name}() changes the record", node, frame)
        walk.mark("reads", target, node, frame)
        walk.mark("writes", target, node, frame)
    elif name == "view" and target.field is None and (given.positional or given.named):  # all of it, as another type
        return just(Ref(target.region, EVERY, None))
    elif name in _VIEWING_METHODS:
        walk.consume(given.everything, node, frame)
        return just(attrs.evolve(target, dims=None if target.dims is None or name == "reshape" else max(1, target.dims)))
    elif name in ("getfield",):
        walk.lost(just(target), f".{name}() reads by place, not by name", LOST, node, frame)
    elif name not in READING and not (target.is_scalar and not name.startswith("__")):
        return unknown(walk, Given([just(target), *given.positional], given.named), f"what .{name}() does is not known", node, frame)
    else:
        walk.consume(just(target), node, frame)
    for ref in refs_of(given.named.get("out", NOTHING)):
        walk.mark("writes", ref, node, frame)
    walk.consume(given.everything, node, frame)
    return just(ARRAY) if name in _COPYING_METHODS else just(NUMBER)


def _method_of_other(walk: Walk, target: Any, name: str, given: Given, node: ast.Call, frame: Frame) -> Value:
    allocation(walk, None, name, given, node, frame, on_array=target is ARRAY)
    if target is UNKNOWN:
        walk.escape(given.everything, f"what {ast.unparse(node.func)}() does is not known", LOST, node, frame)
    elif target is not ARRAY:
        walk.escape(given.everything, f"the record is kept by .{name}()", COPY, node, frame)
    walk.consume(given.everything, node, frame)
    return just(NUMBER, ARRAY) if target is ARRAY else ANYTHING


def _is_hashable(thing: Any) -> bool:
    return getattr(type(thing), "__hash__", None) is not None


# built-in functions


def _getattr(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    if not given.positional:
        return ANYTHING
    named = _named_attributes(given, node, ast.Load())
    if named is None:
        return unknown(walk, Given(given.positional[:1], {}), f"which field {ast.unparse(node)} means is not known", node, frame)
    found = joined(*given.positional[2:])
    for attribute_node in named:
        found = joined(found, walk.value(attribute_node, frame))
    return found


def _setattr(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    named = _named_attributes(given, node, ast.Store())
    if named is None or len(given.positional) < 3:
        return unknown(walk, Given(given.positional[:1], {}), f"which field {ast.unparse(node)} means is not known", node, frame)
    for attribute_node in named:
        walk.store(attribute_node, given.positional[2], node, frame)
    return just(NUMBER)


def _named_attributes(given: Given, node: ast.Call, context: ast.expr_context) -> list[ast.Attribute] | None:
    texts = texts_of(given.positional[1]) if len(given.positional) > 1 else None
    if not texts or isinstance(node.args[0], ast.Starred):
        return None
    return [ast.copy_location(ast.Attribute(node.args[0], text, context), node) for text in texts]


def _read_all(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    walk.consume(given.everything, node, frame)
    return ANYTHING


def _number(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    walk.consume(given.everything, node, frame)
    _used_by_objects(walk, given, node, frame)
    return just(NUMBER)


def _used_by_objects(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> None:
    """Note that an object of somebody's class may be asked about the others, or to compute with them."""
    if any(isinstance(a, Thing) and is_object(a.object) for a in flat(given.everything)):
        walk.escape(given.everything, f"what {ast.unparse(node)} does is not known", LOST, node, frame)


def _choice(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    """min and max of several things return one of them."""
    _used_by_objects(walk, given, node, frame)
    walk.consume(given.everything, node, frame)
    values = joined(*given.positional, *(walk.items(v, node, frame) for v in given.positional[:1] if len(given.positional) == 1))
    for atom in given.named.get("key", NOTHING):
        if atom != Literal(None, type(None)):
            _one(walk, atom, Given([values], {}), node, frame)
    return joined(just(NUMBER), just(*(a for a in values if not (isinstance(a, Ref) and a.is_scalar))))


def _iterated(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    """iter, reversed, list, tuple: the same things again."""
    value = joined(*given.positional)
    items = walk.items(value, node, frame)
    if not isinstance(node.func, ast.Name) or node.func.id in ("list", "set", "sorted"):
        walk.escape(items, "records are kept in a container", "keep the fields that are needed", node, frame)
    return just(Tuple((items,))) if value and value != just(NUMBER) else just(FRESH)


def _dict(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    walk.escape(given.everything, "the record is kept in a container", COPY, node, frame)
    return _read_all(walk, given, node, frame)


def _enumerate(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    items = walk.items(given.positional[0], node, frame) if given.positional else ANYTHING
    return just(Tuple((just(Tuple((just(NUMBER), items))),)))


def _zip(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    return just(Tuple((just(Tuple(tuple(walk.items(value, node, frame) for value in given.positional))),)))


def _next(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    return joined(walk.items(given.positional[0], node, frame), *given.positional[1:]) if given.positional else ANYTHING


def _applied(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    """map and filter: the function gets the items."""
    items = [walk.items(value, node, frame) for value in given.positional[1:]]
    results = [_one(walk, atom, Given(items, {}), node, frame) for atom in (given.positional[0] if given.positional else ())
               if atom != Literal(None, type(None))]
    return just(Tuple((joined(*results, *items),)))


def _range(walk: Walk, given: Given, node: ast.Call, frame: Frame) -> Value:
    walk.consume(given.everything, node, frame)
    return just(Tuple((just(NUMBER),)))


_Special = Callable[["Walk", Given, ast.Call, "Frame"], Value]
_BUILTINS: dict[Any, _Special] = {
    getattr: _getattr, setattr: _setattr, range: _range, enumerate: _enumerate, zip: _zip, next: _next, iter: _iterated,
    reversed: _iterated, list: _iterated, tuple: _iterated, set: _iterated, frozenset: _iterated, sorted: _iterated,
    map: _applied, filter: _applied, min: _choice, max: _choice,
    **dict.fromkeys((int, float, bool, abs, round, sum, pow, divmod, hash, any, all, ord, complex), _number),
    **dict.fromkeys((print, str, repr, format, ascii, bytes, bytearray, open, chr), _read_all),
    dict: _dict,
}
