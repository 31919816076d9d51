"""K12–K32: claiming and publishing (LMAX SequencerTest, SingleProducerSequencerTest, MultiProducerSequencerTest)."""

import threading

import pytest

from disruptor import sequencer as sequencer_module
from disruptor.claims import IDLE, PARKS
from disruptor.errors import CapacityError, GraphError, InsufficientCapacity, WaitTimeout
from disruptor.sequence import CELLS, Sequence


def fill(sequencer, count=8):
    for _ in range(count):
        sequencer.publish(sequencer.next())


def test_k012_the_first_claim_is_zero(gated):
    assert gated[0].next() == 0


def test_k013_a_claim_of_four_ends_at_three(gated):
    assert gated[0].next(4) == 3
    assert gated[0].next() == 4


def test_k014_available_capacity(gated):
    sequencer, _ = gated
    assert sequencer.has_available_capacity(1) and sequencer.has_available_capacity(8)
    assert not sequencer.has_available_capacity(9)
    sequencer.publish(sequencer.next())
    assert sequencer.has_available_capacity(7)
    assert not sequencer.has_available_capacity(8)


def test_k015_a_full_ring_has_no_capacity(gated):
    sequencer, _ = gated
    fill(sequencer)
    assert not sequencer.has_available_capacity(1)


def test_k016_a_producer_is_held_when_full_and_let_go_by_one_step_of_the_consumer(gated, spawn):
    sequencer, consumer = gated
    fill(sequencer)
    claimed = []
    about = threading.Event()

    def produce():
        about.set()
        claimed.append(sequencer.next())
        sequencer.publish(claimed[0])

    thread = spawn(produce)
    about.wait()
    thread.join(0.1)
    assert thread.is_alive() and not claimed
    assert sequencer.published() == 7
    consumer.set(0)
    sequencer.wake_producers()
    spawn.join()
    assert claimed == [8] and sequencer.published() == 8


def test_k017_try_next_on_a_full_ring_says_how_many_slots_are_missing(gated):
    sequencer, _ = gated
    fill(sequencer)
    with pytest.raises(InsufficientCapacity, match=r"^ring 'ring' is full: 1 of 1 slot is missing$") as caught:
        sequencer.try_next()
    assert (caught.value.missing, caught.value.wanted) == (1, 1)


