"""Handlers that end badly, and graphs that go on afterwards."""

import threading

import numpy as np
import pytest

from disruptor import Disruptor, handler, into
from disruptor.errors import CapacityError, GraphError, HandlerError
from disruptor.faults import ExceptionHandler
from disruptor.node import ProcessorFactory
from disruptor.sequence import Sequence
from tests.conformance import kernels
from tests.conformance.conftest import FIELDS
from tests.conformance.test_graphs import Sees
from tests.conformance.test_processors import until
from tests.reference.rest import asleep, tid_of


class FailsOnce:
    """A Python handler that fails the first time it gets record 2."""

    name = "fails-once"

    def __init__(self, error=RuntimeError):
        self.seen, self.failed, self.error = [], False, error

    def on_event(self, event, sequence, end_of_batch):
        if sequence == 2 and not self.failed:
            self.failed = True
            raise self.error("once")
        self.seen.append(sequence)


def test_pain6_a_graph_whose_python_handler_died_starts_again_and_goes_on():
    fails = FailsOnce()
    graph = Disruptor(FIELDS, 8).then(fails)
    with pytest.raises(HandlerError):
        with graph:
            for n in range(5):
                graph.publish(value=[n])
            graph.drain(60)
    with graph:
        graph.drain(60)
        graph.publish(value=[5])
    assert fails.seen.count(2) == 1
    assert set(range(graph.ring.sequencer.published() + 1)) == set(fails.seen)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_pain2_whatever_a_handler_ends_by_is_seen(error):
    graph = Disruptor(FIELDS, 8).then(FailsOnce(error))
    with pytest.raises(HandlerError, match=rf"^handler 'fails-once' failed at sequence 2: {error.__name__}: once$"):
        with graph:
            graph.publish(value=np.arange(5))


def test_pain2_an_exception_handler_that_raises_something_else_is_seen():
    class Wraps(ExceptionHandler):
        def on_event_error(self, error, sequence, event):
            raise ValueError("wrapped") from error

    for fails in (FailsOnce(), kernels.fails_at_two):
        graph = Disruptor(FIELDS, 8, on_error=Wraps()).then(fails)
        with pytest.raises(HandlerError, match=r"failed at sequence 2: ValueError: wrapped$"):
            with graph:
                graph.publish(value=np.arange(20))
                graph.publish(value=np.arange(20))


def test_pain2_a_processor_of_ones_own_that_dies_is_seen():
    class Dies:
        name = "own"

        def __init__(self):
            self.sequence = Sequence()

        def run(self):
            raise OSError("gone")

        def halt(self):
            pass

    graph = Disruptor(FIELDS, 8).then(ProcessorFactory(lambda ring, sequences: Dies()))
    with pytest.raises(HandlerError, match=r"^handler 'own' failed at sequence 0: OSError: gone$"):
        with graph:
            graph.publish(value=np.arange(20))


def test_pain2_the_first_failure_is_told_not_that_of_the_shutdown_after_it():
    class Both(FailsOnce):
        def on_shutdown(self):
            raise OSError("at shutdown")

    with pytest.raises(HandlerError, match=r"failed at sequence 2: RuntimeError: once$"):
        with Disruptor(FIELDS, 8).then(Both()) as graph:
            graph.publish(value=np.arange(5))


def test_pain2_a_failure_further_down_is_told_to_those_who_wait_upstream():
    """A handler's output is full because the consumer of that ring has died."""
    from disruptor.single_producer import claim

    @handler
    def copies(event, out):
        record = claim(out)
        record["value"] = event["value"]

    second = Disruptor(FIELDS, 4, name="second").then(FailsOnce())
    first = Disruptor(FIELDS, 8, name="first").then(into(copies, out=second))
    with pytest.raises(HandlerError, match=r"^handler 'fails-once' failed at sequence 2"):
        with second:
            first.start()
            try:
                first.publish(value=np.arange(8))
                with pytest.raises(HandlerError, match=r"^handler 'fails-once' failed at sequence 2"):
                    first.publish(value=np.arange(8))
                with pytest.raises(HandlerError, match=r"^handler 'fails-once' failed at sequence 2"):
                    first.drain(60)
            finally:
                first.halt()


