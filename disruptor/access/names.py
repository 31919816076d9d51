"""What a name stands for: a variable, one of an outer function, a global, a built-in function."""

from __future__ import annotations

import ast
import builtins
import types
from typing import TYPE_CHECKING, Any

from disruptor.access.source import globals_written
from disruptor.access.things import described, is_mutable, plain, shared_as
from disruptor.access.values import (
    ANYTHING,
    NOTHING,
    Thing,
    Value,
    lift,
)

if TYPE_CHECKING:
    from disruptor.access.frame import Frame
    from disruptor.access.walk import Walk

__all__ = ["attribute_region", "closed_region", "module_of", "named"]


def named(walk: Walk, node: ast.Name, frame: Frame, *, store: bool) -> Value:
    at: Frame | None = frame
    while at is not None:
        if node.id in at.own and node.id not in at.outer:
            return (at.names if at is frame and node.id not in at.loose else at.ever).get(node.id, NOTHING)
        if at.parent is None:
            break
        at = at.parent
    function = at.function if at is not None else None
    if function is None:
        return ANYTHING
    closed = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    if node.id in closed:
        return _closed(walk, node, closed[node.id], function, frame, store)
    return _global(walk, node, function, frame, store)


def _closed(walk: Walk, node: ast.Name, cell: Any, function: Any, frame: Frame, store: bool) -> Value:
    try:
        content = cell.cell_contents
    except ValueError:  # not yet assigned
        return ANYTHING
    walk.kept = walk.kept and isinstance(content, str | int | float | bool | None)
    region = closed_region(function, node.id)
    if node.id in globals_written(frame.path):
        walk.share("reads", Thing(None, region), node, frame)
    return _known(walk, content, region, node, frame, store)


def closed_region(function: Any, name: str) -> str:
    """Return the name by which stages share a variable of the function that made them."""
    return f"{function.__module__}:{function.__qualname__.partition('.<locals>')[0]}.{name}"


def attribute_region(owner: Any, name: str) -> str:
    """Return the name by which stages share what stands in a module, a class or a function; "" in anything else."""
    owner = plain(owner)
    if isinstance(owner, types.ModuleType):
        return f"{owner.__name__}:{name}"
    if isinstance(owner, type | types.FunctionType):
        return f"{owner.__module__}:{owner.__qualname__}.{name}"
    return ""


def _global(walk: Walk, node: ast.Name, function: Any, frame: Frame, store: bool) -> Value:
    space = function.__globals__
    if node.id not in space:
        return lift(getattr(builtins, node.id)) if hasattr(builtins, node.id) else ANYTHING
    module = str(space.get("__name__", ""))
    walk.assumed[module, node.id] = described(space[node.id])
    if node.id in globals_written(frame.path):
        walk.share("reads", Thing(None, f"{module}:{node.id}"), node, frame)
    return _known(walk, space[node.id], f"{module}:{node.id}", node, frame, store)


def _known(walk: Walk, thing: Any, region: str, node: ast.AST, frame: Frame, store: bool) -> Value:
    if is_mutable(thing):
        region = shared_as(thing, region)
    if not store and not isinstance(thing, types.ModuleType | types.FunctionType | types.BuiltinFunctionType | type):
        walk.share("reads", Thing(thing, region), node, frame)
    return lift(thing, region)


def module_of(frame: Frame) -> str:
    at = frame
    while at.function is None and at.parent is not None:
        at = at.parent
    return str(at.function.__globals__.get("__name__", "")) if at.function is not None else ""
