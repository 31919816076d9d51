import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disruptor.difference import Difference, first_difference

INNER = [("x", "f8"), ("n", "i4", (2,))]
KIND = np.dtype([("a", "i8"), ("levels", INNER, (3,)), ("on", "?"), ("f", "f4")])


def pair(length=3):
    return np.zeros(length, KIND), np.zeros(length, KIND)


def test_equal_arrays_have_no_difference():
    assert first_difference(*pair()) is None
    assert first_difference(np.zeros(0), np.zeros(0)) is None


@pytest.mark.parametrize("change, difference", [
    (lambda r: r["a"].__setitem__(2, 5), Difference(2, "a", 0, 5)),
    (lambda r: r["levels"]["x"].__setitem__((1, 2), 1.5), Difference(1, "levels[2].x", 0.0, 1.5)),
    (lambda r: r["levels"]["n"].__setitem__((0, 1, 1), -1), Difference(0, "levels[1].n[1]", 0, -1)),
    (lambda r: r["on"].__setitem__(1, True), Difference(1, "on", False, True)),
])
def test_difference_is_named_by_index_field_and_values(change, difference):
    left, right = pair()
    change(right)
    assert first_difference(left, right) == difference


def test_lowest_index_comes_first():
    left, right = pair()
    right["a"][2] = 1
    right["f"][1] = 1
    assert first_difference(left, right).index == 1


def test_signs_of_zero_differ_and_nan_does_not():
    found = first_difference(np.array([0.0]), np.array([-0.0]))
    assert (found.index, str(found.right)) == (0, "-0.0")
    other = np.array([np.nan]).view(np.int64) ^ 1
    assert first_difference(np.array([np.nan]), other.view(np.float64)) is None


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=20), st.lists(st.integers(-5, 5), min_size=1, max_size=20))
def test_first_difference_is_that_of_a_slow_search(left, right):
    length = min(len(left), len(right))
    slow = next((i for i in range(length) if left[i] != right[i]), None)
    found = first_difference(np.array(left[:length]), np.array(right[:length]))
    assert (found.index if found else None) == slow
