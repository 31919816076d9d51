"""The table behaves as a dict of bounded size; the same un-jitted under NUMBA_DISABLE_JIT=1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.errors import CapacityError
from disruptor.layout import record_dtype
from disruptor.table import table_fields
from tests.reference.kernels_table import DELETE, FIND, INSERT, list_table, run_table

CAPACITY = 8


def new_table(capacity=CAPACITY):
    return np.zeros(1, record_dtype([("first", "i8"), ("table", table_fields(capacity)), ("last", "i8")]))


def oracle(operations, capacity):
    content, results = {}, []
    for code, key, value in operations:
        if code == INSERT:
            if key in content:
                results.append(0)
            elif len(content) >= capacity:
                results.append(-1)
                continue
            else:
                results.append(1)
            content[key] = value
        elif code == FIND:
            results.append(content.get(key, -1))
        else:
            results.append(content.pop(key, -1))
    return content, results


def check(operations, capacity):
    state = new_table(capacity)
    words = np.array(operations, np.int64).reshape(-1, 3)
    results = np.zeros(len(words), np.int64)
    run_table(state[0]["table"], words, results)
    content, expected = oracle(operations, capacity)
    assert results.tolist() == expected
    pairs = np.zeros((4 * capacity, 2), np.int64)
    count = list_table(state[0]["table"], pairs)
    assert dict(pairs[:count].tolist()) == content
    assert state[0]["table"]["count"] == len(content) == count
    assert state[0]["first"] == state[0]["last"] == 0
    for key in content:
        one = np.zeros(1, np.int64)
        run_table(state[0]["table"], np.array([[FIND, key, 0]], np.int64), one)
        assert one[0] == content[key]


WORD = st.integers(-(2**63), 2**63 - 1)
KEY = st.one_of(st.integers(0, 12), st.integers(0, 12).map(lambda k: k << 56), st.integers(0, 12).map(lambda k: k << 32), WORD)
STEP = st.tuples(st.sampled_from([INSERT, FIND, DELETE]), KEY, st.integers(0, 2**62))


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=80))
def test_table_equals_dict_for_any_operations(operations):
    check(operations, CAPACITY)


@pytest.mark.parametrize("capacity", [1, 2, 64])
def test_table_equals_dict_over_a_long_seeded_run(capacity):
    random = np.random.default_rng(capacity)
    steps = 4000
    operations = np.stack(
        [random.integers(0, 3, steps), random.integers(0, 2 * capacity + 2, steps) * 4 + 1, random.integers(0, 99, steps)], 1
    )
    check([tuple(row) for row in operations.tolist()], capacity)


def test_table_insert_says_full_and_still_replaces_when_full():
    operations = [(INSERT, key, key) for key in range(CAPACITY)]
    operations += [(INSERT, 99, 1), (INSERT, 3, 7), (FIND, 3, 0), (DELETE, 0, 0), (INSERT, 99, 1)]
    state, results = new_table(), np.zeros(CAPACITY + 5, np.int64)
    run_table(state[0]["table"], np.array(operations, np.int64), results)
    assert results.tolist() == [1] * CAPACITY + [-1, 0, 7, 0, 1]


def test_table_spreads_sequential_and_tagged_keys():
    state = new_table(1024)
    keys = [k * 4 + 1 for k in range(512)] + [(8 * 4 + 1) | (s << 56) for s in range(1, 65)]
    operations = np.array([(INSERT, key, 0) for key in keys], np.int64)
    run_table(state[0]["table"], operations, np.zeros(len(keys), np.int64))
    used = state[0]["table"]["entries"]["stored"] != 0
    longest = max(len(run) for run in "".join("x" if u else " " for u in used).split())
    assert longest < 40


@pytest.mark.parametrize("capacity", [0, -1, (1 << 30) + 1])
def test_table_fields_refuses_a_bad_capacity(capacity):
    with pytest.raises(CapacityError, match=f"capacity must be in 1..1,073,741,824, got {capacity}"):
        table_fields(capacity)
