"""A pool of threads for irregular work: compiled tasks, each a record, that may begin further tasks.

    @handler(state=[("leaves", "i8")])
    def walk(event, state, spawn):
        if event["depth"] == 0:
            state["leaves"] += 1
        for _ in range(event["depth"]):
            at = task_room(spawn)
            if at >= 0:                                  # −1: full; do it here, or count on depth below `slots`
                spawn.tasks[at]["depth"] = event["depth"] - 1
                task_push(spawn)

    with StealingPool([("depth", "i8")], walk) as pool:
        pool.run([(9,)])
        pool.states["leaves"].sum()

Every worker has a deque of its own; one whose deque is empty steals the oldest task of another, which in work that divides itself
is the largest. A worker does its youngest task first, so a deque of a tree's depth × branching is enough. For work of even
cost that comes through a ring there is the worker pool of `handle_events_with_worker_pool`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from disruptor.codegen import Loop, LoopSource, build_loop, function_lines
from disruptor.errors import CapacityError, CompileError, DisruptorError, ForkError, GraphError
from disruptor.handler import Handler, as_handler, params_record
from disruptor.layout import record_dtype
from disruptor.loop_writer import LoopWriter, identifier
from disruptor.memory import anonymous
from disruptor.sequence import generation
from disruptor.stealing import COUNT, FIRST, HALT, REFUSED, SEED, STOLEN, WORKER_WORDS
from disruptor.threads import PinnedThread

__all__ = ["StealingPool"]

_WORKERS_MAX = 1024
_TEXT = '''"""Generated loop: a worker of stealing pool '{name}'. Do not edit; it is written again whenever the pool changes."""

from disruptor.atomics import load_acquire
from disruptor.codegen import compiled_function
from disruptor.stealing import FIRST, HALT, SCRATCH, WORKER_WORDS, Spawn, find_task, finish_task, is_quiet
from disruptor.waiting import idle_turn

{functions}

def run({arguments}):
    me, workers, mask = words[0], words[1], words[2]
    place = FIRST + me * WORKER_WORDS
    spawn = Spawn(tasks, cells, place, me * (mask + 1), mask)
{head}
    idle_count = 0
    while load_acquire(cells, HALT) == 0:
        if find_task(cells, tasks, source, hand, me, workers, mask):
            {call}
            finish_task(cells, place)
            idle_count = 0
        elif is_quiet(cells, workers):
            return 0
        else:
            idle_count = idle_turn(1, 64, 0, 0, 0, 0, idle_count, cells, 0, place + SCRATCH)
    return 1
'''


class StealingPool:
    """Threads that do tasks until none is left.

    dtype : the record of a task. task : a compiled handler of event (the task's record), state (one per worker), params,
    spawn (a Spawn, to begin more tasks), and what `shared` names, any of them. workers : threads, default one per usable
    core. slots : tasks that a deque holds, a power of two. cpus : cores, worker k on cpus[k]; None: not pinned.
    shared : arrays by name, which all workers see; who writes what in them is the tasks' affair.
    Raises: GraphError, CapacityError, CompileError, LayoutError.
    """

    def __init__(
        self, dtype: Any, task: Any, *, workers: int | None = None, slots: int = 4096, cpus: Sequence[int] | None = None,
        shared: Mapping[str, np.ndarray] | None = None, params: Any = None,
    ) -> None:
        declared = as_handler(task)
        self.name = declared.name
        if not declared.jit:
            raise GraphError(f"stealing pool '{self.name}': the task is plain Python, which one thread at a time can run")
        self.dtype = record_dtype(dtype, name=f"task of '{self.name}'")
        self.workers = len(os.sched_getaffinity(0)) if workers is None else workers
        if not 1 <= self.workers <= _WORKERS_MAX:
            raise CapacityError(f"stealing pool '{self.name}': workers must be 1..{_WORKERS_MAX:,}, got {self.workers:,}")
        if slots < 2 or slots & (slots - 1):
            raise CapacityError(f"stealing pool '{self.name}': slots must be a power of two from 2 on, got {slots:,}")
        if cpus is not None and len(cpus) != self.workers:
            raise CapacityError(f"stealing pool '{self.name}': {len(cpus)} cpus for {self.workers} workers; name one for each")
        self.slots = slots
        self.cells = anonymous(8 * (FIRST + self.workers * WORKER_WORDS)).array(np.int64)
        self._tasks = anonymous(self.workers * slots * self.dtype.itemsize).array(self.dtype, self.workers * slots)
        values = params if params is not None else declared.params() if declared.params is not None else None
        self._params = None if values is None else params_record(values)
        state = declared.state_dtype(values)
        self._states = [] if state is None else [anonymous(state.itemsize).array(state, 1) for _ in range(self.workers)]
        self._hands = [anonymous(self.dtype.itemsize).array(self.dtype, 1) for _ in range(self.workers)]
        self._arguments = [self._source(declared, worker, dict(shared or {})) for worker in range(self.workers)]
        self._loop: Loop = build_loop(self._arguments[0])
        self._generation = generation()
        self._running = threading.Lock()
        self._go = [threading.Semaphore(0) for _ in range(self.workers)]
        self._done = threading.Semaphore(0)
        self._failures: list[tuple[int, BaseException]] = []
        self._first = np.zeros(0, self.dtype)
        self._closing = False
        self._threads = [
            PinnedThread(self._work, (k,), name=f"steal-{k}", cpus=None if cpus is None else (cpus[k],), halt=self._leave)
            for k in range(self.workers)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, tasks: Any) -> None:
        """Do these tasks and all that they begin; return when nothing is left. One run at a time: a second caller waits.

        tasks : array of the pool's record, or what makes one. Raises: DisruptorError when a task failed (those not yet
        done are dropped), or the pool is closed; ForkError in a process that was forked after it was made.
        """
        if self._generation != generation():
            raise ForkError("stealing pool")
        with self._running:
            if self._closing:
                raise DisruptorError(f"stealing pool '{self.name}' is closed")
            self._first = np.array(tasks, self.dtype).reshape(-1)
            self._failures = []
            self._clear_cells()
            waiting = self.workers
            for go in self._go:
                go.release()
            try:
                while waiting:
                    self._done.acquire()
                    waiting -= 1
            except BaseException:  # Ctrl-C: the workers leave after the tasks in hand
                self.cells[HALT] = 1
                while waiting:
                    self._done.acquire()
                    waiting -= 1
                raise
            if self._failures:
                worker, error = self._failures[0]
                raise DisruptorError(
                    f"task '{self.name}' failed on worker {worker} ({type(error).__name__}: {error}); in hand: {self._hands[worker][0]}"
                ) from error

    @property
    def states(self) -> np.ndarray:
        """A copy of the workers' state records, one row each; they are kept from run to run. Read between runs."""
        return np.concatenate(self._states) if self._states else np.zeros(0, np.int64)

    @property
    def stolen(self) -> int:
        """How many tasks of the latest run were done by another worker than the one that had them first."""
        return self._sum(STOLEN)

    @property
    def refused(self) -> int:
        """How often in the latest run a deque was full when a task asked for room."""
        return self._sum(REFUSED)

    def clear(self) -> None:
        """Set the workers' states to zero. Between runs."""
        for state in self._states:
            state.view(np.uint8)[:] = 0

    def close(self) -> None:
        """End the threads. A run that goes on ends first, after the tasks in hand."""
        self.cells[HALT] = 1
        with self._running:
            self._leave()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> StealingPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<StealingPool '{self.name}' of {self.workers} workers, {self.slots:,} slots each>"

    def _source(self, declared: Handler, worker: int, shared: dict[str, np.ndarray]) -> LoopSource:
        """Return the text of a worker's loop, the same for all of them, and its arguments."""
        out = LoopWriter(self.cells, np.zeros(0, np.int64))
        words = np.array([worker, self.workers, self.slots - 1], np.int64)
        out.arguments = {"cells": self.cells, "tasks": self._tasks, "source": np.zeros(0, self.dtype), "hand": self._hands[worker], "words": words}
        offered = {"event": "hand[0]", "spawn": "spawn"}
        for name, array in {"state": self._states[worker] if self._states else None, "params": self._params}.items():
            if array is not None:
                offered[name] = out.value(f"own_{name}", array, record=True)
        for name, array in shared.items():
            if name in declared.arguments:
                offered[name] = out.value(f"shared_{identifier(name)}", array)
        for name in declared.arguments:
            if name not in offered:
                raise CompileError(declared.name, f"nothing is called '{name}'; known here: {', '.join(sorted({*offered, *shared}))}")
        on = out.named(f"on_{identifier(declared.name)}", declared.function)
        functions, importable = function_lines(out.functions)
        text = _TEXT.format(
            name=self.name, functions=functions, arguments=", ".join(out.arguments), head="\n".join(out.head),
            call=f"{on}({', '.join(offered[name] for name in declared.arguments)})",
        )
        private = ("hand", *(name for name in out.arguments if name == "own_state"))
        return LoopSource(f"stealing_{self.name}", text, out.arguments, out.functions, importable, private)

    def _clear_cells(self) -> None:
        self.cells[:] = 0
        self.cells[COUNT] = self._first.size
        for worker in range(self.workers):
            self.cells[FIRST + worker * WORKER_WORDS + SEED] = 0x2545F491 + 0x9E3779B * worker & 0x7FFFFFFF | 1

    def _sum(self, word: int) -> int:
        return int(self.cells[FIRST + word :: WORKER_WORDS].sum())

    def _work(self, worker: int) -> None:
        given = self._arguments[worker].arguments
        while True:
            self._go[worker].acquire()
            if self._closing:
                return
            try:
                self._loop.function(*{**given, "source": self._first}.values())
            except BaseException as error:  # told to whoever waits for the run
                self._failures.append((worker, error))
                self.cells[HALT] = 1
            finally:
                self._done.release()

    def _leave(self) -> None:
        self._closing = True
        self.cells[HALT] = 1
        for go in self._go:
            go.release()
