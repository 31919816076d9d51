"""Byte rings between threads, compiled and not, and beside a list of records as the model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.byte_producer import HEAD, TAIL
from disruptor.byte_ring import ByteRing
from disruptor.compiled import JIT_ENABLED
from disruptor.memory import anonymous
from tests.reference import kernels_bytes as kernels
from tests.reference.byte_rings import CAPACITY, MODES, everything
from tests.reference.naive_bytes import PADDED, SHOWN, NaiveBytes
from tests.reference.two_threads import side_by_side


@pytest.fixture(params=MODES)
def ring(request) -> ByteRing:
    return ByteRing("messages", CAPACITY, request.param)



def test_compiled_reader_holds_what_it_took_until_it_gives_it_back(ring):
    for i in range(3):
        ring.write(b"12345678", i)
    out = np.zeros(3, np.int64)
    for expected in ([0, 8, 8], [1, 24, 8]):
        kernels.take(*ring.port, out)
        assert out.tolist() == expected
    assert ring.size() == 48
    kernels.rewind(*ring.port)
    kernels.take(*ring.port, out)
    assert out[0] == 0
    kernels.give_back(*ring.port)
    assert ring.size() == 32
    assert [type_id for type_id, _ in ring] == [1, 2]
    kernels.take(*ring.port, out)
    assert out.tolist() == [-1, 0, 0]


def test_compiled_reader_gives_padding_back_when_it_holds_nothing_else(ring):
    out = np.zeros(3, np.int64)
    for _ in range(3):
        while (claim := ring.try_claim(400, 2)) is not None:
            claim.abort()
        kernels.take(*ring.port, out)  # finds nothing, so nobody would call for a release
        assert (out[0], ring.size()) == (-1, 0)
    ring.write(b"held", 1)
    ring.try_claim(8, 2).abort()
    for expected in (1, -1):
        kernels.take(*ring.port, out)
        assert (out[0], ring.size()) == (expected, 32)
    kernels.give_back(*ring.port)
    assert ring.size() == 0


@pytest.mark.parametrize("batch", [1, 10])
def test_two_threads_pass_every_message_whole_and_in_order(ring, batch):
    messages = 200_000 if JIT_ENABLED else 300
    counts = np.zeros(2, np.int64)
    sent, broken = side_by_side(
        (kernels.produce, (*ring.port, 1, messages)), (kernels.consume, (*ring.port, counts, messages, batch))
    )
    assert (sent, broken, counts.tolist()) == (messages, 0, [0, messages])
    assert everything(ring) == [] and ring.size() == 0


def test_several_producers_lose_and_mix_nothing_and_stay_within_the_capacity():
    messages = 60_000 if JIT_ENABLED else 150
    ring = ByteRing("messages", CAPACITY, "multi")
    counts = np.zeros(4, np.int64)
    halt = anonymous(4096).array(np.int64)

    def consume_and_halt():
        broken = kernels.consume(*ring.port, counts, 3 * messages, 5)
        kernels.set_halt(halt)
        return broken

    *sent, broken, over = side_by_side(
        *((kernels.produce, (*ring.port, me, messages)) for me in (1, 2, 3)),
        (consume_and_halt, ()),
        (kernels.room_stays_within, (*ring.port, halt, CAPACITY)),
        seconds=300.0,
    )
    assert sent == [messages] * 3
    assert (broken, over) == (0, 0)
    assert counts.tolist() == [0, messages, messages, messages]
    assert everything(ring) == [] and ring.size() == 0


def test_batches_of_several_producers_lose_and_mix_nothing():
    rounds = 10 if JIT_ENABLED else 2
    ring = ByteRing("messages", CAPACITY, "multi")
    length = 7 * np.arange(97) % 97  # as in `produce`, whose n + me comes round after 97 × 256 messages
    offsets = np.concatenate([[0], np.cumsum(np.tile(length, 256))]).astype(np.int64)
    number = np.repeat(np.arange(97 * 256), np.tile(length, 256))
    if not JIT_ENABLED:
        offsets = offsets[:257]
    counts = np.zeros(3, np.int64)
    total = 2 * rounds * (len(offsets) - 1)
    sources = [((number + me) & 255).astype(np.uint8) for me in (1, 2)]
    *_, broken = side_by_side(
        *((kernels.produce_batches, (*ring.port, sources[me - 1], offsets, np.array([me]), rounds)) for me in (1, 2)),
        (kernels.consume, (*ring.port, counts, total, 3)),
        seconds=300.0,
    )
    if JIT_ENABLED:
        assert broken == 0
    assert counts.tolist() == [0, total // 2, total // 2]


@pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
def test_compiled_ends_count_no_references():
    ring = ByteRing("messages", CAPACITY)
    kernels.produce(*ring.port, 1, 3)
    kernels.consume(*ring.port, np.zeros(2, np.int64), 3, 1)
    for kernel in (kernels.produce, kernels.consume):
        assert "NRT_" not in kernel.inspect_asm(kernel.signatures[0]).split("cpython")[0]
LENGTH = st.integers(0, 120) | st.sampled_from([500, 512])
OPERATION = st.one_of(
    st.tuples(st.just("write"), LENGTH, st.integers(0, 5)),
    st.tuples(st.just("many"), st.lists(LENGTH, max_size=8), st.integers(0, 5)),
    st.tuples(st.just("claim"), LENGTH, st.integers(0, 5)),
    st.tuples(st.sampled_from(["commit", "abort"]), st.integers(0, 9), st.none()),
    st.tuples(st.just("read"), st.none() | st.integers(0, 4), st.none()),
    st.tuples(st.just("unblock"), st.none(), st.none()),
)


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None, max_examples=60)
@given(operations=st.lists(OPERATION, max_size=80))
def test_a_ring_does_what_a_list_of_records_does(mode, operations):
    ring, naive = ByteRing("messages", CAPACITY, mode), NaiveBytes(CAPACITY)
    ring.port.cells[[TAIL, HEAD, HEAD + 16]] = 3 * CAPACITY - 256  # so that the end of the memory is passed at once
    ring.port.cells[16] = 3 * CAPACITY - 256
    claims = []
    for place, (name, first, second) in enumerate(operations):
        if name == "write":
            data = bytes([place]) * first
            assert ring.write(data, second) == (naive.claim(data, second, SHOWN) is not None)
        elif name == "many":
            data = bytes([place]) * sum(first)
            fitting = 0
            for length in first:
                if naive.claim(bytes([place]) * length, second, SHOWN) is None:
                    break
                fitting += 1
            assert ring.write_many(data, np.cumsum([0, *first]), second) == fitting
        elif name == "claim":
            claim, number = ring.try_claim(first, second), naive.claim(bytes([place]) * first, second)
            assert (claim is None) == (number is None)
            if claim is not None:
                claim.data[:] = bytes([place]) * first
                claims.append((claim, number))
        elif name in ("commit", "abort") and claims:
            claim, number = claims.pop(first % len(claims))
            claim.commit() if name == "commit" else claim.abort()
            naive.close(number, SHOWN if name == "commit" else PADDED)
        elif name == "read":
            seen = []
            ring.read(lambda type_id, data: seen.append((type_id, bytes(data))), limit=first)  # noqa: B023
            assert seen == naive.read(first)
        elif name == "unblock":
            number = naive.records[0][3] if naive.records else None
            assert ring.unblock() == naive.unblock()
            claims = [kept for kept in claims if kept[1] != number]
        assert ring.size() == naive.size()
    assert everything(ring) == naive.read(None)
