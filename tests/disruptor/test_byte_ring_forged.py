"""Byte rings and broadcasts in memory that another process has written over: bounded, and said by name."""

from __future__ import annotations

import re

import numpy as np
import pytest

from disruptor import byte_producer as producer
from disruptor.broadcast import TAIL as SENT
from disruptor.broadcast import Broadcast
from disruptor.byte_layout import CAPACITY, MASK, MAX_LENGTH, header_of
from disruptor.byte_ring import ByteRing
from disruptor.compiled import JIT_ENABLED, entry
from disruptor.errors import DamagedMessage, LayoutError
from tests.reference import kernels_bytes as kernels
from tests.reference.byte_rings import MODES, everything
from tools.verify import fuzz_forged

SIZE = 4096
_GUARD = 512  # words before and behind what may be touched
_CANARY = 0x5A5A5A5A5A5A5A5A
_VALUES = np.array([0, 8, 16, 64, 4080, 4088, 4096, 8192, 7, -8, -4096, 1 << 31, (1 << 31) - 1, 1 << 62, -(1 << 62), (1 << 63) - 8, -(1 << 63)])


@entry
def _forge_ring(data, octets, words, cells, table, offsets, types):
    return _ring(data, octets, words, cells, table, offsets, types)


@entry
def _forge_broadcast(data, octets, words, cells, state, target):
    return _broadcast(data, octets, words, cells, state, target)


def _kernel(function):
    from disruptor.codegen import compile_once

    return compile_once(function) if JIT_ENABLED else function


_ring, _broadcast = _kernel(fuzz_forged.forged_ring), _kernel(fuzz_forged.forged_broadcast)


def _steps(rng: np.random.Generator, count: int, kinds: int) -> np.ndarray:
    steps = np.zeros(count, np.dtype([("what", "u1"), ("argument", "u1"), ("value", "<i8")]))
    steps["what"], steps["argument"] = rng.integers(0, kinds, count), rng.integers(0, 256, count)
    wild = rng.integers(-(1 << 63), (1 << 63) - 1, count, dtype=np.int64, endpoint=True)
    steps["value"] = np.where(rng.random(count) < 0.7, rng.choice(_VALUES, count), wild)
    if not JIT_ENABLED:  # plain Python's numbers do not wrap
        steps["value"] = steps["value"].clip(-(1 << 61), 1 << 61)
    return steps.view(np.uint8)


def _guarded() -> tuple[np.ndarray, np.ndarray]:
    """Return memory with canaries around the part that stands for the ring's two views, and that part."""
    whole = np.full(2 * _GUARD + SIZE // 4, _CANARY, np.int64)
    return whole, whole[_GUARD:-_GUARD]


@pytest.mark.parametrize("seed", range(8))
def test_nothing_outside_of_a_forged_ring_is_handed_out_or_touched(seed):
    rng = np.random.default_rng(seed)
    whole, words = _guarded()
    cells = np.zeros(112, np.int64)
    others = np.zeros((9, 4), np.int64), np.zeros(9, np.int64), np.ones(1, np.int64)
    with np.errstate(over="ignore"):
        for _ in range(300 if JIT_ENABLED else 6):
            assert _forge_ring(_steps(rng, 150, 32), words.view(np.uint8), words, cells, *others) == 0
    assert (whole[:_GUARD] == _CANARY).all() and (whole[-_GUARD:] == _CANARY).all()


@pytest.mark.parametrize("seed", range(4))
def test_nothing_outside_of_a_forged_broadcast_is_handed_out_or_touched(seed):
    rng = np.random.default_rng(seed)
    whole, words = _guarded()
    cells, state, target = np.zeros(112, np.int64), np.zeros(16, np.int64), np.zeros(2048, np.uint8)
    with np.errstate(over="ignore"):
        for _ in range(300 if JIT_ENABLED else 6):
            assert _forge_broadcast(_steps(rng, 150, 16), words.view(np.uint8), words, cells, state, target) == 0
    assert (whole[:_GUARD] == _CANARY).all() and (whole[-_GUARD:] == _CANARY).all()


def _second_header(ring: ByteRing, type_id: int, size: int) -> None:
    """Two messages of 16 bytes; then the second one's header says something else."""
    ring.write(b"12345678", 1)
    ring.write(b"abcdefgh", 2)
    ring.port.words[2] = header_of(type_id, size)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("type_id", "size", "limit"), [
    (2, 24, 16), (2, 4096, 16), (2, (1 << 31) - 1, 16), (2, 7, 16), (-1, 24, 16), (-5, 16, 16), (-2147483648, 16, 16),
])  # fmt: skip
def test_a_record_that_cannot_be_one_is_named_after_those_before_it(mode, type_id, size, limit):
    ring = ByteRing("messages", SIZE, mode)
    _second_header(ring, type_id, size)
    seen = []
    for _ in range(2):  # it stays there
        with pytest.raises(DamagedMessage) as error:
            ring.read(lambda kind, data: seen.append((kind, bytes(data))))
        assert str(error.value) == (
            f"byte ring 'messages': the record at position 16 says type {type_id:,} and {size:,} bytes, of {limit} that can be there;"
            " something has written over its header: make a new one, and see who else maps its memory"
        )
        assert (error.value.position, error.value.size, error.value.limit, error.value.type_id) == (16, size, limit, type_id)
    assert seen == [(1, b"12345678")]


