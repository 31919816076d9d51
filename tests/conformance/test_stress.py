"""K83, K84, A122: many threads at once; each record whole, each order kept (LMAX DisruptorStressTest, jcstress)."""

import os
import threading

import numpy as np
import pytest

from disruptor import Disruptor, handler, thread
from disruptor.compiled import JIT_ENABLED
from disruptor.ring_buffer import RingBuffer
from disruptor.threads import PinnedThread
from tests.conformance import kernels, kernels_stress
from tests.conformance.conftest import FIELDS, KINDS

pytestmark = pytest.mark.spins
COUNT = 100_000 if JIT_ENABLED else 300


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.producers}-{k.availability}")
def test_k083_handlers_in_parallel_see_every_record_in_batches_of_their_own_making(kind):
    most = 10
    sizes = {"even": [], "odd": []}

    def batches(parity):
        def counts(batch, first):
            assert len(batch) <= most
            sizes[parity].extend(first + np.arange(len(batch)))

        return handler(counts, jit=False, name=parity, batch_limit=most)

    graph = Disruptor(FIELDS, 64, producers=kind.producers, availability=kind.availability).then(batches("even"), batches("odd"))
    with graph:
        graph.publish(value=np.arange(10_000))
    assert sizes["even"] == sizes["odd"] == list(range(10_000))


@pytest.mark.parametrize("availability", ["record", "flags"])
@pytest.mark.parametrize("slots", [8, 1024])
def test_k084_several_producers_and_handlers_keep_every_record_whole(availability, slots):
    graph = Disruptor(
        FIELDS, slots, producers="multi", availability=availability, wait="yielding",
        placement=[thread("one", wait="yielding"), thread("two", wait="yielding")],
    )
    graph.then(kernels.consistent.using(name="one"), kernels.consistent.using(name="two"))
    ring, s = graph.ring, graph.ring.sequencer
    from disruptor.sequence import CELLS

    kernels_stress.produce(CELLS, s.base, s.marks, ring.records, 0)  # compiled before it starts
    cores = sorted(os.sched_getaffinity(0))
    with graph:
        threads = [
            PinnedThread(
                kernels_stress.produce, (CELLS, s.base, s.marks, ring.records, COUNT), name=f"producer-{i}", cpus={cores[i % len(cores)]}
            )
            for i in range(3)
        ]
        for one in threads:
            one.start()
        for one in threads:
            assert one.join(500) and one.error is None and one.result == COUNT
    for name in ("one", "two"):
        state = graph.state(name)
        assert (state["count"], state["wrong"]) == (3 * COUNT, 0)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.producers}-{k.availability}")
def test_a122_what_was_written_before_publishing_is_seen_after_and_never_two_without_one(kind):
    from disruptor.sequence import CELLS

    ring = kind.ring(1 << 14)
    s = ring.sequencer
    rounds = min(COUNT, 10_000)
    started = threading.Barrier(2)
    wrong = []

    def watches():
        started.wait()
        wrong.append(kernels_stress.watch(CELLS, s.base, s.marks, ring.records, rounds))

    kernels_stress.watch(CELLS, s.base, s.marks, ring.records, 0)
    kernels_stress.tell(CELLS, s.base, s.marks, ring.records, 0)
    watcher = threading.Thread(target=watches)
    watcher.start()
    started.wait()
    kernels_stress.tell(CELLS, s.base, s.marks, ring.records, rounds)
    watcher.join(500)
    assert wrong == [0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.producers}-{k.availability}")
def test_python_producers_in_several_threads(kind, spawn):
    graph = Disruptor(FIELDS, 16, producers=kind.producers, availability=kind.availability).then(kernels.sums)
    count = 300
    with graph:
        if kind.multi:
            for _ in range(3):
                spawn(lambda: [graph.publish_event(lambda e, q: e.__setitem__("value", 1)) for _ in range(count)])
        else:
            spawn(lambda: [graph.publish_event(lambda e, q: e.__setitem__("value", 1)) for _ in range(3 * count)])
        spawn.join()
    assert graph.state("sums")["sum"] == graph.state("sums")["count"] == 3 * count


def test_an_observer_never_returns_a_torn_record(spawn):
    ring = RingBuffer(FIELDS, 64, when_full="overwrite")
    observer, done = ring.new_observer(), threading.Event()
    seen = []

    def observes():
        while not done.is_set() or len(observer.take(0)) or observer.sequence < ring.cursor:
            batch = observer.take()
            assert (batch["other"] == 2.0 * batch["value"]).all()
            seen.extend(batch["value"])

    spawn(observes)
    for start in range(0, 20_000, 50):
        values = np.arange(start, start + 50)
        ring.publish(value=values, other=2.0 * values)
    done.set()
    spawn.join()
    assert len(seen) + observer.lost == 20_000
    assert seen == sorted(set(seen))
