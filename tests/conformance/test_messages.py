"""N4: what Agrona's ring buffers and broadcast do: abort, unblock, lapped receivers, heartbeat.

tests/disruptor/test_byte_ring.py and test_broadcast.py hold the whole contracts, jitted and un-jitted.
"""

import pytest

from disruptor.broadcast import Broadcast
from disruptor.byte_producer import TAIL
from disruptor.byte_ring import ByteRing

CAPACITY = 4096


@pytest.fixture(params=["single", "multi"])
def messages(request) -> ByteRing:
    return ByteRing("messages", CAPACITY, request.param)


def test_n004a_abort_leaves_padding_that_no_reader_gets(messages):
    messages.write(b"first", 1)
    messages.try_claim(64, 2).abort()
    messages.write(b"second", 3)
    assert list(messages) == [(1, b"first"), (3, b"second")]
    assert messages.size() == 0


def test_n004b_unblock_of_an_empty_ring_and_of_a_committed_message_does_nothing(messages):
    assert not messages.unblock()
    messages.write(b"here", 1)
    assert not messages.unblock()
    assert list(messages) == [(1, b"here")]


def test_n004b_unblock_pads_a_claim_that_was_never_committed(messages):
    messages.try_claim(64, 1)
    messages.write(b"behind", 2)
    assert list(messages) == []
    assert messages.unblock()
    assert list(messages) == [(2, b"behind")]


@pytest.mark.parametrize("behind", [0, 1])
def test_n004b_unblock_pads_up_to_the_next_message_when_the_header_was_never_written(behind):
    messages = ByteRing("messages", CAPACITY, "multi")
    messages.port.cells[TAIL] += 72  # all that the producer did before it died
    for _ in range(behind):
        messages.write(b"behind", 2)
    assert messages.unblock()
    assert list(messages) == [(2, b"behind")] * behind
    assert messages.size() == 0


def test_n004d_heartbeat_is_the_time_that_the_consumer_gave_last(messages):
    assert messages.consumer_heartbeat_ns == 0
    for now_ns in (1_000, 2_000):
        messages.beat(now_ns)
        assert messages.consumer_heartbeat_ns == now_ns


def test_correlation_ids_count_up(messages):
    assert [messages.next_correlation_id() for _ in range(3)] == [0, 1, 2]


def test_n004c_a_receiver_is_lapped_by_one_message_more_than_the_capacity_holds():
    sender = Broadcast("events", CAPACITY)
    held = CAPACITY // 16
    for more, lapped in ((0, 0), (1, 1)):
        receiver = sender.receiver()
        first = receiver.receive()
        for n in range(held + more):
            sender.send(n.to_bytes(8, "little"), 1)
        expected = 0 if not lapped else held + more - 1
        assert receiver.receive() == (1, expected.to_bytes(8, "little"))
        assert receiver.lapped == lapped, first
