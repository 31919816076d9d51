"""Un-jitted loops that divide as compiled ones do: by zero is an error, where numpy warns and goes on with 0, inf or nan.

numpy reports what happened and not which operation it was, so the bytecode that is being run is asked: `np.log(0)` is -inf
compiled as well, and no error. What overflows wraps in both.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

import numpy as np

__all__ = ["as_compiled", "compiled_division", "divides"]

_DIVISIONS = frozenset({"/", "//", "%", "/=", "//=", "%="})


def divides(frame: FrameType) -> bool:
    """Whether the operation that a frame is at is a division."""
    return frame.f_lasti in _divisions_of(frame.f_code)


@contextlib.contextmanager
def compiled_division() -> Iterator[None]:
    """Raise ZeroDivisionError for a division by zero of numpy's numbers on this thread, 0 / 0 included."""
    with np.errstate(divide="call", invalid="call", over="ignore", under="ignore", call=_trouble):
        yield


def as_compiled(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a loop, or a handler, that divides as it would compiled."""
    @functools.wraps(run)
    def enter(*args: Any) -> Any:
        with compiled_division():
            return run(*args)

    return enter


def _trouble(kind: str, flag: int) -> None:
    if divides(sys._getframe(1)):
        raise ZeroDivisionError("division by zero")


@functools.cache
def _divisions_of(code: CodeType) -> frozenset[int]:
    return frozenset(i.offset for i in dis.get_instructions(code) if i.argrepr in _DIVISIONS)