def test_k018_remaining_capacity_falls_as_slots_are_claimed(gated):
    sequencer, _ = gated
    left = [sequencer.remaining_capacity()]
    for _ in range(8):
        sequencer.next()
        left.append(sequencer.remaining_capacity())
    assert left == [8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_k019_nothing_is_available_before_it_is_published(gated):
    sequencer, _ = gated
    high = sequencer.next(6)
    assert not any(sequencer.is_available(s) for s in range(6))
    sequencer.publish(high - 5, high)
    assert all(sequencer.is_available(s) for s in range(6))
    assert not sequencer.is_available(6)


@pytest.mark.parametrize("batch", [1, 5])
def test_k020_publishing_wakes_once_for_each_publish_and_once_for_a_batch(kind, batch):
    sequencer = kind.sequencer(16, wait="blocking")
    word = sequencer.base + IDLE
    assert CELLS[sequencer.base + PARKS] == 1
    for n in range(1, 4):
        CELLS[word] = 1  # somebody says that it is about to sleep
        high = sequencer.next(batch)
        sequencer.publish(high - batch + 1, high)
        assert CELLS[word] == 0 and CELLS[word + 1] == n


def test_k021_a_barrier_returns_what_is_published_without_a_hole(kind):
    ring = kind.ring(16)
    sequencer, barrier = ring.sequencer, ring.new_barrier()
    high = sequencer.next(10)
    for sequence in range(5):
        if kind.multi:
            sequencer.publish(sequence)
    if not kind.multi:
        sequencer.publish(0, 4)
    assert barrier.wait_for(-1) == 4
    if kind.multi:
        for sequence in (6, 7, 8, 9):
            sequencer.publish(sequence)
        assert barrier.wait_for(-1) == 4
        sequencer.publish(5)
    else:
        sequencer.publish(5, high)
    assert barrier.wait_for(-1) == 9


def test_k022_try_next_succeeds_once_for_each_slot(gated):
    sequencer, _ = gated
    for n in range(8):
        assert sequencer.try_next() == n
        sequencer.publish(n)
    with pytest.raises(InsufficientCapacity):
        sequencer.try_next()


def test_k023_a_ring_may_start_in_the_middle(kind):
    sequencer = kind.sequencer(16)
    sequencer.claim(14)
    sequencer.publish(14)
    assert sequencer.next() == 15


@pytest.mark.parametrize("count", [0, -1])
@pytest.mark.parametrize("claim", ["next", "try_next"])
def test_k024_k025_k026_k027_a_claim_of_nothing_or_less_is_refused(gated, claim, count):
    with pytest.raises(ValueError, match=rf"^ring 'ring': a claim takes 1\.\.8 slots, got {count}$"):
        getattr(gated[0], claim)(count)
    assert gated[0].claimed == -1


def test_k024_a_claim_larger_than_the_ring_is_refused(gated):
    with pytest.raises(CapacityError, match=r"^ring 'ring': a claim takes 1\.\.8 slots, got 9$"):
        gated[0].next(9)


def test_k026_try_next_of_more_than_the_ring_never_fits(gated):
    with pytest.raises(InsufficientCapacity) as caught:
        gated[0].try_next(9)
    assert caught.value.missing == 1


def test_k028_what_is_published_is_available(gated):
    sequencer, _ = gated
    sequence = sequencer.next()
    sequencer.publish(sequence)
    assert sequencer.is_available(sequence)


def test_k029_what_was_lapped_is_not_available(kind):
    sequencer = kind.sequencer(8)
    fill(sequencer, 8)
    assert sequencer.is_available(0)
    fill(sequencer, 1)
    assert not sequencer.is_available(0) and sequencer.is_available(8)


def test_a030_a_second_thread_that_claims_from_one_producers_ring_is_refused(kind, spawn):
    sequencer = kind.sequencer(8)
    sequencer.next()
    refused = []

    def claims():
        try:
            sequencer.next()
        except GraphError as error:
            refused.append(str(error))

    spawn(claims)
    spawn.join()
    if kind.multi:
        assert not refused and sequencer.claimed == 1
    else:
        assert len(refused) == 1 and "has one producer, and thread" in refused[0] and "make it with producers='multi'" in refused[0]
        assert sequencer.claimed == 0


def test_a030_a_ring_with_one_producer_may_be_handed_on_once_all_is_published(kind, spawn):
    sequencer = kind.sequencer(8)
    fill(sequencer, 1)
    spawn(fill, sequencer, 1)
    spawn.join()
    fill(sequencer, 1)
    assert sequencer.published() == 2


def test_a030_a_consumer_may_claim_as_soon_as_it_sees_the_last_open_claim_published(kind, monkeypatch):
    ring = kind.ring(8)
    owners = []
    name = "publish_one" if kind.availability == "cursor" else "publish_many"
    real = getattr(sequencer_module.core, name)

    def publishes(*args):
        real(*args)
        owners.append(ring.sequencer._owner)  # another thread may look now

    monkeypatch.setattr(sequencer_module.core, name, publishes)
    high = ring.next(2)
    ring.publish(high - 1, high)
    assert owners == [0] and ring.sequencer._owner == 0


def test_k031_asking_for_capacity_moves_nothing(gated):
    """LMAX quirk f: with all slots claimed, a failed try_next published them all."""
    sequencer, _ = gated
    for _ in range(8):
        sequencer.next()
    assert not sequencer.has_available_capacity(1)
    with pytest.raises(InsufficientCapacity):
        sequencer.try_next()
    with pytest.raises(WaitTimeout):
        sequencer.next(timeout=0.01)
    assert sequencer.published() == -1
    assert not any(sequencer.is_available(s) for s in range(8))


def test_k032_out_of_order_only_what_was_published_is_available(kind):
    if not kind.multi:
        pytest.skip("not applicable, because one producer publishes in order")
    sequencer = kind.sequencer(16)
    sequencer.next(6)
    sequencer.publish(3)
    sequencer.publish(5)
    assert [s for s in range(6) if sequencer.is_available(s)] == [3, 5]
    assert sequencer.highest_published(0, 5) == -1
    assert sequencer.highest_published(3, 5) == 3


def test_quirk_a_capacity_is_never_negative_with_blocked_producers(kind, spawn):
    if not kind.multi:
        pytest.skip("not applicable, because one producer blocks alone")
    ring = kind.ring(8)
    consumer = Sequence()
    ring.add_gating_sequences(consumer)
    fill(ring.sequencer)

    def blocked():
        with pytest.raises(WaitTimeout):
            ring.next(timeout=0.1)

    for _ in range(3):
        spawn(blocked)
    for _ in range(20):
        assert ring.remaining_capacity() == 0
    spawn.join()
    assert ring.sequencer.claimed == 7
    consumer.set(7)  # and nobody who gave up has taken a slot with it
    assert ring.next(8) == 15


def test_quirk_a2_a_late_consumer_misses_nothing_that_is_published_after_it_came(kind):
    ring = kind.ring(16)
    high = ring.next(4)
    late = Sequence()
    ring.add_gating_sequences(late)
    assert late.get() == -1
    ring.publish(high - 3, high)
    assert ring.new_barrier().wait_for(late.get() + 1) == 3
