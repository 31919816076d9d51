"""Finds the calls of a function in a handler's source, and in the functions that it calls by name."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
from collections.abc import Iterator
from typing import Any

from disruptor.access.source import Definition, definition_of
from disruptor.access.things import cell_content, plain

__all__ = ["calls", "constant"]


def calls(function: Any, target: Any) -> Iterator[tuple[Any, ast.Call]]:
    """Yield (function, call) of every call of `target` in a function and in the functions that it calls by name."""
    pending, done = [plain(function)], set()
    while pending:
        one = pending.pop()
        if not inspect.isfunction(one) or one in done:
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
