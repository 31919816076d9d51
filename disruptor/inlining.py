"""Compiling helpers only as far as inlining needs them.

A loop of nine handlers calls some five hundred small functions, all inlined. numba gives each of them a wrapper for
Python, a wrapper for C, a full optimisation and machine code, none of which is ever used: 85 s of CPU for the demo's
loops, 3 of 4 seconds wasted. Inside `only_inlined(top)` everything but the function `top` is lowered to LLVM IR and no
further; the top function links them all and is optimised once.

This replaces two private steps of numba for as long as the context lasts, in this thread's compilation (numba compiles
under one global lock). Where numba's parts are not what they were, the context does nothing and compilation is slower.
tests/disruptor/test_inlining.py holds it against the ordinary way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from numba.core import compiler, funcdesc
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.typed_passes import BaseNativeLowering, fallback_context

from disruptor.shortcuts import shortcuts

__all__ = ["HelpersDone", "known", "only_inlined"]


class HelpersDone(BaseException):
    """Everything that the function to be compiled calls has been lowered, and no more was wanted."""


@contextlib.contextmanager
def only_inlined(top: Any, *, helpers: bool = False) -> Iterator[None]:
    """Lower every function but the plain Python function `top` for inlining only, the short way (disruptor.shortcuts).

    A function compiled in here cannot be called from Python afterwards (with the same argument types): it raises.
    helpers : leave off when `top` itself would be lowered. Raises: HelpersDone then.
    """
    with shortcuts():
        if known():
            with _lowered_only(top, helpers):
                yield
        else:
            yield


@contextlib.contextmanager
def _lowered_only(top: Any, helpers: bool) -> Iterator[None]:
    ordinary = BaseNativeLowering.run_pass
    kept: list[Any] = []

    def run_pass(self: Any, state: Any) -> bool:
        if helpers and state.func_id.func is top:
            raise HelpersDone
        if state.func_id.func is top or state.flags.no_compile:
            return ordinary(self, state)
        return _lower(self, state, kept)

    with global_compiler_lock:
        BaseNativeLowering.run_pass = run_pass
        try:
            yield
        finally:
            BaseNativeLowering.run_pass = ordinary


def known() -> bool:
    """Whether numba's parts are what this replaces."""
    needed = ("_final_module", "_linking_libraries", "_finalize_dynamic_globals", "_raise_if_finalized")
    source = CPUCodeLibrary.finalize.__code__.co_names + CPUCodeLibrary.__init__.__code__.co_names
    return all(name in source or hasattr(CPUCodeLibrary, name) for name in needed)


def _lower(lowering: Any, state: Any, kept: list[Any]) -> bool:
    """BaseNativeLowering.run_pass without wrappers, optimisation and machine code."""
    if state.library is None:
        state.library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
        state.library.enable_object_caching()
    library, context, flags = state.library, state.targetctx, state.flags
    library._reload_init.update(state.reload_init)
    library.finalize = lambda: _link(library)
    with fallback_context(state, f"Function {state.func_id.func_name} failed at nopython mode lowering"):
        described = funcdesc.PythonFunctionDescriptor.from_specialized_function(
            state.func_ir, state.typemap, state.return_type, state.calltypes, mangler=context.mangler,
            inline=flags.forceinline, noalias=flags.noalias, abi_tags=[flags.get_mangle_string()],
        )
        with context.push_code_library(library):
            lower = lowering.lowering_class(context, library, described, state.func_ir, metadata=state.metadata)
            lower.lower()
            environment, helper = lower.env, lower.call_helper
            del lower
        entry = [].index  # a builtin method of a fresh list: hashable, unique, and it raises whatever it is given
        kept.append(environment)
        context.insert_user_function(entry, described, [library])
        state.reload_init.extend(library._reload_init)
        library._kept_environment = environment
        state["cr"] = compiler._LowerResult(described, helper, cfunc=entry, env=environment)
        state.metadata["prune_stats"] = None
        state.metadata["llvm_pass_timings"] = library.recorded_timings
    return True


def _link(library: Any) -> None:
    """Link what a helper calls; leave the rest to whoever inlines it."""
    library._raise_if_finalized()
    seen = set()
    for other in library._linking_libraries:
        if other not in seen:
            library._reload_init.update(other._reload_init)
            seen.add(other)
            library._final_module.link_in(other._get_module_for_linking(), preserve=True)
    library._finalize_dynamic_globals()
    library._finalized = True
