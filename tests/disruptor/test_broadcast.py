"""What observers of a broadcast see: the newest messages, whole, and how much they missed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.broadcast import (
    INTENT,
    LATEST,
    TAIL,
    Broadcast,
    BroadcastReceiver,
    broadcast_next,
    broadcast_valid,
)
from disruptor.byte_layout import TYPE_ID_MAX
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CapacityError
from tests.reference import kernels_bytes as kernels
from tests.reference.two_threads import side_by_side

CAPACITY = 4096


@pytest.fixture
def sender() -> Broadcast:
    return Broadcast("events", CAPACITY)


def everything(receiver: BroadcastReceiver) -> list[tuple[int, bytes]]:
    return list(iter(receiver.receive, None))


def test_every_receiver_gets_every_message(sender):
    receivers = [sender.receiver() for _ in range(3)]
    sender.send(b"hello", 7)
    sender.send(b"", TYPE_ID_MAX)
    sender.send(np.arange(2, dtype="<i4"), 0)
    for receiver in receivers:
        assert everything(receiver) == [(7, b"hello"), (TYPE_ID_MAX, b""), (0, b"\0\0\0\0\1\0\0\0")]
        assert receiver.receive() is None
        assert (receiver.lapped, receiver.lost_bytes) == (0, 0)


def test_a_late_receiver_starts_at_the_latest_message(sender):
    assert everything(sender.receiver()) == []
    for i in range(5):
        sender.send(bytes([i]), i)
    late = sender.receiver()
    assert everything(late) == [(4, b"\4")]
    sender.send(b"next", 9)
    assert everything(late) == [(9, b"next")]
    assert late.lapped == 0


def test_a_lapped_receiver_goes_on_at_the_latest_message_and_counts(sender):
    receiver = sender.receiver()
    for i in range(CAPACITY // 16 + 1):  # one more than are kept
        sender.send(i.to_bytes(8, "little"), 1)
    assert everything(receiver) == [(1, (CAPACITY // 16).to_bytes(8, "little"))]
    assert (receiver.lapped, receiver.lost_bytes) == (1, CAPACITY)
    sender.send(b"on", 2)
    assert everything(receiver) == [(2, b"on")]
    assert receiver.lapped == 1


def test_a_receiver_may_lag_behind_by_the_whole_capacity(sender):
    receiver = sender.receiver()
    for i in range(CAPACITY // 16):
        sender.send(i.to_bytes(8, "little"), 1)
    assert [int.from_bytes(data, "little") for _, data in everything(receiver)] == list(range(CAPACITY // 16))
    assert receiver.lapped == 0


def test_the_smallest_message_more_than_the_capacity_holds_laps(sender):
    receiver = sender.receiver()
    for _ in range(CAPACITY // 16):
        sender.send(b"12345678", 1)
    sender.send(b"", 2)  # 8 bytes, over the header of the first
    assert everything(receiver) == [(2, b"")]
    assert receiver.lapped == 1


def test_a_message_overwritten_while_it_is_copied_is_thrown_away(sender):
    receiver = sender.receiver()
    sender.send(b"first", 1)
    type_id, _, length = step(sender, receiver)
    assert (type_id, length) == (1, 5)
    assert valid(sender, receiver)
    sender.send(b"second", 2)
    step(sender, receiver)
    sender.port.cells[INTENT] += CAPACITY  # the sender is about to write there again
    assert not valid(sender, receiver)
    assert (receiver.lapped, receiver.lost_bytes) == (1, 16)
    sender.port.cells[INTENT] -= CAPACITY
    assert receiver.receive() is None


def step(sender: Broadcast, receiver: BroadcastReceiver) -> tuple:
    return tuple(int(v) for v in broadcast_next(sender.port, receiver.state))


def valid(sender: Broadcast, receiver: BroadcastReceiver) -> bool:
    return bool(broadcast_valid(sender.port, receiver.state))


def test_a_sender_that_is_always_too_fast_holds_no_receiver(sender):
    receiver = sender.receiver()
    sender.send(b"first", 1)
    sender.port.cells[INTENT] += 10 * CAPACITY
    assert receiver.receive() is None
    assert receiver.lapped > 1


def test_messages_are_never_cut_by_the_end_of_the_memory(sender):
    receiver = sender.receiver()
    for i in range(300):
        text = bytes([i % 256]) * (200 + i)
        sender.send(text, i)
        assert everything(receiver) == [(i, text)]
    assert sender.port.cells[TAIL] > 15 * CAPACITY
    assert sender.port.cells[LATEST] < sender.port.cells[TAIL] == sender.port.cells[INTENT]


def test_limits_are_exact_and_named(sender):
    sender.send(b"x" * 512, 0)
    with pytest.raises(CapacityError) as error:
        sender.send(b"x" * 513, 0)
    assert str(error.value) == (
        "broadcast 'events': a message of 513 bytes exceeds max_length, 512 bytes;"
        " split it, raise max_length or take a larger capacity"
    )
    with pytest.raises(CapacityError) as error:
        sender.send(b"", -1)
    assert str(error.value) == "broadcast 'events': type_id must be in 0..2,147,483,647, got -1"
    with pytest.raises(CapacityError, match=r"^broadcast 'bad': capacity must be a power of two of bytes in 4,096.*, got 7;"):
        Broadcast("bad", 7)
    with pytest.raises(CapacityError, match=r"^broadcast 'bad': max_length must be in 0..4,080 .*, got 5,000$"):
        Broadcast("bad", CAPACITY, max_length=5000)
    with pytest.raises(CapacityError, match=r"^a receiver needs a Broadcast to listen to, got str$"):
        BroadcastReceiver("events")
    assert sender.port.cells[TAIL] == 520


def test_the_longest_possible_message_passes():
    sender = Broadcast("events", CAPACITY, max_length=CAPACITY - 16)
    receiver = sender.receiver()
    for i in range(3):
        sender.send(bytes([i]) * (CAPACITY - 16), i)
        assert everything(receiver) == [(i, bytes([i]) * (CAPACITY - 16))]


def test_another_process_observes(sender):
    code = f"""