def test_pain2_outputs_of_a_batch_that_ended_a_handler_are_not_published_by_its_next_run():
    from disruptor.single_producer import claim

    @handler(state=[("failed", "i8")])
    def copies(event, sequence, state, out):
        record = claim(out)
        record["value"] = event["value"]
        if sequence == 2 and state["failed"] == 0:
            state["failed"] = 1
            return -1
        return 0

    got = Sees("got")
    second = Disruptor(FIELDS, 16, name="second").then(got)
    first = Disruptor(FIELDS, 8, name="first").then(into(copies, out=second))
    first.publish_events(lambda event, sequence, value: event.__setitem__("value", value), [0, 1, 2, 3, 4])
    first.ring.sequencer.gating_sequences[0].set(-1)  # it starts with what was published before
    with second:
        with pytest.raises(HandlerError):
            with first:
                first.drain(60)
        assert first.sequence_of("copies") == -1
        with first:
            first.drain(60)
    assert got.values == [0, 1, 2, 3, 4]


@pytest.mark.timeout(60)
def test_k066_a_halt_wakes_a_handler_that_waits_for_room_in_its_output():
    from disruptor.single_producer import claim
    from disruptor.wait import Wait

    @handler(wait=Wait.blocking(park_ns=3_600_000_000_000))
    def copies(event, out):
        record = claim(out)
        record["value"] = event["value"]

    second = Disruptor(FIELDS, 4, name="second")
    second.ring.new_poller()
    first = Disruptor(FIELDS, 8, name="first").then(into(copies, out=second)).start()
    first.publish(value=np.arange(8))
    until(lambda: first.sequence_of("copies") == 3)
    until(lambda: asleep(tid_of("dis-copies")))
    first.halt()


def test_a_negative_batch_limit_is_refused_for_compiled_handlers_too():
    with pytest.raises(GraphError, match=r"^handler 'sums': batch_limit must be >= 0, got -1$"):
        Disruptor(FIELDS, 8).then(kernels.sums.using(batch_limit=-1))


def test_an_observer_never_returns_what_an_aborted_claim_has_overwritten(kind):
    ring = kind.ring(8, when_full="overwrite")
    observer = ring.new_observer()
    ring.publish(value=np.arange(8))
    with pytest.raises(ZeroDivisionError):
        with ring.publish() as event:  # lies where record 0 lay
            event["value"] = 999
            event["value"] = 1 // 0
    assert [int(v) for v in observer.take()["value"]] == [1, 2, 3, 4, 5, 6, 7]
    assert observer.lost == 1


def test_n004a_an_observer_knows_what_was_given_up_although_its_slot_is_used_again(monkeypatch):
    from disruptor.ring_buffer import RingBuffer

    for availability in ("record", "flags"):
        ring = RingBuffer(FIELDS, 8, producers="multi", availability=availability, when_full="overwrite")
        observer = ring.new_observer()
        low = ring.next(2) - 1
        ring.get(low)["value"] = 999
        ring.publish(low + 1)
        ring.sequencer.abort(low)
        real = type(observer)._oldest if hasattr(type(observer), "_oldest") else None
        assert real is None
        import disruptor.observer as module

        ended = module._oldest

        def later(cells, base, ended=ended, ring=ring):
            found = ended(cells, base)
            ring.publish(value=np.arange(8))  # the producer comes round just after the look
            return found

        with monkeypatch.context() as patch:
            patch.setattr(module, "_oldest", later)
            assert 999 not in observer.take()["value"]


def test_n004b_unblock_counts_what_it_gives_up_not_what_was_given_up_before():
    from disruptor.ring_buffer import RingBuffer

    ring = RingBuffer(FIELDS, 8, producers="multi")
    ring.new_poller()
    first, second, third = ring.next(), ring.next(), ring.next()
    ring.sequencer.abort(second)
    ring.publish(third)
    assert ring.sequencer.unblock() == 1
    assert ring.sequencer.published() == third and first == 0


def test_publish_of_arrays_by_several_threads_leaves_no_hole_in_a_full_ring(kind, spawn):
    if not kind.multi:
        pytest.skip("not applicable, because a ring with one producer has one")
    graph = Disruptor(FIELDS, 8, producers="multi", availability=kind.availability, wait="yielding")
    seen = Sees("seen")
    graph.then(seen)
    with graph:
        barrier = threading.Barrier(3)

        def publishes(records):
            barrier.wait(60)
            for start in range(0, 300, 30):
                values = np.arange(start, start + 30)
                if records:
                    array = np.zeros(30, graph.ring.fields)
                    array["value"] = values
                    graph.publish(array)
                else:
                    graph.publish(value=values)

        for records in (True, False, True):
            spawn(publishes, records)
        spawn.join()
        graph.drain(60)
    assert sorted(seen.values) == sorted([*range(300)] * 3)


