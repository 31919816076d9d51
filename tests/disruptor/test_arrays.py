"""`publish(array)`: whatever comes after arrays of the usual kind, and arrays larger than what is copied with the GIL kept."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from disruptor import CapacityError, Disruptor, RingBuffer
from disruptor.errors import InsufficientCapacity
from disruptor.ring_buffer import _BRIEF_BYTES

FIELDS = [("value", "i8"), ("other", "f8")]
LONG = 3 * _BRIEF_BYTES // 16 + 5  # records
SLOTS = 16_384


def records(values):
    array = np.zeros(len(values), np.dtype(FIELDS))
    array["value"] = values
    return array


def held(ring, first, last):
    return [int(ring[sequence]["value"]) for sequence in range(first, last + 1)]


def used_to_the_usual(producers="single"):
    ring = RingBuffer(FIELDS, 64, producers=producers)
    ring.publish(records(range(3)))
    ring.publish(records(range(3)))
    return ring


@pytest.mark.parametrize("producers", ["single", "multi"])
@pytest.mark.parametrize("step", [2, -1, 0])
def test_an_array_with_gaps_after_usual_ones(producers, step):
    ring = used_to_the_usual(producers)
    array = records([7, 8, 9, 10, 11])
    odd = np.broadcast_to(array[:1], 4) if step == 0 else array[::step]
    assert ring.publish(odd) == 5 + len(odd)
    assert held(ring, 6, 5 + len(odd)) == odd["value"].tolist()


def test_what_is_no_row_of_records_after_usual_ones():
    ring = used_to_the_usual()
    with pytest.raises(CapacityError, match=r"an array of records has 1 dimension, got 2; pass array.ravel\(\)"):
        ring.publish(records(range(4)).reshape(2, 2))
    with pytest.raises(CapacityError, match="an array of records has 1 dimension, got 0"):
        ring.publish(records([1])[0:1].reshape(()))
    with pytest.raises(CapacityError, match=r"got an array of \[\('value', '<i4'\)"):
        ring.publish(np.zeros(2, [("value", "i4"), ("other", "f8")]))
    assert ring.publish(records([])) == ring.publish(records([1, 2])[2::2]) == -1
    assert ring.cursor == 5
    assert ring.publish(records([7, 8])[1::2]) == 6
    assert held(ring, 6, 6) == [8]


@pytest.mark.parametrize("producers", ["single", "multi"])
@pytest.mark.parametrize("when_full", ["block", "drop", "raise", "overwrite"])
def test_a_long_array_that_fits_is_published_whatever_the_policy(producers, when_full):
    ring = RingBuffer(FIELDS, SLOTS, producers=producers, when_full=when_full)
    if when_full != "overwrite":
        ring.new_poller()
    ring.publish(records(range(2)))
    assert ring.publish(records(range(LONG))) == LONG + 1
    assert held(ring, 2, LONG + 1) == list(range(LONG))
    assert ring.dropped == 0


@pytest.mark.parametrize("when_full", ["drop", "raise"])
def test_a_long_array_that_does_not_fit_follows_the_policy(when_full):
    ring = RingBuffer(FIELDS, 8_192, when_full=when_full)
    ring.new_poller()
    first = records(range(LONG))
    if when_full == "drop":
        assert ring.publish(first) == 8_191
        assert ring.dropped == LONG - 8_192
    else:
        with pytest.raises(InsufficientCapacity):
            ring.publish(first)
    assert held(ring, 0, 8_191) == list(range(8_192))
    assert ring.cursor == 8_191


def test_a_long_array_through_a_small_ring_reaches_its_handler_in_order():
    seen = []

    def keeps(batch, first_sequence):
        seen.extend(batch["value"].tolist())

    with Disruptor(FIELDS, 1_024).then(keeps) as graph:
        assert graph.publish(records(range(LONG))) == LONG - 1
        graph.drain(60)
    assert seen == list(range(LONG))


def test_threads_that_publish_get_their_turns():
    """Short arrays keep the GIL; nobody starves for it (else this runs until the suite's guard ends it)."""
    done = threading.Event()
    turns = []

    def counts():
        while not done.is_set():
            turns.append(None)

    ring = RingBuffer(FIELDS, 64)
    other = threading.Thread(target=counts)
    other.start()
    try:
        array = records(range(10))
        while len(turns) < 10_000:
            ring.publish(array)
    finally:
        done.set()
        other.join()
