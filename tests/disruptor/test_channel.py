"""The prepared ends of a ring: one record a call, each way of publishing, threads, processes, errors."""

from __future__ import annotations

import gc
import os
import threading
import time

import numpy as np
import pytest

from disruptor.compiled import JIT_ENABLED
from disruptor.dsl import Disruptor
from disruptor.errors import CapacityError, ForkError, GraphError, HandlerError, InsufficientCapacity
from disruptor.handler import handler
from disruptor.ring_buffer import RingBuffer

FIELDS = [("number", "i8"), ("half", "f4"), ("small", "i4")]
KINDS = [("single", "cursor"), ("single", "record"), ("multi", "record"), ("multi", "flags")]


@pytest.fixture(params=KINDS, ids="-".join)
def ring(request) -> RingBuffer:
    producers, availability = request.param
    return RingBuffer(FIELDS, slots=8, producers=producers, availability=availability, name="line")


def test_what_is_sent_is_received_lap_after_lap(ring):
    sender, receiver = ring.sender(), ring.new_poller().receiver()
    assert receiver.receive() == 0
    for number in range(50):
        sender.record["number"], sender.record["half"], sender.record["small"] = number, number / 2, -number
        assert sender.send() == number
        assert receiver.receive() == 1
        assert receiver.record.tolist() == (number, number / 2, -number)
        assert receiver.receive() == 0


def test_a_record_is_the_callers_own(ring):
    sender, receiver = ring.sender(), ring.new_poller().receiver()
    sender.record["number"] = 1
    sender.send()
    sender.record["number"] = 2
    assert receiver.receive() == 1
    sender.send()
    assert receiver.record["number"] == 1


def test_many_are_received_by_one_call_and_the_rest_by_the_next(ring):
    sender, receiver = ring.sender(), ring.new_poller().receiver(5)
    for number in range(8):
        sender.record["number"] = number
        sender.send()
    assert receiver.receive() == 5
    assert receiver.records["number"].tolist() == [0, 1, 2, 3, 4]
    assert ring.remaining_capacity() == 5
    assert receiver.receive() == 3
    assert receiver.records["number"].tolist() == [5, 6, 7, 3, 4]  # what it did not fill stays


def test_other_ways_to_publish_and_to_read_mix_with_it(ring):
    sender, poller = ring.sender(), ring.new_poller()
    receiver = poller.receiver(8)
    ring.publish(number=[1, 2], half=0, small=0)
    sender.record["number"] = 3
    sender.send()
    with ring.publish() as event:
        event["number"] = 4
    assert poller.take_batch(1)["number"].tolist() == [1]
    assert [int(event["number"]) for event in poller.take(1)] == [2]
    assert receiver.receive() == 2
    assert receiver.records["number"][:2].tolist() == [3, 4]


@pytest.mark.parametrize("availability", ["record", "flags"])
def test_what_was_given_up_is_passed_by(availability):
    ring = RingBuffer(FIELDS, slots=8, producers="multi", availability=availability)
    sender, poller = ring.sender(), ring.new_poller()
    receiver = poller.receiver()
    for number in range(3):
        if number == 1:
            high = ring.next(2)
            sender.record["number"] = 5
            sender.send()
            ring.sequencer.abort(high - 1, high)
        sender.record["number"] = number
        sender.send()
    got = []
    while receiver.receive():
        got.append(int(receiver.record["number"]))
    assert got == [0, 5, 1, 2]


def test_take_batch_gives_the_same_by_count_and_without(ring):
    one, other = ring.new_poller(), ring.new_poller()
    ring.publish(number=np.arange(7), half=0.5, small=1)
    first, second = one.take_batch(7), other.take_batch()
    assert first.dtype == second.dtype == ring.dtype
    assert first.tolist() == second.tolist()
    first["number"] = 99  # a copy
    assert ring.records["number"][:7].tolist() == list(range(7))
    assert len(one.take_batch(1)) == len(one.take_batch(0)) == len(one.take_batch(1, timeout=0.001)) == 0
    assert one.take_batch(1).dtype == ring.dtype


def test_a_receiver_follows_what_it_depends_on(ring):
    first = ring.new_poller()
    second = ring.new_poller(first.sequence)
    receiver, sender = second.receiver(), ring.sender()
    sender.send()
    assert receiver.receive() == 0
    assert len(first.take_batch(1)) == 1
    assert receiver.receive() == 1


