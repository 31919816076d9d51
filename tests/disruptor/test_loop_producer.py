import numpy as np
import pytest

from disruptor import Disruptor, handler, loop_producer
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import GraphError, HandlerError
from tests.conformance import kernels
from tests.conformance.conftest import FIELDS, KINDS
from tests.reference import kernels_producer

COUNT = 20_000 if JIT_ENABLED else 500
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.producers}-{k.availability}")


def graph_of(kind, slots=64, wait="yielding"):
    return Disruptor(FIELDS, slots, producers=kind.producers, availability=kind.availability, wait=wait)


@each_kind
@pytest.mark.parametrize("batch", [1, 5, 64])
@pytest.mark.parametrize("rests", [0, 1])
@pytest.mark.parametrize("wait", ["yielding", "blocking"])
def test_a_producer_publishes_each_record_once_and_in_order(kind, batch, rests, wait):
    graph, seen = graph_of(kind, wait=wait), []
    graph.then(kernels.sums).then(lambda batch, first: seen.append(batch["value"].copy()))
    producer = graph.produce(kernels_producer.numbers, batch=batch)
    producer.state["most"], producer.state["rests"] = COUNT // batch, rests
    with graph:
        pass
    assert list(np.concatenate(seen)) == list(range(COUNT // batch))
    assert graph.state("sums")["count"] == COUNT // batch


@each_kind
@pytest.mark.parametrize("batch", [1, 8])
def test_a_producer_that_fails_is_named_and_what_it_filled_before_is_handled(kind, batch):
    graph = graph_of(kind)
    graph.then(kernels.sums)
    producer = graph.produce(kernels_producer.numbers, batch=batch)
    producer.state["most"], producer.state["fails_at"] = 100, 42
    with pytest.raises(HandlerError, match=r"^handler 'numbers' failed at sequence 42: Z") as caught:
        with graph:
            producer.join(60)
    assert caught.value.sequence == 42
    assert graph.ring.sequencer.published() == graph.ring.sequencer.claimed == 41
    graph.ring.sequencer.forgive()
    graph.publish(value=[7])
    assert graph.ring.sequencer.published() == 42


@pytest.mark.parametrize("kind", [k for k in KINDS if k.availability != "cursor"], ids=lambda k: f"{k.producers}-{k.availability}")
def test_what_a_failed_producer_has_published_one_by_one_is_not_published_again(kind, monkeypatch):
    settled = []  # a slot behind the record that failed may be another producer's by now, and its mark with it
    monkeypatch.setattr(loop_producer, "_settle", lambda _cells, _base, _marks, low, at, high: settled.append((low, at, high)))
    graph = graph_of(kind)
    graph.then(kernels.sums)
    producer = graph.produce(kernels_producer.numbers)
    producer.state["most"], producer.state["fails_at"] = 100, 42
    with pytest.raises(HandlerError):
        with graph:
            producer.join(60)
    (low, at, high), = settled
    assert low == at == 42 <= high < 42 + 8


@each_kind
def test_an_endless_producer_is_halted(kind):
    graph = graph_of(kind)
    graph.then(kernels.sums)
    producer = graph.produce(kernels_producer.endless)
    graph.start()
    while graph.ring.sequencer.published() < 1_000:
        pass
    producer.halt()
    assert producer.join(60)
    graph.shutdown()
    assert graph.state("sums")["count"] == producer.state["made"] == graph.ring.sequencer.published() + 1


@pytest.mark.parametrize("slots", [8, 64, 1024])  # 1, 8 and 8 slots claimed ahead
def test_several_producers_of_one_ring(slots):
    graph = Disruptor(FIELDS, slots, producers="multi", wait="yielding").then(kernels.sums)
    producers = [graph.produce(kernels_producer.numbers.using(name=f"p{i}")) for i in range(3)]
    for rests, producer in enumerate(producers):
        producer.state["most"], producer.state["rests"] = COUNT, rests
    with graph:
        graph.publish(value=np.arange(10))
    assert graph.state("sums")["count"] == 3 * COUNT + 10
    assert graph.state("sums")["sum"] == 3 * sum(range(COUNT)) + 45


def test_a_producer_ends_when_a_consumer_has_died():
    graph = Disruptor(FIELDS, 8).then(kernels.fails_at_two)
    producer = graph.produce(kernels_producer.endless)
    with pytest.raises(HandlerError, match=r"^handler 'fails_at_two' failed at sequence 2"):
        with graph:
            producer.join(60)


def test_what_cannot_be_a_producer_is_refused():
    graph = Disruptor(FIELDS, 8).then(kernels.sums)
    with pytest.raises(GraphError, match=r"^producer 'plain' is plain Python: call publish\(\) instead$"):
        graph.produce(handler(lambda event: None, jit=False, name="plain"))
    with pytest.raises(GraphError, match=r"^producer 'endless': batch must be 1\.\.8, got 9$"):
        graph.produce(kernels_producer.endless, batch=9)
    graph.produce(kernels_producer.endless)
    with pytest.raises(GraphError, match=r"^ring 'ring' has one producer; make it with producers='multi' for more$"):
        graph.produce(kernels_producer.endless)
    with graph:
        with pytest.raises(GraphError, match=r"^ring 'ring' has one producer, and thread"):
            graph.publish(value=[1])
        graph.halt()