def test_publish_of_arrays_waits_for_room_without_taking_it(kind, monkeypatch):
    """Another producer claims between this one's wait for room and its claim: nothing is lost or held."""
    if not kind.multi:
        pytest.skip("not applicable, because a ring with one producer has one")
    ring = kind.ring(8)
    poller = ring.new_poller()
    ring.publish(value=np.arange(8))
    other = []
    real = ring.sequencer.unclaim
    monkeypatch.setattr(ring.sequencer, "unclaim", lambda low, high: (other.append(ring.next()), real(low, high))[1])
    reader = threading.Timer(0.05, lambda: poller.take_batch(4))
    reader.start()
    ring.publish(value=[8, 9])
    reader.join()
    for sequence in other:
        ring.publish(sequence)
    assert ring.sequencer.published() == ring.sequencer.claimed


@pytest.mark.parametrize("step", [2, -1])
def test_publish_of_records_takes_any_layout_of_one_dimension(kind, step):
    ring = kind.ring(8)
    records = np.zeros(8, ring.fields)
    records["value"] = np.arange(8)
    assert ring.publish(records[::step]) == len(records[::step]) - 1
    assert list(ring.records["value"][: len(records[::step])]) == list(np.arange(8)[::step])
    with pytest.raises(CapacityError, match=r"^ring 'ring': an array of records has 1 dimension, got 2; pass array\.ravel\(\)$"):
        ring.publish(records.reshape(2, 4))


def test_capacity_never_exceeds_the_slots_while_everything_moves(kind):
    """Seen by others: claims and consumers move between the looks at them."""
    ring = kind.ring(8)
    found = []
    done = threading.Event()

    def looks():
        while not done.is_set():
            found.append(ring.remaining_capacity())

    watcher = threading.Thread(target=looks)
    watcher.start()
    for _ in range(300):
        ring.publish(value=np.arange(20))
    done.set()
    watcher.join()
    assert min(found) >= 0 and max(found) <= 8


@pytest.mark.parametrize("availability", ["cursor", "record"])
def test_an_output_is_drained_whole_however_its_records_are_marked(availability):
    from disruptor.single_producer import claim

    @handler
    def copies(event, out):
        record = claim(out)
        record["value"] = event["value"]

    got = Sees("got")
    second = Disruptor(FIELDS, 8, name="second", availability=availability).then(got)
    first = Disruptor(FIELDS, 8, name="first").then(into(copies, out=second))
    for n in range(3):
        with second, first:
            first.publish(value=np.arange(50 * n, 50 * n + 50))
        assert got.values == list(range(50 * n + 50))
        assert second.ring.sequencer.published() == 50 * n + 49


def test_handlers_that_are_refused_leave_no_trace():
    @handler
    def copies(event, out):
        pass

    second = Disruptor(FIELDS, 8, name="second").then(kernels.sums)
    first = Disruptor(FIELDS, 8, name="first")
    with pytest.raises(GraphError):
        first.then(into(copies, out=second), into(kernels.sums, nothing=second))
    Disruptor(FIELDS, 8, name="third").then(into(copies, out=second))  # it is nobody's output
    assert first.ring.sequencer.gating_sequences == ()


def test_n003a_on_timeout_comes_in_time_although_the_strategy_parks_for_longer():
    from disruptor.wait import Wait

    wait = Wait.blocking(park_ns=3_600_000_000_000).with_timeout(0.01)
    graph = Disruptor(FIELDS, 8).then(kernels.traces.using(wait=wait))
    with graph:
        until(lambda: graph.state("traces")["timeouts"] >= 3)


def test_a_ring_that_was_reset_begins_anew(kind):
    ring = kind.ring(8)
    poller = ring.new_poller()
    ring.publish(value=np.arange(8))
    claim = ring.next(timeout=0.01) if poller.take_batch(1).size else 0
    assert claim == 8
    ring.reset()
    poller.sequence.set(-1)
    assert ring.publish(value=[1, 2]) == 1
    assert [int(e["value"]) for e in poller.take()] == [1, 2]


def test_pain2_a_dead_consumer_is_told_although_there_is_room(kind):
    def dies(batch, first):
        raise RuntimeError("mine")

    graph = Disruptor(FIELDS, 64, producers=kind.producers, availability=kind.availability).then(dies)
    graph.start()
    graph.publish(value=[1])
    until(lambda: graph.failure is not None)
    ring = graph.ring
    for publish in (
        ring.next, ring.try_next, lambda: ring.publish().__enter__(), lambda: ring.publish_event(lambda e, q: None),
        lambda: ring.try_publish_event(lambda e, q: None), lambda: ring.publish(value=[1]),
        lambda: ring.publish(np.zeros(1, ring.fields)), ring.sequencer.wait_for_room,
    ):
        with pytest.raises(HandlerError, match=r"^handler 'dies' failed at sequence 0: RuntimeError: mine$"):
            publish()
    assert ring.sequencer.claimed == 0
    graph.halt()