def test_receive_waits_as_long_as_it_is_told(ring):
    sender, receiver = ring.sender(), ring.new_poller().receiver()
    began = time.monotonic()
    assert receiver.receive(timeout=0.05) == 0
    assert time.monotonic() - began >= 0.05
    thread = threading.Thread(target=lambda: (time.sleep(0.05), sender.send()))
    thread.start()
    assert receiver.receive(timeout=60) == 1
    thread.join()


@pytest.mark.parametrize(("policy", "result"), [("drop", -1), ("raise", InsufficientCapacity), ("block", None)])
def test_a_full_ring_does_what_its_policy_says(policy, result):
    ring = RingBuffer(FIELDS, slots=2, when_full=policy, name="full")
    sender, receiver = ring.sender(), ring.new_poller().receiver()
    sender.send(), sender.send()
    if policy == "block":
        thread = threading.Thread(target=lambda: (time.sleep(0.05), receiver.receive()))
        thread.start()
        assert sender.send() == 2
        thread.join()
    elif policy == "drop":
        assert sender.send() == result
        assert ring.dropped == 1
    else:
        with pytest.raises(result):
            sender.send()
    assert ring.sequencer.claimed == ring.sequencer.published()


def test_stamps_are_made():
    ring = RingBuffer(FIELDS, slots=2, measure=True)
    ring.sender().send()
    assert ring.sequencer.stamps[0] > 0


def test_a_dead_handler_and_an_open_claim_are_seen():
    @handler(jit=False)
    def fails(event, sequence):
        raise ValueError("no")

    graph = Disruptor(FIELDS, 8)
    graph.then(fails)
    sender = graph.ring.sender()
    with pytest.raises(HandlerError), graph:
        sender.send()
        graph_end = time.monotonic() + 60
        while not graph.failure and time.monotonic() < graph_end:
            time.sleep(0.001)
        sender.send()
    ring = RingBuffer(FIELDS, slots=8, name="one")
    other = ring.sender()
    claimed = threading.Thread(target=ring.next)
    claimed.start()
    claimed.join()
    with pytest.raises(GraphError, match="one"):
        other.send()


def test_a_forked_child_is_refused():
    ring = RingBuffer(FIELDS, slots=8)
    sender, receiver = ring.sender(), ring.new_poller().receiver()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for call in (sender.send, receiver.receive):
                try:
                    call()
                except ForkError:
                    status -= 0.5
        finally:
            os._exit(int(status))
    assert os.waitpid(pid, 0)[1] == 0
    assert sender.send() == 0 and receiver.receive() == 1


@pytest.mark.parametrize("count", [0, -1, (1 << 20) + 1])
def test_a_count_out_of_range_is_refused(count):
    with pytest.raises(CapacityError) as error:
        RingBuffer(FIELDS, name="line").new_poller().receiver(count)
    assert str(error.value) == f"ring 'line': a receiver takes 1..1,048,576 records at once, got {count:,}"


def test_the_ends_keep_the_memory_that_they_use():
    ring = RingBuffer(FIELDS, slots=8)
    poller = ring.new_poller()
    sender, receiver = ring.sender(), poller.receiver()
    del ring, poller
    gc.collect()
    for number in range(30):
        sender.record["number"] = number
        assert sender.send() == number and receiver.receive() == 1
        assert receiver.record["number"] == number


@pytest.mark.parametrize("producers", ["single", "multi"])
def test_threads_lose_nothing_and_keep_the_order(producers):
    count, threads = (20_000 if JIT_ENABLED else 300), 1 if producers == "single" else 3
    ring = RingBuffer([("thread", "i8"), ("number", "i8")], slots=64, producers=producers)
    receiver = ring.new_poller().receiver(16)

    def sends(me: int) -> None:
        sender = ring.sender()
        sender.record["thread"] = me
        for number in range(count):
            sender.record["number"] = number
            sender.send()

    workers = [threading.Thread(target=sends, args=(me,)) for me in range(threads)]
    for worker in workers:
        worker.start()
    got: list[list[int]] = [[] for _ in range(threads)]
    left = count * threads
    while left:
        found = receiver.receive(timeout=60)
        assert found, "nothing came for a minute"
        for me, number in receiver.records[:found].tolist():
            got[me].append(number)
        left -= found
    for worker in workers:
        worker.join()
    assert got == [list(range(count))] * threads
