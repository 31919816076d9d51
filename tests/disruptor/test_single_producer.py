import numpy as np
import pytest

from disruptor.compiled import JIT_ENABLED
from disruptor.memory import anonymous
from disruptor.ring import Ring
from tests.reference import kernels_ring as kernels
from tests.reference.two_threads import side_by_side

RECORD = [("value", "i8"), ("payload_position", "i8"), ("payload_count", "i8"), ("pad", "i8", (5,))]
FIRST, SECOND = 16, 32  # the consumers' cursors


class Bench:
    """A ring with two consumers, driven step by step."""

    def __init__(self, slots: int = 4, units: int = 512) -> None:
        self.ring = Ring("main", RECORD, slots, payload=("i8", units))
        self.cells = anonymous(4096).array(np.int64)
        self.cells[:48:16] = -1
        self.ends = (self.ring.records, self.ring.payload, self.ring.port)

    def put(self, value: int, count: int = 0) -> int:
        return int(kernels.put(*self.ends, self.cells, value, count))

    def publish(self) -> None:
        kernels.release(*self.ends, self.cells)

    def room(self, wanted: int = 1) -> int:
        return int(kernels.free_slots(*self.ends, self.cells, wanted))

    def payload_room(self, wanted: int = 1) -> int:
        return int(kernels.free_payload(*self.ends, self.cells, wanted))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_first_record_has_sequence_zero_and_is_seen_after_publish(bench):
    bench.put(5)
    assert bench.cells[0] == -1
    bench.publish()
    assert bench.cells[0] == 0
    assert bench.ring.records[0]["value"] == 5


def test_publish_makes_a_whole_batch_visible_at_once(bench):
    for value in range(3):
        bench.put(value)
    bench.publish()
    assert bench.cells[0] == 2
    bench.publish()
    assert bench.cells[0] == 2


def test_room_falls_with_claims_and_ends_at_the_slowest_consumer(bench):
    assert [bench.room(4), bench.put(0), bench.room(4)] == [4, 0, 3]
    for value in range(3):
        bench.put(value)
    assert bench.room() == 0
    bench.cells[FIRST] = 3
    assert bench.room() == 0
    bench.cells[SECOND] = 1
    assert bench.room() == 2


def test_room_looks_at_consumers_only_when_it_must(bench):
    bench.cells[[FIRST, SECOND]] = 100
    assert bench.room(1) == 4
    assert bench.room(5) > 4  # wanted more than the cached gate gave


def test_records_wrap(bench):
    for value in range(11):
        bench.put(value)
        bench.publish()
        bench.cells[[FIRST, SECOND]] = value
    assert bench.ring.records["value"].tolist() == [8, 9, 10, 7]
    assert bench.cells[0] == 10


def test_payload_of_a_record_is_contiguous_when_it_wraps():
    bench = Bench()
    for value, count in ((0, 500), (1000, 30)):
        position = bench.put(value, count)
        bench.publish()
        bench.cells[[FIRST, SECOND]] = value
    start = position & 511
    assert start == 500
    assert bench.ring.payload[start : start + 30].tolist() == list(range(1000, 1030))
    assert bench.ring.payload[:18].tolist() == list(range(1012, 1030))


def test_payload_room_is_freed_with_the_slot():
    bench = Bench()
    bench.put(0, 300)
    bench.put(1, 200)
    bench.publish()
    assert bench.payload_room(13) == 12
    bench.cells[[FIRST, SECOND]] = 0
    assert bench.payload_room(13) == 312
    bench.cells[[FIRST, SECOND]] = 1
    assert bench.payload_room(400) == 512


def test_payload_room_never_falls_back_for_a_record_without_payload():
    bench = Bench()
    bench.put(0, 400)
    bench.put(1, 0)
    bench.ring.records[1]["payload_position"] = 0  # a handler that wrote none may leave anything here
    bench.publish()
    bench.cells[[FIRST, SECOND]] = 0
    assert bench.payload_room(500) >= 112
    bench.cells[[FIRST, SECOND]] = 1
    assert bench.payload_room(500) == 512


@pytest.mark.parametrize("batch", [1, 10])
def test_two_threads_pass_every_record_whole(batch):
    messages = 200_000 if JIT_ENABLED else 400
    bench = Bench(slots=64)
    bench.cells[SECOND] = 1 << 60
    sent, broken = side_by_side(
        (kernels.produce, (*bench.ends, bench.cells, messages, batch)),
        (kernels.consume, (*bench.ends[:2], bench.cells, FIRST, messages)),
    )
    assert (sent, broken) == (messages, 0)
    assert bench.cells[0] == messages - 1
