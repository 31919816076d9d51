"""A function and everything it calls, made again: all of it plain Python, or all of it freshly compiled.

A handler calls compiled helpers by name. To run it un-jitted its helpers must be un-jitted too, and to run it with
bounds checks they must be compiled with bounds checks, whatever has been compiled of them before. A *twin* is the same
code with globals (or closure cells) of its own, in which every compiled function is replaced by its twin.

Functions reached through a module (`prices.scaled(x)`) are replaced too; those that numba itself supplies (`@overload`,
numpy, math) stay what they are.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numba

from disruptor.compiled import JIT_ENABLED, compiled

__all__ = ["callees", "compiled_twin", "plain_twin"]


def plain_twin(function: Callable) -> Callable:
    """Return `function` with every compiled function that it reaches replaced by its plain Python."""
    return _Maker(lambda plain, options: plain).make(_plain(function), None)


def compiled_twin(function: Callable, *, boundscheck: bool = False) -> Any:
    """Return a fresh dispatcher of `function`, all of whose compiled callees are fresh too. Un-jitted: the plain twin.

    boundscheck : IndexError instead of touching memory outside an array, in all of them.
    """
    if not JIT_ENABLED:
        return plain_twin(function)

    def make(plain: Callable, options: Any) -> Any:
        if options is None:
            options = compiled(lambda: None).targetoptions
        options = {k: v for k, v in options.items() if k not in ("nopython", "boundscheck")}
        if boundscheck:
            options["boundscheck"] = True
        return numba.njit(plain, **options)

    return _Maker(make).make(_plain(function), getattr(function, "targetoptions", None))


def callees(function: Callable) -> Iterator[FunctionType]:
    """Yield the plain functions that `function` reaches by name: itself, its compiled helpers, theirs, each once."""
    waiting, seen = [_plain(function)], set()
    while waiting:
        plain = waiting.pop()
        if plain in seen or not isinstance(plain, FunctionType):
            continue
        seen.add(plain)
        yield plain
        waiting.extend(_plain(value) for _, value in _reached(plain) if _is_compiled(value))
        waiting.extend(_plain(value) for value in _through_modules(plain))


class _Maker:
    """Makes twins, each function once. wrap(plain, options) → what stands where a compiled function stood."""

    def __init__(self, wrap: Callable[[Callable, Any], Any]) -> None:
        self._wrap = wrap
        self._made: dict[Any, Any] = {}

    def make(self, plain: Callable, options: Any) -> Any:
        if plain in self._made:
            return self._made[plain]
        if not isinstance(plain, FunctionType):
            return plain
        space = dict(plain.__globals__)
        cells = None if plain.__closure__ is None else tuple(CellType() for _ in plain.__closure__)
        copy = FunctionType(plain.__code__, space, plain.__name__, plain.__defaults__, cells)
        copy.__kwdefaults__ = plain.__kwdefaults__
        copy.__dict__.update(plain.__dict__)
        copy.__qualname__, copy.__module__, copy.__doc__ = plain.__qualname__, plain.__module__, plain.__doc__
        made = self._made[plain] = self._wrap(copy, options)
        for name, value in _reached(plain):
            if not name:
                continue
            if _is_compiled(value):
                space[name] = self._twin(value)
            elif isinstance(value, ModuleType):
                space[name] = self._module(value, plain.__code__)
        for new, old in zip(cells or (), plain.__closure__ or (), strict=True):
            value = _content(old)
            if value is not _EMPTY:
                new.cell_contents = self._twin(value) if _is_compiled(value) else value
        return made

    def _twin(self, dispatcher: Any) -> Any:
        return self.make(_plain(dispatcher), getattr(dispatcher, "targetoptions", None))

    def _module(self, module: ModuleType, code: CodeType) -> ModuleType:
        """Return the module, or a copy of it where `code` may call compiled functions through it."""
        ours = {n: v for n in _names(code) if _is_compiled(v := vars(module).get(n))}
        if not ours:
            return module
        copy = ModuleType(module.__name__, module.__doc__)
        copy.__dict__.update(vars(module))
        copy.__dict__.update({name: self._twin(value) for name, value in ours.items()})
        return copy


_EMPTY = object()


def _plain(thing: Any) -> Any:
    thing = getattr(thing, "function", thing)  # a Handler
    return getattr(thing, "py_func", thing)


def _is_compiled(value: Any) -> bool:
    return isinstance(value, numba.core.dispatcher.Dispatcher)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is bound later
        return _EMPTY


def _names(code: CodeType) -> set[str]:
    """Return the names that a function's code and the functions defined inside it look up."""
    found = {i.argval for i in dis.get_instructions(code) if isinstance(i.argval, str)}
    return found.union(*(_names(c) for c in code.co_consts if isinstance(c, CodeType)))


def _reached(plain: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield name and value of the globals that a function uses, and "" and value of its closure cells."""
    for name in sorted(_names(plain.__code__)):
        if name in plain.__globals__:
            yield name, plain.__globals__[name]
    for cell in plain.__closure__ or ():
        value = _content(cell)
        if value is not _EMPTY:
            yield "", value


def _through_modules(plain: FunctionType) -> Iterator[Any]:
    """Yield the compiled functions that a function may call as attributes of the modules that it uses."""
    for _, module in _reached(plain):
        if isinstance(module, ModuleType):
            yield from (v for n in _names(plain.__code__) if _is_compiled(v := vars(module).get(n)))
