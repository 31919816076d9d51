"""Runs compiled handlers of one ring on one thread, without the GIL, in a generated loop.

Several members are fused into one loop. The loop is entered once and left on halt or on an error; when the error is passed
by, it is entered again behind the record that failed.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence as Many
from typing import Any

import numpy as np

from disruptor.barrier import SequenceBarrier
from disruptor.claims import publish_port
from disruptor.codegen import Loop, LoopSource, build_loop
from disruptor.compiled import entry
from disruptor.errors import GraphError
from disruptor.faults import ExceptionHandler, as_exception_handler
from disruptor.handler import Handler, params_record
from disruptor.layout import CACHE_PAIR, CELL_WORDS
from disruptor.measuring import NO_STAMPS, histograms
from disruptor.memory import anonymous
from disruptor.processor import Processor, bound_hook, failed, judge
from disruptor.processor_text import NOTED, MemberText, OutputText, RingText, write_processor
from disruptor.rewind import REWIND
from disruptor.ring import Port
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import CELLS, Sequence, take_cells
from disruptor.wait import Wait

__all__ = ["LoopProcessor", "Member"]

_AT_WORK = CELL_WORDS


class Member:
    """A compiled handler in a graph, with its memory.

    handler : as declared. barrier : what it waits for. outputs : argument → RingBuffer it publishes to. sequence : how far
    it has come. work : the shared sequence of its worker pool. counters : length-1 record array of its counters.
    """

    def __init__(
        self, ring: RingBuffer, handler: Handler, barrier: SequenceBarrier, *, sequence: Sequence | None = None,
        outputs: dict[str, RingBuffer] | None = None, work: Sequence | None = None,
    ) -> None:
        self.ring, self.handler, self.barrier, self.work = ring, handler, barrier, work
        self.sequence = ring.new_sequence() if sequence is None else sequence
        self.held = take_cells(1)
        self.outputs = outputs or {}
        for argument, output in self.outputs.items():
            _check_output(handler, argument, output, ring)
        for output in self.outputs.values():
            output.sequencer.writer = weakref.ref(self)
        values = handler.params() if handler.params is not None else None
        self.params = None if values is None else params_record(values)
        self.state = _zeroed(handler.state_dtype(values))
        self.counters = _zeroed(handler.counters_dtype())
        self.measured = histograms() if ring.sequencer.stamps.size else NO_STAMPS
        self.exceptions: ExceptionHandler = as_exception_handler(handler.on_error)
        if handler.batch_limit < 0:
            raise GraphError(f"handler '{handler.name}': batch_limit must be >= 0, got {handler.batch_limit}")
        if handler.rewind is not None and "release" in handler.arguments:
            raise GraphError(f"handler '{handler.name}': what was released early cannot be rewound; rewind and release exclude each other")

    @property
    def owned(self) -> dict[str, np.ndarray]:
        """What the handler owns: length-1 record arrays by name."""
        offered = {"state": self.state, "params": self.params, "counters": self.counters}
        return {name: array for name, array in offered.items() if array is not None}

    def text(self) -> MemberText:
        """What the loop's writer needs to know."""
        h = self.handler
        return MemberText(
            name=h.name, function=h.function, arguments=h.arguments, sequence=self.sequence.word,
            upstream=tuple(int(w) for w in self.barrier.upstream), held=self.held.word, bindings=self.owned,
            outputs=tuple(
                OutputText(a, o.records, o.sequencer.marks, o.memory.port, o.sequencer.base, h.max_out.get(a, 1), o.sequencer.stamps)
                for a, o in self.outputs.items()
            ),
            limit=h.batch_limit, started=_named(h.on_batch_start), timed_out=_named(h.on_timeout),
            rewind=None if h.rewind is None else h.rewind.numbers(), work=-1 if self.work is None else self.work.word,
            measured=self.measured, notes=bool(h.notes),
        )


