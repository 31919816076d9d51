"""State hashes: one 64-bit digest per handler over what its state means, and one hash over all.

A handler may declare `digest(state, params)`; otherwise every field is folded in the order of declaration (fields named
`pad…` are not state). All digests of an engine are computed by one generated, cached function.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from disruptor.codegen import LoopSource, build_loop
from disruptor.handler import Handler
from disruptor.loop_writer import identifier

__all__ = ["DigestSource", "overall", "write_digests"]

_PREAMBLE = '''"""Generated digests: {names}."""

from disruptor.codegen import compiled_function
from disruptor.digest import SEED, fold, fold_float

'''


@attrs.define
class DigestSource:
    """Computes digests: `run()` returns {stage name: 16 hex digits}, once `build()` has compiled or loaded them."""

    source: LoopSource
    names: tuple[str, ...]
    out: np.ndarray
    loop: Any = None

    def build(self) -> None:
        """Compile them, or load what was compiled; nothing when that is done."""
        if self.loop is None:
            self.loop = build_loop(self.source)

    def function(self, name: str) -> Any:
        """Return the compiled digest (state, params) → int64 of one stage."""
        module = sys.modules[f"disruptor_loop_{identifier(self.source.name)}"]
        return getattr(module, f"digest_{identifier(name)}")

    def run(self) -> dict[str, str]:
        """Compute all digests now. Only while nothing writes the states."""
        self.loop.run()
        return {name: f"{int(value) & (1 << 64) - 1:016x}" for name, value in zip(self.names, self.out, strict=True)}


def write_digests(name: str, stages: Sequence[tuple[str, Handler, np.ndarray | None, np.ndarray | None]]) -> DigestSource:
    """Write the digests of (stage name, handler, state array, params array). Stages without state are left out."""
    kept = [(n, d, state, p) for n, d, state, p in stages if state is not None]
    out = np.zeros(max(len(kept), 1), np.int64)
    arguments: dict[str, np.ndarray] = {"out": out}
    functions: dict[str, Any] = {}
    head: list[str] = []
    body: list[str] = []
    for index, (stage, declared, state, params) in enumerate(kept):
        local = identifier(stage)
        arguments[f"{local}_state"] = state
        if declared.digest is not None:
            functions[f"digest_{local}"] = declared.digest
            arguments[f"{local}_params"] = params if params is not None else state
            body.append(f"    out[{index}] = digest_{local}({local}_state[0], {local}_params[0])")
        else:
            head.append(f"\n\ndef digest_{local}(state, params):\n    h = SEED\n" + "\n".join(_fold(state.dtype, "state", 1)) + "\n    return h\n")
            head.append(f"\n\ndigest_{local} = compile_once(digest_{local})\n")
            body.append(f"    out[{index}] = digest_{local}({local}_state[0], {local}_state[0])")
    text = [_PREAMBLE.format(names=", ".join(s[0] for s in kept)), "from disruptor.codegen import compile_once\n\n"]
    importable = True
    for local, function in functions.items():
        plain = getattr(function, "py_func", function)
        importable &= plain.__module__ != "__main__" and "<locals>" not in plain.__qualname__
        reference = f'compiled_function("{plain.__module__}", "{plain.__qualname__}")' if importable else f"_given_{local}"
        text.append(f"{local} = {reference}\n")
    text += head
    text.append(f"\n\ndef run({', '.join(arguments)}):\n" + "\n".join(body or ["    pass"]) + "\n    return 0\n")
    source = LoopSource(f"{name}_digests", "".join(text), arguments, functions, importable)
    return DigestSource(source, tuple(s[0] for s in kept), out[: len(kept)])


def overall(digests: dict[str, str]) -> str:
    """Return the hash of all digests: SHA-256 over the lines `name digest`, in order of name."""
    lines = "".join(f"{name} {digests[name]}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def _fold(dtype: np.dtype, expression: str, depth: int) -> list[str]:
    lines = []
    indent = "    " * depth
    known: Mapping[str, Any] = dtype.fields or {}
    for field in dtype.names or ():
        if field.startswith("pad"):
            continue
        inner = known[field][0]
        base, shape = inner.subdtype or (inner, ())
        target = f"{expression}['{field}']"
        level = depth
        for axis, length in enumerate(shape):
            index = f"i{level}"
            lines.append("    " * level + f"for {index} in range({length}):")
            target = f"{target}[{index}]" if axis == 0 else f"{target[:-1]}, {index}]"
            level += 1
        if base.names is not None:
            lines += _fold(base, target, level)
        else:
            function = "fold_float" if base.kind == "f" else "fold"
            lines.append("    " * level + f"h = {function}(h, {target})")
    return lines or [f"{indent}pass"]
