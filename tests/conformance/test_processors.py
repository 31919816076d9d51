"""K62–K69, K81–K87: processors, Python and compiled (LMAX BatchEventProcessorTest and its neighbours)."""

import logging
import threading

import pytest

from disruptor import handler
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import GraphError, HandlerError
from disruptor.faults import ExceptionHandler, FatalExceptionHandler, IgnoreExceptionHandler, as_exception_handler
from disruptor.handler import as_handler
from disruptor.loop_processor import LoopProcessor, Member
from disruptor.processor import BatchEventProcessor, ProcessorState
from disruptor.wait import Wait
from tests.conformance import kernels
from tests.conformance.conftest import KINDS, WAITS

BLOCKING = Wait.blocking()


class Traces:
    """A Python handler that keeps a trace of all that is called."""

    name = "traces"

    def __init__(self):
        self.trace, self.batches, self.seen = [], [], []
        self.reached = threading.Condition()

    def on_start(self):
        self.trace.append("start")

    def on_batch_start(self, batch_size, queue_depth):
        self.batches.append((batch_size, queue_depth))

    def on_event(self, event, sequence, end_of_batch):
        with self.reached:
            self.trace.append((sequence, end_of_batch))
            self.seen.append(sequence)
            self.reached.notify_all()

    def on_timeout(self, sequence):
        with self.reached:
            self.trace.append("timeout")
            self.reached.notify_all()

    def on_shutdown(self):
        self.trace.append("shutdown")

    def wait_until(self, test):
        with self.reached:
            assert self.reached.wait_for(test, 30)


def publish(ring, count):
    for _ in range(count):
        with ring.publish() as event:
            event["value"] = ring.sequencer.claimed
            event["other"] = 2.0 * ring.sequencer.claimed


def python(ring, given, **settings):
    processor = BatchEventProcessor(ring, ring.new_barrier(), given, **settings)
    ring.add_gating_sequences(processor.sequence)
    return processor


def compiled(ring, declared, **settings):
    member = Member(ring, declared.using(**settings), ring.new_barrier())
    ring.add_gating_sequences(member.sequence)
    return LoopProcessor(ring, [member], settings.get("wait") or BLOCKING).build(), member


def until(test, seconds=60):
    reached = threading.Event()
    for _ in range(int(seconds / 0.002)):
        if test():
            return
        reached.wait(0.002)
    raise AssertionError("never came")


@pytest.mark.parametrize("value", [None, 5, "stop"])
def test_k062_without_an_exception_handler_a_processor_is_refused(kind, value):
    with pytest.raises(GraphError, match=r"needs a handler and an exception handler|on_error must be 'halt', 'skip' or an Exc"):
        python(kind.ring(), Traces(), on_error=value)


def test_k063_start_events_shutdown_in_order(kind, wait, spawn):
    ring, traces = kind.ring(8, wait=wait), Traces()
    processor = python(ring, traces)
    publish(ring, 3)
    spawn(processor.run)
    traces.wait_until(lambda: len(traces.seen) == 3)
    processor.halt()
    spawn.join()
    assert traces.trace == ["start", (0, False), (1, False), (2, True), "shutdown"]
    assert processor.sequence.get() == 2
    assert not processor.is_running


def test_k063_a_compiled_handler_sees_the_same(kind, wait, spawn):
    ring = kind.ring(8, wait=wait)
    trace = []
    processor, member = compiled(
        ring, kernels.traces, on_start=lambda: trace.append("start"), on_shutdown=lambda: trace.append("shutdown")
    )
    publish(ring, 3)
    spawn(processor.run)
    until(lambda: member.sequence.get() == 2)
    processor.halt()
    spawn.join()
    assert trace == ["start", "shutdown"]
    assert (member.state[0]["count"], member.state[0]["ends"]) == (3, 1)
    assert list(member.state[0]["seen"][:3]) == [0, 1, 2]


class Records(ExceptionHandler):
    def __init__(self):
        self.errors, self.started, self.ended = [], [], []

    def on_event_error(self, error, sequence, event):
        self.errors.append((str(error.cause), sequence, event is not None))

    def on_start_error(self, error):
        self.started.append(str(error))

    def on_shutdown_error(self, error):
        self.ended.append(str(error))


