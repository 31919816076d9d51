"""The one place where functions are handed to numba.

`compiled` is for everything hot (handlers, helpers): it releases the GIL, never counts references, and is inlined into
the loop that calls it. `_nrt=False` is what makes it fast (a helper that takes arrays and waits in a loop is 24 times
slower with reference counts) and makes an allocation a compile error. It is a private option of numba, guarded by
tests/disruptor/test_compiled.py.

`entry` is for what Python calls: the same, cached on disk in a folder whose name covers every source that the calling
package can reach and the versions of numba, llvmlite, numpy and Python (see disruptor.cache).

With NUMBA_DISABLE_JIT=1 both return the function as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["JIT_ENABLED", "compiled", "Direct", "direct", "entry", "for_any_number", "loop_options"]

JIT_ENABLED = not numba.config.DISABLE_JIT

_OPTIONS: dict[str, Any] = {"nogil": True, "_nrt": False, "fastmath": False, "error_model": "python"}


def loop_options(*, cache: bool, boundscheck: bool = False) -> dict[str, Any]:
    """Return the numba options of a generated loop. boundscheck : raise IndexError instead of touching memory."""
    options = dict(_OPTIONS, cache=cache)
    if boundscheck:
        options["boundscheck"] = True
    return options


def compiled(function: Callable | None = None, *, inline: bool = True, wraps: bool = False) -> Any:
    """Compile a handler or helper for use inside compiled loops. Never cached alone: its loop's cache holds it.

    inline : inline into every caller (default); False for large functions called from several places. wraps : its int64
    arithmetic wraps on purpose (a hash): a checked run leaves it alone.
    """

    def decorate(f: Callable) -> Any:
        if wraps:
            f.wraps_on_purpose = True  # type: ignore[attr-defined]
        return numba.njit(f, forceinline=inline, **_OPTIONS)

    return decorate if function is None else decorate(function)


def for_any_number(function: Callable) -> Callable:
    """Say that a function, plain or about to be compiled, is to be compiled once, whatever whole numbers its callers write out.

    numba would compile it for each of them. The price: what is stored from such an argument is not checked against the field
    that takes it (disruptor.lossy), so it is not for functions that others write. Those of this library are all treated so.
    """
    function.for_any_number = True  # type: ignore[attr-defined]
    return function


def entry(function: Callable | None = None, *, cache: bool = True, brief: bool = False) -> Any:
    """Compile a function that Python calls, cached on disk (see disruptor.cache).

    brief : it never waits and takes microseconds at most, so it keeps the GIL. To give that up and to get it back costs as
    much as the function itself, and far more when another thread takes it meanwhile.
    """

    def decorate(f: Callable) -> Any:
        dispatcher = numba.njit(f, **{**_OPTIONS, "nogil": not brief})
        if cache and JIT_ENABLED:
            from disruptor.cache import cached

            return cached(dispatcher)
        return dispatcher

    return decorate if function is None else decorate(function)


def direct(function: Any, *like: Any) -> Callable[..., Any]:
    """Return what enters a compiled function without numba looking up the types of its arguments: 0.1 instead of 0.35 µs.

    like : arguments of the types that it will be called with; it is compiled for them now, or taken from the cache.
    Precondition: every later call has those types, dimensions and layouts; of arrays only the size of an element is checked.
    """
    if not JIT_ENABLED:
        return function
    signature = tuple(numba.typeof(argument) for argument in like)
    function.compile(signature)
    return function.overloads[signature].entry_point


class Direct:
    """Functions entered with `direct`, as attributes; each is compiled, or loaded, when it is first used.

    functions : name → (function, arguments of the types that it will be called with …).
    """

    def __init__(self, **functions: tuple[Any, ...]) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            function, *like = self.__dict__["_functions"][name]
        except KeyError:
            raise AttributeError(name) from None
        call = direct(function, *like)
        setattr(self, name, call)
        return call
