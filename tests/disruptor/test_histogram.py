import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.histogram import BUCKETS, QUANTILES, VALUE_MAX, bucket_bounds, difference, merge, quantile, summary
from tests.reference import kernels_histogram as kernels


def histogram(values, counts=None) -> np.ndarray:
    buckets = np.zeros(BUCKETS, np.int64)
    array = np.asarray(values, np.int64)
    if counts is None:
        kernels.record_each(buckets, array)
    else:
        kernels.record_counted(buckets, array, np.asarray(counts, np.int64))
    return buckets


def exact(values, q: float) -> int:
    """The value at rank ceil(q n) of the sorted values."""
    ordered = np.sort(np.asarray(values))
    return int(ordered[max(0, int(np.ceil(q * len(ordered))) - 1)])


def test_buckets_cover_every_value_once_and_are_at_most_1_6_percent_wide():
    lowest, highest = bucket_bounds()
    assert lowest[0] == 0
    assert (lowest[1:] == highest[:-1] + 1).all()
    used = lowest >= 128
    assert ((highest - lowest + 1)[used] / lowest[used]).max() <= 1 / 64
    assert VALUE_MAX in highest


@pytest.mark.parametrize("seed", range(3))
def test_quantiles_agree_with_sorting(seed):
    values = np.random.default_rng(seed).lognormal(8, 2.5, 3000).astype(np.int64)
    found = summary(histogram(values))
    assert found["count"] == 3000
    assert found["max"] == values.max()
    assert found["mean"] == pytest.approx(values.mean(), abs=0.1)
    for name, q in QUANTILES.items():
        assert found[name] == pytest.approx(exact(values, q), rel=1 / 128, abs=0.5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, VALUE_MAX), min_size=1, max_size=50), st.floats(0, 1))
def test_quantile_is_within_its_error_for_any_values(values, q):
    assert quantile(histogram(values), q) == pytest.approx(exact(values, q), rel=1 / 128, abs=0.5)


def test_values_outside_are_counted_at_the_ends_and_the_maximum_is_kept():
    buckets = histogram([-5, VALUE_MAX + 1, 1 << 60])
    assert summary(buckets)["count"] == 3
    assert buckets[0] == 1 << 60
    assert quantile(buckets, 0.0) == 0


def test_an_empty_histogram_is_all_zero():
    assert set(summary(np.zeros(BUCKETS, np.int64)).values()) == {0}


def test_record_many_is_record_repeated():
    assert (histogram([7, 900, 12345], [3, 0, 2]) == histogram([7, 7, 7, 12345, 12345])).all()


def test_merge_holds_the_records_of_all():
    assert (merge(histogram([1, 2000]), histogram([77])) == histogram([1, 2000, 77])).all()
    assert not merge().any()


def test_difference_is_what_was_recorded_between():
    earlier = histogram([5, 1_000_000])
    later = merge(earlier, histogram([40, 3000]))
    between = difference(later, earlier)
    assert summary(between)["count"] == 2
    assert 3000 <= between[0] <= 3000 * (1 + 1 / 64)
    assert difference(merge(earlier, histogram([2_000_000])), earlier)[0] == 2_000_000
    assert not difference(earlier, earlier).any()


def test_summary_scales_ticks_to_nanoseconds():
    assert summary(histogram([100, 100]), 0.5) == {
        "count": 2, "mean": 50.0, "p50": 50.0, "p90": 50.0, "p99": 50.0, "p999": 50.0, "p9999": 50.0, "max": 50.0,
    }