def test_k064_an_error_goes_to_the_exception_handler_and_the_next_record_comes(kind, spawn):
    class Fails(Traces):
        def on_event(self, event, sequence, end_of_batch):
            if sequence == 2:
                raise ValueError("two")
            super().on_event(event, sequence, end_of_batch)

    ring, traces, exceptions = kind.ring(8), Fails(), Records()
    processor = python(ring, traces, on_error=exceptions)
    publish(ring, 6)
    spawn(processor.run)
    traces.wait_until(lambda: 5 in traces.seen)
    processor.halt()
    spawn.join()
    assert exceptions.errors == [("two", 2, True)]
    assert traces.seen == [0, 1, 3, 4, 5]
    assert traces.batches == [(6, 6), (3, 3)]  # quirk c: a new batch begins behind the error


@pytest.mark.parametrize("declared", [kernels.fails_at_two, kernels.returns_status_at_two], ids=["raises", "status"])
def test_k064_an_error_of_a_compiled_handler_likewise(kind, spawn, declared):
    ring, exceptions = kind.ring(8), Records()
    processor, member = compiled(ring, declared, on_error=exceptions)
    publish(ring, 6)
    spawn(processor.run)
    until(lambda: member.sequence.get() == 5)
    processor.halt()
    spawn.join()
    assert [(sequence, there) for _, sequence, there in exceptions.errors] == [(2, True)]
    assert ("returned the status -7" in exceptions.errors[0][0]) == (declared is kernels.returns_status_at_two)
    state = member.state[0]
    assert list(state["seen"][: state["count"]]) == ([0, 1, 2, 3, 4, 5] if state["count"] == 6 else [0, 1, 3, 4, 5])


def test_k065_batch_sizes_are_reported_when_a_handler_publishes_meanwhile(kind, spawn):
    ring = kind.ring(16)

    class Publishes(Traces):
        def on_event(self, event, sequence, end_of_batch):
            if sequence == 2:
                publish(ring, 2)
            if sequence == 4:
                publish(ring, 1)
            super().on_event(event, sequence, end_of_batch)

    traces = Publishes()
    processor = python(ring, traces)
    publish(ring, 3)
    spawn(processor.run)
    traces.wait_until(lambda: len(traces.seen) == 6)
    processor.halt()
    spawn.join()
    assert [size for size, _ in traces.batches] == [3, 2, 1]


@pytest.mark.parametrize("when", ["before", "at once", "later"])
@pytest.mark.parametrize("how", ["python", "compiled"])
def test_k066_a_halted_processor_always_starts_and_ends(kind, how, when, spawn):
    ring, trace = kind.ring(8), []
    hooks = {"on_start": lambda: trace.append("start"), "on_shutdown": lambda: trace.append("shutdown")}
    processor = (
        python(ring, handler(lambda event: None, jit=False), **hooks) if how == "python"
        else compiled(ring, kernels.sums, **hooks)[0]
    )
    rounds = 50 if JIT_ENABLED else 10
    for _ in range(rounds):
        trace.clear()
        if when == "before":
            processor.halt()
        thread = spawn(processor.run)
        if when == "later":
            processor.started.wait(60)
        until(lambda thread=thread: trace or not thread.is_alive())
        processor.halt()
        thread.join(60)
        assert not thread.is_alive()
        assert trace == ["start", "shutdown"]
        processor._stop = False  # a halt that came after the end would make the next run short
        assert not processor.is_running


def test_quirk_k_halt_before_run_is_for_that_run_only(kind, spawn):
    ring, traces = kind.ring(8), Traces()
    processor = python(ring, traces)
    publish(ring, 1)
    processor.halt()
    processor.run()
    assert traces.trace == ["start", "shutdown"]
    spawn(processor.run)
    traces.wait_until(lambda: traces.seen == [0])
    processor.halt()


def test_k066_a_processor_that_runs_is_not_run_twice(kind, spawn):
    ring = kind.ring(8)
    processor = python(ring, Traces())
    spawn(processor.run)
    processor.started.wait(60)
    assert processor._state is ProcessorState.RUNNING
    with pytest.raises(GraphError, match=r"^handler 'traces' is already running$"):
        processor.run()
    processor.halt()


def test_k067_no_batch_begins_with_nothing_in_it(kind, spawn):
    ring, traces = kind.ring(8), Traces()
    processor = python(ring, traces, wait=BLOCKING.with_timeout(0.01))
    spawn(processor.run)
    traces.wait_until(lambda: traces.trace.count("timeout") >= 2)
    processor.halt()
    spawn.join()
    assert traces.batches == []


def test_k068_k069_a_batch_limit_splits_and_the_queue_depth_is_told(kind, spawn):
    ring, traces = kind.ring(8), Traces()
    processor = python(ring, traces, batch_limit=3)
    publish(ring, 5)
    spawn(processor.run)
    traces.wait_until(lambda: len(traces.seen) == 5)
    processor.halt()
    spawn.join()
    assert traces.batches == [(3, 5), (2, 2)]
    assert [s for s in traces.trace if isinstance(s, tuple)] == [(0, False), (1, False), (2, True), (3, False), (4, True)]


