"""numba's complaint about a handler, reduced to what its author needs: handler, line, what is wrong, what to write instead.

numba describes how it failed, often in a hundred lines about its own sources. Here the innermost line that is the
author's is found, and one of disruptor.remedies' causes is chosen by what numba says and by what stands on that line.
Where none fits, numba's own first sentences are kept.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numba
from numba.core.errors import NumbaError, UnsupportedBytecodeError

from disruptor.errors import CompileError
from disruptor.fault import Case
from disruptor.remedies import explain
from disruptor.twin import callees

__all__ = ["COMPILER_ERRORS", "complaint"]

# A misspelled field stored to is a KeyError of numba's, an unknown name of numpy an AttributeError, np.dot an ImportError.
COMPILER_ERRORS = (
    NumbaError, UnsupportedBytecodeError, KeyError, AttributeError, ImportError, NotImplementedError, AssertionError, TypeError,
)

_CALLEE = re.compile(r"(?:CPUDispatcher|recursive\(type\(CPUDispatcher)\(<function ([\w.<>]+) at (0x[0-9a-f]+)")
_PLACES = (
    re.compile(r"[Dd]uring: (?:lowering|typing) [^\n]* at (\S[^\n]*?) \((\d+)\)$", re.MULTILINE),
    re.compile(r"Raised from (\S[^\n]*?) \((\d+)\)$", re.MULTILINE),
    re.compile(r"defined at (\S[^\n]*?) \((\d+)\)$", re.MULTILINE),
    re.compile(r'File "([^"\n]+)", line (\d+):$', re.MULTILINE),
    re.compile(r"location: (\S[^\n]*?) \((\d+)\)", re.MULTILINE),
)
_NOISE = ("Failed in ", "During:", "File ", "- Resolution", "There are", "Overload", "For more", "This error", "<source", "^")
_NUMBA = Path(numba.__file__).parent


def complaint(
    loop: str, functions: Mapping[str, Any], error: Any, arrays: Mapping[str, Any] | None = None
) -> CompileError:
    """Return the error for numba's `error` (an exception, or its text) about the loop called `loop`.

    functions : the loop's handlers by the names under which it calls them, `on_NAME`. arrays : what is passed to the loop,
    by name; their fields help to say which field was meant where numba does not.
    """
    text = str(error) if not isinstance(error, KeyError) else f"KeyError: {error}"
    plain = {local: _plain(function) for local, function in functions.items()}
    handler = _culprit(text, plain, loop)
    mine = plain.get(f"on_{handler}")
    suspects = [mine] if mine is not None else list(plain.values())
    reachable = [f for one in suspects if isinstance(one, FunctionType) for f in callees(one)]
    path, line = _place(text, reachable)
    case = Case(text, path, line, reachable, _fields(arrays or {}))
    what, remedy = explain(case)
    if not what:
        what = "\n  ".join(_own_words(text))
    where = (case.path, case.line)
    source = linecache.getline(*where).strip() if case.path else ""
    return CompileError(handler, what, path=case.path, line=case.line, source=source, remedy=remedy)


def _culprit(text: str, plain: Mapping[str, Any], loop: str) -> str:
    """Return the name of the handler in whose code numba failed, the loop's own where it says nothing."""
    handler = loop if len(plain) != 1 else next(iter(plain)).removeprefix("on_")
    for called, address in _CALLEE.findall(text):  # from the innermost to the handler itself
        names = [local for local, function in plain.items() if hex(id(function)) == address] or [
            local for local, function in plain.items() if getattr(function, "__name__", "") == called]
        handler = names[0].removeprefix("on_") if names else handler
    return handler


def _place(text: str, reachable: list[FunctionType]) -> tuple[str, int]:
    """Return file and line of the innermost statement in one of the reachable functions, ("", 0) where there is none."""
    spans: dict[str, list[CodeType]] = {}
    for function in reachable:
        spans.setdefault(Path(function.__code__.co_filename).name, []).append(function.__code__)
    best: tuple[int, str, int] | None = None
    for position, name, line in _mentioned(text):
        for code in spans.get(Path(name).name, ()):
            last = max((number for _, _, number in code.co_lines() if number), default=code.co_firstlineno)
            if code.co_firstlineno <= line <= last and (best is None or position < best[0]):
                best = position, code.co_filename, line
    return ("", 0) if best is None else best[1:]


def _mentioned(text: str) -> Iterator[tuple[int, str, int]]:
    for pattern in _PLACES:
        for match in pattern.finditer(text):
            yield match.start(), match[1], int(match[2])


def _fields(arrays: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the field names of every record array, by the name of the array."""
    found = {}
    for name, array in arrays.items():
        names = getattr(getattr(array, "dtype", None), "names", None)
        if names:
            found[name.removeprefix("given_")] = tuple(n for n in names if not n.startswith("pad_"))
    return found


def _own_words(text: str) -> list[str]:
    """Return the first sentences of numba's text that are about the problem."""
    lines = [line.strip() for line in text.partition("During:")[0].splitlines()]
    return [line for line in lines if line and not line.startswith(_NOISE)][:6] or [text.strip().splitlines()[-1]]


def _plain(function: Any) -> Any:
    return getattr(function, "function", getattr(function, "step", getattr(function, "py_func", function)))
