import threading

import numpy as np
import pytest

from disruptor import Disruptor, handler
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CapacityError, CompileError, GraphError, HandlerError, LayoutError
from tests.reference.kernels_dsl import FIELDS, adds, allocates, asks_for_more, divides, doubles, squares, sums


class Batches:
    """A Python handler that keeps copies of what it gets."""

    def __init__(self):
        self.firsts, self.parts = [], []

    def __call__(self, batch, first_sequence):
        self.firsts.append(first_sequence)
        self.parts.append(batch.copy())

    def joined(self):
        return np.concatenate(self.parts)


def numbers(count):
    return np.random.default_rng(3).integers(-1000, 1000, count)


def test_publish_hands_every_record_to_every_handler_in_order():
    seen, values = Batches(), numbers(10_000)
    with Disruptor(FIELDS, slots=4096).then(adds).then(seen) as graph:
        last = graph.publish(value=values)
    assert last == 9_999
    assert graph.state("adds")["count"] == 10_000
    assert graph.state("adds")["total"] == values.sum()
    assert graph.state("adds")["last"] == 9_999
    assert 0 < graph.state("adds")["batches"] <= 10_000
    assert (seen.joined()["value"] == values).all()
    assert seen.firsts == list(np.cumsum([0, *(len(p) for p in seen.parts)])[:-1])


def test_publish_many_times_continues_the_sequence():
    values = numbers(300)
    with Disruptor(FIELDS, slots=64).then(adds) as graph:
        assert [graph.publish(value=part) for part in np.split(values, 3)] == [99, 199, 299]
    assert graph.state("adds")["total"] == values.sum()


def test_publish_takes_scalars_and_repeats_them():
    seen = Batches()
    with Disruptor(FIELDS, slots=64).then(seen) as graph:
        assert graph.publish(value=np.arange(5), doubled=7) == 4
        assert graph.publish(value=9) == 5
    assert list(seen.joined()["value"]) == [0, 1, 2, 3, 4, 9]
    assert list(seen.joined()["doubled"]) == [7, 7, 7, 7, 7, 0]


def test_publish_of_nothing_publishes_nothing():
    with Disruptor(FIELDS, slots=64).then(adds) as graph:
        assert graph.publish(value=np.zeros(0, np.int64)) == -1
    assert graph.state("adds")["count"] == 0


def test_ring_wraps_many_times_and_batches_are_split_at_its_end():
    seen, values = Batches(), numbers(64 * 37 + 5)
    with Disruptor(FIELDS, slots=64).then(doubles).then(adds).then(seen) as graph:
        graph.publish(value=values)
    assert (seen.joined()["doubled"] == 2 * values).all()
    assert all(first % 64 + len(part) <= 64 for first, part in zip(seen.firsts, seen.parts, strict=True))
    assert graph.state("adds")["total"] == values.sum()


def test_python_handlers_get_views_of_the_ring_not_copies():
    shared = []

    def looks(batch, first_sequence):
        shared.append(np.shares_memory(batch, graph.ring.records))
        batch["doubled"] = -batch["value"]

    seen = Batches()
    with Disruptor(FIELDS, slots=64).then(looks).then(seen) as graph:
        graph.publish(value=np.arange(200))
    assert all(shared)
    assert (seen.joined()["doubled"] == -np.arange(200)).all()


def test_publisher_waits_for_the_slowest_handler():
    entered, go = threading.Event(), threading.Event()

    def stands_still(batch, first_sequence):
        entered.set()
        go.wait(60)

    with Disruptor(FIELDS, slots=64).then(adds).then(stands_still) as graph:
        publisher = threading.Thread(target=graph.publish, kwargs={"value": np.arange(1_000)})
        publisher.start()
        assert entered.wait(60)
        while graph.ring.cursor < 63:  # the ring fills up, and not one slot more
            pass
        assert publisher.is_alive()
        assert graph.ring.cursor == 63
        go.set()
        publisher.join(60)
        assert graph.ring.cursor == 999
    assert graph.state("adds")["count"] == 1_000


def test_group_waits_for_the_whole_group_before():
    values = numbers(50_000)
    with Disruptor(FIELDS, slots=256).then(doubles, squares).then(sums) as graph:
        graph.publish(value=values)
    assert graph.state("sums")["wrong"] == 0
    assert graph.state("squares")["count"] == 50_000


def test_graph_runs_again_where_it_stopped_and_states_are_kept():
    graph = Disruptor(FIELDS, slots=64).then(adds)
    for last in (99, 199):
        with graph:
            assert graph.publish(value=np.ones(100, np.int64)) == last
    assert graph.state("adds")["count"] == 200


