"""Shorter ways through numba's front end, with the same results, while loops are compiled.

Most of what a compilation takes is numba's Python: it writes texts about candidates that nobody reads because another one
fits, makes a dictionary of all options for each comparison of two, looks for variables inside file names, asks numpy about sums
of two integers, and tells timers that nobody asked for of every call into LLVM. And it compiles a function again for every whole
number that its callers write out, though it is inlined there and LLVM sees the number anyway. Inside `shortcuts()` what stands here
does that.

Each replaces one private function of numba for as long as the context lasts, and only where that function's source is the one
that was replaced here; elsewhere compilation is slower. tests/disruptor/test_shortcuts.py holds each against the ordinary way.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
from collections.abc import Iterable, Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from numba.core import errors, event, ir, targetconfig, types, utils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.target_extension import get_local_target
from numba.core.types.functions import BaseFunction
from numba.core.typing.npydecl import NumpyRulesArrayOperator

__all__ = ["shortcuts"]

_WITHOUT_VARIABLES = frozenset({
    str, int, bool, float, type(None), type, FunctionType, BuiltinFunctionType, ir.Loc, ir.Scope, ir.Const, ir.Global, ir.FreeVar, ir.Arg,
})
_ordinary_call_type, _ordinary_broadcast = BaseFunction.get_call_type, event.broadcast
_ordinary_compiled_call_type, _ordinary_array_operator = types.Dispatcher.get_call_type, NumpyRulesArrayOperator.generic
_LIBRARY = os.path.dirname(__file__) + os.sep
_defaults: dict[type, dict[str, Any]] = {}
_by_number: WeakKeyDictionary[Any, set[Any]] = WeakKeyDictionary()  # compiled function → types without numbers for which it does not compile


@contextlib.contextmanager
def shortcuts() -> Iterator[None]:
    """Take the shorter ways for what is compiled in here. They hold for other threads as well, which wait for the compiler's lock."""
    with global_compiler_lock:
        before = [(owner, name, owner.__dict__[name]) for owner, name, _new in _FITTING]
        for owner, name, new in _FITTING:
            setattr(owner, name, new)
        try:
            yield
        finally:
            for owner, name, ordinary in before:
                setattr(owner, name, ordinary)


def _values(self: Any) -> dict[str, Any]:
    """TargetConfig.values: the options of one compilation; all 24 of them are read whenever two are compared."""
    kind = type(self)
    if kind not in _defaults:
        _defaults[kind] = {name: option.default for name, option in kind.options.items()}
    return {**_defaults[kind], **self._values}


def _rec_list_vars(self: Any, value: Any) -> list[Any]:
    """Inst._rec_list_vars: the variables in a part of an instruction, in order."""
    found: list[Any] = []
    _collect((value,) if type(value) is not dict else value.values(), found)
    return found


def _collect(values: Iterable[Any], found: list[Any]) -> None:
    for value in values:
        kind = type(value)
        if kind is ir.Var:
            found.append(value)
        elif kind is ir.Expr:
            _collect(value._kws.values(), found)
        elif kind not in _WITHOUT_VARIABLES:
            _collect_rare(value, found)


def _collect_rare(value: Any, found: list[Any]) -> None:
    if isinstance(value, ir.Var):
        found.append(value)
    elif isinstance(value, ir.Inst):
        found.extend(value.list_vars())
    elif isinstance(value, (list, tuple)):
        _collect(value, found)
    elif isinstance(value, dict):
        _collect(value.values(), found)


