"""The ten things that LMAX's users have asked for: each answered by a test (pains 3 and 10 also in test_ring_buffers)."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from disruptor import Disruptor, handler, into
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import ForkError, GraphError, HandlerError, InsufficientCapacity, WaitTimeout
from disruptor.wait import Wait
from disruptor.waiting import PARK_NS
from tests.conformance import kernels
from tests.conformance.conftest import FIELDS
from tests.conformance.test_graphs import Sees
from tests.conformance.test_processors import until
from tests.reference.rest import sleeps_per_second

compiled_only = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")


@compiled_only
@pytest.mark.parametrize("phase", ["idle", "gated", "full"])
def test_pain1_a_graph_that_waits_sleeps(phase):
    """Idle; behind a slow handler; a producer that finds no room (LMAX spins in the last two)."""
    slow = Sees("slow", hold_at=0)
    graph = Disruptor(FIELDS, 8, wait="blocking").then(slow if phase != "idle" else kernels.doubles).then(kernels.sums)
    with graph:
        producer = None
        if phase != "idle":
            graph.publish(value=[1])
            assert slow.held.wait(60)
        if phase == "full":
            producer = threading.Thread(target=graph.publish, kwargs={"value": np.arange(20)})
            producer.start()
            until(lambda: graph.ring.remaining_capacity() == 0)
        assert sleeps_per_second() < 2e9 / PARK_NS  # `make bench BENCH=disruptor` measures what is left: below 1 % of a core
        slow.go.set()
        if producer is not None:
            producer.join(60)


@pytest.mark.parametrize("producers", ["single", "multi"])
@pytest.mark.parametrize("how", ["python", "compiled"])
def test_pain2_a_producer_is_told_that_a_consumer_died(producers, how):
    def dies(batch, first):
        if (batch["value"] == 3).any():
            raise ValueError("three")

    graph = Disruptor(FIELDS, 8, producers=producers)
    graph.then(dies if how == "python" else kernels.fails_at_two)
    graph.start()
    with pytest.raises(HandlerError, match=r"^handler '(dies|fails_at_two)' failed at sequence \d"):
        for n in range(100):
            graph.publish(value=[n])
    gate = next(g for g in graph.who_gates() if g.who.startswith("handler"))
    assert gate.phase == "dead"
    with pytest.raises(HandlerError):
        graph.shutdown()


def test_pain2_a_producer_that_waits_is_told_at_once(spawn):
    slow = Sees("slow", hold_at=0)
    graph = Disruptor(FIELDS, 8).then(slow).start()
    graph.publish(value=np.arange(8))
    told = []

    def waits():
        with pytest.raises(HandlerError) as caught:
            graph.publish(value=[8])
        told.append(caught.value)

    spawn(waits)
    until(slow.held.is_set)
    slow.on_event = None
    slow.values = None  # the handler fails when it goes on
    slow.go.set()
    spawn.join()
    assert told[0].handler == "slow"
    graph.halt()


def test_pain2_who_gates_says_who_waits_for_whom():
    slow = Sees("slow", hold_at=2)
    graph = Disruptor(FIELDS, 8)
    graph.handle_events_with(slow).then(kernels.sums)
    graph.handle_events_with(kernels.doubles)
    with graph:
        graph.publish(value=np.arange(8))
        assert slow.held.wait(60)
        until(lambda: graph.sequence_of("doubles") == 7)
        gates = {g.who: g for g in graph.who_gates()}
        assert gates["handler 'slow'"].phase == "working"
        assert gates["handler 'doubles'"].phase == "idle"
        assert (gates["handler 'sums'"].phase, gates["handler 'sums'"].waits_for) == ("gated", ("slow",))
        if gates["the producers"].phase == "full":
            assert gates["the producers"].waits_for == ("handler 'sums'",)
        assert "gated for slow, at" in str(gates["handler 'sums'"])
        slow.go.set()


def test_pain2_a_claim_that_is_never_published_is_a_named_state():
    graph = Disruptor(FIELDS, 8, producers="multi").then(kernels.sums)
    with graph:
        graph.ring.next()
        graph.publish(value=[1, 2])
        until(lambda: graph.who_gates()[1].phase == "idle")
        gate = graph.who_gates()[1]
        assert gate.waits_for == ("a producer that has claimed 0 and not published it",)
        with pytest.raises(WaitTimeout, match=r"no room for 8 of 8 slots within 0\.01 s; handler 'sums' is at -1, 3 behind$"):
            graph.ring.next(8, timeout=0.01)
        assert graph.ring.sequencer.unblock() == 1
    assert graph.state("sums")["count"] == 2


def test_pain2_a_handler_that_publishes_into_its_own_full_ring_is_told(spawn):
    errors = []

    def feeds_itself(event, sequence, end_of_batch):
        try:
            graph.publish(value=np.arange(16))
        except GraphError as error:
            errors.append(str(error))
            raise

    graph = Disruptor(FIELDS, 8).then(handler(feeds_itself, jit=False)).start()
    graph.publish(value=[1])
    until(lambda: errors)
    assert errors[0].startswith("handler 'feeds_itself' publishes into ring 'ring', which it reads itself, and the ring is full")
    graph.halt()


def test_pain2_a_compiled_handler_cannot_be_connected_to_its_own_ring():
    graph = Disruptor(FIELDS, 8)

    @handler
    def echoes(event, out): ...

    with pytest.raises(GraphError, match=r"^handler 'echoes' would publish into ring 'ring', which it reads itself"):
        graph.then(into(echoes, out=graph))


def test_pain3_overwrite_is_for_observers():
    graph = Disruptor(FIELDS, 8, when_full="overwrite")
    observer = graph.ring.new_observer()
    graph.publish(value=np.arange(5))
    assert list(observer.take()["value"]) == [0, 1, 2, 3, 4]
    graph.publish(value=np.arange(5, 30))
    batch = observer.take()
    assert list(batch["value"]) == list(range(22, 30))
    assert observer.lost == 17
    with pytest.raises(GraphError, match=r"^ring 'ring' overwrites: it has observers, not handlers"):
        graph.then(kernels.sums)


def test_pain5_consumers_come_and_go_while_the_graph_runs():
    first, late, behind = Sees("first"), Sees("late"), Sees("behind")
    graph = Disruptor(FIELDS, 8).then(first).start()
    graph.publish(value=np.arange(20))
    until(lambda: graph.sequence_of(first) == 19)
    graph.add(late).add(behind, after=[late]).add(kernels.sums, after=[first])
    graph.publish(value=np.arange(20, 50))
    until(lambda: len(behind.seen) == 30 and graph.sequence_of("sums") == 49)
    with pytest.raises(GraphError, match=r"^handler 'late' cannot be removed: behind waits for it; remove that first$"):
        graph.remove(late)
    graph.remove(behind)
    graph.remove(late)
    graph.publish(value=np.arange(50, 60))
    graph.remove("sums")
    graph.publish(value=np.arange(60, 100))
    graph.shutdown()
    assert late.seen == behind.seen == list(range(20, 50))
    assert first.seen == list(range(100))
    assert not [t for t in threading.enumerate() if t.name in ("dis-late", "dis-behind", "dis-sums")]


def test_pain5_a_removed_consumer_holds_nobody_back(spawn):
    slow = Sees("slow", hold_at=3)
    graph = Disruptor(FIELDS, 8).then(kernels.sums)
    graph.handle_events_with(slow)
    graph.start()
    producer = spawn(lambda: graph.publish(value=np.arange(100)))
    assert slow.held.wait(60)
    remover = spawn(graph.remove, slow)
    slow.go.set()
    producer.join(60)
    remover.join(60)
    graph.shutdown()
    assert graph.state("sums")["count"] == 100


def test_pain7_a_failure_is_raised_where_the_program_waits():
    with pytest.raises(HandlerError, match=r"^handler 'fails_at_two' failed at sequence 2"):
        with Disruptor(FIELDS, 8).then(kernels.fails_at_two) as graph:
            graph.publish(value=np.arange(5))


def test_pain9_depth_lag_and_batches_can_be_seen():
    slow = Sees("slow", hold_at=1)
    graph = Disruptor(FIELDS, 8).then(slow, kernels.traces)
    with graph:
        graph.publish(value=np.arange(6))
        assert slow.held.wait(60)
        until(lambda: graph.sequence_of("traces") == 5)
        gates = {g.who: g for g in graph.who_gates()}
        assert gates["handler 'slow'"].behind >= 5 and gates["handler 'traces'"].behind == 0
        slow.go.set()
    assert sum(graph.state("traces")["sizes"]) == 6


@pytest.mark.parametrize("producers", ["single", "multi"])
def test_pain9_sojourn_and_service_times_of_each_handler(producers):
    slow = handler(lambda batch, first: time.sleep(0.002), jit=False, name="slow", batch_limit=10)
    graph = Disruptor(FIELDS, 64, producers=producers, measure=True).then(kernels.sums).then(slow)
    graph.handle_events_with_worker_pool(kernels.traces.using(name="worker", on_batch_start=None))
    with graph:
        graph.publish(value=np.arange(50))
        graph.publish(np.zeros(50, graph.ring.fields))
        for _ in range(10):
            graph.publish_event(lambda event, sequence: None)
    found = {name: graph.latency(name) for name in ("sums", "slow", "worker")}
    assert found["sums"]["service_ns"]["count"] == found["slow"]["service_ns"]["count"] == 110
    assert found["worker"]["sojourn_ns"]["count"] == 110
    assert found["slow"]["service_ns"]["p50"] > 100_000  # 2 ms for at most ten records
    assert found["slow"]["sojourn_ns"]["p50"] > 2_000_000 > 0 < found["sums"]["sojourn_ns"]["max"]
    assert 0 < found["sums"]["service_ns"]["p50"] < found["slow"]["service_ns"]["p50"]


def test_pain9_a_graph_that_does_not_measure_says_so():
    with pytest.raises(GraphError, match=r"^ring 'ring' does not measure; make the graph with measure=True$"):
        Disruptor(FIELDS, 8).then(kernels.sums).latency("sums")


def test_bad_input_use_after_a_fork():
    graph = Disruptor(FIELDS, 8).then(kernels.sums)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        texts = []
        signal.alarm(20)
        for use in (graph.start, lambda: graph.publish(value=[1]), lambda: graph.ring.new_poller().poll(print),
                    lambda: graph.barrier_for("sums").wait_for(0)):
            try:
                use()
                texts.append("no error")
            except ForkError as error:
                texts.append(str(error).partition(":")[0])
            except BaseException as error:
                texts.append(repr(error))
        os.write(writer, "\n".join(texts).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        told = lines.read().splitlines()
    os.waitpid(child, 0)
    assert told == [f"this {what} belongs to the process before the fork" for what in ("graph", "ring", "ring", "ring")]


@pytest.mark.parametrize("availability", ["cursor", "record"])
def test_several_rings_one_handler_publishes_into_another(availability):
    from disruptor.single_producer import claim

    @handler(max_out={"out": 2})
    def splits(event, out):
        for part in range(event["value"] % 3):
            record = claim(out)
            record["value"] = event["value"]
            record["other"] = part

    second = Disruptor(FIELDS, 16, name="second", availability=availability).then(kernels.sums)
    first = Disruptor(FIELDS, 8, name="first").then(into(splits, out=second))
    values = np.arange(1_000)
    with second, first:
        first.publish(value=values)
    assert second.state("sums")["count"] == sum(v % 3 for v in values)
    assert second.state("sums")["sum"] == sum(v * (v % 3) for v in values)


def test_outputs_of_a_record_that_failed_are_taken_back():
    from disruptor.single_producer import claim

    @handler(on_error="skip")
    def splits(event, sequence, out):
        record = claim(out)
        record["value"] = event["value"]
        return -1 if sequence % 5 == 3 else 0

    second = Disruptor(FIELDS, 16, name="second").then(kernels.sums)
    first = Disruptor(FIELDS, 8, name="first").then(into(splits, out=second))
    with second, first:
        first.publish(value=np.arange(100))
    assert second.state("sums")["count"] == 80
    assert second.state("sums")["sum"] == sum(v for v in range(100) if v % 5 != 3)


def test_try_publish_in_a_handler_is_refused_softly():
    seen = []

    def feeds(event, sequence, end_of_batch):
        try:
            graph.ring.try_next(8)
        except InsufficientCapacity as error:
            seen.append(error.missing)

    graph = Disruptor(FIELDS, 8).then(handler(feeds, jit=False))
    with graph:
        graph.publish(value=[1])
    assert seen == [1]


@pytest.mark.parametrize("wait", [Wait.by_phase("blocking", "sleeping", "yielding"), Wait.phased_backoff(1000, 1000)], ids=str)
def test_pain1_strategies_by_phase_and_per_handler(wait):
    graph = Disruptor(FIELDS, 8, wait=wait).then(kernels.adds_one.using(wait="yielding")).then(kernels.sums)
    with graph:
        graph.publish(value=np.arange(1_000))
    assert graph.state("sums")["count"] == 1_000
