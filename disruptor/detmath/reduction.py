"""Sums in a fixed order: of eight lanes, element i to lane i mod 8, joined pairwise at the end; and a compensated sum.

`np.sum` and a loop that LLVM may reorder give different last bits on different machines; these never do. Eight lanes are
independent, so LLVM may still keep them in vectors.

Source: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54, 1974.
"""

from __future__ import annotations

from disruptor.detmath.exact import INFINITY, NAN, deterministic

__all__ = ["compensated_sum", "ordered_dot", "ordered_mean", "ordered_sum"]

_LANES = 8


def ordered_sum(values):
    """Return the sum of a 1-D array of numbers (float64, or converted to it); 0.0 when it is empty.

    Error at most (n / 8 + 10) × 2^-53 × the sum of the absolute values.
    """
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    count = len(values)
    whole = count - count % _LANES
    for i in range(0, whole, _LANES):
        s0 += float(values[i])
        s1 += float(values[i + 1])
        s2 += float(values[i + 2])
        s3 += float(values[i + 3])
        s4 += float(values[i + 4])
        s5 += float(values[i + 5])
        s6 += float(values[i + 6])
        s7 += float(values[i + 7])
    rest = 0.0
    for i in range(whole, count):
        rest += float(values[i])
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)) + rest


def ordered_dot(left, right):
    """Return the sum of left[i] × right[i] over the shorter of two 1-D arrays, each product rounded; 0.0 when empty."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    count = min(len(left), len(right))
    whole = count - count % _LANES
    for i in range(0, whole, _LANES):
        s0 += float(left[i]) * float(right[i])
        s1 += float(left[i + 1]) * float(right[i + 1])
        s2 += float(left[i + 2]) * float(right[i + 2])
        s3 += float(left[i + 3]) * float(right[i + 3])
        s4 += float(left[i + 4]) * float(right[i + 4])
        s5 += float(left[i + 5]) * float(right[i + 5])
        s6 += float(left[i + 6]) * float(right[i + 6])
        s7 += float(left[i + 7]) * float(right[i + 7])
    rest = 0.0
    for i in range(whole, count):
        rest += float(left[i]) * float(right[i])
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)) + rest


def ordered_mean(values):
    """Return ordered_sum(values) / n; nan when the array is empty."""
    count = len(values)
    return ordered_sum(values) / count if count > 0 else NAN


def compensated_sum(values):
    """Return the sum of a 1-D array of numbers, the rounding errors summed apart: nearly as if rounded once.

    Error at most 2^-53 × |sum| + n² × 2^-105 × the sum of the absolute values. With an infinity or nan among the values,
    or after an overflow, the plain sum.
    """
    total = lost = 0.0
    for i in range(len(values)):
        value = float(values[i])
        following = total + value
        if abs(total) >= abs(value):
            lost += (total - following) + value
        else:
            lost += (value - following) + total
        total = following
    if total != total or total == INFINITY or total == -INFINITY:
        return total if total == total else NAN
    return total + lost


for _function in (ordered_sum, ordered_dot, ordered_mean, compensated_sum):
    deterministic(_function)