def _get_call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
    """BaseFunction.get_call_type: the first candidate that fits. When none does the ordinary way raises."""
    candidates = utils.order_by_target_specificity(get_local_target(context), self.templates, fnkey=self.key[0])
    plain = tuple(types.unliteral(a) for a in args), {k: types.unliteral(v) for k, v in kws.items()}
    if any(isinstance(kind, types.Poison) for kind in (*plain[0], *plain[1].values())):
        return _ordinary_call_type(self, context, args, kws)
    literal = all(a is b for a, b in zip(args, plain[0], strict=True)) and all(kws[k] is v for k, v in plain[1].items())
    self._depth += 1
    for candidate in candidates:
        template = candidate(context)
        offers = [(args, kws), plain] if template.prefer_literal else [plain, (args, kws)]
        for offered in offers[:1] if literal else offers:  # without a literal among them both are the same
            try:
                signature = template.apply(*offered)
            except errors.NumbaError:
                continue
            if signature is not None:
                self._impl_keys[signature.args] = template.get_impl_key(signature)
                self._depth -= 1
                return signature
    self._depth -= 1
    return _ordinary_call_type(self, context, args, kws)


def _compiled_call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
    """types.Dispatcher.get_call_type: the callee compiled once for int64, not once for each constant that it is called with.

    Only for functions of this library and those that say so (`for_any_number`): of all others the review looks at what they do with
    a constant. What compiles only for the constant (it picks a field of a heterogeneous tuple, say) is compiled for that, and so are
    functions made inside another one: an overload may have made them for this constant.
    """
    dispatcher = self.dispatcher
    function = dispatcher.py_func
    if "<locals>" in function.__qualname__ or not (hasattr(function, "for_any_number") or function.__code__.co_filename.startswith(_LIBRARY)):
        return _ordinary_compiled_call_type(self, context, args, kws)
    plain = tuple(_without_numbers(a) for a in args), {k: _without_numbers(v) for k, v in kws.items()}
    same = all(a is b for a, b in zip(args, plain[0], strict=True)) and all(kws[k] is v for k, v in plain[1].items())
    seen = plain[0], tuple(plain[1].items())
    if not same and seen not in _by_number.get(dispatcher, ()):
        try:
            return _ordinary_compiled_call_type(self, context, *plain)
        except errors.NumbaError:
            _by_number.setdefault(dispatcher, set()).add(seen)
            context.callstack._fail_cache.clear()  # what failed in there for a variable need not fail for a constant
    return _ordinary_compiled_call_type(self, context, args, kws)


def _without_numbers(kind: Any) -> Any:
    """Return the type of a constant whole number, or of a tuple of them, as that of a variable; any other as it is."""
    if isinstance(kind, types.IntegerLiteral):
        return types.unliteral(kind)
    if type(kind) in (types.Tuple, types.UniTuple) and any(isinstance(inner, types.IntegerLiteral) for inner in kind):
        return types.BaseTuple.from_types(tuple(_without_numbers(inner) for inner in kind))
    return kind


def _array_operator(self: Any, args: Any, kws: Any) -> Any:
    """NumpyRulesArrayOperator.generic: operators of arrays; of numbers it looks for numpy's loop first, and then says no."""
    return None if all(isinstance(kind, types.Number) for kind in args) else _ordinary_array_operator(self, args, kws)


def _broadcast(happened: Any) -> None:
    """event.broadcast, but for LLVM's lock: it is taken a hundred thousand times, and every function in hand has a timer for it."""
    if happened.kind != "numba:llvm_lock":
        _ordinary_broadcast(happened)


def _fits(owner: Any, name: str, source: str) -> bool:
    try:
        text = inspect.getsource(owner.__dict__[name])
    except (KeyError, TypeError, OSError):
        return False
    return hashlib.sha256(text.encode()).hexdigest().startswith(source)


_REPLACED = (  # owner, name, what stands here, the beginning of the SHA-256 of what it replaces
    (targetconfig.TargetConfig, "values", _values, "12a29dc810f6a91b"),
    (ir.Inst, "_rec_list_vars", _rec_list_vars, "054700e9100b6299"),
    (BaseFunction, "get_call_type", _get_call_type, "6559c167bfc0ad36"),
    (NumpyRulesArrayOperator, "generic", _array_operator, "4647f17d50ba1ade"),
    (types.Dispatcher, "get_call_type", _compiled_call_type, "ae1ef289d128e138"),
    (event, "broadcast", _broadcast, "0c3ca6589b311970"),
)
_FITTING = [(owner, name, new) for owner, name, new, source in _REPLACED if _fits(owner, name, source)]
