"""N1, N2: what the ports added (disruptor-rs, Disruptor-net), and the quirks of LMAX that are decided otherwise here."""

import gc
import threading
import time

import numpy as np
import pytest

from disruptor import Disruptor, handler, thread
from disruptor.claims import CLAIMED, CURSOR
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import Alerted, HandlerError, InsufficientCapacity, WaitTimeout
from disruptor.layout import CACHE_PAIR
from disruptor.poller import PollState
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import CELLS, Sequence
from disruptor.wait import Wait
from disruptor.waiting import PARK_NS
from tests.conformance import kernels
from tests.conformance.conftest import FIELDS, WAITS
from tests.conformance.test_graphs import Sees
from tests.conformance.test_processors import until
from tests.reference.rest import sleeps_per_second


def test_n001a_a_refused_claim_says_how_many_slots_are_missing(kind):
    ring = kind.ring(8)
    poller = ring.new_poller()
    ring.publish(value=np.arange(6))
    with pytest.raises(InsufficientCapacity, match=r"^ring 'ring' is full: 3 of 5 slots are missing$") as raised:
        ring.try_next(5)
    assert raised.value.missing == 3
    poller.take_batch(3)
    assert ring.try_next(5) == 10


def test_n001b_publishing_nothing_does_nothing(kind):
    ring = kind.ring(8)
    assert ring.publish(np.zeros(0, ring.fields)) == -1
    assert ring.publish(value=[]) == -1
    assert (ring.sequencer.claimed, ring.sequencer.published()) == (-1, -1)


def test_n001c_the_end_of_the_last_producer_drains_everything(kind, spawn):
    """disruptor-rs ends when its last producer is dropped: here when `with` is left, after the producers' threads."""
    sees = Sees("last")
    producers = 3 if kind.multi else 1
    with Disruptor(FIELDS, 8, producers=kind.producers, availability=kind.availability).then(kernels.sums).then(sees) as graph:
        for _ in range(producers):
            spawn(graph.publish_events, lambda event, sequence, v: event.__setitem__("value", v), [1, 2, 3])
        spawn.join()
    assert sorted(sees.values) == sorted([1, 2, 3] * producers)
    assert not [t for t in threading.enumerate() if t.name in ("dis-last", "dis-sums")]


@pytest.mark.parametrize("placement", ["auto", "fused"])
def test_n001e_a_branch_beside_three_stages_is_joined_after_them(kind, placement):
    """A journal beside decode → book → strategy; the report comes when both branches are through."""
    journal, report = Sees("journal", hold_at=5), Sees("report")
    names = ("adds_one", "doubles", "sums")
    graph = Disruptor(
        FIELDS, 8, producers=kind.producers, availability=kind.availability,
        placement="auto" if placement == "auto" else [thread(*names)],
    )
    graph.handle_events_with(journal, kernels.adds_one)
    stages = graph.after(kernels.adds_one).then(kernels.doubles).then(kernels.sums)
    graph.after(journal).and_(stages).then(report)
    with graph:
        graph.publish(value=np.arange(8))
        assert journal.held.wait(60)
        until(lambda: graph.sequence_of("sums") == 7)
        assert graph.ring.remaining_capacity() <= 5  # the branch holds records 5, 6, 7; the stages do not
        assert max(report.seen, default=-1) < 5
        journal.go.set()
        graph.publish(value=np.arange(8, 50))
    assert report.seen == journal.seen == list(range(50))
    assert report.values == [2 * (n + 1) for n in range(50)]


def test_n001f_back_pressure_comes_through_a_branch_that_only_a_poller_reads(kind):
    graph = Disruptor(FIELDS, 8, producers=kind.producers, availability=kind.availability).then(kernels.sums)
    with graph:
        poller = graph.new_poller()
        graph.publish(value=np.arange(8))
        until(lambda: graph.sequence_of("sums") == 7)
        with pytest.raises(WaitTimeout, match=r"a poller is at -1, 8 behind$"):
            graph.ring.next(timeout=0.01)
        assert [int(e["value"]) for e in poller.take(3)] == [0, 1, 2]
        graph.publish(value=[8, 9, 10])
        assert graph.ring.remaining_capacity() == 0
        poller.close()
        graph.publish(value=np.arange(11, 40))
    assert graph.state("sums")["count"] == 40


