"""What is known about the integers of a compiled function without running it: between which bounds, of which numpy type.

numba computes with int64 wherever Python would have an int, so its types say little: `kind & 15` is an int64 that fits
into a byte. `Ranges` reads numba's typed code and answers for one variable at a time

    bounds   the smallest and largest value that it can have, from constants, masks, min, max, range and casts
    natural  the type that numpy itself would compute it in (NEP 50), or WEAK for a Python int or float, which has none

Both are conservative: what cannot be resolved has the bounds and the type that numba gave it.

Source: NEP 50 (promotion of Python scalars); the fixed point from below with widening is that of abstract
interpretation, P. and R. Cousot (1977).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numba.core import ir, types
from numba.np.numpy_support import as_dtype

from disruptor.intervals import EMPTY, Bounds, combined, fits, turned, union
from disruptor.typed import Code

__all__ = ["WEAK", "Ranges"]

WEAK = "weak"  # a Python int, float or bool: it takes the type of the numpy value that it meets
_GROWTHS_MOST = 4  # then a variable that still grows may have any value of its type
_DEPTH_MOST = 6  # calls that are followed into callees
_SIZE_MOST = 1 << 48  # elements an array can have


class Ranges:
    """Bounds and natural types of the variables of one function.

    code : from `code_of`; known : bounds of its arguments by name, where the caller knows better than their types; follow : look into callees for what they return.
    """

    def __init__(
        self,
        code: Code,
        known: Mapping[str, Bounds | None] | None = None,
        memo: dict | None = None,
        follow: bool = True,
    ) -> None:
        self.code = code
        self._known = dict(known or {})
        self._memo: dict[Any, Any] = {"depth": 0} if memo is None else memo  # what callees return, by their arguments
        self._follow = follow
        self._settled: dict[str, Bounds] = {}
        self._pending: dict[str, Bounds] = {}
        self._natural: dict[str, Any] = {}
        self._natural_arguments: dict[str, Any] = {}

    def bounds(self, name: str) -> Bounds | None:
        """Return (smallest, largest) of an integer or boolean variable, None of anything else."""
        if _whole(self.code.kinds.get(name)) is None:
            return None
        if name not in self._settled:
            self._settle(name)
        return self._settled[name]

    def _settle(self, name: str) -> None:
        """Find bounds that hold for a variable and all that it depends on: from nothing upwards until nothing changes."""
        above = self._pending  # natural() may ask for bounds in the middle of this
        pending = self._pending = {name: EMPTY}
        grown: dict[str, int] = {}
        changed = True
        while changed:
            changed = False
            for one in list(pending):
                whole: Any = _whole(self.code.kinds.get(one))
                known = len(pending)
                wider = union([pending[one], self._joined(one, whole)])
                changed |= len(pending) > known  # it depends on variables that have not been looked at yet
                if wider != pending[one]:
                    grown[one] = grown.get(one, 0) + 1
                    pending[one] = wider if grown[one] <= _GROWTHS_MOST else whole
                    changed = True
        self._settled.update(pending)
        self._pending = above

    def _look(self, name: str) -> Bounds | None:
        if name in self._settled:
            return self._settled[name]
        if _whole(self.code.kinds.get(name)) is None:
            return None
        return self._pending.setdefault(name, EMPTY)

    def natural(self, name: str) -> Any:
        """Return the dtype in which numpy would compute a variable, WEAK for a Python number, None for anything else."""
        if name not in self._natural:
            self._natural[name] = None  # what a loop comes back to adds nothing
            kinds = [self._natural_of(value, name) for value in self.code.definitions.get(name, ())]
            self._natural[name] = _promoted([k for k in kinds if k is not None])
        return self._natural[name]

    def returned(self) -> tuple[Bounds | None, Any]:
        """Return bounds and natural type of what the function returns."""
        names = [s.value.name for s in self.code.statements() if isinstance(s, ir.Return)]
        bounds = [self.bounds(n) for n in names]
        found = [b for b in bounds if b is not None]
        kinds = [k for k in map(self.natural, names) if k is not None]
        return (union(found) if found and len(found) == len(bounds) else None), _promoted(kinds)

    def _joined(self, name: str, whole: Bounds) -> Bounds:
        parts = [self._bounds_of(value, whole) for value in self.code.definitions.get(name, ())]
        if not parts:
            return whole
        result = union(parts)
        return result if result == EMPTY or fits(result, whole) else whole  # what leaves the type wraps around

    def _bounds_of(self, value: Any, whole: Bounds) -> Bounds:
        found = self._known_bounds(value)
        return whole if found is None else found

    def _known_bounds(self, value: Any) -> Bounds | None:
        if isinstance(value, ir.Var):
            return self._look(value.name)
        if isinstance(value, (ir.Const, ir.Global, ir.FreeVar)):
            return _constant(value.value)
        if isinstance(value, ir.Arg):
            return self._known.get(value.name, (0, 2**63 - 1) if value.name == "sequence" else None)
        if not isinstance(value, ir.Expr):
            return None
        if value.op == "phi":
            return union([self._look(v.name) or _EVERYTHING for v in value.incoming_values if isinstance(v, ir.Var)])
        if value.op == "cast":
            return self._look(value.value.name)
        if value.op in ("binop", "inplace_binop"):
            function = value.fn if value.op == "binop" else value.immutable_fn
            return combined(function, self._look(value.lhs.name), self._look(value.rhs.name))
        if value.op == "unary":
            return turned(value.fn, self._look(value.value.name))
        if value.op == "call":
            return self._call_bounds(value)
        if value.op == "pair_first":
            return self._loop_bounds(value.value.name)
        if value.op in ("static_getitem", "getitem", "getattr"):
            return (0, _SIZE_MOST) if self._is_size(value) else None
        return None

    def _call_bounds(self, call: Any) -> Bounds | None:
        function = _callable(self.code.kinds.get(call.func.name))
        arguments = [self._look(a.name) for a in call.args]
        if EMPTY in arguments:
            return EMPTY  # not known yet: asked again in the next round
        if function is min and len(arguments) > 1:
            highs = [a[1] for a in arguments if a is not None]
            lows = [a[0] if a is not None else -(2**63) for a in arguments]
            return (min(lows), min(highs)) if highs else None
        if function is max and len(arguments) > 1:
            lows = [a[0] for a in arguments if a is not None]
            highs = [a[1] if a is not None else 2**63 - 1 for a in arguments]
            return (max(lows), max(highs)) if lows else None
        if function is len:
            return (0, _SIZE_MOST)
        if function is abs and arguments and arguments[0] is not None:
            low, high = arguments[0]
            return (0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high)))
        if function in (int, bool) or isinstance(function, types.Type):
            whole = _whole(function) if isinstance(function, types.Type) else None
            inner = arguments[0] if arguments else None
            return inner if inner is not None and (whole is None or fits(inner, whole)) else whole
        result = self._inside(call, self._look)
        return None if result is None else result[0]

    def _inside(self, call: Any, look: Any) -> tuple[Bounds | None, Any] | None:
        """Return bounds and natural type of what a compiled callee returns for these arguments."""
        if not self._follow or call.kws or call.vararg is not None or self._memo["depth"] >= _DEPTH_MOST:
            return None
        callee = self.code.callee(call)
        if callee is None:
            return None
        arguments = [s.value for s in callee.statements() if isinstance(s, ir.Assign) and isinstance(s.value, ir.Arg)]
        arguments = [a for a in arguments if a.index < len(call.args)]
        known = {a.name: look(call.args[a.index].name) for a in arguments}
        natural = {a.name: self.natural(call.args[a.index].name) for a in arguments}
        key = (callee.path, callee.name, id(callee.blocks), tuple(known.items()), tuple(natural.items()))
        if key not in self._memo:
            inside = Ranges(callee, known, self._memo)
            inside._natural_arguments = natural
            self._memo["depth"] += 1
            self._memo[key] = inside.returned()
            self._memo["depth"] -= 1
        return self._memo[key]

    def _loop_bounds(self, name: str) -> Bounds | None:
        """Return the bounds of what an iteration over range() gives."""
        call = self._origin(name, {"iternext", "getiter", "phi"})
        if call is None or call.op != "call" or _callable(self.code.kinds.get(call.func.name)) is not range:
            return None
        ends = [self._look(a.name) for a in call.args]
        if EMPTY in ends:
            return EMPTY
        if len(ends) == 3 or None in ends:
            return None
        start: Any = ends[0] if len(ends) == 2 else (0, 0)
        stop: Any = ends[-1]
        return (start[0], max(start[0], stop[1] - 1))

    def _origin(self, name: str, through: set[str]) -> Any:
        """Follow a variable to the expression that made it, through copies and the operations named."""
        seen: set[str] = set()
        while name not in seen:
            seen.add(name)
            values = self.code.definitions.get(name, ())
            if len(values) != 1:
                return None
            value = values[0]
            if isinstance(value, ir.Var):
                name = value.name
            elif isinstance(value, ir.Expr) and value.op in through:
                name = value.incoming_values[0].name if value.op == "phi" else value.value.name
            else:
                return value if isinstance(value, ir.Expr) else None
        return None

    def _is_size(self, value: Any) -> bool:
        if value.op == "getattr":
            return value.attr in ("size", "ndim", "itemsize", "nbytes")
        source = self._origin(value.value.name, set())
        return source is not None and source.op == "getattr" and source.attr in ("shape", "strides")

    def _natural_of(self, value: Any, name: str) -> Any:
        if isinstance(value, ir.Var):
            return self.natural(value.name)
        if isinstance(value, ir.Arg):
            if value.name in self._natural_arguments:
                return self._natural_arguments[value.name]
            return WEAK if value.name in ("sequence", "end_of_batch") else _dtype(self.code.kinds.get(name))
        if isinstance(value, (ir.Const, ir.Global, ir.FreeVar)):
            number = value.value
            return (
                number.dtype if isinstance(number, np.generic) else WEAK if isinstance(number, (int, float)) else None
            )
        if not isinstance(value, ir.Expr):
            return None
        if value.op == "phi":
            kinds = [self.natural(v.name) for v in value.incoming_values if isinstance(v, ir.Var)]
            return _promoted([k for k in kinds if k is not None])
        if value.op == "cast":
            return self.natural(value.value.name)
        if value.op in ("binop", "inplace_binop"):
            return self._natural_binary(value, name)
        if value.op == "unary":
            return self.natural(value.value.name)
        if value.op == "call":
            return self._natural_call(value, name)
        if value.op == "pair_first":
            return WEAK
        if value.op in ("static_getitem", "getitem", "getattr") and self._is_size(value):
            return WEAK
        return _dtype(self.code.kinds.get(name))

    def _natural_binary(self, value: Any, name: str) -> Any:
        left, right = self.natural(value.lhs.name), self.natural(value.rhs.name)
        if left is None or right is None or isinstance(self.code.kind(name), types.Boolean):
            return _dtype(self.code.kinds.get(name))
        floats = isinstance(self.code.kind(name), types.Float)
        result = _promoted([left, right])
        if result is WEAK or not floats or result.kind == "f":
            return result
        return np.dtype(np.float64)  # int / int, and int with a Python float

    def _natural_call(self, call: Any, name: str) -> Any:
        function = _callable(self.code.kinds.get(call.func.name))
        if function in (int, float, bool, len, round):
            return WEAK
        if isinstance(function, types.Type):
            return _dtype(function)
        if function in (min, max, abs):
            return _promoted([k for k in (self.natural(a.name) for a in call.args) if k is not None])
        result = self._inside(call, self.bounds)
        if result is not None:
            return result[1]
        return _dtype(self.code.kinds.get(name))


_EVERYTHING: Bounds = (-(2**63), 2**64 - 1)


def _whole(kind: Any) -> Bounds | None:
    if isinstance(kind, types.Optional):
        kind = kind.type
    if isinstance(kind, types.Literal) and isinstance(kind.literal_value, (bool, int)):
        return int(kind.literal_value), int(kind.literal_value)
    kind = types.unliteral(kind) if kind is not None else kind
    if isinstance(kind, types.Boolean):
        return 0, 1
    if isinstance(kind, types.Integer):
        return int(kind.minval), int(kind.maxval)
    if isinstance(kind, types.IntEnumMember):
        return _whole(kind.dtype)
    return None


def _dtype(kind: Any) -> Any:
    kind = kind.type if isinstance(kind, types.Optional) else kind
    kind = types.unliteral(kind) if kind is not None else None
    return as_dtype(kind) if isinstance(kind, (types.Integer, types.Float, types.Boolean)) else None


def _callable(kind: Any) -> Any:
    """Return the Python function behind a numba function type, or the type that a cast makes."""
    if isinstance(kind, types.NumberClass):
        return kind.dtype
    return getattr(kind, "typing_key", None) if isinstance(kind, types.Function) else None


def _constant(value: Any) -> Bounds | None:
    if isinstance(value, (bool, int, np.integer, np.bool_)):
        return int(value), int(value)
    return None


def _promoted(kinds: list[Any]) -> Any:
    """Return the type in which numpy would compute with all of `kinds` (NEP 50); WEAK among themselves stay weak."""
    strong = [k for k in kinds if k is not WEAK]
    if not strong:
        return WEAK if kinds else None
    result = strong[0]
    for kind in strong[1:]:
        result = np.promote_types(result, kind)
    return result
