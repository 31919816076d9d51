"""K38–K61: rings, translators, batches (LMAX RingBufferTest, EventPublisherTest, EventTranslatorTest)."""

import numpy as np
import pytest

from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CapacityError, GraphError, InsufficientCapacity, WaitTimeout
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import Sequence
from tests.conformance.conftest import FIELDS


def number(event, sequence, value=-1):
    event["value"] = value
    event["other"] = sequence


def gate(ring):
    consumer = Sequence()
    ring.add_gating_sequences(consumer)
    return consumer


def values(ring, first, last):
    return [int(ring.get(s)["value"]) for s in range(first, last + 1)]


def test_k038_claim_fill_publish(kind):
    ring = kind.ring(32)
    assert ring.cursor == -1
    sequence = ring.next()
    ring.get(sequence)["value"] = 2701
    ring.publish(sequence)
    assert ring.cursor == ring.new_barrier().wait_for(0) == 0
    assert ring[0]["value"] == 2701


def test_k039_a_reader_in_another_thread_gets_what_is_published(kind, wait, spawn):
    ring = kind.ring(32, wait=wait)
    barrier, seen = ring.new_barrier(), []
    waiter = spawn(lambda: seen.extend(values(ring, 0, barrier.wait_for(0))))
    waiter.join(0.02)
    ring.publish_event(number, 2701)
    spawn.join()
    assert seen == [2701]


def test_k040_a_ring_can_be_filled_to_the_last_slot(kind):
    ring = kind.ring(32)
    gate(ring)
    for n in range(32):
        ring.publish_event(number, n)
    assert ring.new_barrier().wait_for(31) == 31
    assert values(ring, 0, 31) == list(range(32))


def test_k041_a_ring_that_nobody_gates_keeps_the_newest(kind):
    ring = kind.ring(32)
    for n in range(32 + 1000):
        ring.publish_event(number, n)
    assert values(ring, 1000, 1031) == list(range(1000, 1032))


def test_k042_try_publish_says_no_when_full(kind):
    ring = kind.ring(2)
    gate(ring)
    assert ring.try_publish_event(number, 1) and ring.try_publish_event(number, 2)
    assert not ring.try_publish_event(number, 3)
    assert values(ring, 0, 1) == [1, 2]


def test_k043_try_next_raises_when_full(kind):
    ring = kind.ring(2)
    gate(ring)
    ring.publish(ring.try_next(2))
    with pytest.raises(InsufficientCapacity):
        ring.try_next()


def test_k044_a_producer_cannot_overtake_and_goes_on_when_the_consumer_does(kind, spawn):
    ring = kind.ring(8)
    consumer = gate(ring)

    def produce():
        for n in range(9):
            ring.publish_event(number, n)

    thread = spawn(produce)
    while ring.sequencer.published() < 7:
        pass
    thread.join(0.05)
    assert thread.is_alive() and ring.sequencer.published() == 7
    consumer.set(0)
    ring.sequencer.wake_producers()
    spawn.join()
    assert ring.sequencer.published() == 8


@pytest.mark.parametrize("arguments", [(), (1,), (1, 2), (1, 2, 3), tuple(range(7))])
def test_a045_a046_a047_a048_translators_take_any_number_of_arguments(kind, arguments):
    ring = kind.ring(8)

    def joined(event, sequence, *args):
        event["value"] = sum(10**i * a for i, a in enumerate(args))
        event["other"] = sequence

    assert ring.publish_event(joined, *arguments) == 0
    assert ring.try_publish_event(joined, *arguments)
    expected = sum(10**i * a for i, a in enumerate(arguments))
    assert [(int(ring[s]["value"]), int(ring[s]["other"])) for s in (0, 1)] == [(expected, 0), (expected, 1)]


def test_a045_publish_takes_arrays_by_field(kind):
    ring = kind.ring(8)
    assert ring.publish(value=[5, 6, 7], other=2.5) == 2
    assert values(ring, 0, 2) == [5, 6, 7]
    assert ring[2]["other"] == 2.5


def test_a045_publish_takes_an_array_of_records(kind):
    ring = kind.ring(8)
    records = np.zeros(20, ring.fields)
    records["value"] = np.arange(20)
    assert ring.publish(records) == 19
    assert values(ring, 12, 19) == list(range(12, 20))
    assert all(ring.is_available(s) for s in range(12, 20))


@pytest.mark.parametrize("method", ["publish_events", "try_publish_events"])
def test_k049_k050_a_batch_is_published_whole(kind, method):
    ring = kind.ring(8)
    gate(ring)
    assert getattr(ring, method)(number, [7, 8, 9]) in (True, 2)
    assert getattr(ring, method)(number, [10]) in (True, 3)
    assert values(ring, 0, 3) == [7, 8, 9, 10]


