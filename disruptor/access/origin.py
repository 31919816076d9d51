"""Whose code an object is: Python's own and numpy's, or somebody's; told from where it stands, not from what it is called.

A user's `queue.py` beside the topology is no part of Python, nor is a function that `functools.wraps` has named after one of
numpy. Names decide only for what is written in C, which nobody's file can be.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import types
from typing import Any

import numpy as np

__all__ = ["LIBRARIES", "is_library", "library_path", "module_name", "path_of", "stands_as"]

_INSTALLED = ("numpy", "numba", "llvmlite", "attr", "attrs")
LIBRARIES = {*_INSTALLED, "math", "cmath", "operator"} | set(sys.stdlib_module_names)
_DISPATCHER = type(np.sum)  # most functions of numpy are of this class
_SITES = ("site-packages", "dist-packages")
_STANDARD = tuple({os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib")})


@functools.cache
def library_path() -> str:
    """Return the folder of this library, with its last separator."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def path_of(thing: Any) -> str:
    """Return the file of the Python behind a function, a class, a module or an object that can be called; "" when there is none."""
    if isinstance(thing, types.MethodType):
        thing = thing.__func__
    if isinstance(thing, types.FunctionType):
        return thing.__code__.co_filename
    if isinstance(thing, types.ModuleType):
        return str(getattr(thing, "__file__", None) or "")
    if isinstance(thing, types.BuiltinFunctionType | types.MethodDescriptorType | types.WrapperDescriptorType):
        return ""
    return _path_of_class(thing if isinstance(thing, type) else type(thing))


@functools.cache
def _path_of_class(kind: type) -> str:
    """Return the file of a class's functions, of those that it inherits too; somebody's own before a library's."""
    paths = [_path_of_member(member) for owner in kind.__mro__ for member in vars(owner).values()]
    return next((p for p in paths if p and not _is_library_file(p)), next(filter(None, paths), ""))


def is_library(thing: Any) -> bool:
    """Whether it belongs to Python, numpy, numba or attrs."""
    top = module_name(thing).partition(".")[0]
    if top not in LIBRARIES and top != "builtins":
        return False
    path = path_of(thing)
    return not path or _is_library_file(path)


def module_name(thing: Any) -> str:
    """Return the module that something says it is of; of a Python function the one whose globals it uses, of an object its class's."""
    if isinstance(thing, types.ModuleType):
        return thing.__name__
    if isinstance(thing, types.MethodType):
        thing = thing.__func__
    if isinstance(thing, types.FunctionType):
        return str(thing.__globals__.get("__name__", ""))
    owner = getattr(thing, "__self__", None) if isinstance(thing, types.BuiltinFunctionType) else None
    if owner is not None and not isinstance(owner, types.ModuleType):
        return str((owner if isinstance(owner, type) else type(owner)).__module__)
    said = getattr(thing, "__module__", None)
    if isinstance(thing, type | types.BuiltinFunctionType) or _is_in_c(thing):
        return str(said or "")
    return str(type(thing).__module__)


def stands_as(thing: Any, module: str, name: str) -> bool:
    """Whether it is what a library's module has under that name, and not something that only calls itself so."""
    return is_library(thing) and (
        isinstance(thing, types.FunctionType | types.MethodType | types.BuiltinFunctionType | types.MethodDescriptorType)
        or getattr(sys.modules.get(module), name, None) is thing)


def _is_in_c(thing: Any) -> bool:
    """Whether an object that can be called is one of numpy's own, which say of what module they are."""
    return isinstance(thing, np.ufunc | _DISPATCHER)


def _path_of_member(member: Any) -> str:
    if isinstance(member, property):
        member = member.fget
    function = getattr(member, "__func__", member)
    return function.__code__.co_filename if isinstance(function, types.FunctionType) else ""


def _is_library_file(path: str) -> bool:
    if path.startswith(("<frozen ", "<__array_function__")):
        return True
    for root in _STANDARD:
        if path.startswith(root):
            first, _, rest = path[len(root) :].partition(os.sep)
            return first not in _SITES or rest.partition(os.sep)[0] in _INSTALLED
    parts = path.split(os.sep)
    return any(site in parts and parts[parts.index(site) + 1 : parts.index(site) + 2] in [[one] for one in _INSTALLED] for site in _SITES)