def test_n001g_pollers_and_processors_stand_behind_each_other(kind):
    """handler → poller, and a handler that waits for the poller."""
    from disruptor.processor import BatchEventProcessor

    first = Sees("first", hold_at=2)
    graph = Disruptor(FIELDS, 8, producers=kind.producers, availability=kind.availability).then(first)
    poller = graph.new_poller(first)
    behind = Sees("behind")
    processor = BatchEventProcessor(graph.ring, graph.ring.new_barrier(poller.sequence), behind)
    graph.ring.add_gating_sequences(processor.sequence)
    runner = threading.Thread(target=processor.run)
    runner.start()
    with graph:
        graph.publish(value=np.arange(5))
        assert first.held.wait(60)
        first.go.set()
        until(lambda: poller.available == 5)
        assert poller.poll(lambda *_: True, limit=3) is PollState.PROCESSING
        until(lambda: behind.seen == [0, 1, 2])
        assert poller.poll(lambda *_: True) is PollState.PROCESSING
        until(lambda: behind.seen == [0, 1, 2, 3, 4])
    processor.halt()
    runner.join(60)


def test_n002c_memory_is_not_given_back_while_somebody_uses_it(kind):
    ring = kind.ring(64)
    ring.publish(value=np.arange(64))
    view, record, consumer = ring.view(0, 63), ring.get(5), ring.new_barrier()
    del ring
    gc.collect()
    others = [kind.ring(64) for _ in range(4)]
    for other in others:
        other.publish(value=-np.ones(64, np.int64))
    assert list(view["value"]) == list(range(64)) and record["value"] == 5
    assert consumer.wait_for(0) == 63


def test_n002f_sequences_lie_on_cache_lines_of_their_own(kind):
    many = [Sequence() for _ in range(20)]
    assert CELLS.ctypes.data % CACHE_PAIR == 0
    assert all(8 * s.word % CACHE_PAIR == 0 for s in many) and len({s.word for s in many}) == 20
    base = kind.sequencer().base
    assert 8 * base % CACHE_PAIR == 0
    assert abs(CURSOR - CLAIMED) * 8 >= CACHE_PAIR


def test_n002g_halt_returns_when_every_handler_has_ended():
    ended = []
    handlers = [handler(lambda event: None, jit=False, name=f"h{i}", on_shutdown=lambda i=i: ended.append(i)) for i in range(3)]
    graph = Disruptor(FIELDS, 8).then(*handlers).start()
    graph.halt()
    assert sorted(ended) == [0, 1, 2]


@pytest.mark.parametrize("how", ["python", "compiled"])
def test_n002h_a_batch_limit_and_a_full_ring_go_together(kind, how):
    sees = Sees("sees")
    graph = Disruptor(FIELDS, 8, producers=kind.producers, availability=kind.availability)
    if how == "python":
        graph.then(handler(sees.on_event, jit=False, name="limited", batch_limit=3))
    else:
        graph.then(kernels.traces.using(batch_limit=3))
    with graph:
        graph.publish(value=np.arange(100))
    if how == "python":
        assert sees.seen == list(range(100))
    else:
        state = graph.state("traces")
        assert list(state["seen"][:100]) == list(range(100)) and max(state["sizes"]) <= 3


def test_n003b_several_exceptions_one_after_the_other():
    from tests.conformance.test_processors import Records

    exceptions, seen = Records(), []

    def fails(event, sequence, end_of_batch):
        if sequence % 3 == 1:
            raise ValueError(f"at {sequence}")
        seen.append(sequence)

    with Disruptor(FIELDS, 8, on_error=exceptions).then(handler(fails, jit=False)) as graph:
        graph.publish(value=np.arange(12))
    assert exceptions.errors == [(f"at {n}", n, True) for n in (1, 4, 7, 10)]
    assert seen == [n for n in range(12) if n % 3 != 1]


