"""One contract for byte rings with one and with many producers, and what two threads may not see."""

from __future__ import annotations

import numpy as np
import pytest

from disruptor import byte_producer, stores
from disruptor.byte_layout import CAPACITY_MAX, TYPE_ID_MAX
from disruptor.byte_producer import TAIL
from disruptor.byte_ring import Action, ByteRing
from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CapacityError, DisruptorError
from tests.reference import kernels_bytes as kernels
from tests.reference.byte_rings import CAPACITY, MODES, everything
from tests.reference.two_threads import side_by_side


@pytest.fixture(params=MODES)
def ring(request) -> ByteRing:
    return ByteRing("messages", CAPACITY, request.param)


def test_a_message_is_read_as_it_was_written(ring):
    assert ring.write(b"hello", 7)
    assert ring.write(bytearray(b"world!!!"), TYPE_ID_MAX)
    assert ring.write(np.arange(3, dtype="<i2"), 0)
    assert everything(ring) == [(7, b"hello"), (TYPE_ID_MAX, b"world!!!"), (0, b"\0\0\1\0\2\0")]
    assert everything(ring) == []


def test_a_message_of_length_zero_is_a_message(ring):
    assert ring.write(b"", 3)
    assert ring.size() == 8
    assert everything(ring) == [(3, b"")]
    assert ring.size() == 0


def test_size_counts_headers_and_filling(ring):
    sizes = []
    for length in (0, 1, 8, 9):
        ring.write(b"x" * length, 1)
        sizes.append(ring.size())
    assert sizes == [8, 24, 40, 64]
    ring.read(lambda type_id, data: None, limit=1)
    assert ring.size() == 56


def test_a_claim_is_invisible_until_its_commit(ring):
    claim = ring.try_claim(5, 9)
    assert everything(ring) == []
    claim.data[:] = b"later"
    assert everything(ring) == []
    claim.commit()
    assert everything(ring) == [(9, b"later")]


def test_messages_wait_behind_an_open_claim_and_keep_the_order_of_claims(ring):
    first, second, third = (ring.try_claim(1, i) for i in range(3))
    for claim, text in ((third, b"c"), (second, b"b")):
        claim.data[:] = text
        claim.commit()
    assert everything(ring) == []
    first.data[:] = b"a"
    first.commit()
    assert everything(ring) == [(0, b"a"), (1, b"b"), (2, b"c")]


def test_an_aborted_claim_is_skipped(ring):
    ring.write(b"before", 1)
    ring.try_claim(100, 2).abort()
    ring.write(b"after", 3)
    assert everything(ring) == [(1, b"before"), (3, b"after")]
    assert ring.size() == 0


def test_padding_alone_is_given_back(ring):
    while (claim := ring.try_claim(400, 2)) is not None:
        claim.abort()
    assert ring.size() > CAPACITY - 500
    assert ring.read(lambda type_id, data: None) == 0
    assert ring.size() == 0


def test_a_claim_in_a_with_statement_commits_or_aborts(ring):
    with ring.try_claim(2, 1) as data:
        data[:] = b"ok"
    with pytest.raises(ZeroDivisionError), ring.try_claim(2, 1):
        raise ZeroDivisionError
    assert everything(ring) == [(1, b"ok")]
    claim = ring.try_claim(1, 1)
    with claim:
        claim.abort()
    assert everything(ring) == []


def test_a_claim_is_closed_once(ring):
    claim = ring.try_claim(2, 1)
    claim.commit()
    for close in (claim.abort, claim.commit):
        with pytest.raises(DisruptorError) as error:
            close()
        assert str(error.value) == "byte ring 'messages': the claim at byte 8 is closed; it is committed or aborted once"
    assert kernels.commit_only(*ring.port, claim.index) == False  # noqa: E712 - a numpy bool when un-jitted


def test_a_message_never_wraps(ring):
    for i in range(200):
        text = bytes([i]) * (300 + i)
        assert ring.write(text, i)
        assert everything(ring) == [(i, text)]
    assert ring.port.cells[TAIL] > 10 * CAPACITY


