"""Layout and reading of latency histograms: numpy only, so that any process can read what compiled code records.

A histogram is an int64 array of BUCKETS words: [0] the exact maximum, [1] the exact sum, [2:] the counts. Values 0..127
have a bucket each; above, every power of two is cut into 64 buckets, so a bucket is at most 1/64 of its value wide
(an error of 1.6 % at most, 0.8 % from its middle). Values over VALUE_MAX (2^42: 73 minutes in ns) count in the last
bucket, negative ones count as 0; the maximum is kept as it came.

Readers copy the words and work on the copy; they may miss records of the last nanoseconds, never see a broken one.

Source: HdrHistogram (Gil Tene), its bucket and sub-bucket layout, restated for one flat array.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "BUCKETS",
    "HEAD_WORDS",
    "QUANTILES",
    "SUB_BITS",
    "VALUE_MAX",
    "bucket_bounds",
    "difference",
    "merge",
    "quantile",
    "summary",
]

SUB_BITS = 6  # 64 buckets per power of two
HEAD_WORDS = 2  # words before the counts: maximum, sum
VALUE_MAX = (1 << 42) - 1
BUCKETS = 2384  # words of one histogram: head and counts, rounded up to whole cells of 16 words
_SUB = 1 << SUB_BITS

assert BUCKETS == -(-(HEAD_WORDS + (42 - SUB_BITS + 1) * _SUB) // 16) * 16

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "p9999": 0.9999}


def bucket_bounds() -> tuple[np.ndarray, np.ndarray]:
    """Return (lowest, highest) value of each count bucket: int64[BUCKETS - 2]; bucket i is word i + 2."""
    index = np.arange(BUCKETS - HEAD_WORDS, dtype=np.int64)
    shift = np.maximum(index // _SUB - 1, 0)
    lowest = (index - shift * _SUB) << shift
    return lowest, lowest + (np.int64(1) << shift) - 1


_LOWEST, _HIGHEST = bucket_bounds()


def quantile(buckets: np.ndarray, q: float) -> float:
    """Return the value below or at which the fraction q of all records lies, within 1.6 %; 0.0 when there are none.

    The answer is the middle of its bucket, and never above the exact maximum.
    """
    return _quantiles(np.array(buckets, np.int64), [q])[0]


def summary(buckets: np.ndarray, ns_per_unit: float = 1.0) -> dict[str, float | int]:
    """Return count, mean, p50, p90, p99, p999, p9999 and max of a histogram, each value times `ns_per_unit`."""
    copy = np.array(buckets, np.int64)
    count = int(copy[HEAD_WORDS:].sum())
    values = _quantiles(copy, list(QUANTILES.values()))
    mean = int(copy[1]) / count if count else 0.0
    result: dict[str, float | int] = {"count": count, "mean": _scaled(mean, ns_per_unit)}
    for name, value in zip(QUANTILES, values, strict=True):
        result[name] = _scaled(value, ns_per_unit)
    result["max"] = _scaled(float(copy[0]), ns_per_unit)
    return result


def merge(*histograms: np.ndarray) -> np.ndarray:
    """Return a new histogram that holds the records of all. No histograms: an empty one."""
    result = np.zeros(BUCKETS, np.int64)
    for one in histograms:
        result += one
    result[0] = max((int(one[0]) for one in histograms), default=0)
    return result


def difference(later: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Return what was recorded between two copies of one histogram.

    The maximum of the interval is exact when it is a new maximum, else the upper end of its highest bucket.
    """
    result = np.array(later, np.int64)
    result -= earlier
    used = np.flatnonzero(result[HEAD_WORDS:])
    if later[0] > earlier[0]:
        result[0] = later[0]
    else:
        result[0] = min(int(_HIGHEST[used[-1]]), int(later[0])) if used.size else 0
    return result


def _quantiles(copy: np.ndarray, wanted: list[float]) -> list[float]:
    counts = copy[HEAD_WORDS:]
    total = np.cumsum(counts)
    if total[-1] == 0:
        return [0.0] * len(wanted)
    ranks = np.ceil(np.asarray(wanted) * float(total[-1])).clip(1)
    index = np.searchsorted(total, ranks)
    middle = (_LOWEST[index] + _HIGHEST[index]) / 2
    return [float(v) for v in np.minimum(middle, float(copy[0]))]


def _scaled(value: float, ns_per_unit: float) -> float:
    return round(value * ns_per_unit, 1)