@pytest.mark.parametrize("count", [1, 8])
def test_quirk_f_a_claim_that_fails_publishes_nothing(kind, count):
    """LMAX #477: the failed claim moved the cursor over what was claimed and not yet written."""
    ring = kind.ring(8)
    poller = ring.new_poller()
    high = ring.next(8)
    with pytest.raises(InsufficientCapacity):
        ring.try_next(count)
    with pytest.raises(WaitTimeout):
        ring.next(count, timeout=0.01)
    assert poller.available == 0 and ring.sequencer.published() == -1
    ring.publish(0, high)
    assert poller.available == 8


def test_quirk_c_a_batch_becomes_visible_whole_and_a_new_one_begins_behind_an_error(kind, spawn):
    from disruptor.processor import BatchEventProcessor

    ring, trace, visible = kind.ring(8), [], []

    class Fails:
        name = "fails"

        def on_batch_start(self, batch_size, queue_depth):
            trace.append(("batch", batch_size, queue_depth))

        def on_event(self, event, sequence, end_of_batch):
            visible.append(processor.sequence.get())
            if sequence == 2:
                raise ValueError("two")
            trace.append((sequence, end_of_batch))

    processor = BatchEventProcessor(ring, ring.new_barrier(), Fails(), on_error="skip")
    ring.publish_events(lambda event, sequence, value: None, range(6))
    thread_ = spawn(processor.run)
    until(lambda: processor.sequence.get() == 5)
    processor.halt()
    thread_.join(60)
    assert trace == [("batch", 6, 6), (0, False), (1, False), ("batch", 3, 3), (3, False), (4, False), (5, True)]
    assert visible == [-1, -1, -1, 2, 2, 2]


def test_quirk_b_a_handler_that_died_is_told_to_producers_although_its_sequence_stands():
    def dies(event, sequence, end_of_batch):
        if sequence == 1:
            raise ValueError("one")

    graph = Disruptor(FIELDS, 2).then(handler(dies, jit=False)).start()
    with pytest.raises(HandlerError, match=r"^handler 'dies' failed at sequence 1: ValueError: one$"):
        for n in range(10):
            graph.publish(value=[n])
    gates = {g.who: g.phase for g in graph.who_gates()}
    assert gates["handler 'dies'"] == "dead"
    graph.halt()


@pytest.mark.parametrize("name", WAITS)
@pytest.mark.parametrize("phase", ["idle", "gated"])
def test_quirk_waits_every_strategy_sees_an_alert_in_every_phase(name, phase, spawn):
    ring = RingBuffer(FIELDS, 8, wait=WAITS[name])
    slow = Sequence()
    barrier = ring.new_barrier(*([slow] if phase == "gated" else []))
    if phase == "gated":
        ring.publish(value=[1])

    def waits():
        with pytest.raises(Alerted):
            barrier.wait_for(0)

    waiter = spawn(waits)
    time.sleep(0.01)
    barrier.alert()
    waiter.join(60)
    assert not waiter.is_alive()


@pytest.mark.skipif(not JIT_ENABLED, reason="not applicable, because un-jitted a blocking wait is a loop of naps")
def test_quirk_waits_a_blocking_wait_does_not_spin_behind_a_slow_consumer_nor_at_shutdown():
    slow = Sees("slow", hold_at=0)
    graph = Disruptor(FIELDS, 8, wait=Wait.blocking()).then(slow).then(kernels.sums)
    with graph:
        graph.publish(value=[1])
        assert slow.held.wait(60)
        ender = threading.Thread(target=graph.drain)
        ender.start()
        assert sleeps_per_second() < 2e9 / PARK_NS
        slow.go.set()
        ender.join(60)


