"""128- and 192-bit arithmetic against Python's integers."""

from __future__ import annotations

import random

import numpy as np
import pytest

from handlers.wide import product_high, product_low, product_ratio
from tests.reference import kernels_amm


def _number(generator, bits):
    return generator.getrandbits(generator.randrange(bits + 1))


def test_product_ratio_equals_python_integers_over_the_whole_domain():
    generator = random.Random(2)
    rows = [
        [_number(generator, 63), _number(generator, 63), _number(generator, 62), *(_number(generator, 62) for _ in range(4))]
        for _ in range(4000)
    ]
    rows += [[0] * 7, [5, 7, 3, 0, 9, 0, 4], [2**63 - 1, 1, 1, 1, 1, 0, 0], [2**63 - 1, 2, 1, 1, 1, 0, 0]]
    numbers = np.array(rows, np.int64)
    results = np.zeros((len(rows), 3), np.int64)
    kernels_amm.products(numbers, results)
    for row, (ratio, low, high) in zip(rows, results.tolist(), strict=True):
        a, b, c, d, e, f, g = row
        denominator = d * e + f * g
        expected = a * b * c // denominator if denominator else -1
        assert ratio == (expected if expected < 2**63 else -1)
        assert high == a * b >> 64
        assert low % 2**64 == a * b % 2**64


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 2**63 - 1), (2**62, 2**62), (10**18, 123_456_789)])
def test_product_words_join_to_the_product(a, b):
    assert product_high(a, b) * 2**64 + product_low(a, b) % 2**64 == a * b
    assert product_ratio(a, b, 1, 1, 1, 0, 0) in (a * b, -1)
