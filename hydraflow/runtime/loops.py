"""The loops of a run: one compiled function per thread of the placement, Python loops, the state digests."""

from __future__ import annotations

import time
from typing import Any

import attrs
import numpy as np

from disruptor.codegen import Loop, LoopSource, build_loop, prebuild
from disruptor.guard import GuardedLoop
from disruptor.interpreted import interpreted
from disruptor.layout import CELL_WORDS
from disruptor.loop_text import write_loop
from disruptor.stage import Checkpoint, HandlerStage
from disruptor.waiting import WaitStrategy
from hydraflow.errors import UsageError
from hydraflow.placement.assign import Thread
from hydraflow.runtime.assembly import Assembly
from hydraflow.runtime.debugger import HandlerDebugger
from hydraflow.runtime.digests import DigestSource, write_digests
from hydraflow.runtime.guards import Reporter
from hydraflow.runtime.options import debugged
from hydraflow.runtime.phases import Phase
from hydraflow.runtime.python_source import PythonSource
from hydraflow.runtime.python_stage import PythonLoop
from hydraflow.topology.spec import is_own

__all__ = ["CHECKPOINT_ROWS", "Loops"]

CHECKPOINT_ROWS = 1 << 16


class Loops:
    """Compiles when made. compiled, python : loops by thread name; from_cache : whether nothing had to be compiled.

    checkpoints : int64[rows, stages] that the loops fill when `hash_every` asks for it.
    Raises: CompileError.
    """

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        began = time.monotonic()
        self.compiled: dict[str, Any] = {}  # Loop or GuardedLoop
        self.python: dict[str, PythonLoop | PythonSource] = {}
        self.digests = self._write_digests()
        self.checkpoints = np.zeros((1, 1), np.int64)
        self._add_checkpoints()
        self._write_loops()
        self.digests.build()
        if assembly.journaling is not None:
            assembly.journaling.writer.compile()
        self.seconds = time.monotonic() - began
        self.from_cache = all(loop.from_cache for loop in self.compiled.values())

    def rescue(self, stage: HandlerStage) -> Loop:
        """Compile a loop of one stage alone, ended by the control cell `rescue`."""
        a = self._assembly
        thread = a.placement.thread_of(stage.name)
        alone = attrs.evolve(thread, wait="yielding")
        return build_loop(self._source(alone, [stage], False, a.rescue, name="rescue"), checked=a.options.checked)

    def _write_loops(self) -> None:
        a = self._assembly
        order = a.graph.order()
        compiled = [t for t in a.placement.threads if t.kind == "compiled"]
        blocking = any(t.wait == "blocking" for t in compiled)
        members = {t.name: [a.graph.members[n].stage for n in order if n in t.stages] for t in compiled}
        sources = {t.name: self._source(t, members[t.name], blocking, a.halt) for t in compiled}
        a.file.set_phase(int(Phase.COMPILING), f"loops: {', '.join(sources)}")
        writer = [] if a.journaling is None else [a.journaling.writer.compile]
        digests = [] if a.options.checked else [self.digests.source]  # which wrap on purpose
        prebuild([*sources.values(), *digests], also=writer, checked=a.options.checked)
        for name, source in sources.items():
            self.compiled[name] = self._guarded(build_loop(source, checked=a.options.checked), name, members[name])
        for thread in a.placement.threads:
            if thread.kind == "interpreted":
                self._interpret(thread)
            if thread.kind == "python":
                self.python[thread.name] = self._python(thread, blocking)
        for name, recorder in a.recorders.items():
            self.python[name] = PythonLoop(recorder, a.cells, a.halt, a.running_word(name))

    def _python(self, thread: Thread, blocking: bool) -> PythonLoop | PythonSource:
        """Make the loop of a Python handler, or of a generator. blocking : some compiled thread sleeps and must be woken."""
        a = self._assembly
        stage, running = a.graph.members[thread.stages[0]].stage, a.running_word(thread.name)
        if not isinstance(stage, HandlerStage):
            return PythonSource(stage, a.cells, a.halt, running, a.file.histograms, a.wait_cell if blocking else -1)
        self._debug(stage)
        return PythonLoop(stage, a.cells, a.halt, running, Reporter(a.file), histograms=a.file.histograms,
                          progress=a.progress_word(thread.name))

    def _interpret(self, thread: Thread) -> None:
        """Make the loop of the handler that is being debugged: the same text, run by the interpreter."""
        a = self._assembly
        stage = a.graph.members[thread.stages[0]].stage
        source = self._source(thread, [stage], False, a.halt)
        hand = a.running_word(thread.name) + CELL_WORDS
        debugger = HandlerDebugger(stage.name, debugged(a.options.debug)[1], a.options.terminal)
        loop = interpreted(source, lambda f: debugger.wrap(f, lambda *_: (int(a.cells[hand]),) * 2))
        self.compiled[thread.name] = self._guarded(loop, thread.name, [stage])

    def _debug(self, stage: HandlerStage) -> None:
        """Have a Python handler called by the debugger, when it is the one."""
        name, at = debugged(self._assembly.options.debug)
        if name == stage.name:
            debugger = HandlerDebugger(name, at, self._assembly.options.terminal)
            stage.function = debugger.wrap(stage.function, lambda batch, first: (first, first + len(batch) - 1))

    def _guarded(self, loop: Loop, thread: str, stages: list[Any]) -> Any:
        """Return the loop, entered again after faults where one of its stages may go on."""
        a = self._assembly
        if not any(isinstance(s, HandlerStage) and s.guard for s in stages):
            return loop
        return GuardedLoop(loop, stages, a.cells, running=a.running_word(thread), wait_cell=a.wait_cell, report=Reporter(a.file))

    def _source(self, thread: Thread, stages: list[Any], wake: bool, halt: int, *, name: str = "") -> LoopSource:
        a = self._assembly
        return write_loop(
            f"{a.topology.name}_{name or thread.name}", stages, cells=a.cells, histograms=a.file.histograms, halt=halt,
            running=a.running_word(thread.name), progress=a.progress_word(thread.name),
            wait=int(WaitStrategy[thread.wait.upper().replace("-", "_")]), wait_cell=a.wait_cell, wake=wake,
        )

    def _write_digests(self) -> DigestSource:
        a = self._assembly
        stages = [
            (name, m.declared, m.state, m.params_array)
            for name, m in a.graph.members.items()
            if isinstance(m.stage, HandlerStage) and m.declared.jit and self._is_hashed(m.stage.source.ring.name)
        ]
        return write_digests(a.topology.name, stages)

    def _is_hashed(self, ring: str) -> bool:
        """Whether the states of a ring's stages are in the state hash: of the sequenced ring, or where none is, of own records."""
        a = self._assembly
        if a.graph.main:
            return ring == a.graph.main
        return ring in a.topology.rings and is_own(a.topology.rings[ring].record)

    def _add_checkpoints(self) -> None:
        every = self._assembly.options.hash_every
        if every <= 0:
            return
        if not self._assembly.graph.main:
            raise UsageError("no ring is sequenced, whose messages could be counted", where="--hash-every",
                             remedy="run without it: the state hash at the end is there")
        self._assembly.file.set_phase(int(Phase.COMPILING), "state digests")
        self.digests.build()
        names = self.digests.names
        self.checkpoints = np.zeros((CHECKPOINT_ROWS, max(len(names), 1)), np.int64)
        for column, name in enumerate(names):
            stage = self._assembly.graph.members[name].stage
            assert isinstance(stage, HandlerStage)
            stage.checkpoint = Checkpoint(digest=self.digests.function(name), every=every, out=self.checkpoints, column=column)
