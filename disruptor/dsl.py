"""The front door: a ring, handlers in any acyclic graph, threads that run them.

    with Disruptor([("value", "f8"), ("spike", "?")], slots=65536).then(spikes).then(report) as d:
        d.publish(value=numbers)

    d = Disruptor(fields, producers="multi", wait="blocking")
    d.handle_events_with(decode, journal)
    d.after(decode).then(book).then(strategy)
    d.after(journal).and_(strategy).then(report)
    d.start(); ...; d.shutdown(timeout=5)

Compiled handlers run without the GIL, fused onto fewer threads where the machine has too few cores; plain Python handlers
have a thread each. Leaving `with` drains, halts and joins; a handler's exception is raised there or by the next claim,
naming handler and sequence.

Source: LMAX Disruptor (dsl). What differs, on purpose: shutdown joins its threads and the graph can start again; handlers
are added and removed while it runs; nothing hangs because a handler has died.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence as Many
from typing import Any

import numpy as np

from disruptor.barrier import SequenceBarrier
from disruptor.codegen import prebuild
from disruptor.errors import DisruptorError, ForkError, GraphError, HandlerError, WaitTimeout
from disruptor.faults import as_exception_handler
from disruptor.gates import Gate, look
from disruptor.group import HandlerGroup
from disruptor.lookout import await_published
from disruptor.loop_processor import LoopProcessor, Member
from disruptor.loop_producer import LoopProducer
from disruptor.measuring import NO_STAMPS, latencies
from disruptor.membership import Membership
from disruptor.node import Node, node_sequences
from disruptor.noting import GraphNotes
from disruptor.placing import Placed, Thread, place
from disruptor.poller import EventPoller
from disruptor.processor import Processor, failed
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import generation, take_cells
from disruptor.threads import PinnedThread
from disruptor.wait import Wait, as_wait
from disruptor.worker_pool import WorkerPool

__all__ = ["Disruptor"]


class Disruptor:
    """A ring and the graph of its consumers.

    fields, slots, producers, availability, when_full, name, measure, huge, prefault, lock : as for RingBuffer; or a
    RingBuffer that is made already, in place of all of them.
    wait : how handlers and producers wait unless they say otherwise; "blocking" idles at 0.3 % of a core.
    on_error : "halt", "skip" or an ExceptionHandler, for handlers that do not say otherwise.
    placement : "auto" or a list of `thread(…)`. notes : path of the file for what handlers write with `note(…)`, None for none.
    Raises: LayoutError, CapacityError, GraphError.
    """

    def __init__(
        self, fields: Any, slots: int = 4096, *, wait: Wait | str = "blocking", on_error: Any = "halt",
        placement: Many[Thread] | str = "auto", notes: Any = None, **ring: Any,
    ) -> None:
        self.wait = as_wait(wait)
        self.ring = RingBuffer(fields, slots, wait=self.wait, **ring) if not isinstance(fields, RingBuffer) else fields
        if self.ring is fields and (ring or slots != 4096):
            raise GraphError(f"ring '{self.ring.name}' is made already: give its slots and options to the ring, not to the graph")
        self.ring.sequencer.hindrance = self._hindrance
        vars(self).update(publish=self.ring.publish, publish_event=self.ring.publish_event)  # a call less for each record
        self._on_error = on_error if on_error in ("halt", "skip") else as_exception_handler(on_error)
        self._placement, self._notes = placement, GraphNotes(notes)
        self._nodes = Membership(self.ring)
        self._last: tuple[Node, ...] = ()
        self._running: list[tuple[Any, PinnedThread]] = []
        self._producers: list[LoopProducer] = []
        self._started = False
        self._generation = generation()
        self._never = take_cells(1)  # an alert word that nobody sets

    # the graph

    def then(self, *handlers: Any) -> Disruptor:
        """Add handlers that see each record after every handler of the group added before. Returns self."""
        self._last = self._add(handlers, self._last).nodes
        return self

    def handle_events_with(self, *handlers: Any) -> HandlerGroup:
        """Add handlers that see each record as soon as it is published. Returns their group."""
        group = self._add(handlers, ())
        self._last = self._last or group.nodes
        return group

    def handle_events_with_worker_pool(self, *workers: Any) -> HandlerGroup:
        """Add a pool of workers: each record goes to exactly one of them. Returns their group."""
        return self._add(workers, (), pooled=True)

    def after(self, *handlers: Any) -> HandlerGroup:
        """Return the group of handlers that were added before. Raises: GraphError for one that was not."""
        return HandlerGroup(self, tuple(n for h in handlers for n in self._nodes.find(h)))

    def produce(
        self, producer: Any, *, batch: int = 1, cpu: int | None = None, wait: Wait | str | None = None
    ) -> LoopProducer:
        """Add a compiled producer with a thread of its own (see disruptor.loop_producer); it starts with the graph.

        batch : records that it claims and publishes at once; of many producers that publish one by one, a busy one claims
        up to 8 ahead and gives back what it did not fill. cpu : the core it is pinned to. Returns it: `join` waits
        until it has finished, `halt` ends it. Leaving `with`, and `shutdown`, wait for it.
        Raises: GraphError.
        """
        one = LoopProducer(self.ring, producer, batch=batch, cpu=cpu, wait=self.wait if wait is None else as_wait(wait))
        writer = self.ring.sequencer.writer()
        if writer is not None:
            raise GraphError(f"ring '{self.ring.name}' has one producer, the handler '{writer.handler.name}'; use a ring of its own")
        if self._producers and not self.ring.sequencer.multi:
            raise GraphError(f"ring '{self.ring.name}' has one producer; make it with producers='multi' for more")
        self._producers.append(one)
        if self._started:
            one.start()
        return one

    def add(self, handler: Any, *, after: Many[Any] = ()) -> Disruptor:
        """Add a handler, also while the graph runs; it starts at now. after : handlers that it waits for. Returns self."""
        upstream = tuple(n for h in after for n in self._nodes.find(h))
        node, = self._nodes.new([handler], upstream, self.wait, self._on_error)
        placed, loop = Placed((node,), None, self._wait_of(node)), None
        if self._started and node.compiled:  # before anybody waits for it: compiling takes its time, and may fail
            loop = LoopProcessor(self.ring, [self._member(node)], placed.wait)
            try:
                loop.build()
            except BaseException:
                self._nodes.let_go(node)
                raise
        self._nodes.attach([node])
        if self._started:
            self._launch(placed, loop)
        return self

    def remove(self, *handlers: Any) -> None:
        """Remove handlers, also while the graph runs: each ends its batch, its thread is joined.

        One that has died is forgiven: producers no longer raise its error.
        Raises: GraphError when others wait for it, or share its thread, or for a part of a pool.
        """
        leaving = list({id(n): n for h in handlers for n in self._nodes.find(h)}.values())
        self._nodes.check_leaving(leaving)
        for node in sorted(leaving, key=list(self._nodes).index, reverse=True):  # followers first
            self._stop_node(node)
            self._nodes.detach(node)

    def set_default_exception_handler(self, handler: Any) -> None:
        """Set what becomes of errors of all handlers that do not say otherwise, those added and those to come."""
        self._refuse_when_started("the default exception handler is set")
        before, self._on_error = self._on_error, as_exception_handler(handler)
        for node in self._nodes:
            if node.declared is not None and (node.declared.on_error == "halt" or node.declared.on_error is before):
                self._set_exceptions(node, self._on_error)

    def handle_exceptions_for(self, handler: Any, exceptions: Any) -> None:
        """Set what becomes of the errors of one handler."""
        for node in self._nodes.find(handler):
            self._set_exceptions(node, as_exception_handler(exceptions))

    def barrier_for(self, handler: Any) -> SequenceBarrier:
        """Return a barrier that waits for a handler."""
        return self.after(handler).as_barrier()

    def sequence_of(self, handler: Any) -> int:
        """Return the last sequence that a handler is done with."""
        return min(n.sequence.get() for n in self._nodes.find(handler))

    def state(self, handler: Any) -> np.record:
        """Return the state record of a handler (or of the first of that name). Read it when the graph is not running."""
        return self._owned(handler, "state")

    def params(self, handler: Any) -> np.record:
        """Return the parameters of a handler; a compiled handler sees what is written there."""
        return self._owned(handler, "params")

    def counters(self, handler: Any) -> np.record:
        """Return the counters of a handler. They may be read at any time."""
        return self._owned(handler, "counters")

    def latency(self, handler: Any) -> dict[str, dict[str, Any]]:
        """Return how long records stay and how long a handler takes, in ns: {"sojourn_ns": {…}, "service_ns": {…}}.

        sojourn: from publishing to handled, of the oldest record of each batch; service: the handler's time per record, mean
        of its batch. Each with count, mean, p50, p90, p99, p999, p9999, max. It may be called at any time.
        Raises: GraphError when the graph was not made with measure=True.
        """
        for node in self._nodes.find(handler):
            measured = getattr(node.member if node.member is not None else node.processor, "measured", NO_STAMPS)
            if measured.size:
                return latencies(measured)
        raise GraphError(f"ring '{self.ring.name}' does not measure; make the graph with measure=True")

    # running

    @property
    def started(self) -> bool:
        """Whether the graph runs."""
        return self._started

    def start(self) -> Disruptor:
        """Compile what is not compiled, start the threads, and return when every handler has had its `on_start`.

        Records published before are handled. Raises: GraphError when it runs already or has no handlers; CompileError;
        HandlerError of an `on_start`.
        """
        if self._generation != generation():
            raise ForkError("graph")
        if self._started:
            raise GraphError("this graph is already running")
        if not self._nodes:
            raise GraphError("nothing to run: add handlers with then()")
        self.ring.sequencer.forgive()
        placed = place(list(self._nodes), self._placement, self.wait)
        self._notes.open(self.ring.name, placed)
        loops = [LoopProcessor(self.ring, [self._member(n) for n in p.nodes], p.wait) for p in placed if p.nodes[0].compiled]
        compiled: list[LoopProcessor | LoopProducer] = [*loops, *self._producers]
        if threading.active_count() == 1:  # a process with threads is not forked
            prebuild([loop.source() for loop in compiled])
        for loop in compiled:
            loop.build()
        self._started = True
        rest = iter(loops)
        try:
            for one in placed:
                self._launch(one, next(rest) if one.nodes[0].compiled else None)
            self._raise_failure()
            for producer in self._producers:
                producer.start()
        except BaseException:
            self.halt()
            raise
        return self

    def halt(self) -> None:
        """End every handler after the batch it has in hand, and join the threads. What is left in the ring stays there."""
        for producer in self._producers:
            producer.halt()
        for processor, _ in self._running:
            processor.halt()
        me = threading.get_ident()
        for _, thread in self._running:
            if thread.ident != me:
                thread.join()
        for producer in self._producers:
            producer.wait_for_end()
        self._running.clear()
        self._started = False

    def drain(self, timeout: float | None = None) -> None:
        """Wait until compiled producers have finished and the last handlers have handled all that is published.

        Raises: WaitTimeout, naming who is behind; HandlerError when a handler has died.
        """
        self._refuse_own_threads()
        started = time.monotonic()
        for producer in self._producers:
            while not producer.wait_for_end(0.05):
                self._raise_any_failure()
                if timeout is not None and time.monotonic() - started >= timeout:
                    raise WaitTimeout(f"ring '{self.ring.name}': producer '{producer.name}' has not finished", timeout)
        last = self.ring.sequencer.published()
        words = np.array([s.word for n in self._nodes.leaves() for s in node_sequences(n) if n.processor is not None], np.int64)
        patience = -1 if timeout is None else max(0, int((timeout - (time.monotonic() - started)) * 1e9))
        s = self.ring.sequencer
        wait = Wait.by_phase("blocking", gated="blocking")
        s.parks(wait)
        reached = last if not len(words) else await_published(
            s.base, s.marks, words, last, wait, self._never.word, patience, self._raise_any_failure
        )
        self._raise_failure()
        if reached < last:
            why = "; ".join(str(g) for g in self.who_gates()[1:] if g.behind)
            raise WaitTimeout(f"ring '{self.ring.name}': not everything published up to {last:,} was handled", timeout or 0, why)

    def shutdown(self, timeout: float | None = None) -> None:
        """Drain, then halt and join; the graph can be started again.

        timeout : seconds for draining; when they are over, WaitTimeout is raised and nothing is halted.
        Raises: WaitTimeout; HandlerError when a handler has died (the others are halted then).
        """
        self._refuse_own_threads()
        try:
            self.drain(timeout)
        except WaitTimeout:
            raise
        except BaseException:
            self.halt()
            raise
        self.halt()
        self._raise_failure()

    @property
    def failure(self) -> HandlerError | None:
        """What the first handler that died ended by, or None."""
        failures = self.ring.sequencer.failures
        return failures[0] if failures else None

    def who_gates(self) -> list[Gate]:
        """Return who waits for whom: the producers first, then each handler."""
        return look(self.ring, self._nodes)

    def __enter__(self) -> Disruptor:
        return self.start()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if not self._started:
            return
        if kind is None:
            self.shutdown()
        else:
            self.halt()

    # publishing

    def publish(self, *what: Any, **columns: Any) -> Any:
        """Publish; see RingBuffer.publish. Raises: HandlerError when a handler has died, and what that raises."""
        return self.ring.publish(*what, **columns)

    def publish_event(self, translator: Any, *args: Any, timeout: float | None = None) -> int:
        """See RingBuffer.publish_event."""
        return self.ring.publish_event(translator, *args, timeout=timeout)

    def try_publish_event(self, translator: Any, *args: Any) -> bool:
        """See RingBuffer.try_publish_event."""
        return self.ring.try_publish_event(translator, *args)

    def publish_events(self, translator: Any, *columns: Any, **bounds: Any) -> int:
        """See RingBuffer.publish_events."""
        return self.ring.publish_events(translator, *columns, **bounds)

    def new_poller(self, *after: Any, gating: bool = True) -> EventPoller:
        """Return a poller that starts at now, behind the handlers `after`."""
        sequences = [s for h in after for n in self._nodes.find(h) for s in node_sequences(n)]
        return self.ring.new_poller(*sequences, gating=gating)

    def get(self, sequence: int) -> np.record:
        """Return the record of a sequence."""
        return self.ring.get(sequence)

    @property
    def cursor(self) -> int:
        """See RingBuffer.cursor."""
        return self.ring.cursor

    # inside

    def _add(self, handlers: Many[Any], upstream: tuple[Node, ...], pooled: bool = False) -> HandlerGroup:
        self._refuse_when_started("handlers are added with then()")
        if not handlers:
            raise GraphError("then() needs at least one handler")
        self.ring.refuse_gates()
        nodes = self._nodes.new(handlers, upstream, self.wait, self._on_error, WorkerPool() if pooled else None)
        self._nodes.attach(nodes)
        return HandlerGroup(self, tuple(nodes))

    def _owned(self, handler: Any, what: str) -> np.record:
        for node in self._nodes.find(handler):
            array = getattr(node.member, what, None)
            if array is not None:
                return array[0]
        name = getattr(handler, "name", handler)
        raise GraphError(f"handler '{name}' has no {what}")

    def _member(self, node: Node) -> Member:
        assert node.member is not None
        return node.member

    def _wait_of(self, node: Node) -> Wait:
        own = node.declared.wait if node.declared is not None else None
        return self.wait if own is None else as_wait(own)

    def _set_exceptions(self, node: Node, exceptions: Any) -> None:
        target = node.member if node.member is not None else node.processor
        target.exceptions = exceptions

    def _launch(self, placed: Placed, loop: LoopProcessor | None = None) -> None:
        first = placed.nodes[0]
        if first.compiled and loop is None:
            loop = LoopProcessor(self.ring, [self._member(n) for n in placed.nodes], placed.wait).build()
        if loop is not None:
            for node in placed.nodes:
                node.processor = loop
        processor = first.processor
        if hasattr(processor, "arm"):
            processor.arm()
        thread = PinnedThread(
            self._run, (processor, first), name=f"dis-{first.name}", cpus=None if placed.cpu is None else (placed.cpu,),
            halt=processor.halt,
        )
        started = getattr(processor, "started", None)
        thread.start()
        self._running.append((processor, thread))
        if started is not None:
            started.wait()

    def _stop_node(self, node: Node) -> None:
        for processor, thread in list(self._running):
            if processor is node.processor:
                others = [n.name for n in self._nodes if n.processor is processor and n is not node]
                if others:
                    raise GraphError(
                        f"handler '{node.name}' shares its thread with {', '.join(others)}; place it on one of its own to remove it"
                    )
                processor.halt()
                thread.join()
                self._running.remove((processor, thread))

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _raise_any_failure(self) -> None:
        """The same, also for the rings that handlers of this one publish into, and which therefore stay full."""
        self._raise_failure()
        for node in self._nodes:
            for output in node.member.outputs.values() if node.member is not None else ():
                if output.sequencer.failures:
                    raise output.sequencer.failures[0]

    def _refuse_own_threads(self) -> None:
        me = threading.get_ident()
        for processor, thread in self._running:
            if thread.ident == me:
                name = getattr(processor, "name", type(processor).__name__)
                raise GraphError(f"handler '{name}' waits for its own graph to be drained: it would wait for itself; halt() ends it")

    def _run(self, processor: Any, node: Node) -> None:
        """Run a processor to its end. Its failure is kept where producers and the end of `with` find it."""
        try:
            with self._notes.lane(processor, node):
                processor.run()
        except BaseException as error:
            if not isinstance(processor, Processor):  # those tell the ring themselves
                self.ring.sequencer.consumer_died(failed(node.name, node.sequence.get() + 1, error))

    def _hindrance(self) -> DisruptorError | None:
        """Why a producer that waits for room would wait for ever."""
        me = threading.get_ident()
        name = self.ring.name
        for processor, thread in self._running:
            if thread.ident == me:
                return GraphError(
                    f"handler '{processor.name}' publishes into ring '{name}', which it reads itself, and the ring is full:"
                    " it would wait for itself; publish into another ring, or with try_next"
                )
        if not self._started and self._nodes:
            return GraphError(f"ring '{name}' is full, and nothing empties it: start the graph (`with`, or start()) first")
        try:
            self._raise_any_failure()
        except HandlerError as error:
            return error
        return None

    def _refuse_when_started(self, what: str) -> None:
        if self._started:
            raise GraphError(f"{what} before the graph starts; while it runs, use add()")
