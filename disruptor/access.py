"""Which fields of a record a handler reads and writes, from its source: `event["x"]` and `event.x`, followed into calls.

What is found is there; what a name hides (`event[name]`, a function that is passed about, source that cannot be read) is
not found, and a handler that does such things declares `reads=` and `writes=` itself.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import linecache
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import attrs

__all__ = ["Access", "accesses", "calls", "constant"]

_RECORDS = ("event", "batch")  # arguments that hold records


@attrs.frozen
class Access:
    """Fields that are read and fields that are written; one that is changed in place is both."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


def accesses(handler: Any) -> Access:
    """Return what a Handler declares; for what it does not declare, what its source shows."""
    if handler.reads is not None and handler.writes is not None:
        return Access(frozenset(handler.reads), frozenset(handler.writes))
    found = Access()
    for argument in _RECORDS:
        if argument in handler.arguments:
            found = _seen(handler.function, argument)
    return Access(
        found.reads if handler.reads is None else frozenset(handler.reads),
        found.writes if handler.writes is None else frozenset(handler.writes),
    )


def calls(function: Any, target: Any) -> Iterator[tuple[Any, ast.Call]]:
    """Yield (function, call) of every call of `target` in a function and in the functions that it calls by name."""
    pending, done = [_plain(function)], set()
    while pending:
        one = pending.pop()
        if one in done or not inspect.isfunction(one):
            continue
        done.add(one)
        for node in _nodes(one.__code__):
            if isinstance(node, ast.Call):
                called = _resolve(node.func, one)
                if called is target:
                    yield one, node
                else:
                    pending.append(_plain(called))


def constant(node: ast.expr, function: Any) -> Any:
    """Return the value of an expression inside a function when it is a literal or the name of something; else None."""
    return node.value if isinstance(node, ast.Constant) else _resolve(node, function)


def _seen(function: Callable, argument: str) -> Access:
    reads: set[str] = set()
    writes: set[str] = set()
    pending = [(_plain(function), argument)]
    done: set[tuple[Any, str]] = set()
    while pending:
        one = pending.pop()
        if one in done or not inspect.isfunction(one[0]):
            continue
        done.add(one)
        nodes = _nodes(one[0].__code__)
        names = _aliases(nodes, one[1])
        for field, verb in _touched(nodes, names):
            (reads if verb == "reads" else writes).add(field)
        pending.extend(_passed_on(nodes, names, one[0]))
    return Access(frozenset(reads), frozenset(writes))


def _plain(thing: Any) -> Any:
    """Return the Python function behind a compiled one or a Handler."""
    thing = getattr(thing, "function", thing)
    return getattr(thing, "py_func", thing)


@functools.cache
def _nodes(code: CodeType) -> list[ast.AST]:
    """Return everything in the definition of a function, nothing when its source cannot be read."""
    definition = _functions(code.co_filename).get((code.co_name, code.co_firstlineno))
    return list(ast.walk(definition)) if definition else []


@functools.cache
def _functions(file: str) -> dict[tuple[str, int], ast.FunctionDef]:
    """Return the functions of a source file by name and first line, that of their first decorator."""
    try:
        pending: list[ast.AST] = [ast.parse("".join(linecache.getlines(file)))]
    except SyntaxError:
        return {}
    found = {}
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef):
            found[node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)])] = node
        pending.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))
    return found


def _aliases(nodes: list[ast.AST], argument: str) -> set[str]:
    """Return the argument's name and those that it is assigned to."""
    names = {argument}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in names:
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _touched(nodes: list[ast.AST], names: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (field, "reads" or "writes") of every access to a record that has one of these names."""
    stores = set()  # accesses below a store into a view: event["win"][2] = 7
    for node in nodes:
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            inner = node.value
            while isinstance(inner, ast.Subscript | ast.Attribute):
                stores.add(inner)
                inner = inner.value
        if isinstance(node, ast.AugAssign):
            field = _field(node.target, names)
            if field:
                yield field, "reads"
    for node in nodes:
        field = _field(node, names)
        if field:
            yield field, "writes" if node in stores or not isinstance(node.ctx, ast.Load) else "reads"  # type: ignore[attr-defined]


def _field(node: ast.AST, names: set[str]) -> str | None:
    if not (isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names):
        return None
    if isinstance(node, ast.Attribute):
        return node.attr
    constant = node.slice.value if isinstance(node.slice, ast.Constant) else None
    return constant if isinstance(constant, str) else None


def _passed_on(nodes: list[ast.AST], names: set[str], function: Any) -> Iterator[tuple[Any, str]]:
    """Yield (function, argument) of every call that hands the record on."""
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        by_place = [i for i, a in enumerate(node.args) if isinstance(a, ast.Name) and a.id in names]
        by_name = [k.arg for k in node.keywords if k.arg and isinstance(k.value, ast.Name) and k.value.id in names]
        if not (by_place or by_name):
            continue
        called = _plain(_resolve(node.func, function))
        if inspect.isfunction(called):
            arguments = list(inspect.signature(called).parameters)
            yield from ((called, arguments[i]) for i in by_place if i < len(arguments))
            yield from ((called, name) for name in by_name if name in arguments)


def _resolve(node: ast.expr, function: Any) -> Any:
    """Return what a name or a dotted name means inside a function, None when that is not known."""
    if isinstance(node, ast.Attribute):
        return getattr(_resolve(node.value, function), node.attr, None)
    if not isinstance(node, ast.Name):
        return None
    closed = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    if node.id in closed:
        try:
            return closed[node.id].cell_contents
        except ValueError:  # not yet assigned
            return None
    return function.__globals__.get(node.id, getattr(builtins, node.id, None))