@pytest.mark.parametrize("method", ["publish_events", "try_publish_events"])
def test_k051_a_part_of_the_columns(kind, method):
    ring = kind.ring(8)
    getattr(ring, method)(number, [7, 8, 9, 10], starts_at=1, batch_size=2)
    assert ring.sequencer.published() == 1
    assert values(ring, 0, 1) == [8, 9]


@pytest.mark.parametrize("method", ["publish_events", "try_publish_events"])
@pytest.mark.parametrize(
    "columns, bounds, text",
    [
        ([list(range(9))], {}, r"a batch takes 1\.\.8 records, got 9"),
        ([[1, 2, 3]], {"batch_size": 0}, r"a batch takes 1\.\.8 records, got 0"),
        ([[1, 2, 3]], {"batch_size": -1}, r"starts_at and batch_size must be >= 0, got 0 and -1"),
        ([[1, 2, 3]], {"starts_at": -1, "batch_size": 2}, r"starts_at and batch_size must be >= 0, got -1 and 2"),
        ([[1, 2, 3]], {"starts_at": 2, "batch_size": 2}, r"2 \+ 2 elements exceed the 3 of the columns"),
        ([[1, 2, 3], [1, 2]], {}, r"columns of different length: \[2, 3\]"),
    ],
    ids=["k052-larger-than-the-ring", "k053-none", "k054-negative", "k055-before-the-start", "k056-overrun", "k057-uneven"],
)
def test_k052_k053_k054_k055_k056_k057_a_refused_batch_leaves_the_ring_untouched(kind, method, columns, bounds, text):
    ring = kind.ring(8)
    with pytest.raises(ValueError, match=f"^ring 'ring': {text}$"):
        getattr(ring, method)(number, *columns, **bounds)
    assert (ring.sequencer.claimed, ring.sequencer.published()) == (-1, -1)


def test_k052_a_batch_that_does_not_fit_now_is_not_published_in_part(kind):
    ring = kind.ring(8)
    gate(ring)
    ring.publish_events(number, [1, 2, 3, 4, 5])
    assert not ring.try_publish_events(number, [6, 7, 8, 9])
    assert ring.sequencer.claimed == 4
    assert ring.try_publish_events(number, [6, 7, 8])


def test_k058_the_lowest_gate_counts_and_a_removed_one_does_not(kind):
    ring = kind.ring(16)
    three, seven = Sequence(), Sequence()
    assert ring.minimum_gating_sequence == -1
    ring.add_gating_sequences(three, seven)
    three.set(3)
    seven.set(7)
    assert ring.minimum_gating_sequence == 3
    assert ring.remove_gating_sequence(three)
    assert ring.minimum_gating_sequence == 7
    assert not ring.remove_gating_sequence(three)


def test_k058_gates_come_and_go_in_any_order(kind):
    ring = kind.ring(16)
    many = [Sequence() for _ in range(40)]
    ring.add_gating_sequences(*many)
    for position, sequence in enumerate(many):
        sequence.set(position)
    for sequence in many[:20]:
        ring.remove_gating_sequence(sequence)
    assert ring.minimum_gating_sequence == 20
    again = Sequence()
    ring.add_gating_sequences(again)
    assert ring.minimum_gating_sequence == -1
    assert len(ring.sequencer.gating_sequences) == 21


def test_k058_more_gates_than_a_ring_can_have_are_refused(kind):
    ring = kind.ring(16)
    ring.add_gating_sequences(*[Sequence() for _ in range(255)])
    with pytest.raises(CapacityError, match=r"^ring 'ring': at most 255 consumers can gate it, got one more$"):
        ring.add_gating_sequences(Sequence())


def test_a059_a_ring_claims_through_its_sequencer(kind):
    ring = kind.ring(16)
    assert ring.next(2) == ring.sequencer.claimed == 1
    assert ring.try_next() == ring.sequencer.claimed == 2
    ring.publish(0, 2)
    assert ring.sequencer.published() == 2


def test_k060_publish_twice_then_try_until_full(kind):
    ring = kind.ring(8)
    gate(ring)
    ring.publish_event(number, 29)
    ring.publish_event(number, 30)
    assert values(ring, 0, 1) == [29, 30]
    assert [ring.try_publish_event(number, n) for n in range(7)] == [True] * 6 + [False]


def test_a061_a_translator_gets_the_record_and_its_sequence(kind):
    ring = kind.ring(8)
    ring.publish_event(number, 3)
    ring.publish_event(lambda event, sequence: number(event, sequence, 4))
    assert [(int(e["value"]), int(e["other"])) for e in ring.records[:2]] == [(3, 0), (4, 1)]


# Ours: a record whose filling throws (LMAX publishes it half filled; Disruptor-net #76 asks for an abort).


def test_pain10_a_translator_that_throws_publishes_nothing(kind):
    ring = kind.ring(8)

    def throws(event, sequence):
        event["value"] = 99
        raise KeyError("mine")

    ring.publish_event(number, 1)
    with pytest.raises(KeyError, match="mine"):
        ring.publish_event(throws)
    with pytest.raises(ZeroDivisionError):
        with ring.publish() as event:
            event["value"] = 1 // 0
    ring.publish_event(number, 2)
    assert ring.sequencer.published() == 1
    assert values(ring, 0, 1) == [1, 2]


