"""K88, K89 and what LMAX leaves untested: pollers (LMAX EventPollerTest; disruptor-rs)."""

import pytest

from disruptor.poller import PollState
from disruptor.sequence import Sequence


def publish(ring, count):
    for _ in range(count):
        with ring.publish() as event:
            event["value"] = ring.sequencer.claimed


def test_k088_idle_then_gating_then_processing(kind):
    ring = kind.ring(16)
    ahead = Sequence()
    poller = ring.new_poller(ahead)
    seen = []

    def handle(event, sequence, end_of_batch):
        seen.append((int(event["value"]), sequence, end_of_batch))
        return False

    assert poller.poll(handle) is PollState.IDLE
    publish(ring, 1)
    assert poller.poll(handle) is PollState.GATING
    ahead.set(0)
    assert poller.poll(handle) is PollState.PROCESSING
    assert seen == [(0, 0, True)]
    assert poller.poll(handle) is PollState.IDLE


def test_k089_a_full_ring_is_polled_whole(kind):
    ring = kind.ring(4)
    poller, seen = ring.new_poller(), []
    publish(ring, 4)
    assert poller.poll(lambda event, sequence, end: seen.append((sequence, end))) is PollState.PROCESSING
    assert seen == [(0, False), (1, False), (2, False), (3, True)]


def test_k089_after_an_exception_what_was_handled_is_released_and_the_rest_is_not(kind):
    ring = kind.ring(8)
    poller = ring.new_poller()
    publish(ring, 5)

    def fails(event, sequence, end_of_batch):
        if sequence == 3:
            raise KeyError(sequence)

    with pytest.raises(KeyError):
        poller.poll(fails)
    assert poller.sequence.get() == 2
    seen = []
    poller.poll(lambda event, sequence, end: seen.append(sequence))
    assert seen == [3, 4]


def test_k089_false_stops_after_the_record_and_a_limit_before_the_end(kind):
    ring = kind.ring(8)
    poller, seen = ring.new_poller(), []
    publish(ring, 6)
    poller.poll(lambda event, sequence, end: seen.append(sequence) or sequence < 1)
    assert seen == [0, 1]
    poller.poll(lambda event, sequence, end: seen.append((sequence, end)), limit=3)
    assert seen[2:] == [(2, False), (3, False), (4, True)]


def test_n001d_partial_reads_release_as_they_go(kind):
    ring = kind.ring(8)
    poller = ring.new_poller()
    publish(ring, 8)
    assert ring.remaining_capacity() == 0
    taken = []
    for event in poller.take(5):
        taken.append(int(event["value"]))
        if len(taken) == 3:
            break
    assert taken == [0, 1, 2]
    assert poller.available == 5 and ring.remaining_capacity() == 3
    assert [int(e["value"]) for e in poller.take(2)] == [3, 4]
    assert list(poller.take_batch()["value"]) == [5, 6, 7]
    assert list(poller.take()) == []
    assert len(poller.take_batch()) == 0


def test_n001d_a_poller_holds_the_producers_back(kind):
    ring = kind.ring(4)
    with ring.new_poller() as poller:
        publish(ring, 4)
        assert not ring.has_available_capacity(1)
        next(iter(poller.take(1)))
    assert ring.has_available_capacity(4)  # it is closed, and holds nobody


def test_n001d_a_poller_may_wait_for_its_first_record(kind, spawn):
    ring = kind.ring(4)
    poller = ring.new_poller()
    assert list(poller.take(timeout=0.01)) == []
    spawn(publish, ring, 1)
    assert [int(e["value"]) for e in poller.take(timeout=60)] == [0]


def test_n001g_pollers_and_a_poller_behind_them(kind):
    ring = kind.ring(8)
    first, second = ring.new_poller(), ring.new_poller()
    last = ring.new_poller(first.sequence, second.sequence)
    publish(ring, 3)
    list(first.take())
    assert list(last.take()) == []
    list(second.take(2))
    assert [int(e["value"]) for e in last.take()] == [0, 1]