def test_k068_k069_compiled(kind, spawn):
    ring = kind.ring(8)
    processor, member = compiled(ring, kernels.traces, batch_limit=3)
    publish(ring, 5)
    spawn(processor.run)
    until(lambda: member.sequence.get() == 4)
    processor.halt()
    spawn.join()
    state = member.state[0]
    assert list(zip(state["sizes"][:2], state["depths"][:2])) == [(3, 5), (2, 2)]
    assert (state["batches"], state["ends"]) == (2, 2)


def test_k081_start_and_shutdown_come_once(kind, spawn):
    ring, traces = kind.ring(8), Traces()
    processor = python(ring, traces)
    spawn(processor.run)
    processor.started.wait(60)
    processor.halt()
    spawn.join()
    assert traces.trace == ["start", "shutdown"]


def test_k082_a_handler_may_release_records_before_its_batch_ends(kind, spawn):
    ring, inside, go = kind.ring(8), threading.Event(), threading.Event()

    class Releases:
        def follow(self, sequence):
            self.sequence = sequence

        def on_event(self, event, sequence, end_of_batch):
            self.sequence.set(sequence)
            if sequence == 3:
                inside.set()
                go.wait(60)

    processor = python(ring, Releases())
    publish(ring, 8)
    spawn(processor.run)
    assert inside.wait(60)
    assert processor.sequence.get() == 3 and ring.remaining_capacity() == 4
    go.set()
    until(lambda: processor.sequence.get() == 7)
    processor.halt()


def test_k082_compiled(kind, spawn):
    ring = kind.ring(8)
    processor, member = compiled(ring, kernels.releases)
    publish(ring, 8)
    spawn(processor.run)
    until(lambda: member.sequence.get() == 7)
    processor.halt()
    spawn.join()
    assert member.state[0]["count"] == 8
    text = processor.source().text
    assert "on_releases(" in text and "(cells, sequence_releases, progress_cell, parks)" in text


def test_k082_release_and_rewind_exclude_each_other(kind):
    from disruptor.rewind import SimpleRewind

    with pytest.raises(GraphError, match="rewind and release exclude each other"):
        compiled(kind.ring(8), kernels.releases, rewind=SimpleRewind())

    class Follows:
        def follow(self, sequence): ...

        def on_event(self, event, sequence, end_of_batch): ...

    with pytest.raises(GraphError, match="rewind and follow exclude each other"):
        python(kind.ring(8), Follows(), rewind=SimpleRewind())


def test_n003a_on_timeout_and_errors_in_it(kind, spawn):
    ring, exceptions = kind.ring(8), Records()

    class Times(Traces):
        def on_timeout(self, sequence):
            super().on_timeout(sequence)
            if self.trace.count("timeout") < 3:
                raise KeyError("late")

    traces = Times()
    processor = python(ring, traces, on_error=exceptions, wait=BLOCKING.with_timeout(0.005))
    spawn(processor.run)
    traces.wait_until(lambda: traces.trace.count("timeout") >= 4)
    publish(ring, 1)
    traces.wait_until(lambda: traces.seen == [0])
    processor.halt()
    spawn.join()
    assert [(cause, there) for cause, _, there in exceptions.errors] == [("'late'", False)] * 2


@pytest.mark.parametrize(
    ("kind", "wait"), [*((KINDS[0], wait) for wait in WAITS.values()), *((kind, WAITS["blocking"]) for kind in KINDS[1:])], ids=str,
)  # how long it waits is the strategy's, what it waits for the ring's: each is a loop to compile
def test_n003a_compiled_on_timeout(kind, wait, spawn):
    ring = kind.ring(8)
    processor, member = compiled(ring, kernels.traces, wait=wait.with_timeout(0.005))
    spawn(processor.run)
    until(lambda: member.state[0]["timeouts"] >= 2)
    publish(ring, 1)
    until(lambda: member.sequence.get() == 0)
    processor.halt()
    spawn.join()
    assert member.state[0]["batches"] == 1


def test_n003b_errors_at_start_and_shutdown_have_their_own_callbacks(kind, spawn):
    exceptions = Records()

    def refuses():
        raise OSError("no")

    ring = kind.ring(8)
    processor = python(ring, Traces(), on_error=exceptions, on_start=refuses, on_shutdown=refuses)
    spawn(processor.run)
    processor.started.wait(60)
    processor.halt()
    spawn.join()
    assert len(exceptions.started) == len(exceptions.ended) == 1
    assert exceptions.started[0] == "handler 'traces' failed at sequence 0: OSError: no"


