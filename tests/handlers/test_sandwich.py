"""The bound on extraction against a brute-force simulation with the contracts' integers."""

from __future__ import annotations

import random

import numpy as np
import pytest

from handlers.sandwich import extractable
from tests.reference import kernels_amm
from tests.reference.pool import best_sandwich, get_amount_in, get_amount_out


def _victim(generator):
    base = int(10 ** generator.uniform(11, 13))
    quote = int(base * 10 ** generator.uniform(3, 5.5))
    side, fee = generator.choice([1, -1]), generator.choice([0, 100, 500, 3000, 10_000])
    lots = int(base * 10 ** generator.uniform(-4, -0.7))
    slippage = 10 ** generator.uniform(-3, -0.5)
    if side > 0:
        price = int(get_amount_in(lots, quote, base, fee) / lots * (1 + slippage))
    else:
        price = int(get_amount_out(lots, base, quote, fee) / lots * (1 - slippage))
    return base, quote, side, lots, price, fee


def test_extractable_equals_the_best_simulated_sandwich():
    generator = random.Random(7)
    victims = [_victim(generator) for _ in range(60)]
    found = np.zeros(len(victims), np.int64)
    kernels_amm.exposures(np.array(victims, np.int64), found)
    profitable = 0
    for victim, ours in zip(victims, found.tolist(), strict=True):
        simulated = best_sandwich(*victim, steps=400)
        # the three swaps of the simulation each round by one unit of their output; one base lot is quote/base units
        rounding = 4 * (1 + victim[1] / victim[0])
        assert ours >= simulated * 0.999 - rounding
        # a grid of 400 misses the top of a parabola by at most (1/800)² of its scale; the bound itself is sharp
        assert ours <= simulated * 1.001 + rounding
        profitable += simulated > 0
    assert profitable > 25


def test_extractable_is_zero_when_the_fees_eat_the_profit():
    assert extractable(10**12, 6 * 10**16, 1, 10**6, 60_300, 10_000) == 0


def test_extractable_is_zero_when_the_victim_cannot_execute():
    assert extractable(10**12, 6 * 10**16, 1, 10**10, 60_000, 3000) == 0
    assert extractable(10**12, 6 * 10**16, -1, 10**10, 60_000, 3000) == 0


@pytest.mark.parametrize("arguments", [(0, 5, 1, 1, 1, 0), (5, 0, 1, 1, 1, 0), (5, 5, 1, 0, 1, 0), (5, 5, 1, 1, 0, 0)])
def test_extractable_is_zero_without_reserves_or_order(arguments):
    assert extractable(*arguments) == 0


def test_extractable_grows_with_the_limit_price():
    values = [extractable(10**12, 6 * 10**16, 1, 10**11, price, 3000) for price in range(66_700, 80_000, 500)]
    assert values == sorted(values) and values[-1] > values[1] > 0
