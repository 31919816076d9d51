"""K85, K93–K121: the graph (LMAX DisruptorTest, ShutdownOnFatalExceptionTest, ConsumerRepositoryTest, UtilTest)."""

import threading

import numpy as np
import pytest

from disruptor import Disruptor, handler
from disruptor.errors import CapacityError, GraphError, HandlerError, WaitTimeout
from disruptor.group import HandlerGroup
from disruptor.layout import next_power_of_two
from disruptor.node import ProcessorFactory
from disruptor.processor import BatchEventProcessor
from disruptor.rewind import SimpleRewind
from disruptor.sequence import FixedSequenceGroup
from tests.conformance import kernels
from tests.conformance.conftest import FIELDS
from tests.conformance.test_processors import Records, until


class Sees:
    """A Python handler that keeps what it saw; it can be held before a record."""

    def __init__(self, name="sees", hold_at=-1):
        self.name, self.hold_at = name, hold_at
        self.seen, self.values = [], []
        self.held, self.go = threading.Event(), threading.Event()

    def on_event(self, event, sequence, end_of_batch):
        if sequence == self.hold_at:
            self.held.set()
            assert self.go.wait(60)
        self.seen.append(sequence)
        self.values.append(int(event["value"]))

    __hash__ = object.__hash__

    def __eq__(self, other):  # K106: equal, and yet not the same
        return isinstance(other, Sees)


@pytest.fixture(params=["single", "multi"])
def graph(request):
    graph = Disruptor(FIELDS, 8, producers=request.param)
    yield graph
    graph.halt()


def publish(graph, *values):
    for value in values or (0,):
        graph.publish_event(lambda event, sequence, value: event.__setitem__("value", value), value)


def test_k085_shutdown_returns_although_a_handler_has_died(graph):
    def dies(batch, first):
        if first <= 3 < first + len(batch):
            raise RuntimeError("at three")

    graph.then(dies)
    with pytest.raises(HandlerError, match=r"^handler 'dies' failed at sequence \d: RuntimeError: at three$"):
        with graph:
            publish(graph, *range(6))
    assert not graph.started


def test_k093_started_says_whether_it_runs(graph):
    graph.then(Sees())
    assert not graph.started
    graph.start()
    assert graph.started
    graph.shutdown()
    assert not graph.started


def test_k094_what_is_published_before_the_start_is_handled(graph):
    sees = Sees()
    graph.then(sees)
    publish(graph, 1, 2)
    graph.start()
    publish(graph, 3)
    graph.shutdown()
    assert sees.values == [1, 2, 3]


def test_k095_a_batch_is_handled_whole(graph):
    sees = Sees()
    with graph.then(sees):
        graph.publish_events(lambda event, sequence, value: event.__setitem__("value", value), [7, 8, 9])
    assert sees.values == [7, 8, 9]


def test_k096_rewindable_handlers(graph):
    graph.then(kernels.rewinds.using(rewind=SimpleRewind()))
    publish(graph, 0, 2, 0)
    with graph:
        pass
    assert list(graph.state("rewinds")["seen"][:5]) == [0, 0, 0, 1, 2]


def test_k097_handlers_added_after_publishing_start_at_the_cursor(graph):
    early, late = Sees("early"), Sees("late")
    graph.then(early)
    publish(graph, *range(6))
    graph.handle_events_with(late)
    assert graph.sequence_of(late) == 5
    with graph:
        publish(graph, 6)
    assert early.seen == list(range(7)) and late.seen == [6]


@pytest.mark.parametrize("when", ["before", "after"])
def test_k098_a_barrier_for_a_handler(graph, when):
    sees = Sees()
    if when == "before":
        graph.then(sees)
    publish(graph, *range(6))
    if when == "after":
        graph.then(sees)
    barrier = graph.barrier_for(sees)
    assert barrier.cursor == (-1 if when == "before" else 5)
    with graph:
        publish(graph, 6)
    assert barrier.wait_for(6) == barrier.cursor == 6


def test_k099_each_handler_has_a_thread(graph):
    one, two = Sees("one"), Sees("two")
    graph.handle_events_with(one, two)
    with graph:
        names = [t.name for t in threading.enumerate()]
        assert names.count("dis-one") == names.count("dis-two") == 1


def test_k100_handlers_of_the_first_stage_do_not_wait_for_each_other(graph):
    slow, fast = Sees("slow", hold_at=0), Sees("fast")
    graph.handle_events_with(slow, fast)
    with graph:
        publish(graph, 1, 2, 3)
        until(lambda: fast.seen == [0, 1, 2])
        assert slow.seen == []
        slow.go.set()