@pytest.mark.parametrize("length", [0, 8, 56, 120, 500])
def test_a_full_ring_holds_what_fits_and_no_more(ring, length):
    taken = 8 + length + -length % 8
    count = 0
    while ring.write(b"x" * length, count):
        count += 1
    assert count == (CAPACITY - 8) // taken
    assert ring.try_claim(length, 0) is None
    assert ring.size() == count * taken <= CAPACITY
    assert ring.read(lambda type_id, data: None, limit=1) == 1
    assert ring.write(b"y" * length, count)
    assert [type_id for type_id, _ in ring] == list(range(1, count + 1))


def test_the_longest_message_fits_into_an_empty_ring_only(ring):
    large = ByteRing("large", CAPACITY, ring.producers, max_length=CAPACITY - 16)
    for _ in range(5):
        assert large.write(b"z" * (CAPACITY - 16), 1)
        assert not large.write(b"", 1)
        assert everything(large) == [(1, b"z" * (CAPACITY - 16))]
        assert large.write(b"", 1)
        assert not large.write(b"z" * (CAPACITY - 16), 1)
        assert everything(large) == [(1, b"")]


def test_the_limits_of_messages_are_exact_and_named(ring):
    limit = CAPACITY // 8
    assert ring.max_length == limit
    assert ring.write(b"x" * limit, 0)
    text = (
        "byte ring 'messages': a message of 513 bytes exceeds max_length, 512 bytes;"
        " split it, raise max_length or take a larger capacity"
    )
    for call in (lambda: ring.write(b"x" * (limit + 1), 0), lambda: ring.try_claim(limit + 1, 0)):
        with pytest.raises(CapacityError) as error:
            call()
        assert str(error.value) == text
    with pytest.raises(CapacityError) as error:
        ring.try_claim(-1, 0)
    assert str(error.value) == "byte ring 'messages': the length of a message must be >= 0, got -1"
    assert [kernels.claim_only(*ring.port, length, 0) for length in (-1, limit + 1)] == [-2, -2]


@pytest.mark.parametrize("type_id", [-1, -(1 << 40), TYPE_ID_MAX + 1])
def test_type_ids_out_of_range_are_refused(ring, type_id):
    text = f"byte ring 'messages': type_id must be in 0..2,147,483,647, got {type_id:,}"
    for call in (lambda: ring.write(b"", type_id), lambda: ring.try_claim(0, type_id)):
        with pytest.raises(CapacityError) as error:
            call()
        assert str(error.value) == text
    assert kernels.claim_only(*ring.port, 0, type_id) == -3
    assert ring.size() == 0


@pytest.mark.parametrize(
    ("capacity", "nearest"),
    [(1000, "4,096"), (0, "4,096"), (-8, "4,096"), (5000, "8,192"), (2 * CAPACITY_MAX, "1,073,741,824")],
)
def test_a_bad_capacity_is_refused(capacity, nearest):
    with pytest.raises(CapacityError) as error:
        ByteRing("bad", capacity)
    assert str(error.value) == (
        f"byte ring 'bad': capacity must be a power of two of bytes in 4,096..1,073,741,824, got {capacity:,};"
        f" the nearest one that holds is {nearest}"
    )


def test_bad_settings_are_refused():
    with pytest.raises(CapacityError, match=r"^byte ring 'bad': producers must be 'single' or 'multi', got 'many'$"):
        ByteRing("bad", CAPACITY, "many")
    for length in (-1, CAPACITY - 15):
        with pytest.raises(CapacityError) as error:
            ByteRing("bad", CAPACITY, max_length=length)
        assert str(error.value) == (
            f"byte ring 'bad': max_length must be in 0..4,080 (the capacity of 4,096 less 16 bytes), got {length:,}"
        )


def test_write_many_writes_what_fits_and_says_how_much(ring):
    text = bytes(range(200))
    assert ring.write_many(text, [0, 10, 10, 200], [1, 2, 3]) == 3
    assert everything(ring) == [(1, text[:10]), (2, b""), (3, text[10:])]
    offsets = np.arange(0, 1000 * 8 + 1, 8)
    payload = np.arange(1000, dtype=np.int64)
    assert ring.write_many(payload, offsets, 5) == (CAPACITY - 8) // 16
    assert ring.write_many(payload, offsets, 5) == 0
    found = everything(ring)
    assert [int.from_bytes(data, "little") for _, data in found] == list(range(255))
    assert ring.write_many(b"", [0], 1) == 0


