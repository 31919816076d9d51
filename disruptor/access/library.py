"""What a call of a function does that is not Python, or not ours to look into: numpy's, Python's own, a container's."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from disruptor.access.given import LOST, Given, allocation, unknown
from disruptor.access.known import only_reads, out_place
from disruptor.access.origin import is_library, module_name
from disruptor.access.purity import allocation_of
from disruptor.access.things import is_mutable
from disruptor.access.values import (
    ANYTHING,
    ARRAY,
    NOTHING,
    NUMBER,
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

__all__ = ["COPY", "library"]

COPY = "keep the fields that are needed, or event.copy()"
_READING_METHODS = {"get", "keys", "values", "items", "index", "count", "copy", "isdisjoint", "issubset", "issuperset", "union",
                    "intersection", "difference", "startswith", "endswith", "join", "format", "split", "strip", "encode", "decode"}
_WRITING_FUNCTIONS = {"copyto", "put", "place", "putmask", "fill_diagonal", "shuffle", "put_along_axis"}  # of numpy: into the first
_SAME = {"asarray", "asanyarray", "ascontiguousarray", "atleast_1d", "ravel", "reshape", "squeeze", "transpose", "nditer"}
_FIRST_NAMES = ("dst", "a", "arr", "x")  # of the arguments that they write into


def library(walk: Walk, thing: Thing, function: Any, given: Given, node: ast.Call, frame: Frame) -> Value:
    """A function that is not Python, or not ours to look into."""
    name = str(getattr(function, "__name__", ""))
    module = module_name(function)
    owner = thing.owner.object if thing.owner is not None else None
    if owner is not None and thing.region:  # a method of a global container
        if name not in _READING_METHODS:
            walk.share("writes", thing, node, frame)
        if not (name in _READING_METHODS or isinstance(owner, np.ndarray)):
            walk.escape(given.everything, f"the record is kept in {ast.unparse(node.func)}", COPY, node, frame)
        walk.consume(given.everything, node, frame)
        inside = list(owner.values() if isinstance(owner, dict) else owner if isinstance(owner, list | set) else ())[:64]
        whole = Thing(owner, thing.region)
        return joined(ANYTHING, just(whole, Tuple((joined(just(whole), *(lift(i, thing.region) for i in inside if is_mutable(i))),))))
    given, written = _written(given, name in _WRITING_FUNCTIONS or _is_at(function, name), reads=_is_at(function, name))
    written = joined(written, *given.positional[out_place(function, owner, name) :])
    for ref in refs_of(written):
        walk.mark("writes", ref, node, frame)
    for atom in written:
        if isinstance(atom, Thing):
            walk.share("writes", atom, node, frame)
    allocation(walk, function, "", given, node, frame)
    if name in _SAME and module.partition(".")[0] == "numpy" and given.positional:
        return _dimsunknown(given.positional[0])
    if is_library(function) or isinstance(function, np.ufunc | type) or isinstance(owner, np.ufunc):
        if not only_reads(function, owner, name, module) and name not in _WRITING_FUNCTIONS:
            why = f"what {ast.unparse(node.func)}() does with it is not known"
            walk.lost(given.everything, why, LOST, node, frame)
            walk.escape(given.everything, why, LOST, node, frame)
            for atom in given.everything:
                if isinstance(atom, Thing):
                    walk.share("writes", atom, node, frame)
        walk.consume(given.everything, node, frame)
        return _made_of(function, module, given)
    if type(function).__name__ == "ExternalFunction":
        walk.consume(given.everything, node, frame)
        return just(NUMBER)
    return unknown(walk, given, f"what {ast.unparse(node.func)}() does is not known", node, frame)


def _made_of(function: Any, module: str, given: Given) -> Value:
    """Return what a function of a library makes of its arguments."""
    if module == "math" or (isinstance(function, type) and issubclass(function, np.generic)):
        return just(NUMBER)
    if module.partition(".")[0] != "numpy" and not isinstance(function, np.ufunc):
        return ANYTHING
    some = any(isinstance(a, Ref) and a.dims for a in given.everything) or ARRAY in given.everything
    made = just(ARRAY) if allocation_of(function, "", some) is not None else just(NUMBER, ARRAY)
    texts = any(texts_of(just(*flat(just(a)))) for a in given.everything)
    return joined(made, ANYTHING) if texts else made


def _dimsunknown(value: Value) -> Value:
    return just(*(attrs.evolve(a, dims=None) if isinstance(a, Ref) else a for a in value))


def _written(given: Given, first: bool, *, reads: bool) -> tuple[Given, Value]:
    """Return the arguments that are read, and those that are written: `out=`, and the first one of some functions."""
    written = given.named.get("out", NOTHING)
    if first:
        written = joined(written, *given.positional[:1], *(given.named.get(name, NOTHING) for name in _FIRST_NAMES))
    read = given.positional[1:] if first and not reads else given.positional
    return Given(read, {k: v for k, v in given.named.items() if k != "out"}, given.spread), written


def _is_at(function: Any, name: str) -> bool:
    return name == "at" and isinstance(getattr(function, "__self__", None), np.ufunc)
