import numpy as np
import pytest

from disruptor.errors import CapacityError, LayoutError
from disruptor.ring import Ring

RECORD = [("value", "i8"), ("payload_position", "i8"), ("payload_count", "i8"), ("pad", "i8", (5,))]


def test_ring_lays_records_payload_and_port_out_in_mapped_memory():
    ring = Ring("main", RECORD, 64, payload=("i8", 512), stamps=True)
    assert ring.records.shape == (64,)
    assert ring.records.dtype.itemsize == 64
    assert ring.payload.shape == (1024,)
    assert ring.stamps.shape == (64,)
    assert ring.records.ctypes.data % 4096 == 0
    assert ring.port[0]["payload_mask"] == 511
    assert ring.footprint == 4 * 4096
    assert repr(ring) == "<Ring 'main' 64 × 64 bytes>"


def test_ring_without_payload_has_empty_arrays():
    ring = Ring("bare", [("value", "i8")], 1)
    assert (len(ring.payload), len(ring.stamps), ring.mask) == (0, 0, 0)


def test_payload_is_contiguous_over_the_end():
    ring = Ring("main", RECORD, 64, payload=("i8", 512))
    ring.payload[510:515] = [1, 2, 3, 4, 5]
    assert ring.payload[:3].tolist() == [3, 4, 5]


def test_reset_starts_over():
    ring = Ring("main", RECORD, 64)
    ring.port[0]["next"] = 99
    ring.reset()
    port = ring.port[0]
    assert (port["next"], port["gate"], port["published"], port["refused"]) == (0, -1, -1, 0)


@pytest.mark.parametrize(("slots", "following"), [(0, 1), (-4, 1), (3, 4), (1000, 1024)])
def test_ring_refuses_slots_that_are_no_power_of_two(slots, following):
    text = f"ring 'main': slots must be a power of two, got {slots}; the next one is {following}"
    with pytest.raises(CapacityError) as caught:
        Ring("main", RECORD, slots)
    assert str(caught.value) == text


@pytest.mark.parametrize("capacity", [0, 3, 1 << 8])
def test_ring_refuses_payload_that_does_not_fill_pages(capacity):
    with pytest.raises(CapacityError, match="payload must be a power of two of units that fills whole pages"):
        Ring("main", RECORD, 64, payload=("i8", capacity))


def test_ring_refuses_payload_without_its_fields():
    with pytest.raises(LayoutError, match="needs the record field 'payload_position'"):
        Ring("main", [("value", "i8")], 64, payload=("u1", 4096))


def test_new_inlet_cell_belongs_to_one_reader():
    ring = Ring("egress", RECORD, 64)
    first, second = ring.new_inlet_cell(), ring.new_inlet_cell()
    first[0]["next"] = 4
    assert (second[0]["next"], second[0]["gate"], second[0]["mask"]) == (0, -1, 63)
    assert not np.shares_memory(first, second)
