"""Loads the library so that it runs on the machine of an explorer: the real sources, un-jitted, their lowest layer replaced.

Replaced are the atomics, the system calls, mapped memory of int64, copies of bytes, and what tells threads apart. All
else, from `claims` to `Sequencer` and `SequenceBarrier`, is the text of the files, read anew; `mutant` seeds a fault into
it first. To be called once in a process in which numba has been imported with NUMBA_DISABLE_JIT=1, and `disruptor` not at all.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from tools.mutant_table import Mutant
from tools.verify.machine import Cells, Machine

__all__ = ["Stage", "install", "prepare"]

ROOT = Path(__file__).parents[2]
_ARENA_WORDS = 1 << 12
_TASKS_MOST = 5


class Stage:
    """The machine that runs now: explorers take turns on it."""

    machine: Machine = None  # type: ignore[assignment]


class _Loader(SourceFileLoader):
    """Compiles the file's text, with the fault seeded; never a compiled file."""

    mutant: Mutant | None = None
    known: ClassVar[dict[str, Any]] = {}

    def get_code(self, fullname: str) -> Any:
        if self.path in _Loader.known and (self.mutant is None or Path(self.path) != ROOT / self.mutant.file):
            return _Loader.known[self.path]
        text = Path(self.path).read_text()
        mutant = _Loader.mutant
        if mutant is not None and Path(self.path) == ROOT / mutant.file:
            if text.count(mutant.old) != 1:
                raise ValueError(f"{mutant.name}: the old text stands {text.count(mutant.old)} times in {mutant.file}")
            text = text.replace(mutant.old, mutant.new)
        return compile(text, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != "disruptor" and not fullname.startswith("disruptor."):
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


class _Arena:
    """Stands for CELLS: its words belong to the machine that runs."""

    cells: Cells = None  # type: ignore[assignment]
    shape = (_ARENA_WORDS,)

    def __len__(self) -> int:
        return _ARENA_WORDS

    def __getitem__(self, index: Any) -> Any:
        return self.cells[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.cells[index] = value


class _Local:
    """Stands for threading.local: `cells`, the running task's own scratch, at the same words in every run."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    @property
    def cells(self) -> Any:
        task = Stage.machine.task
        return self.taken[0 if task is None else 1 + task.number]


class Lock:
    """Stands for a lock of threading: reentrant, between tasks."""

    def __init__(self) -> None:
        self._owner: Any = None
        self._depth = 0
        self._view: dict[int, int] = {}  # what its last holder had seen

    def __enter__(self) -> Lock:
        machine = Stage.machine
        me = machine.task
        if me is not None:
            machine.point()
            while self._owner not in (None, me):
                me.looks = True
                machine.pause()
            machine.sees(self._view)
        self._owner, self._depth = me, self._depth + 1
        return self

    def __exit__(self, *args: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._owner = None
            self._view = Stage.machine.changed()

    acquire, release = __enter__, __exit__


def prepare() -> None:
    """Compile the sources once, for every process that is forked from this one."""
    for path in sorted((ROOT / "disruptor").glob("*.py")):
        _Loader.known[str(path)] = compile(path.read_text(), str(path), "exec", dont_inherit=True)


def install(mutant: Mutant | None = None) -> SimpleNamespace:
    """Load the library on the shim; return what a program needs of it: `modules by name`, and `begin(machine)`."""
    import numba

    if not numba.config.DISABLE_JIT or "disruptor" in sys.modules:
        raise RuntimeError("the shim needs NUMBA_DISABLE_JIT=1 and a process that has not imported disruptor yet")
    _Loader.mutant = mutant
    sys.meta_path.insert(0, _Finder())
    arena = _Arena()
    atomics = importlib.import_module("disruptor.atomics")
    for name, function in _ATOMICS.items():
        setattr(atomics, name, function)
    calls = importlib.import_module("disruptor.system_calls")
    for name, function in _CALLS.items():
        setattr(calls, name, function)
    stores = importlib.import_module("disruptor.stores")
    stores.copy_bytes = _copy_bytes
    memory = importlib.import_module("disruptor.memory")
    real_anonymous = memory.anonymous
    memory.anonymous = lambda size, *a, **k: SimpleNamespace(array=lambda dtype, count=None: arena)
    sequence = importlib.import_module("disruptor.sequence")
    memory.anonymous = lambda size, *a, **k: SimpleNamespace(array=lambda dtype, count=None: Stage.machine.array(count or size // 8))
    names = (
        "claims", "gating", "waiting", "wait", "lookout", "sequencer", "sequencer_core", "barrier", "byte_layout", "byte_producer",
        "byte_consumer", "broadcast", "seqlock", "processor_text", "producer_text", "codegen", "observer", "worker_pool", "processor",
        "membership", "node", "poller", "rewind", "ring", "single_producer", "rcu", "rcu_table", "deque", "stealing",
    )
    loaded = {name: importlib.import_module(f"disruptor.{name}") for name in names}
    memory.anonymous = real_anonymous
    loaded["sequencer"].anonymous = lambda size: SimpleNamespace(array=lambda dtype, count=None: Stage.machine.array(count or size // 8))
    local = loaded["lookout"]._local = _Local()
    loaded["lookout"]._until_gil_is_free = _nothing  # a pause of bounded length: there is no GIL here
    loaded["sequencer"].threading = SimpleNamespace(RLock=Lock, get_ident=lambda: 1 + Stage.machine.task.number if Stage.machine.task else 0)
    hand = sequence._arena

    def begin(machine: Machine) -> None:
        """Make `machine` the one that runs, with nothing taken of its arena."""
        Stage.machine = machine
        arena.cells = machine.array(_ARENA_WORDS)
        hand.fresh, hand.free = 1, {}
        hand.generation += 1  # what is left of the run before gives nothing back into this one
        local.taken = [sequence.take_cells(1) for _ in range(1 + _TASKS_MOST)]

    return SimpleNamespace(sequence=sequence, atomics=atomics, begin=begin, **loaded)


def _copy_bytes(target: Any, target_position: int, source: Any, source_position: int, count: int) -> None:
    """Copy whole words: plain stores, one after the other. target : Cells; source : list of int64."""
    for i in range(count // 8):
        target[target_position // 8 + i] = source[source_position // 8 + i]


def _of(cells: Any) -> Cells:
    return cells if type(cells) is Cells else cells.cells


def _load(cells: Any, index: Any) -> int:
    if type(cells) is not Cells:
        if type(cells) is not _Arena:
            return int(cells[index])  # private to its task: a numpy array
        cells = cells.cells
    return cells.machine.load(cells.place(index), True)


def _store(cells: Any, index: Any, value: Any) -> None:
    cells = _of(cells)
    cells.machine.store(cells.place(index), int(value), True)


def _exchange(cells: Any, index: Any, expected: Any, desired: Any) -> bool:
    cells = _of(cells)
    return cells.machine.exchange(cells.place(index), int(expected), int(desired))


def _add(cells: Any, index: Any, delta: Any) -> int:
    cells = _of(cells)
    return cells.machine.add(cells.place(index), int(delta))


def _futex_wait(cells: Any, index: Any, expected: Any, timeout_ns: Any, timeout_index: Any) -> None:
    cells = _of(cells)
    cells.machine.futex_wait(cells.place(index), int(expected))


def _futex_wake(cells: Any, index: Any) -> None:
    cells = _of(cells)
    cells.machine.futex_wake(cells.place(index))


def _pause(*args: Any) -> None:
    Stage.machine.pause()


def _fence() -> None:
    Stage.machine.fence()


def _fence_acquire() -> None:
    Stage.machine.fence_acquire()


def _fence_release() -> None:
    Stage.machine.fence_release()


def _nothing(*args: Any) -> None:
    pass


_ATOMICS: dict[str, Callable[..., Any]] = {
    "load_acquire": _load, "store_release": _store, "compare_exchange": _exchange, "fetch_add": _add, "pause": _pause,
    "fence": _fence, "fence_acquire": _fence_acquire, "fence_release": _fence_release, "prefetch_write": _nothing,
}
_CALLS: dict[str, Callable[..., Any]] = {
    "futex_wait": _futex_wait, "futex_wake": _futex_wake, "yield_core": _pause, "nap_ns": _pause, "clock_ns": lambda *args: 0,
}
