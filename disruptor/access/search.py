"""Finds the calls of a function in a handler's source, and in the functions that it calls by name."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

from disruptor.access.origin import is_library
from disruptor.access.source import Definition, definition_of
from disruptor.access.things import cell_content, plain

__all__ = ["calls", "constant"]

_DOTS_MOST = 3  # of a dotted name


def calls(function: Any, target: Any) -> Iterator[tuple[Any, ast.Call]]:
    """Yield (function, call) of every call of `target` in a function and in the functions that it calls by name."""
    pending, done = [plain(function)], set()
    leading = _leading_to(plain(function), target)
    while pending:
        one = pending.pop()
        if not inspect.isfunction(one) or one in done or one not in leading:
            continue
        done.add(one)
        definition = definition_of(one.__code__)
        for node in _calls_in(definition) if definition is not None else ():
            called = _resolve(node.func, one)
            if called is target:
                yield one, node
            else:
                pending.append(plain(called))


def constant(node: ast.expr, function: Any) -> Any:
    """Return the value of an expression inside a function when it is a literal or the name of something; else None."""
    return node.value if isinstance(node, ast.Constant) else _resolve(node, function)


def _leading_to(function: Any, target: Any) -> set[Any]:
    """Return the functions from which `target` can be reached by names: only their source need be read.

    Told from the names in compiled Python, where what is mentioned counts as called; libraries lead nowhere.
    """
    mentions: dict[Any, list[Any]] = {}
    pending = [function]
    while pending:
        one = pending.pop()
        if inspect.isfunction(one) and one not in mentions and not is_library(one):
            mentions[one] = [thing if thing is target else plain(thing) for thing in _mentioned(one)]
            pending += mentions[one]
    leading = {one for one, things in mentions.items() if any(thing is target for thing in things)}
    grown = True
    while grown:
        grown = False
        for one, things in mentions.items():
            if one not in leading and any(inspect.isfunction(thing) and thing in leading for thing in things):
                leading.add(one)
                grown = True
    return leading


def _mentioned(function: Any) -> list[Any]:
    """Return what the names in a function, and in those that it defines, may mean: globals, closed-over, and attributes of those."""
    names: set[str] = set()
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    space = function.__globals__
    found = [space[name] for name in names if name in space] + [cell_content(cell) for cell in function.__closure__ or ()]
    reached = list(found)
    for _ in range(_DOTS_MOST):
        reached = [getattr(thing, name, None) for thing in reached if _has_names(thing) for name in names]
        reached = [thing for thing in reached if thing is not None]
        found += reached
    return found


def _has_names(thing: Any) -> bool:
    return isinstance(thing, ModuleType | type) and not is_library(thing)


@functools.cache
def _calls_in(definition: Definition) -> tuple[ast.Call, ...]:
    """Return the calls that stand in a function; hundreds of stages may share it."""
    return tuple(node for node in ast.walk(definition) if isinstance(node, ast.Call))


def _resolve(node: ast.expr, function: Any) -> Any:
    """Return what a name or a dotted name means inside a function, None when that is not known."""
    if isinstance(node, ast.Attribute):
        return getattr(_resolve(node.value, function), node.attr, None)
    if not isinstance(node, ast.Name):
        return None
    closed = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    if node.id in closed:
        return cell_content(closed[node.id])
    return function.__globals__.get(node.id, getattr(builtins, node.id, None))
