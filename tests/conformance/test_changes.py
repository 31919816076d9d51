"""Consumers that come and go while others publish: nobody starts behind what is gone, nothing is left behind."""

import gc
import threading

import numpy as np
import pytest

from disruptor import Disruptor, handler, into
from disruptor.claims import CLAIMED, GATE
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CompileError, GraphError, HandlerError
from disruptor.sequence import CELLS, Sequence, take_cells
from tests.conformance import kernels
from tests.conformance.conftest import FIELDS
from tests.conformance.test_graphs import Sees
from tests.conformance.test_processors import until


def test_n005c_the_stored_gate_never_goes_back_when_two_producers_look_at_once(kind, monkeypatch):
    """Two producers look for the lowest consumer, the slower one stores what it found: the ring stays usable."""
    if not kind.multi:
        pytest.skip("not applicable, because one producer looks alone")
    ring = kind.ring(8)
    s = ring.sequencer
    for _ in range(3):
        ring.publish(value=np.arange(8))  # nobody gates: the gate is what is published
    assert CELLS[s.base + CLAIMED] <= CELLS[s.base + GATE] + 8
    for _ in range(20):  # each claim keeps what `published` and a late consumer rely on
        ring.publish(value=np.arange(5))
        assert CELLS[s.base + CLAIMED] <= CELLS[s.base + GATE] + 8
    late = Sequence()
    ring.add_gating_sequences(late)
    assert late.get() == s.claimed == 123


def test_n005c_a_consumer_added_behind_another_does_not_start_behind_what_is_overwritten(kind, monkeypatch):
    """Between the look at the handler before it and its gate, the producer laps the ring."""
    first, late = Sees("first"), Sees("late")
    graph = Disruptor(FIELDS, 8, producers=kind.producers, availability=kind.availability).then(first).start()
    s = graph.ring.sequencer
    add = s.add_gating_sequences_as_they_are
    once = []

    def laps(*sequences):
        if not once:
            once.append(True)
            graph.publish(value=np.arange(30))
            until(lambda: graph.sequence_of(first) == 29)
        add(*sequences)

    monkeypatch.setattr(s, "add_gating_sequences_as_they_are", laps)
    graph.add(late, after=[first])
    graph.publish(value=np.arange(30, 50))
    graph.shutdown()
    assert late.values == list(range(30, 50)) == late.seen


def test_n005c_a_consumer_added_to_a_lapping_ring_stands_at_what_is_published(kind, monkeypatch):
    """The same for a first consumer: where it stands is looked up again once producers wait for it."""
    ring = kind.ring(8)
    s = ring.sequencer
    late, add = Sequence(), s.add_gating_sequences_as_they_are

    def laps(*sequences):
        ring.publish(value=np.arange(30))
        add(*sequences)

    monkeypatch.setattr(s, "add_gating_sequences_as_they_are", laps)
    ring.add_gating_sequences(late)
    assert late.get() == 29
    ring.publish(value=np.arange(8))
    assert ring.remaining_capacity() == 0
    assert ring.new_barrier().wait_for(30) == 37


@pytest.mark.skipif(not JIT_ENABLED, reason="not applicable, because un-jitted nothing is compiled")
def test_pain5_a_handler_that_cannot_be_compiled_is_not_added():
    @handler
    def bad(event, out):
        event["no such field"] = 1

    second = Disruptor(FIELDS, 8, name="second").then(kernels.sums)
    with Disruptor(FIELDS, 8).then(kernels.sums) as graph:
        with pytest.raises(CompileError):
            graph.add(into(bad, out=second))
        graph.publish(value=np.arange(50))
        graph.drain(60)
        assert [n.who for n in graph.who_gates()] == ["the producers", "handler 'sums'"]
    with second:
        second.publish(value=[1])  # it has been given back


def test_pain5_removing_a_handler_that_has_died_heals_the_graph():
    def dies(batch, first):
        raise RuntimeError("mine")

    graph = Disruptor(FIELDS, 8).then(kernels.sums)
    graph.handle_events_with(dies)
    with graph:
        graph.publish(value=[1])
        until(lambda: graph.failure is not None)
        with pytest.raises(HandlerError):
            graph.publish(value=[2])
        graph.remove(dies)
        assert graph.failure is None
        graph.publish(value=np.arange(50))
    assert graph.state("sums")["count"] == 51


