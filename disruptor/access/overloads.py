"""What compiled code runs in the place of the Python that a handler's source names: `@overload`, `@intrinsic` and their like.

numba keeps them in its registry of types. Those of numba itself and of this library do what their Python says; those of
anybody else are followed where they give Python, and named where they give LLVM code.
"""

from __future__ import annotations

import ast
import functools
import operator
import os
import sys
import types
from typing import Any

import attrs

from disruptor.access.origin import is_library, library_path
from disruptor.access.things import described

__all__ = ["Foreign", "foreign", "is_raw", "operators_of"]

_CONTENTS_MOST = 16
_SMALL_BITS = 32
_AT_ADDRESS = ("carray", "farray")  # of numba
_AST = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Pow: "pow",
    ast.LShift: "lshift", ast.RShift: "rshift", ast.BitOr: "or_", ast.BitXor: "xor", ast.BitAnd: "and_", ast.MatMult: "matmul",
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Is: "is_", ast.IsNot: "is_not",
    ast.In: "contains", ast.NotIn: "contains", ast.UAdd: "pos", ast.USub: "neg", ast.Invert: "invert", ast.Not: "not_",
}


@attrs.frozen
class Foreign:
    """What others have registered. functions : id of what is replaced → (it, the functions that give the replacement, None for one
    that gives no Python); names : of methods and attributes."""

    functions: dict[int, tuple[Any, list[Any]]]
    names: frozenset[str]

    def of(self, function: Any) -> list[Any]:
        """Return the functions that give what runs in the place of `function`, compiled; empty when nobody replaces it."""
        return self.functions.get(id(function), (None, []))[1]


    @property
    def fingerprint(self) -> str:
        """Return a text that changes when somebody replaces something else, "" when nobody does."""
        pairs = [f"{described(key)} {' '.join(map(described, givers))}" for key, givers in self.functions.values()]
        return "; ".join(sorted([*pairs, *self.names]))


_NOTHING = Foreign({}, frozenset())
_found: tuple[tuple[int, int, int], Foreign] = ((0, 0, 0), _NOTHING)


def foreign() -> Foreign:
    """Return what others than numba and this library have registered so far. Nothing is imported for this."""
    global _found
    templates = sys.modules.get("numba.core.typing.templates")
    if templates is None:
        return _NOTHING
    registry = templates.builtin_registry
    count = (len(registry.functions), len(registry.attributes), len(registry.globals))
    if _found[0] != count:
        functions: dict[int, tuple[Any, list[Any]]] = {}
        offered = [(getattr(t, "key", None), t) for t in registry.functions]
        offered += [(value, t) for value, kind in registry.globals for t in getattr(kind, "templates", ())]
        for key, template in offered:
            if key is not None and not is_raw(key) and _is_foreign(template):
                givers = functions.setdefault(id(key), (key, []))[1]
                given = vars(template).get("_overload_func")
                given = getattr(given, "__func__", given)
                if given not in givers:
                    givers.append(given)
        names = frozenset(str(t._attr) for t in registry.attributes if hasattr(t, "_attr") and _is_foreign(t))
        _found = (count, Foreign(functions, names))
    return _found[1]


def is_raw(thing: Any) -> bool:
    """Whether it is LLVM code under a name (an intrinsic, but of numba and of this library), a C function, or an array at an address."""
    return (_is_a(thing, "numba.core.extending", "_Intrinsic") and not _is_known(thing._defn)) or \
        (_is_a(thing, "numba.core.types", "ExternalFunction") and not _takes_no_address(thing)) or _is_a(thing, "_ctypes", "CFuncPtr") or \
        type(thing).__module__ == "_cffi_backend" or (getattr(thing, "__name__", "") in _AT_ADDRESS and is_library(thing))


def _takes_no_address(function: Any) -> bool:
    """Whether an external function takes only numbers that are too small for an address."""
    numbers = sys.modules["numba.core.types"]
    return all(
        isinstance(kind, numbers.Float | numbers.Boolean) or (isinstance(kind, numbers.Integer) and kind.bitwidth <= _SMALL_BITS)
        for kind in function.sig.args
    )


def _is_a(thing: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(thing, kind)


def operators_of(node: ast.AST) -> list[Any]:
    """Return the functions of `operator` that an expression stands for, those that others have replaced only."""
    known = foreign().functions
    if not known:
        return []
    signs = [getattr(node, "op", None), *getattr(node, "ops", ())]
    names = [_AST[type(sign)] for sign in signs if type(sign) in _AST]
    if isinstance(node, ast.AugAssign):
        names += [f"i{name.rstrip('_')}" for name in names]
    elif isinstance(node, ast.Subscript):
        names = ["getitem", "setitem", "delitem"]
    found = [getattr(operator, name) for name in names]
    return [function for function in found if id(function) in known]


def _is_foreign(template: Any) -> bool:
    """Whether a template of types was made by others: by the functions that it asks."""
    given = vars(template).get("_overload_func")
    if given is not None:
        return not _is_known(getattr(given, "__func__", given))
    for member in vars(template).values():
        function = getattr(member, "__func__", member)
        if isinstance(function, types.FunctionType):
            cells = [c.cell_contents for c in (function.__closure__ or ())[:_CONTENTS_MOST] if _is_filled(c)]
            if not all(_is_known(f) for f in (function, *cells) if isinstance(f, types.FunctionType)):
                return True
    return False


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _is_known(function: Any) -> bool:
    if not isinstance(function, types.FunctionType):
        return True
    path = function.__code__.co_filename
    return path.startswith(library_path()) or path.startswith(_numba_path()) or is_library(function)


@functools.cache
def _numba_path() -> str:
    return os.path.join(os.path.dirname(str(sys.modules["numba"].__file__)), "")
