"""numba's complaint about a loop, reduced to what its author needs: which handler, which line, why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from disruptor.errors import CompileError

__all__ = ["complaint"]

_CALLEE = re.compile(r"resolving callee type: type\(CPUDispatcher\(<function ([\w.<>]+) at ")
_PLACE = re.compile(r"^During: (?:lowering|typing) .* at (\S.*\.py) \((\d+)\)$", re.MULTILINE)
_NOISE = ("Failed in ", "During:", "File ", "- Resolution", "There are", "Overload", "For more", "This error", "<source")
_CAUSES = {"NRT required but not enabled": "it allocates memory (a list, an array, a text), which compiled handlers never do"}


def complaint(loop: str, functions: Mapping[str, Any], text: str) -> CompileError:
    """Return the error for numba's `text` about the loop called `loop`.

    functions : the loop's handlers by the names under which it calls them, `on_NAME`.
    """
    handler = loop
    for called in _CALLEE.findall(text):  # from the innermost to the handler itself
        names = [local for local, function in functions.items() if _name_of(function) == called]
        handler = names[0].removeprefix("on_") if names else handler
    lines = [line.strip() for line in text.partition("During:")[0].splitlines()]
    causes = [_CAUSES.get(line, line) for line in lines if line and not line.startswith(_NOISE)]
    places = [f"{path}:{line}" for path, line in _PLACE.findall(text) if "disruptor_loop_" not in path]
    where = f"\n  at {places[0]}" if places else ""
    return CompileError(handler, "\n  ".join(causes[:6] or lines[-1:]) + where)


def _name_of(function: Any) -> str:
    plain = getattr(function, "function", getattr(function, "py_func", function))
    return getattr(plain, "__name__", "")