def test_k101_then_waits_for_every_handler_before(graph):
    slow, fast, last = Sees("slow", hold_at=1), Sees("fast"), Sees("last")
    graph.handle_events_with(slow, fast).then(last)
    with graph:
        publish(graph, 1, 2, 3)
        assert slow.held.wait(60)
        until(lambda: fast.seen == [0, 1, 2] and slow.seen == [0])
        assert last.seen == [] or last.seen == [0]
        slow.go.set()
    assert last.seen == [0, 1, 2]


def test_k102_factories_get_the_ring_and_the_sequences_before_them(graph):
    given = []

    def create(ring, sequences):
        given.append((ring is graph.ring, len(sequences)))
        return BatchEventProcessor(ring, ring.new_barrier(*sequences), Sees(f"made-{len(given)}"))

    graph.handle_events_with(ProcessorFactory(create)).then(ProcessorFactory(create))
    with graph:
        publish(graph, 5)
    assert given == [(True, 0), (True, 1)]


def test_k103_k104_after_and_and(graph):
    one, two, three, last = Sees("one"), Sees("two", hold_at=0), Sees("three"), Sees("last")
    first = graph.handle_events_with(one, two)
    group = graph.handle_events_with(three)
    graph.after(one, two).and_(group).then(last)
    assert isinstance(first, HandlerGroup)
    with graph:
        publish(graph, 1)
        until(lambda: one.seen == three.seen == [0])
        assert last.seen == []
        two.go.set()
    assert last.seen == [0]


def test_k105_after_a_handler_that_is_not_there_is_refused(graph):
    graph.then(kernels.sums)
    with pytest.raises(GraphError, match=r"^no handler 'stranger' in this graph; known: sums$"):
        graph.after(Sees("stranger"))


def test_k106_handlers_are_told_apart_by_identity(graph):
    one, other, last = Sees("one"), Sees("other", hold_at=0), Sees("last")
    assert one == other
    graph.handle_events_with(one, other)
    graph.after(one).then(last)
    with graph:
        publish(graph, 1)
        until(lambda: last.seen == [0])  # it does not wait for `other`
        assert graph.sequence_of(other) == -1
        other.go.set()


def fails(batch, first):
    raise ValueError("no")


@pytest.mark.parametrize("order", ["before", "after"])
def test_a107_k108_a_default_exception_handler_serves_handlers_before_and_after(graph, order):
    exceptions = Records()
    if order == "before":
        graph.then(fails)
    graph.set_default_exception_handler(exceptions)
    if order == "after":
        graph.then(fails)
    with graph:
        publish(graph, 1)
    assert exceptions.errors == [("no", 0, True)]


def test_k109_a_full_ring_holds_its_producer_until_the_handlers_are_through(graph, spawn):
    slow = Sees("slow", hold_at=0)
    graph.then(slow).start()
    publish(graph, *range(8))
    producer = spawn(publish, graph, 8)
    producer.join(0.05)
    assert producer.is_alive()
    slow.go.set()
    spawn.join()
    graph.shutdown()
    assert slow.seen == list(range(9))


def test_k110_an_exception_handler_for_one_handler(graph):
    mine, others = Records(), Records()
    graph.set_default_exception_handler(others)
    graph.then(fails)
    graph.handle_exceptions_for(fails, mine)
    with graph:
        publish(graph, 1)
    assert mine.errors == [("no", 0, True)] and others.errors == []


def test_k111_then_after_the_start_is_refused(graph):
    with graph.then(Sees()):
        for late in (lambda: graph.then(Sees()), lambda: graph.handle_events_with(Sees()), lambda: graph.after("sees").then(Sees())):
            with pytest.raises(GraphError, match=r"before the graph starts; while it runs, use add\(\)$"):
                late()


def test_k112_a_second_start_is_refused(graph):
    with graph.then(Sees()):
        with pytest.raises(GraphError, match=r"^this graph is already running$"):
            graph.start()


class Custom:
    """A processor of the user's own."""

    def __init__(self, ring, *sequences):
        self.inner = BatchEventProcessor(ring, ring.new_barrier(*sequences), Sees("custom"))
        self.sequence, self.run, self.halt = self.inner.sequence, self.inner.run, self.inner.halt