from disruptor.broadcast import Broadcast
observer = Broadcast.attach("events", {sender.paths!r}).receiver()
print(observer.receive(), observer.receive(), observer)
"""
    sender.send(b"before", 1)
    sender.send(b"latest", 2)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert ran.stdout == "(2, b'latest') None <BroadcastReceiver of 'events', lapped 0 times>\n", ran.stderr


@pytest.mark.parametrize("slow", [0, 200])
def test_no_observer_sees_a_torn_message(slow):
    messages = 400_000 if JIT_ENABLED else 400
    sender = Broadcast("events", CAPACITY)
    receiver = sender.receiver()
    source, target = np.zeros(256, np.uint8), np.zeros(64, np.int64)

    def send():
        kernels.broadcast_many(*sender.port, source, messages)
        return messages

    sent, broken = side_by_side(
        (send, ()), (kernels.observe, (*sender.port, receiver.state, target, messages, slow))
    )
    received, thrown_away = int(receiver.state[8]), int(receiver.state[9])
    assert (sent, broken) == (messages, 0)
    assert 0 < received <= messages
    assert receiver.lapped >= thrown_away
    assert (receiver.lapped == 0) is (receiver.lost_bytes == 0)  # how often it is lapped is the scheduler's choice


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-1, 500), max_size=120), st.integers(0, 40))
def test_a_receiver_sees_a_suffix_of_what_was_sent_between_two_looks(lengths, joined):
    sender, receiver = Broadcast("events", CAPACITY), None
    unseen: list[tuple[int, bytes]] = []
    for place, length in enumerate(lengths):
        if place == joined:
            receiver = sender.receiver()
            unseen = unseen[-1:]
        if length >= 0:
            sender.send(bytes([place]) * length, place)
            unseen.append((place, bytes([place]) * length))
            continue
        if receiver is None:
            continue
        laps = receiver.lapped
        seen = everything(receiver)
        taken = sum(8 + -(-len(data) // 8) * 8 for _, data in unseen)
        if taken <= CAPACITY:
            assert seen == unseen and receiver.lapped == laps
        else:
            assert seen == unseen[-1:] and receiver.lapped == laps + 1
        unseen = []
