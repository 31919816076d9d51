"""What compiles and should not: a second look at a compiled handler, before it runs.

numba accepts some things that a handler must not do, or that do not do what they look like:

    print              takes the GIL and the terminal's time
    yield              the body never runs: calling the handler only makes a generator
    texts              a field of bytes or text ("S8", "U4") is compared and measured by numba's string code
    global arrays      are copied at compile time: later changes are not seen, and nothing can be kept in them
    random numbers     compiled code and Python have generators of their own

`review` refuses the first three, and stores that lose something (disruptor.lossy). `check_use` finds all five.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from typing import Any

import numpy as np
from numba.core import ir, types

from disruptor.errors import CompileError
from disruptor.lossy import DIFFERS, LOSES, Finding, check_stores
from disruptor.readings import NOTE
from disruptor.typed import Code, codes

__all__ = ["FORBIDDEN", "check_use", "review"]

FORBIDDEN = "forbidden"
_RANDOM = ("random", "numpy.random")


def review(handler: str, dispatcher: Any) -> None:
    """Raise CompileError for the first thing in a dispatcher's fresh code that is refused; code from a cache passes.

    handler : its name, for the message. It costs less than 100,000 calls per handler (tested), 3 to 20 ms.
    """
    for one in [*check_use(dispatcher), *check_stores(dispatcher, certain=True)]:
        if one.kind in (FORBIDDEN, LOSES):
            raise CompileError(handler, one.what, path=one.path, line=one.line, source=one.source, remedy=one.remedy)


def check_use(dispatcher: Any) -> list[Finding]:
    """Return what a compiled function and everything it calls should not do, in source order."""
    found: dict[tuple, Finding] = {}
    for code in codes(dispatcher):
        for statement in code.statements():
            for kind, what, remedy in _look(code, statement):
                line = statement.loc.line
                source = linecache.getline(code.path, line).strip()
                found[code.path, line, what] = Finding(kind, code.path, line, source, "", what, remedy)
    return sorted(found.values(), key=lambda f: (f.path, f.line, f.what))


def _look(code: Code, statement: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(statement, ir.Print):
        yield (
            FORBIDDEN, "print is not for compiled code: it would wait for the GIL",
            NOTE,
        )
    value = statement.value if isinstance(statement, (ir.Assign, ir.SetItem, ir.StaticSetItem)) else None
    if isinstance(value, ir.Yield):
        yield FORBIDDEN, "`yield` makes a generator of the handler: it would never run", "return nothing, or a status code"
    if isinstance(value, ir.Expr) and value.op in ("static_getitem", "getattr") and _is_text(code, statement.target):
        name = value.index if value.op == "static_getitem" else value.attr
        yield (
            FORBIDDEN, f"field '{name}' holds text ({code.kinds[statement.target.name]})",
            'a number that stands for the text, or a sub-array of bytes: ("name", "u1", (8,))',
        )
    if isinstance(statement, (ir.StaticSetItem, ir.SetItem)) and _is_text(code, statement.value):
        yield FORBIDDEN, "a text is stored", 'a number that stands for the text, or a sub-array of bytes: ("name", "u1", (8,))'
    if isinstance(value, (ir.Global, ir.FreeVar)) and isinstance(value.value, np.ndarray):
        yield (
            DIFFERS, f"the global array '{value.name}' is copied at compile time: later changes to it are not seen",
            "a tuple for constants; a sub-array of the state, filled by `prepare`, for tables",
        )
    if isinstance(value, ir.Expr) and value.op == "call":
        function = getattr(code.kinds.get(value.func.name), "typing_key", None)
        if getattr(function, "__module__", None) in _RANDOM or type(getattr(function, "__self__", None)).__module__ in _RANDOM:
            yield (
                DIFFERS, "it draws random numbers: compiled code and Python have generators of their own",
                "disruptor.random: key in the params, counter in the state",
            )


def _is_text(code: Code, variable: Any) -> bool:
    kind = code.kinds.get(variable.name)
    return isinstance(kind, (types.CharSeq, types.UnicodeCharSeq, types.Bytes))
