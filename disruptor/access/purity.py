"""What a handler must not do, found in its source: allocate, read a clock, draw random numbers; and what to write instead.

Clocks and random numbers are known by the module that offers them, and by the intrinsics of this library that read the
time-stamp counter. Allocations are known by their syntax and by the names of numpy: what `_nrt=False` would refuse when
the handler is compiled is told here with its line, before anything is compiled.
"""

from __future__ import annotations

import ast
from typing import Any

import attrs

from disruptor.access.origin import is_library, library_path, path_of
from disruptor.access.source import Place

__all__ = ["ALLOCATES", "CLOCK", "Effect", "PARAMS", "RANDOM", "allocation_of", "called_effect", "container"]

ALLOCATES, CLOCK, RANDOM, PARAMS = "allocates", "reads a clock", "draws random numbers", "writes parameters"

_CLOCK_REMEDY = "let the producer stamp the record, and read the stamp from its field"
_RANDOM_REMEDY = "disruptor.random.random_word(key, counter): the key in the params, the counter in the state"
_ARRAY_REMEDY = "a sub-array field of the state, filled by a loop"
_LIST_REMEDY = 'a sub-array and a count in the state: state=[("values", "f8", (64,)), ("count", "i8")]'
_DICT_REMEDY = "a sub-array of the state indexed by a small number, or an open-addressing table (disruptor.table)"
_SET_REMEDY = "`x in (1, 2, 3)`, a bit mask, or an open-addressing table (disruptor.table)"
_TEXT_REMEDY = "numbers in fields; make text of them in a Python handler (one that takes `batch`)"
_LOOP_REMEDY = "a loop over the elements: for i in range(…): state[\"window\"][i] = …"
_CLOCKS = {"time", "datetime", "_datetime", "_pydatetime"}
_RANDOMS = {"random", "secrets", "uuid"}
_OWN_CLOCKS = {("disruptor.atomics", "timestamp"), ("disruptor.system_calls", "clock_ns")}
_MAKERS = {
    "append", "arange", "argsort", "array", "asarray", "ascontiguousarray", "astype", "atleast_1d", "atleast_2d", "bincount",
    "column_stack", "concatenate", "copy", "cumprod", "cumsum", "delete", "diff", "digitize", "dstack", "empty", "empty_like",
    "eye", "flatnonzero", "flip", "full", "full_like", "frombuffer", "fromiter", "hstack", "identity", "insert", "interp",
    "linspace", "logspace", "nonzero", "ones", "ones_like", "outer", "repeat", "resize", "roll", "rot90", "setdiff1d", "sort",
    "stack", "tile", "tobytes", "tolist", "union1d", "unique", "vstack", "where", "zeros", "zeros_like",
}
_METHODS = {"argsort", "astype", "copy", "flatten", "nonzero", "repeat", "tobytes", "tolist"}
_CONTAINERS = {list: ("a list", _LIST_REMEDY), dict: ("a dict", _DICT_REMEDY), set: ("a set", _SET_REMEDY),
               frozenset: ("a set", _SET_REMEDY), str: ("a text", _TEXT_REMEDY), repr: ("a text", _TEXT_REMEDY),
               format: ("a text", _TEXT_REMEDY), sorted: ("a list", _LIST_REMEDY), bytearray: ("an array", _ARRAY_REMEDY)}


@attrs.frozen
class Effect:
    """Something that a handler should not do. kind : ALLOCATES, CLOCK, RANDOM or PARAMS; what, remedy : sentences."""

    kind: str
    what: str
    remedy: str
    place: Place


def container(node: ast.AST) -> tuple[str, str] | None:
    """Return (what it makes, what to write instead) of an expression that allocates by its syntax, or None."""
    if isinstance(node, ast.List | ast.ListComp) and not isinstance(getattr(node, "ctx", None), ast.Store):
        return "a list", _LIST_REMEDY
    if isinstance(node, ast.Dict | ast.DictComp):
        return "a dict", _DICT_REMEDY
    if isinstance(node, ast.Set | ast.SetComp):
        return "a set", _SET_REMEDY
    if isinstance(node, ast.GeneratorExp):
        return "a generator", _LOOP_REMEDY
    if isinstance(node, ast.JoinedStr):
        return "a text", _TEXT_REMEDY
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
        return "a text", _TEXT_REMEDY
    return None


def allocation_of(function: Any, name: str, on_array: bool) -> tuple[str, str] | None:
    """Return (what it makes, what to write instead) of a call. name : of the method called, "" for a function.

    on_array : an argument, or what the method belongs to, is an array.
    """
    if name:
        if name in _METHODS and on_array:
            return "an array", _ARRAY_REMEDY
        return ("a text", _TEXT_REMEDY) if name == "format" and not on_array else None
    try:
        if function in _CONTAINERS:
            return _CONTAINERS[function]
    except TypeError:  # not hashable
        return None
    if _module_of(function).partition(".")[0] == "numpy":
        called = getattr(function, "__name__", "")
        if called in _MAKERS:
            return "an array", _ARRAY_REMEDY
        if on_array and type(function).__name__ == "ufunc":
            return "a temporary array", _LOOP_REMEDY
    return None


def called_effect(function: Any) -> tuple[str, str, str] | None:
    """Return (kind, what, remedy) of a function that reads a clock or draws random numbers, or None."""
    module, name = _module_of(function), str(getattr(function, "__qualname__", getattr(function, "__name__", "")))
    top = module.partition(".")[0]
    path = path_of(function)
    if (module, name) in _OWN_CLOCKS and path.startswith(library_path()):
        return CLOCK, f"it reads a clock ({name})", _CLOCK_REMEDY
    if path and not is_library(function):  # somebody's own, in a file that is called like a module of Python's
        return None
    if top in _CLOCKS and _is_reading(name, module):
        shown = module.removeprefix("_")
        return CLOCK, f"it reads a clock ({shown}.{name})", _CLOCK_REMEDY
    if top in _RANDOMS or module.startswith("numpy.random") or (top in ("posix", "os") and name in ("urandom", "getrandom")):
        return RANDOM, f"it draws random numbers ({module}.{name})" if name else f"it draws random numbers ({module})", _RANDOM_REMEDY
    return None


def _is_reading(name: str, module: str) -> bool:
    """Whether it reads the time now; a duration or a date that is made from numbers does not."""
    last = name.rpartition(".")[2]
    return last in ("now", "utcnow", "today") if "datetime" in module else last not in ("sleep", "struct_time", "mktime", "strptime")


def _module_of(function: Any) -> str:
    owner = getattr(function, "__self__", None)
    if owner is not None and not isinstance(owner, type) and type(owner).__module__ != "builtins":
        return str(type(owner).__module__)  # random.random is a method of a hidden object
    if isinstance(owner, type):
        return str(owner.__module__)
    return str(getattr(function, "__module__", None) or "")
