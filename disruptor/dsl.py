"""The newcomer's path: a ring, handlers one after the other, `with`, `publish`.

    with Disruptor([("value", "f8"), ("spike", "?")], slots=65536).then(spikes).then(report) as d:
        d.publish(value=numbers)

Compiled handlers run without the GIL on threads of their own (fused onto fewer threads where the machine has too few
cores); plain Python handlers that take `batch` get numpy views, on an unpinned thread. Each group given to `then` waits
for the group before it. Leaving `with` drains the ring, halts and joins; a handler's exception is raised there or by the
next `publish`, naming handler and sequence.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np

from disruptor.atomics import load_acquire, pause, store_release
from disruptor.codegen import build_loop, write_loop
from disruptor.compiled import entry
from disruptor.errors import CapacityError, GraphError, HandlerError
from disruptor.handler import Handler, as_handler, params_record
from disruptor.histogram import BUCKETS
from disruptor.layout import CELL_WORDS, record_dtype
from disruptor.memory import anonymous
from disruptor.ring import Ring
from disruptor.stage import HandlerStage, RingEnd
from disruptor.waiting import WaitStrategy

__all__ = ["Disruptor"]

_HALT, _CURSOR, _WAIT, _FIRST_STAGE = 0, 1, 2, 3  # cells; a stage takes four: cursor, running, sequence, progress
_MOST_STAGES = 60
_SPINS = 20_000


class Disruptor:
    """A ring with one producer (the thread that calls `publish`) and a chain of handlers.

    fields : list of (name, format) of the records; slots : power of two.
    Raises: LayoutError, CapacityError.
    """

    def __init__(self, fields: Any, slots: int = 4096, *, name: str = "ring") -> None:
        self.ring = Ring(name, record_dtype(fields, name=f"ring '{name}'", fill=True), slots)
        self._cells = anonymous((_FIRST_STAGE + 4 * _MOST_STAGES) * CELL_WORDS * 8).array(np.int64)
        self._end = RingEnd(ring=self.ring, cursor=_CURSOR * CELL_WORDS)
        self._groups: list[list[_Member]] = []
        self._threads: list[threading.Thread] = []
        self._failure: HandlerError | None = None
        self._started = False

    def then(self, *handlers: Any) -> Disruptor:
        """Add handlers that all see each record after every handler of the group before. Returns self."""
        if self._started:
            raise GraphError("handlers are added before `with` starts the graph")
        if not handlers:
            raise GraphError("then() needs at least one handler")
        waits = tuple(m.cursor for m in self._groups[-1]) if self._groups else (self._end.cursor,)
        self._groups.append([])
        for one in handlers:
            self._groups[-1].append(self._member(as_handler(one), waits))
        return self

    def state(self, name: str) -> np.record:
        """Return the state record of the handler called `name`. Read it when the graph is not running."""
        for member in self._members():
            if member.handler.name == name and member.state is not None:
                return member.state[0]
        raise GraphError(f"no handler '{name}' with state; known: {', '.join(m.handler.name for m in self._members())}")

    def publish(self, **columns: Any) -> int:
        """Publish one record per element of the arrays given by field name (scalars count once per call).

        Fields not named keep what the slot held. Blocks while the ring is full. Returns the last sequence published.
        Raises: GraphError outside `with`, HandlerError when a handler has failed, CapacityError for arrays of different
        length and for unknown fields.
        """
        if not self._started:
            raise GraphError("publish works inside `with`, which starts the handlers")
        arrays = {field: np.atleast_1d(np.asarray(values)) for field, values in columns.items()}
        known = self.ring.dtype.names or ()
        unknown = [f for f in arrays if f not in known]
        if unknown or not arrays:
            raise CapacityError(f"ring '{self.ring.name}' has the fields {', '.join(known)}, got {unknown}")
        length = max(len(a) for a in arrays.values())
        for field, values in arrays.items():
            if len(values) not in (1, length):
                raise CapacityError(f"'{field}' has {len(values)} elements, another field {length}")
        done = 0
        chunk = max(1, self.ring.slots // 4)
        while done < length:
            done += self._publish_some(arrays, done, min(chunk, length - done))
        return int(self.ring.port[0]["published"])

    def __enter__(self) -> Disruptor:
        if self._started:
            raise GraphError("this graph is already running")
        if not self._groups:
            raise GraphError("nothing to run: add handlers with then()")
        self._start()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            last = int(self.ring.port[0]["published"])
            words = np.array(self._end.consumers, np.int64)
            while self._failure is None and not _passed(self._cells, words, last, _SPINS):
                pass
        store_release(self._cells, _HALT * CELL_WORDS, 1)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._started = False
        if self._failure is not None and kind is None:
            raise self._failure

    def _publish_some(self, arrays: dict[str, np.ndarray], offset: int, wanted: int) -> int:
        port, ring = self.ring.port[0], self.ring
        words = np.array(self._end.consumers, np.int64)
        while True:
            if self._failure is not None:
                raise self._failure
            free = _wait_for_room(self._cells, words, int(port["next"]), ring.slots, wanted, _SPINS)
            if free > 0:
                break
        first = int(port["next"]) & ring.mask
        count = min(free, wanted, ring.slots - first)
        for field, values in arrays.items():
            part = values if len(values) == 1 else values[offset : offset + count]
            ring.records[field][first : first + count] = part
        port["next"] += count
        port["published"] = port["next"] - 1
        store_release(self._cells, self._end.cursor, int(port["published"]))
        return count

    def _members(self) -> list[_Member]:
        return [member for group in self._groups for member in group]

    def _member(self, declared: Handler, waits: tuple[int, ...]) -> _Member:
        number = len(self._members())
        if number >= _MOST_STAGES:
            raise GraphError(f"at most {_MOST_STAGES} handlers, got one more")
        member = _Member(declared, number, waits)
        self._cells[member.cursor] = -1
        return member

    def _start(self) -> None:
        self._failure = None
        cells = self._cells
        cells[:] = 0
        self.ring.reset()
        cells[self._end.cursor] = -1
        for member in self._members():
            cells[member.cursor] = -1
        self._end.consumers[:] = [m.cursor for m in self._members()]
        jitted = [m for m in self._members() if m.handler.jit]
        python = [m for m in self._members() if not m.handler.jit]
        cores = len(os.sched_getaffinity(0))
        apart = len(jitted) + len(python) < cores
        bundles = [[m] for m in jitted] if apart else [jitted] if jitted else []
        wait = WaitStrategy.BUSY_SPIN if len(bundles) < cores and not python else WaitStrategy.YIELDING
        loops = [(bundle, self._loop(bundle, wait)) for bundle in bundles]
        self._started = True
        for bundle, loop in loops:
            self._launch(bundle[0].handler.name, self._run_loop, bundle, loop)
        for member in python:
            self._launch(member.handler.name, self._run_batches, member)

    def _launch(self, name: str, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, name=f"disruptor-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _loop(self, bundle: list[_Member], wait: int) -> Any:
        stages = [
            HandlerStage(
                name=m.handler.name, number=m.number, function=m.handler.function, arguments=m.handler.arguments,
                source=self._end, waits=m.waits, cursor=m.cursor, bindings=m.bindings(), batch=1 << 16,
            )
            for m in bundle
        ]
        source = write_loop(
            f"{self.ring.name}_{bundle[0].handler.name}", stages, cells=self._cells,
            histograms=np.zeros((1, BUCKETS), np.int64), halt=_HALT * CELL_WORDS, running=bundle[0].cursor + CELL_WORDS,
            progress=bundle[0].cursor + 3 * CELL_WORDS, wait=int(wait), wait_cell=_WAIT * CELL_WORDS,
        )
        return build_loop(source)

    def _run_loop(self, bundle: list[_Member], loop: Any) -> None:
        try:
            loop.run()
        except Exception as error:  # whatever the handler raised is the user's to see
            number = int(self._cells[bundle[0].cursor + CELL_WORDS])
            sequence = int(self._cells[bundle[0].cursor + 2 * CELL_WORDS])
            self._fail(self._members()[number].handler.name, sequence, error)

    def _run_batches(self, member: _Member) -> None:
        words = np.array(member.waits, np.int64)
        following = 0
        while True:
            available = _wait_for(self._cells, words, following, _HALT * CELL_WORDS, _SPINS)
            if available < following:
                if self._cells[_HALT * CELL_WORDS]:
                    return
                continue
            first = following & self.ring.mask
            count = min(available - following + 1, self.ring.slots - first)
            try:
                member.handler.function(self.ring.records[first : first + count], following)
            except Exception as error:  # see _run_loop
                self._fail(member.handler.name, following, error)
                return
            following += count
            store_release(self._cells, member.cursor, following - 1)

    def _fail(self, name: str, sequence: int, error: Exception) -> None:
        failure = HandlerError(name, sequence, error)
        failure.__cause__ = error
        self._failure = self._failure or failure
        store_release(self._cells, _HALT * CELL_WORDS, 1)


class _Member:
    """One handler of the graph, with its memory."""

    def __init__(self, declared: Handler, number: int, waits: tuple[int, ...]) -> None:
        self.handler = declared
        self.number = number
        self.waits = waits
        self.cursor = (_FIRST_STAGE + 4 * number) * CELL_WORDS
        params = declared.params() if declared.params is not None else None
        self.params = params_record(params) if params is not None else None
        dtype = declared.state_dtype(params)
        self.state = None if dtype is None else anonymous(dtype.itemsize).array(dtype, 1)

    def bindings(self) -> dict[str, np.ndarray]:
        offered = {"state": self.state, "params": self.params}
        return {name: array for name, array in offered.items() if array is not None}


@entry
def _wait_for(cells, words, wanted, halt, spins):
    """Wait until every cursor at `words` has reached `wanted`, for at most `spins` pauses. Returns the lowest cursor."""
    lowest = wanted - 1
    for _ in range(spins):
        lowest = load_acquire(cells, words[0])
        for i in range(1, words.shape[0]):
            cursor = load_acquire(cells, words[i])
            if cursor < lowest:
                lowest = cursor
        if lowest >= wanted or load_acquire(cells, halt) != 0:
            break
        pause()
    return lowest


@entry
def _wait_for_room(cells, words, following, slots, wanted, spins):
    """Wait until at least one slot is free, preferring `wanted`, for at most `spins` pauses. Returns the free slots."""
    free = 0
    for _ in range(spins):
        lowest = load_acquire(cells, words[0])
        for i in range(1, words.shape[0]):
            cursor = load_acquire(cells, words[i])
            if cursor < lowest:
                lowest = cursor
        free = lowest + 1 + slots - following
        if free >= wanted:
            break
        pause()
    return free


@entry
def _passed(cells, words, last, spins):
    """Wait until every cursor at `words` has reached `last`, for at most `spins` pauses. Returns whether they have."""
    for _ in range(spins):
        done = True
        for i in range(words.shape[0]):
            if load_acquire(cells, words[i]) < last:
                done = False
        if done:
            return True
        pause()
    return False