@pytest.mark.parametrize("where", ["publish", "exit"])
def test_error_of_a_compiled_handler_names_handler_and_sequence(where):
    values = np.where(np.arange(5_000) == 1_234, 700, 0)
    what = "ZeroDivisionError" if JIT_ENABLED else "RuntimeWarning: divide by zero"  # numpy's own, a warning is an error here
    with pytest.raises(HandlerError, match=rf"^handler 'divides' failed at sequence 1,234: {what}") as caught:
        with Disruptor(FIELDS, slots=64 if where == "publish" else 8192).then(adds, divides) as graph:
            graph.publish(value=values)
    assert (caught.value.handler, caught.value.sequence) == ("divides", 1_234)
    assert caught.value.__cause__ is caught.value.cause


def test_error_of_a_python_handler_names_handler_and_first_sequence():
    def refuses(batch, first_sequence):
        if (batch["value"] == 100).any():
            raise ValueError("no hundreds")

    with pytest.raises(HandlerError, match=r"^handler 'refuses' failed at sequence [\d,]+: ValueError: no hundreds") as caught:
        with Disruptor(FIELDS, slots=64).then(adds).then(refuses) as graph:
            graph.publish(value=np.arange(300))
    assert caught.value.sequence <= 100


def test_error_inside_with_is_the_users_own():
    with pytest.raises(KeyError, match="mine"):
        with Disruptor(FIELDS, slots=64).then(adds) as graph:
            graph.publish(value=np.arange(10))
            raise KeyError("mine")
    assert not [t for t in threading.enumerate() if t.name.startswith("dis-")]


def test_threads_are_joined_on_leaving():
    with Disruptor(FIELDS, slots=64).then(adds).then(Batches()) as graph:
        graph.publish(value=1)
    assert not [t for t in threading.enumerate() if t.name.startswith("dis-")]


def test_handlers_may_be_plain_functions_or_lambdas_of_the_test():
    seen = []
    with Disruptor(FIELDS, slots=64).then(lambda batch, first_sequence: seen.extend(batch["value"])) as graph:
        graph.publish(value=np.arange(70))
    assert seen == list(range(70))


def test_local_handler_runs_compiled_too():
    @handler(state=[("largest", "i8")])
    def largest(event, state):
        state["largest"] = max(state["largest"], event["value"])

    with Disruptor(FIELDS, slots=64).then(largest) as graph:
        graph.publish(value=np.array([3, 11, 5]))
    assert graph.state("largest")["largest"] == 11


def test_unknown_fields_and_lengths_are_refused():
    with Disruptor(FIELDS, slots=64).then(adds) as graph:
        with pytest.raises(CapacityError, match=r"^ring 'ring' has the fields value, doubled, squared, sum, got \['vale'\]$"):
            graph.publish(vale=1)
        with pytest.raises(CapacityError, match=r"^'doubled' has 3 elements, another field 5$"):
            graph.publish(value=np.arange(5), doubled=np.arange(3))
    assert graph.state("adds")["count"] == 0


def test_state_of_an_unknown_handler_is_refused():
    with pytest.raises(GraphError, match=r"^no handler 'sub' in this graph; known: adds, doubles$"):
        Disruptor(FIELDS, slots=64).then(adds, doubles).state("sub")


def test_graphs_that_cannot_run_are_refused():
    graph = Disruptor(FIELDS, slots=64)
    with pytest.raises(GraphError, match="nothing to run: add handlers with then"):
        graph.__enter__()
    with pytest.raises(GraphError, match="at least one handler"):
        graph.then()
    with graph.then(adds):
        with pytest.raises(GraphError, match=r"before the graph starts; while it runs, use add\(\)"):
            graph.then(doubles)
        with pytest.raises(GraphError, match="already running"):
            graph.__enter__()
    with pytest.raises(GraphError, match=r"^ring 'ring' is full, and nothing empties it: start the graph"):
        graph.publish(value=np.arange(65))
    with pytest.raises(LayoutError, match="a handler must be a function, got int"):
        Disruptor(FIELDS, slots=64).then(3)
    with pytest.raises(CapacityError, match="slots must be a power of two, got 100; the next one is 128"):
        Disruptor(FIELDS, slots=100)


def test_argument_that_nothing_offers_is_refused_by_name():
    with pytest.raises(CompileError, match=r"handler 'asks_for_more' cannot be compiled: .*'nonsense'.*known here: "):
        Disruptor(FIELDS, slots=64).then(asks_for_more).__enter__()


@pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
def test_handler_that_allocates_cannot_be_compiled():
    with pytest.raises(CompileError, match=r"^handler 'allocates' cannot be compiled: it allocates memory"):
        Disruptor(FIELDS, slots=64).then(allocates).__enter__()


def test_handlers_of_one_group_have_cursors_of_their_own():
    seen, values = Batches(), numbers(20_000)
    with Disruptor(FIELDS, slots=64).then(seen, adds, squares).then(doubles) as graph:
        graph.publish(value=values)
    assert [graph.sequence_of(h) for h in (seen, adds, squares, doubles)] == [19_999] * 4
    assert (seen.joined()["value"] == values).all()
    assert graph.state("adds")["count"] == graph.state("squares")["count"] == 20_000
