"""Stores that lose something without saying so, and arithmetic that differs between compiled and plain Python.

A record's field has the type it was declared with, and a compiled store converts to it silently: `event["ticks"] =
event["price"] * 1.5` keeps 4 of 4.5, an int64 in a "u1" field keeps its last eight bits, -1 in a "u8" field becomes
18,446,744,073,709,551,615. `check_stores` reads the code as numba typed it and finds them; a cast that says so
(`int(x)`, `np.uint8(x)`) is never a finding, nor is a value that provably fits (see disruptor.ranges), nor a field that
is computed in its own type (`state["u2"] += 1` wraps like numpy's uint16, both jitted and un-jitted). int64 is what
compiled code computes in, so a wider integer alone is no error: a status code in a "u1" field is what it should be.

    LOSES     a store that cuts every value, or every fraction: an error
    NARROWS   a store of a wider integer that may or may not fit: disruptor.testing watches whether it does
    ROUNDS    a float64 into a float32 field: the same in both modes, for information
    DIFFERS   numba computes in int64 or uint64 what numpy computes in the narrow or mixed type of its operands

Types are known only where code was compiled in this process: code loaded from disruptor.cache gives no findings, for it
was checked when it was compiled.
"""

from __future__ import annotations

import linecache
import operator
from collections.abc import Iterator
from typing import Any

import attrs
import numba
import numpy as np
from numba.core import ir, types

from disruptor.intervals import combined, fits
from disruptor.ranges import WEAK, Ranges
from disruptor.typed import Code, codes, named

__all__ = ["DIFFERS", "LOSES", "NARROWS", "ROUNDS", "WIDER", "Finding", "check_stores"]

LOSES, NARROWS, ROUNDS, DIFFERS = "loses", "narrows", "rounds", "differs"
WIDER = "declare the field wider, or keep the value within it: min(max(x, low), high), or x & 255 for its last bits"
_ARITHMETIC = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.lshift: "<<",
    operator.iadd: "+", operator.isub: "-", operator.imul: "*", operator.ilshift: "<<",
}
_DIVISIONS = (operator.truediv, operator.itruediv)


@attrs.frozen
class Finding:
    """One place. kind : LOSES, NARROWS, ROUNDS or DIFFERS; what : a sentence; remedy : what to write instead.

    path, line : of the statement; source : its text; field : the record field stored to, "" for arithmetic.
    """

    kind: str
    path: str
    line: int
    source: str
    field: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}; {self.remedy}"


def check_stores(
    function: Any, arguments: tuple[Any, ...] | None = None, *, certain: bool = False
) -> list[Finding]:
    """Return what is lost or differs in a compiled function and in every compiled function that it calls, in source order.

    function : a dispatcher (from `compiled`, `entry` or numba.njit), whose fresh overloads are looked at as they are; or,
    with `arguments`, any function: it is compiled once more for these argument types (numba types, or example values).
    certain : only LOSES, and without following what callees return: a tenth of the time.
    Un-jitted there are no types, and the list is empty.
    Raises: what numba raises when the function does not compile for `arguments`.
    """
    if arguments is not None:
        from disruptor.compiled import JIT_ENABLED, compiled
        from disruptor.twin import compiled_twin

        if not JIT_ENABLED:
            return []
        plain = getattr(function, "function", function)
        function = compiled_twin(getattr(plain, "py_func", plain)) or compiled(plain)
        function.compile(tuple(a if isinstance(a, types.Type) else numba.typeof(a) for a in arguments))
    found: dict[tuple, Finding] = {}
    for code in codes(function):
        ranges = Ranges(code, follow=not certain)
        for finding in (*_stores(code, ranges), *(() if certain else _arithmetic(code, ranges))):
            if finding.kind == LOSES or not certain:
                found[finding.path, finding.line, finding.kind, finding.what] = finding
    return sorted(found.values(), key=lambda f: (f.path, f.line, f.kind, f.what))


def _stores(code: Code, ranges: Ranges) -> Iterator[Finding]:
    for statement in code.statements():
        if isinstance(statement, (ir.SetItem, ir.StaticSetItem, ir.SetAttr)):
            into = _field_kind(code, statement)
            if isinstance(into, (types.Integer, types.Float)):
                yield from _store(code, ranges, statement, into)


