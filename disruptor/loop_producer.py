"""Runs a compiled producer: it claims, lets the producer fill each record, publishes, all without the GIL.

    @handler(state=[("n", "i8")])
    def counts(event, sequence, state):
        event["value"] = state["n"]
        state["n"] += 1
        return 1 if state["n"] < 1_000_000 else -1

    graph.produce(counts)

A producer is called with a claimed record. It returns 1 (or nothing) when it has filled it, 0 when there is nothing to
publish now (the record is taken back), −1 when it has finished (likewise).
Source: LMAX EventTranslator, turned into a loop.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from disruptor.claims import CLAIMED, CURSOR, IDLE, publish_many, take_back
from disruptor.codegen import Loop, LoopSource, build_loop
from disruptor.compiled import entry
from disruptor.errors import GraphError, HandlerError
from disruptor.handler import as_handler, params_record
from disruptor.layout import CACHE_PAIR
from disruptor.memory import anonymous
from disruptor.processor_text import RingText
from disruptor.producer_text import ProducerText, write_producer
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import CELLS, take_cells
from disruptor.threads import PinnedThread
from disruptor.wait import Wait
from disruptor.waiting import wake_all

__all__ = ["LoopProducer"]


class LoopProducer:
    """A compiled producer on a thread of its own; made by `Disruptor.produce`.

    declared : a compiled handler of (event, sequence, state, params), any of them. batch : records per claim. cpu : the core
    it is pinned to, None for any. state : its state record. failure : what it ended by, or None.
    Raises: GraphError for a batch larger than the ring, or a plain Python producer.
    """

    def __init__(self, ring: RingBuffer, given: Any, *, batch: int = 1, wait: Wait, cpu: int | None = None) -> None:
        declared = as_handler(given)
        if not declared.jit:
            raise GraphError(f"producer '{declared.name}' is plain Python: call publish() instead")
        if not 1 <= batch <= ring.slots:
            raise GraphError(f"producer '{declared.name}': batch must be 1..{ring.slots:,}, got {batch:,}")
        self.ring, self.name, self.batch, self.wait, self.cpu = ring, declared.name, batch, wait, cpu
        self.declared = declared
        values = declared.params() if declared.params is not None else None
        self._params = None if values is None else params_record(values)
        dtype = declared.state_dtype(values)
        self._state = None if dtype is None else anonymous(dtype.itemsize).array(dtype, 1)
        self._in_hand = anonymous(CACHE_PAIR).array(np.int64, 3)
        self._control = take_cells(3)
        self._loop: Loop | None = None
        self._thread: PinnedThread | None = None
        self.failure: HandlerError | None = None
        ring.sequencer.parks(wait)

    @property
    def state(self) -> np.record | None:
        """Its state record, None when it keeps none. Read it when it is not running."""
        return None if self._state is None else self._state[0]

    def source(self) -> LoopSource:
        """Return the text and arguments of its loop."""
        s, ring = self.ring.sequencer, self.ring
        of = RingText(ring.name, ring.slots, ring.records, s.marks, s.base, s.multi, s.stamps)
        owned = {"state": self._state, "params": self._params}
        bindings = {name: array for name, array in owned.items() if array is not None}
        text = ProducerText(self.name, self.declared.function, self.declared.arguments, bindings, self.batch)
        return write_producer(of, text, self.wait, cells=CELLS, control=self._control.word, in_hand=self._in_hand)

    def build(self) -> LoopProducer:
        """Compile the loop, or take it from the cache. Raises: CompileError."""
        if self._loop is None:
            self._loop = build_loop(self.source())
        return self

    def start(self) -> None:
        """Start the thread."""
        self.build()
        self.failure = None
        CELLS[self._control.word] = 0
        cpus = None if self.cpu is None else (self.cpu,)
        self._thread = PinnedThread(self._run, name=f"dis-{self.name}", cpus=cpus, halt=self.halt)
        self._thread.start()

    def halt(self) -> None:
        """Make it end after the records at hand. From any thread."""
        CELLS[self._control.word] = 1
        self.ring.sequencer.wake_producers()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; return whether it has. Raises: HandlerError when it failed."""
        ended = self.wait_for_end(timeout)
        if ended and self.failure is not None:
            raise self.failure
        return ended

    def wait_for_end(self, timeout: float | None = None) -> bool:
        """The same, without raising."""
        return self._thread is None or self._thread.join(timeout)

    def _run(self) -> None:
        s = self.ring.sequencer
        s.taken_by(threading.get_ident())
        try:
            assert self._loop is not None
            self._loop.run()
        except Exception as error:  # whatever the producer raised is the user's to see
            self.failure = HandlerError(self.name, int(self._in_hand[0]), error)
            self.failure.__cause__ = error
            self._clear_away()
            s.consumer_died(self.failure)
        finally:
            s.taken_by(0)
            wake_all(CELLS, s.base + IDLE)

    def _clear_away(self) -> None:
        """Publish what was filled before the record that failed; take the rest of the claim back."""
        s = self.ring.sequencer
        at, low, high = (int(n) for n in self._in_hand)
        if s.marks.size == 0:
            if at - 1 > s.cursor:
                s.publish(at - 1)
            CELLS[s.base + CLAIMED] = CELLS[s.base + CURSOR]
        else:
            _settle(CELLS, s.base, s.marks, low, at, high)


@entry
def _settle(cells, base, marks, low, at, high):
    if at > low:
        publish_many(cells, base, marks, low, at - 1)
    take_back(cells, base, marks, at, high)
