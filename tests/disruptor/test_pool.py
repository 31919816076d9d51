"""The pool hands out every slot once, takes each back once, and refuses what it did not hand out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.errors import CapacityError
from disruptor.layout import record_dtype
from disruptor.pool import pool_fields
from tests.reference.kernels_table import GIVE, TAKE, run_pool

CAPACITY = 6


def new_pool(capacity=CAPACITY):
    return np.zeros(1, record_dtype([("pool", pool_fields(capacity)), ("last", "i8")]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([TAKE, TAKE, GIVE]), st.integers(-2, CAPACITY + 2)), max_size=60))
def test_pool_hands_out_free_slots_only_for_any_operations(operations):
    state = new_pool()
    results = np.zeros(len(operations), np.int64)
    run_pool(state[0]["pool"], np.array(operations, np.int64).reshape(-1, 2), results)
    taken = set()
    for (code, slot), result in zip(operations, results.tolist(), strict=True):
        if code == GIVE:
            assert result == (slot if slot in taken else -1)
            taken.discard(slot)
        elif len(taken) == CAPACITY:
            assert result == -1
        else:
            assert 0 <= result < CAPACITY and result not in taken
            taken.add(result)
    assert state[0]["pool"]["count"] == len(taken)
    assert state[0]["last"] == 0


def test_pool_reuses_the_slot_given_back_last():
    state, results = new_pool(3), np.zeros(7, np.int64)
    steps = [(TAKE, 0), (TAKE, 0), (GIVE, 0), (GIVE, 1), (TAKE, 0), (TAKE, 0), (TAKE, 0)]
    run_pool(state[0]["pool"], np.array(steps, np.int64), results)
    assert results.tolist() == [0, 1, 0, 1, 1, 0, 2]


def test_pool_fields_refuses_a_capacity_below_one():
    with pytest.raises(CapacityError, match="pool: capacity must be >= 1, got 0"):
        pool_fields(0)