def _store(code: Code, ranges: Ranges, statement: Any, into: Any) -> Iterator[Finding]:
    value = code.kind(statement.value.name)
    field = _field_name(code, statement)
    if isinstance(value, types.Array):
        value = value.dtype
    if isinstance(value, types.Float) and isinstance(into, types.Integer):
        remedy = f"write {_cast(into)}(...) to cut it or {_cast(into)}(round(...)) to round it, or declare the field as 'f8'"
        if _is_division(code, statement.value.name):
            remedy = f"write // for a whole quotient, {_cast(into)}(...) to cut it, or declare the field as 'f8'"
        what = f"{field} is {into} and gets a {value}: what is behind the point is lost"
        yield _finding(LOSES, code, statement, field, what, remedy)
    elif isinstance(value, types.Float) and isinstance(into, types.Float) and value.bitwidth > into.bitwidth:
        natural = ranges.natural(statement.value.name)
        if natural is not WEAK and natural is not None and natural.itemsize * 8 > into.bitwidth:
            what = f"{field} is {into} and gets a {value}: it keeps seven digits"
            yield _finding(ROUNDS, code, statement, field, what, f"write {_cast(into)}(...), or declare the field as 'f8'")
    elif isinstance(value, types.Integer) and isinstance(into, types.Integer):
        whole = (int(into.minval), int(into.maxval))
        if fits((int(value.minval), int(value.maxval)), whole) or _is_own(ranges, statement, into):
            return
        bounds = ranges.bounds(statement.value.name)
        if fits(bounds, whole):
            return
        never = bounds is not None and (bounds[1] < whole[0] or bounds[0] > whole[1])
        said = str(value) if bounds in (None, (int(value.minval), int(value.maxval))) else f"{value} of {_span(bounds)}"
        article = "a" if value.name[0] == "u" else "an"
        what = f"{field} is {into} ({whole[0]:,}..{whole[1]:,}) and gets {article} {said}"
        yield _finding(LOSES if never else NARROWS, code, statement, field, what, WIDER)


def _arithmetic(code: Code, ranges: Ranges) -> Iterator[Finding]:
    """Find integer arithmetic whose result depends on whether numba or numpy does it."""
    stored = _own_stores(code, ranges)
    for statement in code.statements():
        value = statement.value if isinstance(statement, ir.Assign) else None
        if not (isinstance(value, ir.Expr) and value.op in ("binop", "inplace_binop")):
            continue
        function = value.fn if value.op == "binop" else value.immutable_fn
        result = code.kinds.get(statement.target.name)
        if function not in _ARITHMETIC or not isinstance(types.unliteral(result), types.Integer):
            continue
        left, right = ranges.natural(value.lhs.name), ranges.natural(value.rhs.name)
        natural = ranges.natural(statement.target.name)
        sign = _ARITHMETIC[function]
        if left is None or right is None or natural is None or natural is WEAK:
            continue
        if natural.kind == "f":
            what = f"{left} {sign} {right} is float64 in numpy and {result} compiled"
            yield _finding(DIFFERS, code, statement, "", what, "cast one side: np.int64(...) or np.uint64(...)")
        elif natural.itemsize * 8 < types.unliteral(result).bitwidth and statement.target.name not in stored:
            limits = np.iinfo(natural) if natural.kind in "iu" else None
            if limits is not None and not fits(_exact(ranges, value, function), (int(limits.min), int(limits.max))):
                what = f"this {sign} wraps at {natural.itemsize * 8} bits in numpy ({natural}) and is {result} compiled"
                yield _finding(DIFFERS, code, statement, "", what, "cast its operands: int(...) or np.int64(...)")


def _exact(ranges: Ranges, value: Any, function: Any) -> Any:
    return combined(function, ranges.bounds(value.lhs.name), ranges.bounds(value.rhs.name))