def test_n004a_what_cannot_be_given_back_is_passed_by_every_reader(kind):
    ring = kind.ring(8)
    poller = ring.new_poller()
    first, second = ring.next(), ring.next()
    if kind.multi:
        number(ring.get(second), second, 5)
        ring.publish(second)
        ring.sequencer.abort(first)
        assert not ring.is_available(first)
        assert [int(e["value"]) for e in poller.take()] == [5]
    else:
        with pytest.raises(GraphError, match=r"^ring 'ring': 0\.\.0 cannot be given up, 1 was claimed after it"):
            ring.sequencer.abort(first)


def test_n004b_unblock_frees_a_ring_whose_producer_died_between_claim_and_publish(kind):
    ring = kind.ring(8)
    poller = ring.new_poller()
    ring.publish_event(number, 1)
    ring.next(2)  # and never again heard of
    if kind.multi:
        ring.publish_event(number, 4)
        assert poller.available == 1
    assert ring.sequencer.unblock() == 2
    assert [int(e["value"]) for e in poller.take()] == ([1, 4] if kind.multi else [1])
    ring.publish_event(number, 6)
    assert [int(e["value"]) for e in poller.take()] == [6]


# Ours: what a producer does when the ring is full (LMAX #68, #261).


def test_pain3_when_full_raise(kind):
    ring = kind.ring(2, when_full="raise")
    gate(ring)
    ring.publish(value=[1, 2])
    for publish in (lambda: ring.publish(value=3), lambda: ring.publish_event(number), lambda: ring.publish().__enter__()):
        with pytest.raises(InsufficientCapacity):
            publish()
    assert ring.sequencer.claimed == 1


def test_pain3_when_full_drop_counts_what_is_lost(kind):
    ring = kind.ring(4, when_full="drop")
    consumer = gate(ring)
    ring.publish(value=np.arange(10))
    assert ring.dropped == 6
    assert ring.publish_event(number, 11) == -1
    with ring.publish() as event:
        event["value"] = 12
    records = np.zeros(3, ring.fields)
    assert ring.publish(records) == -1
    assert ring.dropped == 11
    assert values(ring, 0, 3) == [0, 1, 2, 3]
    consumer.set(3)
    assert ring.publish_event(number, 13) == 4


def test_pain3_a_claim_with_a_timeout_says_who_holds_the_ring(kind):
    ring = kind.ring(4)
    ring.new_poller()
    ring.publish(value=np.arange(4))
    with pytest.raises(WaitTimeout, match=r"^ring 'ring': no room for 2 of 4 slots within 0\.01 s; a poller is at -1, 4 behind$"):
        ring.next(2, timeout=0.01)


def test_bad_input_sizes_names_and_records(kind):
    with pytest.raises(CapacityError, match=r"^ring 'ring': slots must be a power of two, got 12; the next one is 16$"):
        kind.ring(12)
    ring = kind.ring(4)
    with pytest.raises(CapacityError, match=r"^ring 'ring' has the fields value, other, got \['valeu'\]$"):
        ring.publish(valeu=1)
    with pytest.raises(CapacityError, match=r"^'other' has 2 elements, another field 3$"):
        ring.publish(value=[1, 2, 3], other=[1, 2])
    with pytest.raises(CapacityError, match=r"^ring 'ring': its records are .*, got an array of "):
        ring.publish(np.zeros(3, [("value", "i4")]))
    with pytest.raises(GraphError, match=r"^ring 'ring': sequence 7 was never claimed; the highest claimed is -1; call next\(\) first$"):
        ring.publish(7)
    with pytest.raises(GraphError, match=r"^ring 'ring': when_full must be one of block, raise, drop, overwrite, got 'wait'$"):
        kind.ring(4, when_full="wait")


@pytest.mark.parametrize("availability", ["record", "flags"])
def test_pain2_producers_that_wait_for_room_together_leave_no_hole(availability, spawn):
    """Each publishes an array longer than the ring: what one claims to see room is given up where others have claimed since."""
    ring = RingBuffer(FIELDS, 8, producers="multi", availability=availability)
    poller = ring.new_poller()
    count = 3_000 if JIT_ENABLED else 200
    threads = [spawn(lambda: ring.publish(value=np.arange(count))) for _ in range(3)]
    seen = 0
    try:
        while seen < 3 * count:
            before = poller.sequence.get()
            seen += len(poller.take_batch(timeout=60))  # may be empty: all given up
            assert poller.sequence.get() > before, f"nothing more after {seen:,}; claimed {ring.sequencer.claimed:,}"
    finally:
        poller.close()
    for thread in threads:
        thread.join(60)
    assert ring.sequencer.claimed == ring.sequencer.published()
