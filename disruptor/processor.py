"""Runs a Python handler: wait, hand over what is there, say how far it has come.

    processor = BatchEventProcessor(ring, ring.new_barrier(), handler)
    ring.add_gating_sequences(processor.sequence)
    threading.Thread(target=processor.run).start(); ...; processor.halt()

`Disruptor` makes and runs these by itself. A processor is idle, running or halted; `halt` before `run` makes the next run
a short one (`on_start`, `on_shutdown`), and it can be run again afterwards.

Source: LMAX BatchEventProcessor. What differs, on purpose: an error in `on_batch_start` is an error of the batch's first
record, which is not handed over; a processor that ends by an error tells the ring, whose producers raise it.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from disruptor.barrier import SequenceBarrier
from disruptor.claims import IDLE, PROGRESS
from disruptor.errors import GraphError, HandlerError, Rewind
from disruptor.faults import ExceptionHandler, as_exception_handler
from disruptor.handler import Handler, as_handler
from disruptor.layout import CELL_WORDS
from disruptor.lookout import BatchLookout
from disruptor.measuring import NO_STAMPS, histograms, note_batch, now
from disruptor.poller import next_run
from disruptor.rewind import RewindAction
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import CELLS, Sequence, take_cells
from disruptor.wait import as_wait
from disruptor.waiting import wake_all

__all__ = ["BatchEventProcessor", "Processor", "ProcessorState", "failed", "judge"]


_AT_WORK, _IN_HAND = CELL_WORDS, 2 * CELL_WORDS  # words of a processor's control cells; its first cell is the halt flag


class ProcessorState(Enum):
    """Where a processor is."""

    IDLE = "not running"
    RUNNING = "running"
    HALTED = "told to end"


def failed(name: str, sequence: int, cause: BaseException | str) -> HandlerError:
    """Return the HandlerError of a handler at a record, with its cause."""
    failure = HandlerError(name, sequence, cause)
    if isinstance(cause, BaseException):
        failure.__cause__ = cause
    return failure


def judge(exceptions: ExceptionHandler, failure: HandlerError, sequence: int, event: Any) -> None:
    """Let the exception handler decide: returns to pass by. Raises: HandlerError to end, whatever the handler raises."""
    try:
        if isinstance(failure.cause, BaseException) and not isinstance(failure.cause, Exception):
            raise failure  # SystemExit and its like are not passed by
        exceptions.on_event_error(failure, sequence, event)
    except HandlerError:
        raise
    except BaseException as error:
        raise failed(failure.handler, sequence, error) from error


class Processor:
    """What all processors share: a sequence, a state, an end.

    name : of its handler. sequence : the last record it is done with. failure : what it ended by, or None.
    """

    def __init__(self, ring: RingBuffer, barrier: SequenceBarrier, name: str, sequence: Sequence) -> None:
        self.ring, self.barrier, self.name, self.sequence = ring, barrier, name, sequence
        self.failure: HandlerError | None = None
        self.started = threading.Event()
        self._control = take_cells(4)
        self._state = ProcessorState.IDLE
        self._stop = False
        self._lock = threading.Lock()

    @property
    def is_running(self) -> bool:
        """Whether a thread is inside `run`."""
        return self._state is not ProcessorState.IDLE

    def halt(self) -> None:
        """Make `run` return after the batch at hand; before `run`, make the next one short. From any thread."""
        with self._lock:
            self._stop = True
            if self._state is ProcessorState.RUNNING:
                self._state = ProcessorState.HALTED
            CELLS[self._control.word] = 1
        for cell in (IDLE, PROGRESS):
            wake_all(CELLS, self.ring.sequencer.base + cell)

    def run(self) -> None:
        """Handle records until `halt`, or until an error ends it. Raises: that HandlerError; GraphError when running."""
        with self._lock:
            if self._state is not ProcessorState.IDLE:
                raise GraphError(f"handler '{self.name}' is already running")
            self._state = ProcessorState.RUNNING
            self.failure = None
        try:
            self._start()
            self.started.set()
            try:
                if not self._stop:
                    self._work()
            except BaseException as error:
                self._died(self._failure_of(error))
                raise
            finally:
                self._shut_down()
        except BaseException as error:
            failure = self.failure or self._failure_of(error)
            if self.failure is None:
                self._died(failure)
            raise failure from failure.__cause__
        finally:
            self.started.set()
            with self._lock:
                self._state, self._stop = ProcessorState.IDLE, False
                CELLS[self._control.word] = 0
                self.started = threading.Event()

    @property
    def note_words(self) -> tuple[int, int]:
        """Words of the cells that hold the number of the handler at work, and the sequence that it has in hand."""
        return self._control.word + _AT_WORK, self._control.word + _IN_HAND

    def in_hand(self) -> tuple[str, int]:
        """Return the name of the handler at work and its record's sequence; ("", −1) when none is."""
        at_work = int(CELLS[self._control.word + _AT_WORK])
        return (self.name, int(CELLS[self._control.word + _IN_HAND])) if at_work >= 0 else ("", -1)

    def _start(self) -> None:
        raise NotImplementedError

    def _work(self) -> None:
        raise NotImplementedError

    def _shut_down(self) -> None:
        raise NotImplementedError

    def _failure_of(self, error: BaseException) -> HandlerError:
        """Return what a run ends by as a HandlerError: handlers, and exception handlers of users, may raise anything."""
        return error if isinstance(error, HandlerError) else failed(self.name, self.sequence.get() + 1, error)

    def arm(self) -> None:
        """Forget a halt that came before: the next run is a whole one."""
        with self._lock:
            if self._state is ProcessorState.IDLE:
                self._stop, CELLS[self._control.word] = False, 0

    def _died(self, error: HandlerError) -> None:
        self.failure = error
        self.ring.sequencer.consumer_died(error)