def _own_stores(code: Code, ranges: Ranges) -> set[str]:
    """Return the variables whose only use is a store into a field of the type that numpy computed them in."""
    uses: dict[str, int] = {}
    own: set[str] = set()
    for statement in code.statements():
        if isinstance(statement, ir.Del):
            continue
        for variable in statement.list_vars():
            uses[variable.name] = uses.get(variable.name, 0) + 1
        if isinstance(statement, (ir.SetItem, ir.StaticSetItem, ir.SetAttr)):
            into = _field_kind(code, statement)
            natural = ranges.natural(statement.value.name)
            narrow = isinstance(natural, np.dtype) and natural.itemsize * 8 >= getattr(into, "bitwidth", 1 << 10)
            if isinstance(into, types.Integer) and narrow and _is_own(ranges, statement, into):
                own.add(statement.value.name)
                for source in code.definitions.get(statement.value.name, ()):
                    if isinstance(source, ir.Var):  # a copy in between
                        own.add(source.name)
    return {name for name in own if uses.get(name, 0) <= 3}  # its definition, a copy, the store


def _is_own(ranges: Ranges, statement: Any, into: Any) -> bool:
    natural = ranges.natural(statement.value.name)
    return isinstance(natural, np.dtype) and natural.kind in "iub" and np.can_cast(natural, _format(into))


def _field_kind(code: Code, statement: Any) -> Any:
    """Return the numba type of what a statement stores to, or None when it is no field or element."""
    target = code.kind(statement.target.name)
    if isinstance(statement, ir.SetAttr):
        name: Any = statement.attr
    else:
        name = statement.index if isinstance(statement, ir.StaticSetItem) else None
    if isinstance(target, types.Record):
        return target.fields[name].type if isinstance(name, str) and name in target.fields else None
    if isinstance(target, types.Array):
        return target.dtype
    return None


def _field_name(code: Code, statement: Any) -> str:
    """Return the place as the source says it: event['ticks'], state['window'][…]."""
    if isinstance(statement, ir.SetAttr):
        return f"{_expression(code, statement.target)}.{statement.attr}"
    if isinstance(statement, ir.StaticSetItem) and isinstance(statement.index, (str, int)):
        return f"{_expression(code, statement.target)}[{statement.index!r}]"
    return f"{_expression(code, statement.target)}[…]"


def _expression(code: Code, variable: Any) -> str:
    if named(variable):
        return variable.name.partition(".")[0]
    values = code.definitions.get(variable.name, ())
    value = values[0] if len(values) == 1 else None
    if isinstance(value, ir.Var):
        return _expression(code, value)
    if isinstance(value, ir.Expr) and value.op == "static_getitem":
        index = f"'{value.index}'" if isinstance(value.index, str) else value.index
        return f"{_expression(code, value.value)}[{index}]"
    if isinstance(value, ir.Expr) and value.op == "getitem":
        return f"{_expression(code, value.value)}[…]"
    if isinstance(value, ir.Expr) and value.op == "getattr":
        return f"{_expression(code, value.value)}.{value.attr}"
    return "the record"


def _is_division(code: Code, name: str) -> bool:
    for value in code.definitions.get(name, ()):
        if isinstance(value, ir.Var):
            return _is_division(code, value.name)
        if isinstance(value, ir.Expr) and value.op in ("binop", "inplace_binop"):
            integers = all(isinstance(code.kind(side.name), types.Integer) for side in (value.lhs, value.rhs))
            return integers and value.fn in _DIVISIONS
    return False


def _cast(kind: Any) -> str:
    return "int" if kind == types.int64 else f"np.{kind}"


def _format(kind: Any) -> str:
    letter = "f" if isinstance(kind, types.Float) else "i" if kind.signed else "u"
    return f"{letter}{kind.bitwidth // 8}"


def _span(bounds: Any) -> str:
    return f"{bounds[0]:,}" if bounds[0] == bounds[1] else f"{bounds[0]:,}..{bounds[1]:,}"


def _finding(kind: str, code: Code, statement: Any, field: str, what: str, remedy: str) -> Finding:
    line = statement.loc.line
    source = linecache.getline(code.path, line).strip()
    return Finding(kind, code.path, line, source, field, what, remedy)
