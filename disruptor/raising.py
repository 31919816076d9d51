"""Errors of compiled code that say where they were raised, and, on demand, arithmetic that raises instead of wrapping.

numba knows the line of every instruction that it lowers, but tells it only with errors that a `raise` statement makes; a
division by zero and an index out of bounds come without one. Inside `located_errors` they get file, line and function, which
are in the error's traceback then (`place_of`).

checked : additions, subtractions and products of signed integers of 64 bits raise OverflowError. Not in this library's own code,
whose hashes and random numbers wrap on purpose, nor in functions that say so: @compiled(wraps=True).

This replaces private parts of numba for as long as the context lasts. Where they are not what they were it does nothing,
and errors come without lines (tests/disruptor/test_raising.py).
"""

from __future__ import annotations

import contextlib
import operator
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir as llvm
from numba.core import types
from numba.core.callconv import CPUCallConv
from numba.core.lowering import Lower

__all__ = ["located_errors", "place_of"]

_NUMBA = str(Path(numba.__file__).parent)
_OWN = str(Path(__file__).parent)
_WRAPPING = {
    operator.add: ("sadd_with_overflow", "sum"), operator.iadd: ("sadd_with_overflow", "sum"),
    operator.sub: ("ssub_with_overflow", "difference"), operator.isub: ("ssub_with_overflow", "difference"),
    operator.mul: ("smul_with_overflow", "product"), operator.imul: ("smul_with_overflow", "product"),
}


def place_of(error: BaseException) -> tuple[str, int] | None:
    """Return file and line of the innermost frame that is the user's, None when the error does not say."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.lineno and not f.filename.startswith((_NUMBA, _OWN, "<"))]
    frames = [f for f in frames if not Path(f.filename).name.startswith("disruptor_loop_")]
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else None


@contextlib.contextmanager
def located_errors(*, checked: bool = False) -> Iterator[None]:
    """Give errors raised by what is compiled in here their lines; checked : with arithmetic that raises."""
    if not _known():
        yield
        return
    stack: list[Any] = []
    lower_inst, lower_binop, return_user_exc = Lower.lower_inst, Lower.lower_binop, CPUCallConv.return_user_exc

    def at_work(self: Any, inst: Any) -> Any:
        stack.append(self)
        try:
            return lower_inst(self, inst)
        finally:
            stack.pop()

    def raising(self: Any, builder: Any, exc: Any, exc_args: Any = None, loc: Any = None, func_name: Any = None) -> None:
        if loc is None and stack and not str(stack[-1].loc.filename).startswith(_NUMBA):
            loc, func_name = stack[-1].loc, stack[-1].func_ir.func_id.func_name
        return_user_exc(self, builder, exc, exc_args, loc, func_name)

    def binop(self: Any, resty: Any, expr: Any, op: Any) -> Any:
        on_purpose = getattr(self.func_ir.func_id.func, "wraps_on_purpose", False)
        if op in _WRAPPING and not on_purpose and not self.loc.filename.startswith((_NUMBA, _OWN)):
            _guard(self, resty, expr, *_WRAPPING[op])
        return lower_binop(self, resty, expr, op)

    changes = {(Lower, "lower_inst"): at_work, (CPUCallConv, "return_user_exc"): raising}
    if checked:
        changes[Lower, "lower_binop"] = binop
    for (owner, name), function in changes.items():
        setattr(owner, name, function)
    try:
        yield
    finally:
        for owner, name, function in ((Lower, "lower_inst", lower_inst), (Lower, "lower_binop", lower_binop),
                                      (CPUCallConv, "return_user_exc", return_user_exc)):
            setattr(owner, name, function)


def _known() -> bool:
    return all(name in getattr(owner, "__dict__", {}) for owner, name in (
        (Lower, "lower_inst"), (Lower, "lower_binop"), (CPUCallConv, "return_user_exc")))


def _guard(lower: Any, kind: Any, expr: Any, intrinsic: str, word: str) -> None:
    """Compute a result of 64 bits with its overflow bit, and raise when that is set."""
    kinds = [lower.typeof(expr.lhs.name), lower.typeof(expr.rhs.name)]
    if not all(isinstance(types.unliteral(kind), types.Integer) for kind in kinds):
        return
    if types.unliteral(kind) != types.int64:
        return
    builder, context = lower.builder, lower.context
    left, right = (context.cast(builder, lower.loadvar(v.name), k, types.int64) for v, k in zip((expr.lhs, expr.rhs), kinds, strict=True))
    overflow = builder.extract_value(getattr(builder, intrinsic)(left, right), 1)
    with builder.if_then(overflow, likely=False):
        text = f"{word} of int64 out of range"
        context.call_conv.return_user_exc(builder, OverflowError, (text,), loc=lower.loc, func_name=lower.func_ir.func_id.func_name)


assert hasattr(llvm.IRBuilder, "sadd_with_overflow")