def test_write_many_passes_a_message_longer_than_its_batches():
    ring = ByteRing("large", CAPACITY, max_length=3000)
    text = bytes(2500) + b"end"
    assert ring.write_many(text, [0, 2500, 2503], 4) == 2
    assert everything(ring) == [(4, bytes(2500)), (4, b"end")]
    assert ring.write_many(text * 2, [0, 2500, 2503, 5000], 4) == 2
    assert ring.read(lambda type_id, data: None) == 2


def test_write_many_refuses_before_it_writes(ring):
    for call, text in (
        (lambda: ring.write_many(b"x" * 600, [0, 5, 600], 1), "message 1: a message of 595 bytes exceeds max_length, 512 bytes"),
        (lambda: ring.write_many(b"xx", [0, 2, 1], 1), "message 1: the length of a message must be >= 0, got -1"),
        (lambda: ring.write_many(b"xx", [0, 1, 2], [1, -4]), "message 1: type_id must be in 0..2,147,483,647, got -4"),
        (lambda: ring.write_many(b"xx", [0, 1, 3], 1), "offsets must lie within the 2 bytes of data, got 0..3"),
        (lambda: ring.write_many(b"xx", [-1, 1], 1), "offsets must lie within the 2 bytes of data, got -1..1"),
        (lambda: ring.write_many(b"xx", [], 1), r"offsets must be n + 1 integers for n messages, got shape (0,)"),
        (lambda: ring.write_many(b"xx", [0, 1, 2], [1, 2, 3]), "type_ids must be one or 2 integers, got 3"),
    ):
        with pytest.raises(CapacityError) as error:
            call()
        assert f"byte ring 'messages': {text}" in str(error.value)
        assert ring.size() == 0


def test_read_stops_at_its_limit(ring):
    for i in range(600):
        ring.write(b"", i % 7) if i < 500 else None
    seen = []
    assert ring.read(lambda type_id, data: seen.append(type_id), limit=3) == 3
    assert ring.read(lambda type_id, data: seen.append(type_id), limit=0) == 0
    assert ring.read(lambda type_id, data: seen.append(type_id)) == 497
    assert seen == [i % 7 for i in range(500)]


def test_a_message_whose_handler_raises_counts_as_read(ring):
    for i in range(3):
        ring.write(b"m", i)

    def fails(type_id, data):
        if type_id == 1:
            raise KeyError("of the handler")

    with pytest.raises(KeyError, match="of the handler"):
        ring.read(fails)
    assert everything(ring) == [(2, b"m")]


@pytest.mark.parametrize(
    ("action", "handled", "room_before_end", "left"),
    [
        (Action.ABORT, 1, 64, [1, 2, 3]), (Action.BREAK, 2, 64, [2, 3]), (Action.COMMIT, 4, 32, []),
        (Action.CONTINUE, 4, 64, []), (None, 4, 64, []),
    ],
)  # fmt: skip
def test_controlled_read_obeys_the_action_of_the_second_message(ring, action, handled, room_before_end, left):
    for i in range(4):
        ring.write(b"12345678", i)
    sizes = []

    def handler(type_id, data):
        sizes.append(ring.size())
        return action if type_id == 1 else Action.CONTINUE

    assert ring.controlled_read(handler) == handled
    assert sizes[-1] == room_before_end
    assert [type_id for type_id, _ in ring] == left


def test_plain_read_ignores_what_the_handler_returns(ring):
    ring.write(b"a", 1)
    ring.write(b"b", 2)
    assert ring.read(lambda type_id, data: Action.ABORT) == 2


