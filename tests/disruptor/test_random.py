"""The counter-based generator: reference words, jitted like un-jitted, draws within their limit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.random import random_below, random_word
from tests.reference import kernels_ingress

_WORDS = st.integers(-(1 << 63), (1 << 63) - 1)
# outputs of splitmix64.c for seed 1234567
_REFERENCE = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]


def test_random_word_equals_the_reference_for_a_known_seed():
    assert [random_word(1234567, i) & (1 << 64) - 1 for i in range(5)] == _REFERENCE


@settings(deadline=None)
@given(_WORDS, st.integers(0, (1 << 62)))
def test_random_word_is_the_same_when_compiled(key, counter):
    assert kernels_ingress.word(key, counter) == random_word(key, counter)


@settings(deadline=None)
@given(_WORDS, st.integers(0, 1 << 40), st.integers(1, 1 << 31))
def test_random_below_stays_below_and_is_the_same_when_compiled(key, counter, limit):
    drawn = random_below(key, counter, limit)
    assert 0 <= drawn < limit
    assert kernels_ingress.below(key, counter, limit) == drawn


def test_random_below_reaches_every_number_evenly():
    counts = [0] * 10
    for i in range(20_000):
        counts[random_below(3, i, 10)] += 1
    assert min(counts) > 1_850 and max(counts) < 2_150


@pytest.mark.parametrize("other", [(8, 0), (7, 1)])
def test_random_word_differs_for_another_key_or_counter(other):
    assert random_word(7, 0) != random_word(*other)