class LoopProcessor(Processor):
    """One or more compiled handlers, fused. Call `build` before `run`: it compiles."""

    def __init__(self, ring: RingBuffer, members: Many[Member], wait: Wait) -> None:
        first = members[0]
        super().__init__(ring, first.barrier, first.handler.name, first.sequence)
        self.members, self.wait = tuple(members), wait
        self._loop: Loop | None = None
        self._in_hand = anonymous(CACHE_PAIR).array(np.int64, 1)
        for r in {id(r): r for m in members for r in (ring, *m.outputs.values())}.values():
            r.sequencer.parks(wait)

    def source(self) -> LoopSource:
        """Return the text and arguments of the loop."""
        s = self.ring.sequencer
        of = RingText(self.ring.name, self.ring.slots, self.ring.records, s.marks, s.base, s.multi, s.stamps)
        name = f"{self.ring.name}_{self.name}"
        texts = [m.text() for m in self.members]
        return write_processor(name, of, texts, self.wait, cells=CELLS, control=self._control.word, in_hand=self._in_hand)

    def build(self) -> LoopProcessor:
        """Compile the loop, or take it from the cache. Raises: CompileError."""
        if self._loop is None:
            self._loop = build_loop(self.source())
        return self

    def run(self) -> None:
        try:
            super().run()
        finally:
            for member in self.members:
                for output in member.outputs.values():
                    output.sequencer.given_to("")

    def halt(self) -> None:
        super().halt()
        for member in self.members:  # it may wait for room in an output
            for output in member.outputs.values():
                output.sequencer.wake_producers()

    @property
    def note_words(self) -> tuple[int, int]:
        return self._control.word + _AT_WORK, self._control.word + NOTED

    def in_hand(self) -> tuple[str, int]:
        number = int(CELLS[self._control.word + _AT_WORK])
        if not 0 <= number < len(self.members):
            return "", -1
        return self.members[number].handler.name, int(self._in_hand[0])

    def _start(self) -> None:
        self.build()
        CELLS[self._control.word + _AT_WORK] = -1
        for member in self.members:
            for output in member.outputs.values():  # behind what was published; what a batch that failed had claimed is gone
                output.sequencer.given_to(f"the handler '{member.handler.name}' of ring '{self.ring.name}'")
                port = output.memory.port[0]
                port["published"] = output.sequencer.claimed
                port["next"] = port["published"] + 1
            try:
                if member.handler.on_start is not None:
                    bound_hook(member.handler.on_start, _records(member))()
            except Exception as error:
                member.exceptions.on_start_error(failed(member.handler.name, member.sequence.get() + 1, error))

    def _shut_down(self) -> None:
        for member in self.members:
            try:
                if member.handler.on_shutdown is not None:
                    bound_hook(member.handler.on_shutdown, _records(member))()
            except Exception as error:
                member.exceptions.on_shutdown_error(failed(member.handler.name, member.sequence.get(), error))

    def _work(self) -> None:
        assert self._loop is not None
        while True:
            cause: BaseException | str
            try:
                status = self._loop.run()
                if status == 0:
                    return
                cause = "asked for a rewind" if status == REWIND else f"returned the status {status}"
            except BaseException as error:  # whatever the handler raised is the user's to see
                cause = error
            member = self.members[int(CELLS[self._control.word + _AT_WORK])]
            sequence = int(self._in_hand[0])
            if cause == "asked for a rewind":
                rule = member.handler.rewind
                cause = "asked for a rewind, but has no strategy; use rewind=SimpleRewind()" if rule is None else (
                    f"asked for a rewind {rule.numbers()[0]} times"
                )
            timed_out = sequence <= member.sequence.get() and member.work is None
            failure = failed(member.handler.name, sequence, cause)
            judge(member.exceptions, failure, sequence, None if timed_out else self.ring.get(sequence))
            self._pass_by(member, sequence)

    def _pass_by(self, member: Member, sequence: int) -> None:
        """Go on behind the record that failed: what it had claimed of its outputs is taken back, the rest published."""
        for output in member.outputs.values():
            output.memory.port[0]["next"] = output.memory.port[0]["payload_next"]
            _publish_output(CELLS, output.sequencer.base, output.sequencer.marks, output.memory.port)
        CELLS[member.held.word] = 0
        if sequence > member.sequence.get():
            member.sequence.set(sequence)
        self.ring.sequencer.wake_producers()


def _records(member: Member) -> dict[str, Any]:
    return {name: array[0] for name, array in member.owned.items()}


def _zeroed(dtype: np.dtype | None) -> np.ndarray | None:
    return None if dtype is None else anonymous(dtype.itemsize).array(dtype, 1)


def _named(function: Any) -> tuple[Any, tuple[str, ...]] | None:
    import inspect

    return None if function is None else (function, tuple(inspect.signature(function).parameters))


def _check_output(handler: Handler, argument: str, output: RingBuffer, ring: RingBuffer) -> None:
    if argument not in handler.arguments:
        raise GraphError(f"handler '{handler.name}' has no argument '{argument}'; it takes {', '.join(handler.arguments)}")
    if output is ring:
        raise GraphError(
            f"handler '{handler.name}' would publish into ring '{ring.name}', which it reads itself: when it is full, nothing"
            " could ever go on; publish into another ring"
        )
    writer = output.sequencer.writer()
    if writer is not None:
        raise GraphError(
            f"handler '{handler.name}': its output '{output.name}' has a producer already, the handler '{writer.handler.name}';"
            " give each handler a ring of its own"
        )
    if output.sequencer.multi:
        raise GraphError(
            f"handler '{handler.name}': its output '{output.name}' is a ring of many producers; give it one of its own, with"
            " producers='single'"
        )


@entry(brief=True)
def _publish_output(cells, base, marks, port):
    publish_port(cells, base, marks, Port(None, None, port[0]))
