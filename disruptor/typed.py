"""The code of a compiled function as numba typed it: statements, the type of each variable, the signature of each call.

It is kept by numba only for what was compiled in this process; code that a cache has loaded has none.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from numba.core import ir, types

__all__ = ["Code", "code_of", "codes", "named"]

_LIBRARY = os.path.dirname(__file__) + os.sep


@attrs.define(eq=False, slots=False)
class Code:
    """A function as numba typed it. blocks : its statements; kinds : variable → numba type; calls : call → signature."""

    name: str
    path: str
    blocks: Mapping[int, Any]
    kinds: Mapping[str, Any]
    calls: Mapping[Any, Any]

    @functools.cached_property
    def definitions(self) -> dict[str, list[Any]]:
        """What is assigned to each variable."""
        found: dict[str, list[Any]] = {}
        for statement in self.statements():
            if isinstance(statement, ir.Assign):
                found.setdefault(statement.target.name, []).append(statement.value)
        return found

    def statements(self) -> Any:
        """Yield every statement in order."""
        for _, block in sorted(self.blocks.items()):
            yield from block.body

    def kind(self, name: str) -> Any:
        """Return the numba type of a variable, without Optional and Literal around it."""
        kind = self.kinds[name]
        kind = kind.type if isinstance(kind, types.Optional) else kind
        return types.unliteral(kind)

    def callee(self, call: Any) -> Code | None:
        """Return the typed code of the compiled function that `call` calls, or None when there is none to look at."""
        kind = self.kinds.get(call.func.name)
        signature = self.calls.get(call)
        if not isinstance(kind, types.Dispatcher) or signature is None:
            return None
        return code_of(kind.dispatcher.overloads.get(tuple(signature.args)))


def code_of(result: Any) -> Code | None:
    """Return the typed code of a numba compile result, or None when it came from a cache (which does not keep it)."""
    annotation = getattr(result, "type_annotation", None)
    if annotation is None or isinstance(annotation, str):
        return None
    name = annotation.func_id.func_name
    return Code(name, annotation.filename, annotation.blocks, annotation.typemap, annotation.calltypes)


def codes(dispatcher: Any) -> Iterator[Code]:
    """Yield the typed code of a dispatcher and of every compiled function it calls, each once.

    None that came from a cache, and none of this library, whose own tests look after it.
    """
    waiting = [code_of(result) for result in getattr(dispatcher, "overloads", {}).values()]
    seen: set[int] = set()
    while waiting:
        code = waiting.pop()
        if code is None or id(code.blocks) in seen or code.path.startswith(_LIBRARY):
            continue
        seen.add(id(code.blocks))
        yield code
        for statement in code.statements():
            value = statement.value if isinstance(statement, ir.Assign) else None
            if isinstance(value, ir.Expr) and value.op == "call":
                waiting.append(code.callee(value))


def named(value: Any) -> bool:
    """Return whether this is a variable of the source, not one of numba's own."""
    return isinstance(value, ir.Var) and not value.name.startswith("$")
