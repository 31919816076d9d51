"""A123, A124: worker pools (LMAX v3 WorkerPoolTest), Python and compiled workers."""

import threading

import numpy as np
import pytest

from disruptor import Disruptor, handler, thread
from tests.conformance import kernels
from tests.conformance.conftest import FIELDS
from tests.conformance.test_processors import Records, until


def workers(how, count=3):
    """Return workers and a function that tells which sequences each has handled."""
    if how == "python":
        seen = [[] for _ in range(count)]
        given = [
            handler(lambda event, sequence, end, mine=mine: mine.append(sequence), jit=False, name=f"worker-{i}").using(
                arguments=("event", "sequence", "end_of_batch")
            )
            for i, mine in enumerate(seen)
        ]
        return given, lambda graph: seen
    given = [kernels.traces.using(name=f"worker_{i}", on_batch_start=None, wait="yielding") for i in range(count)]
    return given, lambda graph: [list(graph.state(w)["seen"][: graph.state(w)["count"]]) for w in given]


@pytest.mark.parametrize("producers", ["single", "multi"])
@pytest.mark.parametrize("how", ["python", "compiled"])
def test_a123_each_record_goes_to_exactly_one_worker(how, producers):
    given, told = workers(how)
    graph = Disruptor(FIELDS, 16, producers=producers)
    graph.handle_events_with_worker_pool(*given)
    with graph:
        graph.publish(value=np.arange(200))
    handled = told(graph)
    assert sorted(s for mine in handled for s in mine) == list(range(200))
    assert all(mine == sorted(mine) for mine in handled)


@pytest.mark.parametrize("how", ["python", "compiled"])
def test_a124_nothing_is_handled_before_it_is_published(how):
    given, told = workers(how)
    graph = Disruptor(FIELDS, 16, producers="multi")
    graph.handle_events_with_worker_pool(*given)
    with graph:
        high = graph.ring.next(2)
        graph.ring.publish(high)  # the second only
        threading.Event().wait(0.02)
        assert 0 not in [s for mine in told(graph) for s in mine]
        graph.ring.publish(0)
    assert sorted(s for mine in told(graph) for s in mine) == [0, 1]


def test_a123_workers_hold_the_producers_back_while_they_work():
    held, go = threading.Event(), threading.Event()

    def slow(event, sequence, end_of_batch):
        if sequence == 0:
            held.set()
            go.wait(60)

    graph = Disruptor(FIELDS, 8)
    graph.handle_events_with_worker_pool(handler(slow, jit=False), handler(slow, jit=False, name="other"))
    with graph:
        graph.publish(value=np.arange(8))
        assert held.wait(60)
        until(lambda: max(graph.sequence_of(n) for n in ("slow", "other")) >= 6)
        assert not graph.ring.has_available_capacity(1)
        go.set()
    assert graph.ring.has_available_capacity(8)


def test_a123_a_handler_behind_a_pool_sees_each_record_after_its_worker():
    given, told = workers("python")
    graph = Disruptor(FIELDS, 16)
    graph.handle_events_with_worker_pool(*given).then(kernels.sums)
    with graph:
        graph.publish(value=np.arange(500))
    assert graph.state("sums")["count"] == 500
    assert sum(len(mine) for mine in told(graph)) == 500


@pytest.mark.parametrize("how", ["python", "compiled"])
def test_a123_a_pool_behind_a_handler(how):
    given, told = workers(how, 2)
    graph = Disruptor(FIELDS, 16)
    graph.handle_events_with(kernels.adds_one).then_worker_pool(*given)
    with graph:
        graph.publish(value=np.arange(200))
    assert sorted(s for mine in told(graph) for s in mine) == list(range(200))


@pytest.mark.parametrize("how", ["python", "compiled"])
def test_pain4_a_halted_pool_loses_no_record_that_was_taken(how):
    """LMAX issue 481."""
    given, told = workers(how, 2)
    graph = Disruptor(FIELDS, 64)
    graph.handle_events_with_worker_pool(*given)
    for _ in range(20):
        graph.start()
        graph.publish(value=np.arange(10))
        graph.halt()
    with graph:
        pass
    assert sorted(s for mine in told(graph) for s in mine) == list(range(200))


def test_a123_an_error_of_a_worker_costs_its_record_only():
    exceptions = Records()

    def fails(event, sequence, end_of_batch):
        if sequence == 5:
            raise ValueError("five")
        seen.append(sequence)

    seen = []
    graph = Disruptor(FIELDS, 16, on_error=exceptions)
    graph.handle_events_with_worker_pool(handler(fails, jit=False, name="a"), handler(fails, jit=False, name="b"))
    with graph:
        graph.publish(value=np.arange(20))
    assert sorted(seen) == [n for n in range(20) if n != 5]
    assert exceptions.errors == [("five", 5, True)]


def test_compiled_workers_need_threads_of_their_own():
    """Two workers in one fused loop would be a pool that never shares."""
    given, told = workers("compiled", 2)
    graph = Disruptor(FIELDS, 16, placement=[thread(*given)])
    graph.handle_events_with_worker_pool(*given)
    with graph:
        graph.publish(value=np.arange(100))
    assert sorted(s for mine in told(graph) for s in mine) == list(range(100))
