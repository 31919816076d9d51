"""K1–K11: sequences and their groups (LMAX SequenceTest, FixedSequenceGroupTest, SequenceGroupTest)."""

import pytest

from disruptor.errors import GraphError
from disruptor.sequence import INITIAL, LAST, FixedSequenceGroup, Sequence, SequenceGroup


def test_k001_add_and_increment_return_the_new_value_get_and_add_the_old():
    sequence = Sequence(0)
    assert sequence.increment_and_get() == 1
    assert sequence.add_and_get(10) == 11
    assert sequence.get_and_add(5) == 11
    assert sequence.get() == 16


def test_k001_a_sequence_starts_at_minus_one_and_compares_before_it_sets():
    sequence = Sequence()
    assert sequence.get() == INITIAL == -1
    assert not sequence.compare_and_set(0, 5)
    assert sequence.compare_and_set(-1, 5)
    sequence.set_volatile(7)
    assert int(sequence) == 7


def test_k002_a_fixed_group_is_its_lowest_member_and_cannot_be_changed():
    group = FixedSequenceGroup([Sequence(4), Sequence(1), Sequence(9)])
    assert group.get() == 1
    with pytest.raises(GraphError, match="a fixed group of sequences cannot be set"):
        group.set(3)


def test_k003_an_empty_group_is_the_highest_number():
    assert SequenceGroup().get() == LAST == 2**63 - 1


def test_k004_a_group_of_one_is_that_one():
    group = SequenceGroup()
    group.add(Sequence(3))
    assert group.get() == 3


def test_k005_removing_what_is_not_there_harms_nothing():
    group = SequenceGroup([Sequence(3)])
    assert not group.remove(Sequence(3))
    assert group.get() == 3


def test_k006_a_group_is_its_lowest_member():
    low, high = Sequence(3), Sequence(7)
    group = SequenceGroup([high, low])
    assert group.get() == 3
    low.set(9)
    assert group.get() == 7


def test_k007_size():
    group = SequenceGroup()
    group.add(Sequence())
    group.add(Sequence())
    assert len(group) == 2


def test_k008_a_removed_member_counts_no_more():
    low, high = Sequence(3), Sequence(7)
    group = SequenceGroup([low, high])
    assert group.remove(low)
    assert group.get() == 7


def test_k009_remove_takes_every_occurrence():
    low, high = Sequence(3), Sequence(7)
    group = SequenceGroup([low, high, low])
    assert group.remove(low)
    assert len(group) == 1
    assert group.get() == 7


def test_k010_set_sets_every_member():
    members = [Sequence(3), Sequence(7)]
    SequenceGroup(members).set(5)
    assert [m.get() for m in members] == [5, 5]


def test_k011_a_member_added_while_running_starts_at_the_cursor(kind):
    ring = kind.ring(16)
    for _ in range(11):
        ring.publish(ring.next())
    group, late = SequenceGroup(), Sequence()
    group.add_while_running(ring, late)
    assert late.get() == 10
    assert list(group) == [late]
