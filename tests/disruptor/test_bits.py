"""disruptor.bits: the compiled functions against their plain Python twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.bits import NO_BIT_ABOVE, NO_BIT_BELOW, bit, bits_through, highest_bit, lowest_bit, next_bit
from tests.reference.kernels_bits import all_of, next_of, walk

words = st.integers(-(1 << 63), (1 << 63) - 1)


@settings(deadline=None)
@given(word=words, index=st.integers(0, 63))
def test_bits_agree_with_their_twins_jitted(word, index):
    assert all_of(word, index) == (bit(index), bits_through(index), lowest_bit(word), highest_bit(word))


@pytest.mark.parametrize("index", range(64))
def test_bit_is_found_again_from_both_ends(index):
    assert all_of(bit(index), index)[2:] == (index, index)


def test_bits_of_an_empty_word_are_none():
    assert all_of(0, 0)[2:] == (NO_BIT_ABOVE, NO_BIT_BELOW) == (64, -1)


def test_bits_through_covers_the_sign():
    assert bits_through(63) == -1
    assert bits_through(62) == (1 << 63) - 1
    assert bit(63) == -(1 << 63)


sparse = st.lists(st.one_of(st.just(0), words, st.integers(0, 63).map(bit)), max_size=9)


@settings(deadline=None)
@given(bitmap=sparse, start=st.integers(0, 640))
def test_next_bit_walks_over_every_bit_once_and_in_order(bitmap, start):
    places = [64 * index + k for index, word in enumerate(bitmap) for k in range(64) if word >> k & 1]
    array = np.array(bitmap, np.int64)
    found = np.full(64 * len(bitmap) + 1, -1)
    assert found[: walk(array, found)].tolist() == places
    expected = min((place for place in places if place >= start), default=-1)
    assert next_bit(array, start) == next_of(array, start) == expected
