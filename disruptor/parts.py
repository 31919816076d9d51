"""What loops are made of, kept on disk as LLVM's intermediate code: a stage's function with everything that it calls.

Nine tenths of what compiling a loop takes goes into its stages' functions, up to where LLVM has them all in one module and
optimises it. The rest, a few seconds, depends on the graph: which stages share a thread, which sources there are. So a
function's intermediate code is kept by itself, per signature, named by all sources that it can reach: a test's graph, another
placement, or the graph after an edit of one handler take the others as they are.

    with Parts(dispatchers, checked=False) as parts:
        …                # what is compiled in here takes them from the disk
        parts.keep()     # and now those that were not there are, for others

A part holds what numba would have linked anyway, before the module as a whole is optimised: the same machine code comes out.
numba numbers functions within a process, and the numbers stand in their names, so a part's helpers get names of its own; one
that is not inlined and that two parts of a loop share is therefore there twice.
"""

from __future__ import annotations

import copy
import hashlib
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
from numba.core import compiler
from numba.core.environment import lookup_environment  # type: ignore[attr-defined]
from numba.core.serialize import dumps

from disruptor.cache import CodeCache, folder_for, source_key
from disruptor.sources import module_sources

__all__ = ["Parts"]

_KEPT_NAMES = ("internal", "private")
_ENVIRONMENT = "_ZN08NumbaEnv"


class Parts:
    """The parts of one loop, while it is compiled. dispatchers : of importable functions."""

    def __init__(self, dispatchers: Iterable[Any], *, checked: bool) -> None:
        self._caches = [(one, _PartCache(one.py_func, checked)) for one in dispatchers if isinstance(getattr(one, "py_func", None), FunctionType)]
        self._before: list[tuple[Any, Any]] = []

    def __enter__(self) -> Parts:
        self._before = [(dispatcher, dispatcher._cache) for dispatcher, _ in self._caches]
        for dispatcher, cache in self._caches:
            dispatcher._cache = cache
        return self

    def __exit__(self, *_exception: object) -> None:
        for dispatcher, before in self._before:
            dispatcher._cache = before

    @property
    def taken(self) -> int:
        """How many came from the disk."""
        return sum(cache.taken for _, cache in self._caches)

    def are_kept(self) -> bool:
        """Whether there is something on the disk for each function, for whichever types of arguments."""
        return all(cache.has_files() for _, cache in self._caches)

    def keep(self) -> None:
        """Write what had to be compiled."""
        for _, cache in self._caches:
            cache.keep()


class _PartCache(CodeCache):
    """Stands where numba's cache of one function would; see disruptor.cache for what makes its files safe."""

    def __init__(self, function: Callable, checked: bool) -> None:
        super().__init__(function, None)
        self._checked = checked
        self._fresh: list[tuple[Path, Any]] = []
        self.taken = 0

    def _folder(self) -> Path | None:
        options = ["checked"] * self._checked
        return folder_for("parts", source_key(module_sources(__name__, "disruptor.codegen", self._function.__module__), "part", *options))

    def _rebuilt(self, target_context: Any, content: bytes) -> Any:
        """Return the compiled signature: code to link, which cannot be called."""
        described, signature, bitcode, name, reload_init = pickle.loads(content)
        for function in reload_init:
            function()
        library = target_context.codegen().create_library(name)
        library.enable_object_caching()
        library._final_module = llvm.parse_bitcode(bitcode)
        library._final_module.name = name
        library._reload_init.update(reload_init)
        library._finalized = True
        self.taken += 1
        return compiler.compile_result(
            target_context=target_context, typing_context=target_context.typing_context, library=library, environment=None,
            entry_point=[].index,  # as disruptor.inlining has it
            fndesc=described, type_annotation="", signature=signature, objectmode=False, lifted=(), typing_error=None,
            call_helper=None, metadata=None, reload_init=reload_init, referenced_envs=[],
        )

    def has_files(self) -> bool:
        folder = self._folder()
        return folder is not None and any(folder.glob(f"{self._stem()}-*"))

    def save_overload(self, sig: Any, data: Any) -> None:
        """Remember the signature; `keep` writes it."""
        path = self._path(sig, data.codegen)
        if path is not None and not data.lifted and not data.library.has_dynamic_globals:
            self._fresh.append((path, data))

    def keep(self) -> None:
        for path, data in self._fresh:
            module = data.library._final_module.clone()
            if any(_has_constants(value.name) for value in module.global_variables):
                continue  # it is made of Python objects: of this process
            tag = hashlib.sha256(path.name.encode()).hexdigest()[:12]
            for value in [*module.functions, *module.global_variables]:
                if value.is_declaration or value.linkage.name in _KEPT_NAMES or value.name == data.fndesc.mangled_name:
                    continue
                value.name = f"{value.name}.{tag}"
            described = copy.copy(data.fndesc)
            described.typemap = described.calltypes = None
            what = described, data.signature, module.as_bitcode(), data.library.name, tuple(data.reload_init)
            self._write(path, dumps(what))
        self._fresh.clear()


def _has_constants(name: str) -> bool:
    environment = lookup_environment(name) if name.startswith(_ENVIRONMENT) else None
    return environment is not None and bool(environment.consts)
