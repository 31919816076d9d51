"""Un-jitted code divides by zero as compiled code does, and does everything else as numpy does."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from disruptor.dividing import as_compiled


def floor(left, right):
    return left // right


def rest(left, right):
    return left % right


def true(left, right):
    return left / right


def in_place(left, right):
    left //= right
    return left


def logarithm(left, right):
    return np.log(right) + left


def root(left, right):
    return np.sqrt(right - 1) + left


def product(left, right):
    return left * (left + right)


FUNCTIONS = [floor, rest, true, in_place, logarithm, root, product]
PAIRS = [(np.int64(7), np.int64(0)), (np.int64(0), np.int64(0)), (7.0, 0.0), (0.0, 0.0), (np.int64(-7), np.int64(2)), (np.int64(2**62), np.int64(0))]


def outcome(function, *args):
    try:
        return function(*args)
    except ZeroDivisionError as error:
        return type(error)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_the_outcome_is_that_of_compiled_code(function, pair):
    pair = tuple(np.float64(x) if isinstance(x, float) else x for x in pair)
    expected = outcome(numba.njit(function, error_model="python"), *pair) if not numba.config.DISABLE_JIT else outcome(as_compiled(function), *pair)
    assert np.array_equal(outcome(as_compiled(function), *pair), expected, equal_nan=not isinstance(expected, type))


def test_numpys_own_ways_come_back():
    before = np.geterr()
    with pytest.raises(ZeroDivisionError):
        as_compiled(floor)(np.int64(1), np.int64(0))
    assert np.geterr() == before
