"""Amounts as they were written and whole steps of them: exactly, compared with unbounded decimals and fractions."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from handlers.risk.steps import decimal_of, whole_steps

WRITTEN = st.builds(lambda digits, places: float(Decimal(digits).scaleb(-places)), st.integers(1, 10**17), st.integers(0, 20))
POWERS = st.builds(lambda exponent, more: math.nextafter(2.0**exponent, more), st.integers(-60, 61), st.sampled_from([0.0, 1e30]))
AMOUNTS = (WRITTEN | POWERS | st.integers(2**53, 2**62 - 1024).map(float) | st.integers(-60, 61).map(lambda e: 2.0**e)
           | st.floats(1e-21, 4e18)).filter(lambda a: 1e-21 <= a < 2.0**62)
MULTIPLES = st.sampled_from([1, 5, 25, 2**31 - 1, (2**31 - 1) ** 2]) | st.integers(1, 2**62 - 1)
HIGHEST = st.sampled_from([1 << 40, (1 << 60) - 1])


def plain(function):
    return getattr(function, "py_func", function)


@settings(max_examples=2_000, deadline=None)
@given(AMOUNTS)
@example(2.0**-24)  # of the two decimals that are equally near only the upper one reads back
@example(2.0**-25)
@example(2.0**-44)
@example(999_999.9999999999)  # its logarithm is rounded to 6
@example(123456789012345670.0)
def test_the_decimal_of_an_amount_is_its_repr(amount):
    for function in (decimal_of, plain(decimal_of)):
        digits, places = function(amount)
        assert Decimal(int(digits)).scaleb(-int(places)) == Decimal(repr(amount))


@settings(max_examples=2_000, deadline=None)
@given(AMOUNTS, MULTIPLES, st.integers(0, 36), HIGHEST)
@example(5_000_000.0, 1, 10, (1 << 60) - 1)  # the default of max_open_notional at a tick of 0.01 and a lot of 1e-8
@example(0.29, 1, 2, 1 << 40)
@example(51_432.0, 5, 15, (1 << 60) - 1)
def test_steps_are_counted_as_fractions_count_them(amount, multiple, decimals, highest):
    exact = int(Fraction(Decimal(repr(amount))) * 10**decimals / multiple)
    for function in (whole_steps, plain(whole_steps)):
        assert function(amount, multiple, decimals, highest) == min(highest, exact)


@pytest.mark.parametrize(("amount", "steps"), [(0.0, 0), (5e-324, 0), (1e-30, 0), (float("inf"), 1 << 40), (1e300, 1 << 40), (2.0**62, 1 << 40)])
def test_amounts_at_the_ends(amount, steps):
    assert whole_steps(amount, 1, 18, 1 << 40) == steps


def test_preparing_the_stage_compiles_nothing():
    """A second of every start went into compiling the limits that are computed once."""
    code = """
import numpy as np
from handlers.risk.limits import RiskParams
from handlers.risk.stage import on_event
from handlers.risk.steps import whole_steps
from tests.reference.kernels_risk import instruments_of
state = np.zeros(1, on_event.state_dtype(RiskParams(), instruments=(table := instruments_of(((1, 1), (1, 3), 0)))))
on_event.prepare(state[0], RiskParams(), instruments=table)
print(state[0]["limits"][0]["max_order_lots"], len(getattr(whole_steps, "signatures", ())))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert ran.stdout == "10000 0\n", ran.stderr