@pytest.mark.parametrize("mode", MODES)
def test_compiled_code_stops_before_it_and_gives_back_what_it_took(mode):
    ring = ByteRing("messages", SIZE, mode)
    _second_header(ring, 2, 8192)
    out = np.zeros(3, np.int64)
    for expected in ((1, 8, 8), (-2, 24, 8192), (-2, 24, 8192)):
        kernels.take(*ring.port, out)
        assert tuple(out) == expected
    assert kernels.release_said(*ring.port) == 1
    assert ring.port.cells[producer.HEAD] == 16


@pytest.mark.parametrize(("cell", "value"), [
    (producer.TAKEN, 1 << 40), (producer.TAKEN, -8), (producer.TAKEN, SIZE), (producer.TAKEN, 20), (producer.HEAD, 1 << 40), (producer.HEAD, 3),
])  # fmt: skip
@pytest.mark.parametrize("mode", MODES)
def test_a_release_stays_within_the_ring(mode, cell, value):
    ring = ByteRing("messages", SIZE, mode)
    ring.write(b"12345678", 1)
    before = ring.port.words.copy()
    ring.port.cells[cell] = value
    head = int(ring.port.cells[producer.HEAD])
    assert kernels.release_said(*ring.port) == 0
    assert ring.port.cells[producer.HEAD] == head and (ring.port.words == before).all()


@pytest.mark.parametrize("tail", [1 << 50, -8, SIZE, 12])
def test_positions_that_cannot_be_are_named(tail):
    ring = ByteRing("messages", SIZE)
    ring.write(b"12345678", 1)
    ring.port.cells[producer.TAIL] = tail
    with pytest.raises(DamagedMessage, match=r"^byte ring 'messages': the record at position 0 says type 1 and 16 bytes"):
        everything(ring)
    with pytest.raises(DamagedMessage):
        ring.unblock()
    assert 0 <= ring.size() <= SIZE


def test_a_claim_that_cannot_be_is_named_instead_of_unblocked():
    ring = ByteRing("messages", SIZE, "multi")
    ring.try_claim(8, 1)
    ring.port.words[0] = header_of(1, -4000)
    with pytest.raises(DamagedMessage, match=r"says type 1 and -4,000 bytes, of 16 that can be there"):
        ring.unblock()


def test_a_forged_limit_lets_no_message_be_claimed_that_the_ring_cannot_hold():
    ring = ByteRing("messages", SIZE)
    ring.port.cells[MAX_LENGTH] = 1 << 40
    ring.port.cells[producer.HEAD] = 1 << 40  # room without end
    assert kernels.claim_only(*ring.port, SIZE - 15, 1) == -2
    assert kernels.claim_only(*ring.port, SIZE - 16, 1) == 8


@pytest.mark.parametrize(("cell", "value", "said"), [
    (MASK, (1 << 40) - 1, r"capacity 4,096, mask 1,099,511,627,775, max_length 512"),
    (MAX_LENGTH, 4081, r"capacity 4,096, mask 4,095, max_length 4,081"), (MAX_LENGTH, -1, r"max_length -1"),
])  # fmt: skip
def test_forged_settings_are_not_attached_to(cell, value, said):
    ring = ByteRing("messages", SIZE)
    ring.port.cells[cell] = value
    with pytest.raises(LayoutError, match=rf"^byte ring 'messages': the settings in {re.escape(ring.paths[1])} are damaged: .*{said}; let its"):
        ByteRing.attach("messages", ring.paths)
    ring.port.cells[CAPACITY] = 8192
    with pytest.raises(LayoutError, match="speaks of 8,192"):
        ByteRing.attach("messages", ring.paths)


@pytest.mark.parametrize(("type_id", "size"), [(1, 600), (1, 4000), (-1, 16), (1, 0), (1, -16)])
def test_a_broadcast_message_that_cannot_be_one_is_named(type_id, size):
    sender = Broadcast("events", SIZE)
    observer = sender.receiver()
    sender.send(b"12345678", 1)
    sender.port.words[0] = header_of(type_id, size)
    with pytest.raises(DamagedMessage) as error:
        observer.receive()
    assert str(error.value).startswith(
        f"broadcast 'events': the record at position 0 says type {type_id:,} and {size:,} bytes, of 520 that can be there"
    )
    sender.port.cells[SENT] = 0
    assert observer.receive() is None