class BatchEventProcessor(Processor):
    """Runs a Python handler on the thread that calls `run`.

    handler : a Handler with jit=False, an object with `on_event` or `on_batch`, or a function of (event, sequence,
    end_of_batch), or (batch, first_sequence). settings : those of `Handler` (batch_limit, on_error, rewind, wait, …).
    Raises: GraphError for a handler or settings that do not go together.
    """

    def __init__(
        self, ring: RingBuffer, barrier: SequenceBarrier, handler: Any, *, sequence: Sequence | None = None,
        state: np.ndarray | None = None, params: np.ndarray | None = None, **settings: Any,
    ) -> None:
        declared = as_handler(handler).using(**{"jit": False, **settings})
        if handler is None or declared.on_error is None:
            raise GraphError("a processor needs a handler and an exception handler, got None")
        super().__init__(ring, barrier, declared.name, ring.new_sequence() if sequence is None else sequence)
        if declared.batch_limit < 0:
            raise GraphError(f"handler '{self.name}': batch_limit must be >= 0, got {declared.batch_limit}")
        if declared.rewind is not None and declared.follow is not None:
            raise GraphError(f"handler '{self.name}': what was released early cannot be rewound; rewind and follow exclude each other")
        self.handler = declared
        self.measured = histograms() if ring.sequencer.stamps.size else NO_STAMPS
        self.exceptions = as_exception_handler(declared.on_error)
        self.wait = barrier.wait if declared.wait is None else as_wait(declared.wait)
        ring.sequencer.parks(self.wait)
        self.owned = {"state": None if state is None else state[0], "params": None if params is None else params[0]}
        self._call = self._caller(declared)
        self._batch_started = self._bound(declared.on_batch_start)
        self._on_timeout = self._bound(declared.on_timeout)
        if declared.follow is not None:
            declared.follow(self.sequence)

    def _caller(self, declared: Handler) -> Callable[[Any, int, bool], Any]:
        function, names = declared.function, declared.arguments
        if declared.takes_batches or names == ("event", "sequence", "end_of_batch"):
            return function
        known = ("event", "sequence", "end_of_batch", *(k for k, v in self.owned.items() if v is not None))
        missing = [n for n in names if n not in known and n not in ("args", "kwargs")]
        if len(names) == 3 and missing:  # a callable with names of its own: by position, as in LMAX
            return function
        if missing:
            raise GraphError(f"handler '{self.name}': nothing is called '{missing[0]}'; known here: {', '.join(known)}")

        def call(event: Any, sequence: int, end_of_batch: bool) -> Any:
            offered = {"event": event, "sequence": sequence, "end_of_batch": end_of_batch, **self.owned}
            return function(**{name: offered[name] for name in names if name in offered})

        return call

    def _bound(self, hook: Callable | None) -> Callable[..., Any] | None:
        return None if hook is None else bound_hook(hook, self.owned)

    def _call_hook(self, hook: Callable | None) -> None:
        if hook is not None:
            bound_hook(hook, self.owned)()

    def _start(self) -> None:
        CELLS[self._control.word + _AT_WORK] = -1
        try:
            self._call_hook(self.handler.on_start)
        except Exception as error:
            self.exceptions.on_start_error(HandlerError(self.name, self.sequence.get() + 1, error))

    def _shut_down(self) -> None:
        CELLS[self._control.word + _AT_WORK] = -1
        try:
            self._call_hook(self.handler.on_shutdown)
        except Exception as error:
            self.exceptions.on_shutdown_error(HandlerError(self.name, self.sequence.get(), error))

    def _work(self) -> None:
        ring, barrier = self.ring, self.barrier
        lookout = BatchLookout(
            ring.sequencer.base, ring.sequencer.marks, barrier.upstream, self.wait, sequence=self.sequence.word,
            control=self._control.word, patience_ns=self.wait.timeout_ns or -1,
        )
        deliver = self._deliver_batch if self.handler.takes_batches else self._deliver_each
        limit = self.handler.batch_limit or (1 << 62)
        following, attempts = self.sequence.get() + 1, 0
        while True:
            available = lookout.next(following)
            if self._stop:
                return
            if available < following:
                self._timed_out()
                continue
            end = min(following + limit - 1, available)
            at = following
            try:
                if self._batch_started is not None:
                    self._batch_started(batch_size=end - at + 1, queue_depth=available - at + 1)
                if self.measured.size:
                    published, began = int(ring.sequencer.stamps[following & ring.mask]), now()
                at = deliver(following, end)
                attempts = 0
                if self.measured.size:
                    note_batch(self.measured, published, began, at - following)
            except BaseException as error:
                at = self._hand()
                if isinstance(error, Rewind) and self.handler.rewind is not None:
                    attempts += 1
                    if self.handler.rewind.decide(error, attempts) is RewindAction.REWIND:
                        continue
                    attempts = 0
                at = max(at, following)
                self._event_failed(error, at)
                at = self._after_failure(at, end)
            following = at

    def _deliver_each(self, following: int, end: int) -> int:
        """Hand over following..end one by one; return the sequence after the last."""
        records, mask, call, control = self.ring.records, self.ring.mask, self._call, self._control.word
        skips = self.ring.sequencer.multi
        for sequence in range(following, end + 1):
            CELLS[control + _IN_HAND] = sequence
            if skips and self.ring.given_up(sequence):
                continue
            call(records[sequence & mask], sequence, sequence == end)
        return end + 1

    def _deliver_batch(self, following: int, end: int) -> int:
        """Hand over the first run of following..end as a view; return the sequence after it."""
        ring = self.ring
        first, last = following, min(end, following | ring.mask)
        after = last + 1
        if ring.sequencer.multi:
            first, last, after = next_run(ring, following, end)
            CELLS[self._control.word + _IN_HAND] = first
        if last >= first:
            start = first & ring.mask
            self.handler.function(ring.records[start : start + last - first + 1], first)
        return after

    def _hand(self) -> int:
        return int(CELLS[self._control.word + _IN_HAND]) if CELLS[self._control.word + _AT_WORK] >= 0 else -1

    def _after_failure(self, at: int, end: int) -> int:
        """Return where to go on when the error at `at` was passed by: a batch that failed is passed by whole."""
        return next_run(self.ring, at, end)[2] if self.handler.takes_batches else at + 1

    def _event_failed(self, error: BaseException, sequence: int) -> None:
        if isinstance(error, Rewind) and self.handler.rewind is None:
            error = GraphError(f"handler '{self.name}' asked for a rewind, but has no strategy; use rewind=SimpleRewind()")
        judge(self.exceptions, failed(self.name, sequence, error), sequence, self.ring.get(sequence))

    def _timed_out(self) -> None:
        try:
            if self._on_timeout is not None:
                self._on_timeout(sequence=self.sequence.get())
        except BaseException as error:
            judge(self.exceptions, failed(self.name, self.sequence.get(), error), self.sequence.get(), None)


def bound_hook(hook: Callable, owned: dict[str, Any]) -> Callable[..., Any]:
    """Return a function that calls a lifecycle function with those of the offered arguments that it takes.

    They are matched by name; a function that names none of them gets them in order, as many as it takes.
    """
    parameters = inspect.signature(hook).parameters.values()
    names = [p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    mine = {n: owned[n] for n in names if owned.get(n) is not None}

    def call(**offered: Any) -> Any:
        offered.update(mine)
        if all(name in offered for name in names):
            return hook(**{name: offered[name] for name in names})
        return hook(*list(offered.values())[: len(names)])

    return call
