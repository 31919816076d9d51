"""Compiles the loop of one thread, which is written as a small Python module (disruptor.loop_text and others).

Handlers are composed by code generation: the module imports its handlers as globals and calls them in one loop, so that
they are inlined (4–9 ns per event for six trivial handlers, against 22–41 ns through function pointers) and the machine
code is cached on disk. The text is meant to be read; `LoopSource.text` is what `python -m inspect` would show you.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import attrs
import numba
import numpy as np

from disruptor.apart import is_apart, most_processes, run_apart
from disruptor.cache import cached, folder_for, source_key
from disruptor.compiled import JIT_ENABLED, compiled, loop_options
from disruptor.complaint import COMPILER_ERRORS, complaint
from disruptor.dividing import as_compiled
from disruptor.errors import CompileError
from disruptor.inlining import HelpersDone, known, only_inlined
from disruptor.loop_writer import identifier
from disruptor.noalias import private_arrays
from disruptor.parts import Parts
from disruptor.raising import located_errors
from disruptor.review import review
from disruptor.sources import module_sources

__all__ = ["Loop", "LoopSource", "build_loop", "build_parts", "compiled_function", "function_lines", "load_loop", "prebuild"]


@attrs.frozen
class LoopSource:
    """The text of a loop module and the arguments of its function `run`, in order, by name.

    private : arguments that no other thread writes while the loop runs (see disruptor.noalias). side_by_side : loads and
    stores of neighbouring fields may become one of a whole vector (LLVM's SLP pass, on in C compilers at -O2, off in numba):
    1.6 to 1.8 instead of 1.3 to 1.4 × a C ring at 4,096 slots, records of eight words. alone : returns a loop for each of its
    stages: what they are made of can be compiled side by side.
    """

    name: str
    text: str
    arguments: dict[str, np.ndarray]
    functions: dict[str, Any]
    importable: bool
    private: tuple[str, ...] = ()
    side_by_side: bool = False
    alone: Callable[[], Sequence[LoopSource]] = attrs.field(default=tuple, eq=False)


@attrs.frozen
class Loop:
    """A compiled loop. `run()` blocks until the halt cell is set and returns 0.

    It returns before that, 1 + the number of a stage whose output that never waits was full, or `guard.status_result` of
    a handler that returned a status below 0; and it raises what a handler raises.
    """

    source: LoopSource
    function: Any
    from_cache: bool

    def run(self) -> int:
        return self.function(*self.source.arguments.values())


def function_lines(functions: dict[str, Any]) -> tuple[str, bool]:
    """Return the lines that name a loop's functions, and whether all of them can be imported (so that it can be cached)."""
    lines, importable = [], True
    for local, function in functions.items():
        plain = getattr(function, "function", function)
        reachable = _importable(plain)
        importable &= reachable
        reference = f'compiled_function("{plain.__module__}", "{plain.__qualname__}")' if reachable else f"_given_{local}"
        lines.append(f"{local} = {reference}\n")
    return "".join(lines), importable


def build_loop(source: LoopSource, *, checked: bool = False) -> Loop:
    """Compile a loop, from the disk cache when nothing it depends on has changed.

    checked : an index out of bounds and an int64 sum, difference or product out of range raise instead of going wrong silently.
    Raises: CompileError with numba's complaint reduced to handler, line and cause.
    """
    if not JIT_ENABLED:
        return Loop(source, as_compiled(load_loop(source, None).run), False)
    if not is_apart() and threading.active_count() == 1:  # a process with threads is not forked
        prebuild([source], checked=checked)
    folder = folder_for("loops", _key(source, checked)) if source.importable else None
    module = load_loop(source, folder)
    dispatcher = numba.njit(**loop_options(cache=False, boundscheck=checked))(module.run)
    if folder is not None:
        cached(dispatcher, folder)
    parts = Parts(_dispatchers(source), checked=checked)
    try:
        _compile(source, dispatcher, parts, checked=checked)
        if not dispatcher.stats.cache_hits:
            _review(source)
            parts.keep()
    except CompileError:
        dispatcher._cache.flush()  # what was refused must not be found there
        raise
    except COMPILER_ERRORS as error:
        raise complaint(source.name, source.functions, error, source.arguments) from error
    dispatcher.disable_compile()
    return Loop(source, dispatcher, bool(dispatcher.stats.cache_hits))


def build_parts(source: LoopSource, *, checked: bool = False) -> None:
    """Compile what a loop is made of into the disk cache, and not the loop. Raises: as `build_loop`, or what numba raises."""
    dispatcher = numba.njit(**loop_options(cache=False, boundscheck=checked))(load_loop(source, None).run)
    parts = Parts(_dispatchers(source), checked=checked)
    with contextlib.suppress(HelpersDone):
        _compile(source, dispatcher, parts, checked=checked, helpers=True)
    _review(source)
    parts.keep()


def _compile(source: LoopSource, dispatcher: Any, parts: Parts, *, checked: bool, helpers: bool = False) -> None:
    ordinary = numba.config.BOUNDSCHECK, numba.config.SLP_VECTORIZE
    try:
        if checked:
            numba.config.BOUNDSCHECK = 1  # for the inlined handlers, not just for the loop
        if source.side_by_side:
            numba.config.SLP_VECTORIZE = 1
        with located_errors(checked=checked), only_inlined(dispatcher.py_func, helpers=helpers), parts, \
                private_arrays(source.private, source.arguments), warnings.catch_warnings():
            warnings.simplefilter("ignore", numba.core.errors.NumbaExperimentalFeatureWarning)  # a record with a mark behind it
            dispatcher.compile(tuple(numba.typeof(a) for a in source.arguments.values()))
    finally:
        numba.config.BOUNDSCHECK, numba.config.SLP_VECTORIZE = ordinary


def _dispatchers(source: LoopSource) -> list[Any]:
    """Return the dispatchers of the loop's functions that were plain ones and can be found again by another process."""
    if not known():
        return []  # what numba compiles in the ordinary way is optimised already
    plain = [_plain(function) for function in source.functions.values()]
    return [compile_once(f) for f in dict.fromkeys(plain) if isinstance(f, FunctionType) and _importable(f)]


def _review(source: LoopSource) -> None:
    """Refuse what compiles and is wrong all the same: stores that lose values, print, text fields. Raises: CompileError."""
    for local, function in source.functions.items():
        if local.startswith("on_"):
            review(local.removeprefix("on_"), compile_once(function))


def prebuild(sources: list[LoopSource], *, also: Sequence[Callable[[], object]] = (), checked: bool = False) -> None:
    """Compile loops that are not in the disk cache, in processes of their own, and wait for them.

    numba compiles one function at a time in a process, so two take half the time in two; and the memory that the compiler takes
    goes with them. Where cores would be idle, first what the loops are made of (disruptor.parts), then the loops; always the
    largest first. What cannot be cached is left to `build_loop`, and so is everything in a process that has threads: it is not forked.
    also : compile what is not of a loop, into the disk cache; called, in one of the processes, when a loop is missing.
    """
    if threading.active_count() > 1:
        return
    missing = [source for source in sources if JIT_ENABLED and _needs_build(source, checked)]
    if not missing:
        return
    missing.sort(key=_weight, reverse=True)
    loops = {k: functools.partial(build_loop, source, checked=checked) for k, source in enumerate(missing)}
    alone = {k: source.alone() for k, source in enumerate(missing)}
    parts = [one for several in alone.values() for one in several if not Parts(_dispatchers(one), checked=checked).are_kept()]
    parts.sort(key=_weight, reverse=True)
    composed = sum(1 for several in alone.values() if several)
    if len(parts) <= composed or most_processes() < 2 * composed:  # each loop makes its own: less work, and no core would be idle
        run_apart([*loops.values(), *also])
        return
    run_apart([*(functools.partial(build_parts, one, checked=checked) for one in parts), *(loops[k] for k in loops if not alone[k]), *also])
    run_apart([loops[k] for k in loops if alone[k]])


def _weight(source: LoopSource) -> int:
    """Return the bytes of Python code that a loop's functions can reach: about in proportion to what compiling them takes."""
    waiting: list[Any] = [_plain(function) for function in source.functions.values()]
    seen, weight = set(), 0
    while waiting:
        thing = waiting.pop()
        function = getattr(thing, "py_func", thing)
        if not isinstance(function, FunctionType) or function in seen:
            continue
        seen.add(function)
        weight += len(function.__code__.co_code)
        waiting.extend(function.__globals__.get(name) for name in function.__code__.co_names)
    return weight


def _plain(thing: Any) -> Any:
    """Return the function of a Handler or a Driver; anything else as it is."""
    return getattr(thing, "function", getattr(thing, "step", thing))


def _needs_build(source: LoopSource, checked: bool) -> bool:
    if not source.importable:
        return False
    folder = folder_for("loops", _key(source, checked))
    return folder is not None and not any(folder.glob("run-*"))


def _key(source: LoopSource, checked: bool) -> str:
    options = ["checked"] * checked + ["side by side"] * source.side_by_side
    return source_key(_reachable(source), source.text, " ".join(source.private), *options)


_compiled: dict[Any, Any] = {}


def compiled_function(module: str, qualname: str) -> Any:
    """Return the compiled form of a handler or step function, by where it is defined. One dispatcher per function."""
    thing: Any = importlib.import_module(module) if module not in sys.modules else sys.modules[module]
    for part in qualname.split("."):
        thing = getattr(thing, part)
    return compile_once(thing)


def compile_once(thing: Any) -> Any:
    """Return the inlinable dispatcher of a plain function, Handler or dispatcher."""
    plain = _plain(thing)
    if not isinstance(plain, FunctionType):
        return plain
    if plain not in _compiled:
        _compiled[plain] = compiled(plain)
    return _compiled[plain]


def _importable(function: Any) -> bool:
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    if file is None or function.__module__ == "__main__" or "<locals>" in function.__qualname__:
        return False
    thing: Any = module
    for part in function.__qualname__.split("."):
        thing = getattr(thing, part, None)
    found = getattr(thing, "function", getattr(thing, "step", thing))
    return found is function and Path(file).exists()  # a doctest's functions are in no module, whatever they say


def load_loop(source: LoopSource, folder: Path | None) -> ModuleType:
    name = f"disruptor_loop_{identifier(source.name)}"
    module = ModuleType(name)
    for local, function in source.functions.items():
        module.__dict__[f"_given_{local}"] = compile_once(function)
    if folder is not None:
        path = folder / f"{name}.py"
        if not path.exists() or path.read_text() != source.text:
            path.write_text(source.text)
        module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(source.text, module.__dict__.get("__file__", f"<loop {source.name}>"), "exec"), module.__dict__)
    return module


def _reachable(source: LoopSource) -> list[Path]:
    """Return every source file that the loop's functions can reach, constants included."""
    modules = {getattr(f, "function", getattr(f, "step", f)).__module__ for f in source.functions.values()}
    return module_sources(__name__, *modules)