@pytest.mark.parametrize("how", ["python", "compiled", "poller"])
def test_n004a_what_was_given_up_in_the_middle_is_passed_by_and_the_rest_is_not(how):
    graph = Disruptor(FIELDS, 8, producers="multi")
    sees = Sees("sees")
    if how != "poller":
        graph.then(sees if how == "python" else kernels.traces)
    poller = graph.new_poller()
    ring = graph.ring
    low = ring.next(6) - 5
    for sequence in (0, 2, 3, 5):
        ring.publish(low + sequence)
    for sequence in (1, 4):
        ring.sequencer.abort(low + sequence)
    if how == "poller":
        assert [s for s in range(6) if ring.given_up(s)] == [1, 4]
        assert len(poller.take_batch()) == 4 and poller.sequence.get() == 5
        return
    with graph:
        graph.drain(60)
    if how == "python":
        assert sees.seen == [0, 2, 3, 5]
    else:
        assert list(graph.state("traces")["seen"][:4]) == [0, 2, 3, 5] and graph.state("traces")["count"] == 4


def test_k101_a_compiled_handler_waits_for_the_slower_of_two(kind):
    fast, slow = Sees("fast"), Sees("slow", hold_at=3)
    graph = Disruptor(FIELDS, 8, producers=kind.producers, availability=kind.availability)
    graph.then(fast, slow).then(kernels.sums)
    with graph:
        graph.publish(value=np.arange(6))
        assert slow.held.wait(60)
        until(lambda: fast.seen == list(range(6)))
        time.sleep(0.02)
        assert graph.sequence_of("sums") < 3
        slow.go.set()
    assert graph.state("sums")["count"] == 6


def test_only_the_last_handlers_of_a_graph_gate_its_producers_also_after_some_have_left():
    graph = Disruptor(FIELDS, 8)

    def gating():
        return sorted(graph.ring.sequencer.labels[s.word] for s in graph.ring.sequencer.gating_sequences)

    graph.then(Sees("one"))
    assert gating() == ["handler 'one'"]
    graph.then(Sees("two"), Sees("three"))
    assert gating() == ["handler 'three'", "handler 'two'"]
    with graph:
        graph.remove("two")
        assert gating() == ["handler 'three'"]
        graph.remove("three")
        assert gating() == ["handler 'one'"]


@pytest.mark.parametrize("availability", ["cursor", "record"])
def test_a_handler_never_takes_more_than_its_output_has_room_for(availability):
    from disruptor import into
    from disruptor.single_producer import claim

    @handler(max_out={"out": 3})
    def triples(event, out):
        for part in range(3):
            record = claim(out)
            record["value"] = 3 * event["value"] + part

    second = Disruptor(FIELDS, 8, name="second", availability=availability)
    poller = second.ring.new_poller()
    first = Disruptor(FIELDS, 16, name="first").then(into(triples, out=second))
    got = []
    with first:
        for n in range(3):  # one after the other: six records fit, nine do not
            first.publish(value=[n])
            until(lambda n=n: first.sequence_of("triples") == min(n, 1))
        time.sleep(0.02)
        assert first.sequence_of("triples") == 1 and poller.available == 6
        first.publish(value=np.arange(3, 16))
        while len(got) < 48:
            until(lambda: poller.available >= min(6, 48 - len(got)))
            time.sleep(0.001)
            assert poller.available <= 8
            got.extend(int(e["value"]) for e in poller.take())
    assert got == list(range(48))


def test_an_observer_drops_what_was_overwritten_while_it_copied(kind, monkeypatch):
    from disruptor import observer as module

    ring = kind.ring(8, when_full="overwrite")
    observer = ring.new_observer()
    ring.publish(value=np.arange(8))
    real = module._range

    def later(*args):
        found = real(*args)
        ring.publish(value=np.arange(100, 103))  # three come round between the look and the copy
        return found

    monkeypatch.setattr(module, "_range", later)
    assert list(observer.take()["value"]) == [3, 4, 5, 6, 7] and observer.lost == 3
