"""Pool arithmetic against Python integers and against swaps that happened on chain."""

from __future__ import annotations

import json
import random

import numpy as np

from handlers.amm import amount_in, swap_units
from handlers.fees import fee_units
from tests.reference import kernels_amm
from tests.reference.pool import get_amount_in, get_amount_out

LIMIT = 1 << 62


def _cases(count=3000):
    generator = random.Random(11)
    for _ in range(count):
        amount, reserve_in, reserve_out = (generator.getrandbits(generator.randrange(1, 62)) for _ in range(3))
        yield amount, reserve_in, reserve_out, generator.choice([0, 1, 100, 500, 2500, 3000, 10_000, 999_999])


def test_swaps_equal_python_integers_on_random_reserves():
    rows = list(_cases())
    results = np.zeros((len(rows), 2), np.int64)
    kernels_amm.swaps(np.array(rows, np.int64), results)
    for (amount, reserve_in, reserve_out, fee), (out, cost) in zip(rows, results.tolist(), strict=True):
        usable = amount > 0 and reserve_in > 0 and reserve_out > 0
        assert out == (get_amount_out(amount, reserve_in, reserve_out, fee) if usable else 0)
        if not usable or amount >= reserve_out:
            assert cost == -1
        else:
            expected = get_amount_in(amount, reserve_in, reserve_out, fee)
            assert cost == (expected if expected <= LIMIT else -1)


def test_the_cost_of_an_output_buys_at_least_that_output():
    for amount, reserve_in, reserve_out, fee in _cases(300):
        if 0 < amount < reserve_out and reserve_in > 0:
            cost = amount_in(amount, reserve_in, reserve_out, fee)
            if cost > 0:
                assert get_amount_out(cost, reserve_in, reserve_out, fee) >= amount


def test_swap_units_is_exact_in_base_for_both_sides():
    base, quote = 2_000_000, 1_236_000_000_000
    assert swap_units(base, quote, 1, 1000, 3000) == get_amount_in(1000, quote, base)
    assert swap_units(base, quote, -1, 1000, 3000) == get_amount_out(1000, base, quote)
    assert swap_units(base, quote, 1, base, 3000) == -1
    assert swap_units(0, quote, 1, 1000, 3000) == swap_units(base, 0, -1, 1000, 3000) == -1


def test_the_formula_equals_the_chain_to_the_wei(captures):
    rows = json.loads((captures / "amm" / "v2_swaps_with_reserves.json").read_text())
    formula = [get_amount_out(row[3], row[4], row[5]) for row in rows]
    taken = sum(row[6] == out for row, out in zip(rows, formula, strict=True))
    assert (len(rows), taken) == (494, 464)
    assert [row[7] for row in rows] == formula
    assert sum(row[6] < out for row, out in zip(rows, formula, strict=True)) == 29  # asked for less than was due


def test_compiled_swaps_equal_the_formula_on_scaled_chain_reserves(captures):
    rows = json.loads((captures / "amm" / "v2_swaps_with_reserves.json").read_text())
    scaled = []
    for row in rows:
        excess = max(0, max(row[3:6]).bit_length() - 62)
        scaled.append([*(value >> excess for value in row[3:6]), 3000])
    results = np.zeros((len(rows), 2), np.int64)
    kernels_amm.swaps(np.array(scaled, np.int64), results)
    for (amount, reserve_in, reserve_out, fee), out in zip(scaled, results[:, 0].tolist(), strict=True):
        assert out == (get_amount_out(amount, reserve_in, reserve_out, fee) if min(amount, reserve_in, reserve_out) else 0)


def test_fees_round_against_the_trader_without_overflow():
    generator = random.Random(5)
    rows = [(generator.getrandbits(generator.randrange(63)), generator.randrange(-1000, 10_000)) for _ in range(2000)]
    rows = [row for row in rows if row[0] < LIMIT]
    results = np.zeros(len(rows), np.int64)
    kernels_amm.fees(np.array(rows, np.int64), results)
    assert results.tolist() == [-(-notional * rate // 1_000_000) for notional, rate in rows]
    assert (fee_units(1, 200), fee_units(1, -200), fee_units(10_000, -200)) == (1, 0, -2)
