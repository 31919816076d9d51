"""Rate limits decide what a token bucket over fractions decides, for ever, jitted and un-jitted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.compiled import JIT_ENABLED
from disruptor.errors import CapacityError
from disruptor.rate import NEVER, RATE, RateLimit
from tests.reference import kernels_rate as kernels
from tests.reference.token_bucket import TokenBucket

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND

rates = st.tuples(st.integers(1, 1000) | st.integers(1, (1 << 31) - 1), st.integers(1, 5000) | st.integers(1, 60 * SECOND), st.integers(1, 60))
steps = st.lists(st.tuples(st.integers(0, 10) | st.integers(-1000, 3 * SECOND), st.integers(1, 70)), max_size=60)


@settings(deadline=None, max_examples=300)
@given(rates, steps)
def test_every_decision_is_that_of_the_rational_bucket(rate, moves):
    limit, oracle = RateLimit("r", *rate), TokenBucket(*rate)
    instants = START + np.cumsum([0, *(ns for ns, _ in moves)], dtype=np.int64)[1:]
    tokens = np.array([n for _, n in moves], np.int64)
    waits, left = np.zeros(len(moves), np.int64), np.zeros(len(moves), np.int64)
    assert kernels.follow(limit.rates, instants, tokens, waits, left) == 0
    for now, wanted, wait, before in zip(instants.tolist(), tokens.tolist(), waits.tolist(), left.tolist()):
        assert before == oracle.available(now)
        assert wait == oracle.take(now, wanted)


@settings(deadline=None)
@given(rates, steps)
def test_what_is_to_be_waited_is_enough_and_not_a_nanosecond_too_much(rate, moves):
    limit = RateLimit("r", *rate)
    now = START
    for ns, tokens in moves:
        now += ns
        wait = limit.take(now, tokens)
        if wait > 0:
            assert limit.wait_ns(now + wait - 1, tokens) == 1
            assert limit.tokens(now + wait - 1) < tokens <= limit.tokens(now + wait)
            assert limit.take(now + wait, tokens) == 0


@pytest.mark.parametrize(("count", "period_ns"), [(3, SECOND), (7, 11), (999_983, SECOND), (1, 1), ((1 << 31) - 1, SECOND)])
def test_nothing_drifts(count, period_ns):
    taken = 1_000_000 if JIT_ENABLED else 3_000
    burst = 2 + count // period_ns  # a bucket for less than a nanosecond is full before anyone looks, and loses the rest
    limit = RateLimit("r", count, period_ns, burst)
    last = kernels.as_fast_as_allowed(limit.rates, START, taken + burst)
    assert last == START - (-taken * period_ns // count)  # a rounded interval would be off by up to half a million ns


def test_a_change_gives_no_token_away_and_takes_less_than_one_nanosecond():
    limit = RateLimit("r", 3, 10, 2)
    assert [limit.take(START) for _ in range(3)] == [0, 0, 4]
    kernels.change(limit.rates, 7, 10, 2)  # the debt is 6 2/3 ns, the new cost of a token 10/7
    assert limit.wait_ns(START) == 6  # 6 2/3 − 1 3/7 = 5.24, rounded up
    kernels.change(limit.rates, 7, 10, 5)
    assert limit.tokens(START) == 0
    assert limit.wait_ns(START) == 1
    assert limit.tokens(START + 1) == 1


def test_time_that_goes_back_refills_nothing_twice():
    limit = RateLimit("r", 1, 100, 2)
    assert [limit.take(1000), limit.take(1000), limit.take(1000)] == [0, 0, 100]
    assert limit.take(900) == 200
    assert limit.take(1100) == 0
    assert limit.take(1100) == 100


def test_several_limits_lie_in_one_array():
    rates = np.zeros(2, RATE)
    first, second = RateLimit("a", 1, 10, 1, rates=rates), RateLimit("b", 1, 20, 1, rates=rates, place=1)
    assert [first.take(0), second.take(0), first.take(0), second.take(0)] == [0, 0, 10, 20]
    assert repr(second) == "<RateLimit 'b': 1 per 20 ns, 1 at once>"
    assert first.take(50, 2) == NEVER


def test_bad_rates_are_refused():
    for arguments, text in (
        ((0, 1, 1), "rate 'x': count must be at least 1, got 0"),
        ((1, -5, 1), "rate 'x': period_ns must be at least 1, got -5"),
        ((1, 1 << 32, 1 << 30), "rate 'x': burst × period_ns must be below 2^62, got 4,611,686,018,427,387,904; write the rate with smaller"),
        ((1 << 31, 1, 1), "rate 'x': count × count must be below 2^62, got 4,611,686,018,427,387,904; write the rate with smaller numbers"),
    ):
        with pytest.raises(CapacityError) as error:
            RateLimit("x", *arguments)
        assert text in str(error.value)
    with pytest.raises(CapacityError, match=r"^rate 'x': place 3 lies outside of 3 rates$"):
        RateLimit("x", 1, 1, 1, rates=np.zeros(3, RATE), place=3)
    with pytest.raises(CapacityError, match=r"^rate 'x': rates must be a 1-D array of RATE, got float64 of 1 dimensions$"):
        RateLimit("x", 1, 1, 1, rates=np.zeros(7))
    with pytest.raises(CapacityError, match=r"^rate 'x': tokens must be at least 1, got 0$"):
        RateLimit("x", 1, 1, 1).take(0, 0)
    assert RateLimit("x", 1, 1, 1).take(0, 1 << 80) == NEVER
