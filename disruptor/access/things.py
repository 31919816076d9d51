"""What is known of an object that a handler reaches by name: the Python behind it, whether it changes, how it is told again."""

from __future__ import annotations

import collections
import enum
import sys
import types
from typing import Any

import attrs
import numpy as np

from disruptor.access.origin import is_library

__all__ = ["cell_content", "described", "is_mutable", "is_object", "plain", "shared_as"]

_CONTAINERS = (list, dict, set, bytearray, memoryview, np.ndarray, collections.deque)
_STEADY = ("builtins", "numba", "numpy", "re", "functools", "operator")
_FIXED = (
    types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, type, enum.Enum, np.dtype, np.ufunc,
    tuple, frozenset, str, bytes, int, float, complex, type(None), types.MappingProxyType, range, slice,
)


def plain(thing: Any) -> Any:
    """Return the Python function behind a compiled one or a Handler, or the thing itself."""
    if isinstance(thing, types.FunctionType | types.MethodType | type):
        return thing
    inner = thing.py_func if _is_a(thing, "numba.core.dispatcher", "Dispatcher") else None
    if inner is None and _is_a(thing, "disruptor.handler", "Handler"):
        inner = plain(thing.function)
    return inner if isinstance(inner, types.FunctionType | types.MethodType) else thing


def _is_a(thing: Any, module: str, name: str) -> bool:
    """Whether it is of a class whose module need not be loaded."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(thing, kind)


def cell_content(cell: Any) -> Any:
    """Return what a variable of an outer function holds, None when it is not yet assigned."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _is_literal(thing: Any) -> bool:
    return thing is None or isinstance(thing, str | bytes | int | float)


def is_mutable(thing: Any) -> bool:
    """Whether it is a container or an object of somebody's class, which may be changed where it is."""
    if isinstance(thing, _CONTAINERS):
        return not isinstance(thing, np.ndarray) or _can_change(thing)
    kind = type(thing)
    if isinstance(thing, _FIXED) or (kind.__module__.partition(".")[0] in _STEADY and is_library(kind)):
        return kind.__module__.startswith("numpy.random")
    if attrs.has(kind) and getattr(kind.__setattr__, "__name__", "").startswith("_frozen"):
        return False
    return hasattr(thing, "__dict__") and plain(thing) is thing


def _can_change(array: Any) -> bool:
    """Whether somebody may write into an array: by itself, or by the one that it is a view of."""
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return True
        array = array.base
    return array is not None and not isinstance(array, bytes)


def is_object(thing: Any) -> bool:
    """Whether somebody's own class decides what operators do with it."""
    return not is_library(type(thing)) and plain(thing) is thing


_shared: dict[int, tuple[Any, str]] = {}  # id → (the object, its region): kept, so that no other one gets its id


def shared_as(thing: Any, region: str) -> str:
    """Return the name by which stages share an object: that by which it was first reached, whoever calls it what; of views the array's."""
    if not is_mutable(thing):
        return ""
    root = thing
    while isinstance(root, np.ndarray | memoryview):
        base = root.base if isinstance(root, np.ndarray) else root.obj
        if base is None:
            break
        root = base
    kind = type(root)
    return _shared.setdefault(id(root), (root, region or f"{kind.__module__}:{kind.__qualname__}@{id(root):x}"))[1]


def described(thing: Any) -> str:
    """Return a text by which a later process can tell whether a name still means the same."""
    if thing is None or isinstance(thing, str | bytes | int | float | bool):
        return f"={thing!r}"
    if isinstance(thing, tuple) and len(thing) <= 64:
        return f"({', '.join(map(described, thing))})"
    if isinstance(thing, list | dict | set | frozenset) and len(thing) <= 64:
        items = thing.items() if isinstance(thing, dict) else thing
        return f"{type(thing).__name__} {' '.join(map(described, items))}"
    function = plain(thing)
    if isinstance(function, types.FunctionType):
        inner = [*(cell_content(c) for c in function.__closure__ or ()), *(function.__defaults__ or ())]
        known = " ".join(described(c) if _is_literal(c) else type(c).__name__ for c in inner)
        return f"{function.__module__}.{function.__qualname__}:{function.__code__.co_firstlineno}:{type(thing).__name__} {known}"
    if isinstance(thing, types.ModuleType):
        return f"module {thing.__name__}"
    if isinstance(thing, type):
        return f"class {thing.__module__}.{thing.__qualname__}"
    return f"a {type(thing).__module__}.{type(thing).__qualname__}"