def test_k113_k114_k115_k116_processors_of_ones_own_stand_anywhere(graph):
    first = Custom(graph.ring)
    middle, last = Sees("middle"), Sees("last")
    second = Custom(graph.ring)
    graph.handle_events_with(first, second).then(middle)
    third = Custom(graph.ring, first.sequence)
    graph.after(first).then(third)
    graph.after(middle).and_(third).then(last)
    with graph:
        publish(graph, 1, 2)
    assert last.seen == middle.seen == [0, 1]
    assert [p.sequence.get() for p in (first, second, third)] == [1, 1, 1]


def test_k117_a_shutdown_that_takes_too_long_names_who_is_behind_and_halts_nothing(graph):
    slow = Sees("slow", hold_at=0)
    graph.then(slow).start()
    publish(graph, 1)
    assert slow.held.wait(60)
    with pytest.raises(WaitTimeout, match=r"not everything published up to 0 was handled within 0\.02 s; handler 'slow': working"):
        graph.shutdown(timeout=0.02)
    assert graph.started
    slow.go.set()
    graph.shutdown(timeout=60)
    assert slow.seen == [0] and not graph.started


def test_k118_capacity_inside_a_handler_and_after(graph):
    left = []

    def looks(batch, first):
        left.append(graph.ring.remaining_capacity())

    with graph.then(looks):
        publish(graph, 1)
        until(lambda: graph.ring.remaining_capacity() == 8)
    assert left == [7]


def test_k120_sequences_and_barriers_are_found_by_handler(graph):
    sees = Sees()
    graph.then(sees).then(kernels.sums)
    with graph:
        publish(graph, 1, 2)
    assert graph.sequence_of(sees) == graph.sequence_of("sums") == graph.sequence_of(kernels.sums) == 1
    with pytest.raises(GraphError, match=r"^no handler 'nobody' in this graph; known: sees, sums$"):
        graph.sequence_of("nobody")


def test_k121_powers_of_two_and_the_lowest_of_nothing():
    assert [next_power_of_two(n) for n in (0, 1, 2, 3, 4, 5, 1000)] == [1, 1, 2, 4, 4, 8, 1024]
    for slots in (0, -1, -8, 3):
        with pytest.raises(CapacityError, match=f"slots must be a power of two, got {slots}; the next one is"):
            Disruptor(FIELDS, slots)
    assert FixedSequenceGroup([]).get() == 2**63 - 1


# Compiled graphs: the same, fused or not.


@pytest.mark.parametrize("producers", ["single", "multi"])
@pytest.mark.parametrize("placement", ["auto", "fused", "apart"])
def test_k101_a_diamond_of_compiled_handlers_in_every_placement(producers, placement):
    from disruptor import thread

    names = ("adds_one", "doubles", "sums")
    places = {
        "auto": "auto",
        "fused": [thread(*names)],
        "apart": [thread(n, wait="yielding") for n in names],
    }
    graph = Disruptor(FIELDS, 64, producers=producers, placement=places[placement])
    graph.then(kernels.adds_one).then(kernels.doubles).then(kernels.sums)
    with graph:
        graph.publish(value=np.arange(10_000))
    assert graph.state("sums")["count"] == 10_000
    assert graph.state("sums")["sum"] == 2 * sum(range(1, 10_001))


def test_graphs_may_be_started_again_and_go_on(graph):
    sees = Sees()
    graph.then(sees).then(kernels.sums)
    for n in range(3):
        with graph:
            publish(graph, n)
    assert sees.values == [0, 1, 2] and graph.state("sums")["sum"] == 3


def test_pain6_shutdown_joins_its_threads(graph):
    with graph.then(Sees("one"), kernels.sums):
        assert [t for t in threading.enumerate() if t.name in ("dis-one", "dis-sums")]
    assert not [t for t in threading.enumerate() if t.name in ("dis-one", "dis-sums")]


def test_n002g_start_is_complete_when_every_handler_has_had_its_on_start(graph):
    """N2 of Disruptor-net."""
    ready = []
    graph.then(*(handler(lambda event: None, jit=False, name=f"h{i}", on_start=lambda i=i: ready.append(i)) for i in range(3)))
    graph.start()
    assert sorted(ready) == [0, 1, 2]


def test_an_error_at_start_is_raised_by_start(graph):
    def refuses():
        raise OSError("no device")

    graph.then(handler(lambda event: None, jit=False, name="opens", on_start=refuses))
    with pytest.raises(HandlerError, match=r"^handler 'opens' failed at sequence 0: OSError: no device$"):
        graph.start()
    assert not graph.started