def test_quirk_h_an_error_at_batch_start_is_one_of_its_first_record(kind, spawn):
    ring, exceptions = kind.ring(8), Records()

    class Refuses(Traces):
        def on_batch_start(self, batch_size, queue_depth):
            super().on_batch_start(batch_size, queue_depth)
            if len(self.batches) == 1:
                raise ValueError("not this one")

    traces = Refuses()
    processor = python(ring, traces, on_error=exceptions)
    publish(ring, 3)
    spawn(processor.run)
    traces.wait_until(lambda: len(traces.seen) == 2)
    processor.halt()
    spawn.join()
    assert exceptions.errors == [("not this one", 0, True)]
    assert traces.seen == [1, 2]


def test_k086_one_function_calls_several_in_order(kind, spawn):
    """LMAX AggregateEventHandler: in Python a handler that calls others is a function."""
    ring, order = kind.ring(8), []
    parts = [lambda event, sequence, end, i=i: order.append((i, sequence)) for i in range(3)]

    def together(event, sequence, end_of_batch):
        for part in parts:
            part(event, sequence, end_of_batch)

    processor = python(ring, handler(together, jit=False))
    publish(ring, 2)
    spawn(processor.run)
    until(lambda: len(order) == 6)
    processor.halt()
    assert order == [(i, s) for s in range(2) for i in range(3)]


def test_k087_fatal_wraps_the_cause_and_raises_ignore_logs_and_goes_on(caplog):
    error = HandlerError("sums", 7, ValueError("bad"))
    with pytest.raises(HandlerError, match=r"^handler 'sums' failed at sequence 7: ValueError: bad$"):
        FatalExceptionHandler().on_event_error(error, 7, None)
    ignore = IgnoreExceptionHandler()
    with caplog.at_level(logging.WARNING, "disruptor"):
        ignore.on_event_error(error, 7, None)
        ignore.on_start_error(error)
        ignore.on_shutdown_error(error)
    assert ignore.count == 1
    assert caplog.messages[0] == "handler 'sums' failed at sequence 7: ValueError: bad; the record is passed by"
    assert isinstance(as_exception_handler("halt"), FatalExceptionHandler)
    assert isinstance(as_exception_handler("skip"), IgnoreExceptionHandler)


def test_batch_handlers_get_views_split_at_the_rings_end(kind, spawn):
    ring, parts = kind.ring(8), []
    processor = python(ring, lambda batch, first: parts.append((first, list(batch["value"]))))
    publish(ring, 6)
    spawn(processor.run)
    until(lambda: processor.sequence.get() == 5)
    publish(ring, 5)
    until(lambda: processor.sequence.get() == 10)
    processor.halt()
    spawn.join()
    assert [v for _, values in parts for v in values] == list(range(11))
    assert all(first % 8 + len(values) <= 8 for first, values in parts)


def test_n004a_batch_handlers_never_see_what_was_given_up(spawn):
    from tests.conformance.conftest import KINDS

    ring, seen = KINDS[2].ring(8), []
    processor = python(ring, lambda batch, first: seen.extend(batch["value"]))
    compiled_processor, member = compiled(ring, kernels.sums)
    for n in range(6):
        ring.get(ring.next())["value"] = n
    for n in (0, 1, 3, 5):
        ring.publish(n)
    ring.sequencer.abort(2)
    ring.sequencer.abort(4)
    spawn(processor.run)
    spawn(compiled_processor.run)
    until(lambda: processor.sequence.get() == member.sequence.get() == 5)
    processor.halt()
    compiled_processor.halt()
    spawn.join()
    assert seen == [0, 1, 3, 5]
    assert (member.state[0]["count"], member.state[0]["sum"]) == (4, 9)


def test_a_handlers_arguments_are_found_by_name(kind, spawn):
    ring, seen = kind.ring(8), []
    processor = python(ring, handler(lambda sequence, event: seen.append((sequence, int(event["value"]))), jit=False))
    publish(ring, 2)
    spawn(processor.run)
    until(lambda: len(seen) == 2)
    processor.halt()
    assert seen == [(0, 0), (1, 1)]
    with pytest.raises(GraphError, match=r"nothing is called 'price'; known here: event, sequence, end_of_batch$"):
        python(ring, as_handler(handler(lambda price: None, jit=False)))
