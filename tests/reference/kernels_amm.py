"""Compiled scripts over pool arithmetic, fees and the sandwich bound, for the tests."""

from __future__ import annotations

import numba

from handlers.amm import amount_in, amount_out
from handlers.fees import fee_units
from handlers.sandwich import extractable
from handlers.wide import product_high, product_low, product_ratio

_script = numba.njit(nogil=True, _nrt=False, error_model="python")


@_script
def products(numbers, results):
    """results[i] = (product_ratio of the seven numbers, product_low and product_high of the first two)."""
    for i in range(numbers.shape[0]):
        n = numbers[i]
        results[i, 0] = product_ratio(n[0], n[1], n[2], n[3], n[4], n[5], n[6])
        results[i, 1] = product_low(n[0], n[1])
        results[i, 2] = product_high(n[0], n[1])


@_script
def swaps(numbers, results):
    """numbers[i] = (amount, reserve in, reserve out, fee ppm); results[i] = (amount_out, amount_in)."""
    for i in range(numbers.shape[0]):
        n = numbers[i]
        results[i, 0] = amount_out(n[0], n[1], n[2], n[3])
        results[i, 1] = amount_in(n[0], n[1], n[2], n[3])


@_script
def fees(numbers, results):
    """results[i] = fee_units(notional, rate) of numbers[i]."""
    for i in range(numbers.shape[0]):
        results[i] = fee_units(numbers[i, 0], numbers[i, 1])


@_script
def exposures(numbers, results):
    """numbers[i] = (base, quote, side, quantity, price, fee ppm); results[i] = extractable."""
    for i in range(numbers.shape[0]):
        n = numbers[i]
        results[i] = extractable(n[0], n[1], n[2], n[3], n[4], n[5])