def test_pain5_a_pool_is_removed_whole_for_each_worker_holds_a_record():
    seen = [[], []]
    workers = [handler(lambda event, sequence, end, mine=mine: mine.append(sequence), jit=False, name=f"worker-{i}").using(
        arguments=("event", "sequence", "end_of_batch")) for i, mine in enumerate(seen)]
    graph = Disruptor(FIELDS, 8).then(kernels.sums)
    graph.handle_events_with_worker_pool(*workers)
    with graph:
        graph.publish(value=np.arange(20))
        graph.drain(60)
        with pytest.raises(GraphError, match=(
            r"^handler 'worker-0' is one of a pool's workers, and may hold a record that it has taken;"
            r" remove the whole pool: remove\(worker-0, worker-1\)$"
        )):
            graph.remove(workers[0])
        graph.publish(value=np.arange(20))
        graph.drain(60)
        assert sorted(seen[0] + seen[1]) == list(range(40))
        graph.remove(*workers)
        graph.publish(value=np.arange(20))
    assert graph.state("sums")["count"] == 60 and sorted(seen[0] + seen[1]) == list(range(40))


def test_cells_of_a_removed_gate_are_not_given_to_others_while_a_producer_may_read_them(kind):
    """A producer may have read the gate's word a moment before it was removed."""
    ring = kind.ring(8)
    gone = Sequence(5)
    ring.add_gating_sequences(gone)
    word = gone.word
    ring.remove_gating_sequence(gone)
    del gone
    gc.collect()
    fresh = [take_cells(1) for _ in range(200)]
    assert word not in [c.word for c in fresh]


def test_labels_of_removed_handlers_are_forgotten():
    late = Sees("late")
    with Disruptor(FIELDS, 8).then(Sees("first")) as graph:
        graph.add(late)
        assert "handler 'late'" in graph.ring.sequencer.labels.values()
        graph.remove(late)
        assert "handler 'late'" not in graph.ring.sequencer.labels.values()
        with graph.ring.new_poller():
            assert "a poller" in graph.ring.sequencer.labels.values()
        assert "a poller" not in graph.ring.sequencer.labels.values()


def test_n001h_handlers_come_and_go_while_another_thread_publishes(kind, spawn):
    graph = Disruptor(FIELDS, 16, producers=kind.producers, availability=kind.availability).then(kernels.sums)
    count, late = 400, []
    done = threading.Event()

    def publishes():
        for n in range(count):
            values = np.arange(10 * n, 10 * n + 10)
            graph.publish(value=values, other=2.0 * values)
        done.set()

    with graph:
        spawn(publishes)
        while not done.is_set() and len(late) < 60:
            one = Sees(f"late-{len(late)}")
            graph.add(one, after=["sums"] if len(late) % 2 else [])
            late.append(one)
            if len(late) > 2:
                graph.remove(late[-3])
        spawn.join()
    assert graph.state("sums")["count"] == 10 * count
    for one in late:  # whatever it saw has neither holes nor old records
        assert one.seen == list(range(one.seen[0], one.seen[0] + len(one.seen))) if one.seen else True
        assert one.values == one.seen


def test_an_output_has_one_producer():
    @handler
    def copies(event, out):
        pass

    second = Disruptor(FIELDS, 16, name="second").then(kernels.sums)
    first = Disruptor(FIELDS, 8, name="first").then(into(copies, out=second))
    text = r"^ring 'second' has one producer, the handler 'copies' of ring 'first'; publish into a ring of your own$"
    second.publish(value=[1])  # as long as it does not run
    first.start()
    for publish in (lambda: second.publish(value=[1]), second.ring.next, lambda: second.ring.publish().__enter__()):
        with pytest.raises(GraphError, match=text):
            publish()
    first.halt()
    second.publish(value=[2])
    with pytest.raises(GraphError, match=r"^ring 'second' has one producer, the handler 'copies'; use a ring of its own$"):
        second.produce(kernels.sums)
    with pytest.raises(GraphError, match=r"^handler 'more': its output 'second' has a producer already, the handler 'copies'"):
        first.handle_events_with(into(copies.using(name="more"), out=second))