def test_the_data_of_a_message_cannot_be_used_after_its_handler(ring):
    kept = []
    ring.write(b"secret", 1)
    ring.read(lambda type_id, data: kept.append(data))
    with pytest.raises(ValueError, match="released"):
        bytes(kept[0])
    for keep in (lambda data: np.frombuffer(data, np.uint8), lambda data: data[2:4], memoryview, np.asarray):
        ring.write(b"secret", 1)
        with pytest.raises(DisruptorError) as error:
            ring.read(lambda type_id, data: kept.append(keep(data)))  # noqa: B023
        assert str(error.value) == (
            "byte ring 'messages': the handler kept an array or a slice of a message, which is overwritten after it returns;"
            " keep a copy: bytes(data)"
        )
    ring.write(b"secret", 1)
    assert ring.read(lambda type_id, data: kept.append(int(np.frombuffer(data[1:], np.uint8).sum()))) == 1
    ring.write(b"secret", 1)
    with pytest.raises(TypeError, match="read-only"):
        ring.read(lambda type_id, data: data.__setitem__(0, 1))


def test_a_handler_that_reads_its_own_ring_is_told_so(ring):
    ring.write(b"a", 1)
    with pytest.raises(DisruptorError, match="a handler must not read the ring that it is called by; return first"):
        ring.read(lambda type_id, data: list(ring))
    assert ring.write(b"b", 2)
    assert everything(ring) == [(2, b"b")]


def test_unblock_recovers_from_a_claim_that_nobody_closes(ring):
    assert ring.unblock() is False
    dead = ring.try_claim(100, 1)
    ring.write(b"behind", 2)
    assert everything(ring) == []
    assert ring.unblock() is True
    assert ring.unblock() is False
    assert everything(ring) == [(2, b"behind")]
    with pytest.raises(DisruptorError, match=r"byte ring 'messages': the claim was taken back by unblock\(\); claim again"):
        dead.commit()
    assert ring.size() == 0


def test_unblock_leaves_a_committed_message_alone(ring):
    ring.write(b"here", 1)
    ring.try_claim(3, 2)
    assert ring.unblock() is False
    assert everything(ring) == [(1, b"here")]
    assert ring.unblock() is True


@pytest.mark.parametrize("followers", [0, 1, 2])
@pytest.mark.parametrize("length", [0, 8, 496])
def test_unblock_recovers_from_a_producer_that_died_before_its_header(followers, length):
    ring = ByteRing("messages", CAPACITY, "multi")
    for lap in range(12):  # at several places, over the end of the memory too
        ring.port.cells[TAIL] += 8 + length  # what the dead one did: moved the tail
        for i in range(followers):
            assert ring.write(b"alive", i)
        assert everything(ring) == []
        assert ring.unblock() is True, lap
        assert [type_id for type_id, _ in ring] == list(range(followers))
        assert ring.size() == 0
        assert not ring.port.words.any()


def test_unblock_recovers_from_a_producer_that_died_within_a_batch(ring, monkeypatch):
    copied = []

    def dies_at_the_second(*arguments):
        copied.append(arguments)
        if len(copied) == 2:
            raise MemoryError
        stores.copy_bytes(*arguments)

    monkeypatch.setattr(byte_producer, "copy_bytes", dies_at_the_second)
    write_many = getattr(byte_producer.bytes_write_many, "py_func", byte_producer.bytes_write_many)
    source, offsets = np.arange(100, dtype=np.uint8), np.array([0, 20, 60, 100])
    with pytest.raises(MemoryError):
        write_many(ring.port, source, offsets, np.array([1]), 0)
    assert ring.size() == 32 + 48 + 48
    ring.write(b"behind", 2)
    assert everything(ring) == []
    assert ring.unblock()
    assert everything(ring) == [(2, b"behind")]
    assert ring.size() == 0


def test_the_heartbeat_is_what_the_reader_said_last(ring):
    assert ring.consumer_heartbeat_ns == 0
    ring.beat(5_000)
    assert ring.consumer_heartbeat_ns == 5_000
    ring.beat()
    first = ring.consumer_heartbeat_ns
    ring.beat()
    assert ring.consumer_heartbeat_ns >= first > 5_000


def test_correlation_ids_are_unique_between_threads(ring):
    count = 20_000 if JIT_ENABLED else 300
    first, second = np.zeros(count, np.int64), np.zeros(count, np.int64)
    side_by_side((kernels.correlate, (*ring.port, first)), (kernels.correlate, (*ring.port, second)))
    assert sorted([*first, *second]) == list(range(2 * count))
    assert ring.next_correlation_id() == 2 * count
