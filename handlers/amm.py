"""Constant-product pools: exact integer swaps, as the contracts compute them.

Reserves and amounts are int64 ≥ 0 below 2^62 in any unit, the same unit per side; here base in lots and quote in units
(tick × lot), so that quote / base is a price in ticks. The fee is taken from the input: fee_ppm = 3000 is 0.3 %.
Intermediate values reach 2^144 and are exact (see handlers.wide).

Source: Uniswap V2 core and periphery, UniswapV2Library.sol, getAmountOut and getAmountIn (997/1000 written as
(10^6 - fee_ppm) / 10^6, which gives the same quotient).
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from handlers.wide import product_ratio
from hydraflow.reports import payload_start

__all__ = ["AMOUNT_MAX", "RESERVES", "amount_in", "amount_out", "note_reserves", "swap_units"]

AMOUNT_MAX = 1 << 62
_PPM = 1_000_000

# what a handler keeps of each pool, by instrument index; zero until the first POOL message
RESERVES = [("base_lots", "i8"), ("quote_units", "i8")]


@compiled
def amount_out(amount, reserve_in, reserve_out, fee_ppm):
    """Return what `amount` of the input token buys: floor(amount·k·reserve_out / (reserve_in·10^6 + amount·k)).

    k = 10^6 - fee_ppm. Returns 0 for an empty pool or amount, which no contract accepts.
    """
    if amount <= 0 or reserve_in <= 0 or reserve_out <= 0:
        return 0
    kept = _PPM - fee_ppm
    return product_ratio(amount, reserve_out, kept, reserve_in, _PPM, amount, kept)


@compiled
def amount_in(amount, reserve_in, reserve_out, fee_ppm):
    """Return what `amount` of the output token costs: floor(reserve_in·amount·10^6 / ((reserve_out - amount)·k)) + 1.

    Returns -1 when the pool does not hold more than `amount`, or the cost does not fit.
    """
    if amount <= 0 or reserve_in <= 0 or reserve_out <= amount or fee_ppm >= _PPM:
        return -1
    cost = product_ratio(reserve_in, amount, _PPM, reserve_out - amount, _PPM - fee_ppm, 0, 0)
    return cost + 1 if 0 <= cost < AMOUNT_MAX else -1


@compiled
def swap_units(base_lots, quote_units, side, quantity_lots, fee_ppm):
    """Return what a taker pays (side 1) or gets (side -1) in quote units for `quantity_lots` of base, -1 if impossible.

    A purchase names its output (getAmountIn), a sale its input (getAmountOut); both are exact in base.
    """
    if base_lots <= 0 or quote_units <= 0:
        return -1
    if side > 0:
        return amount_in(quantity_lots, quote_units, base_lots, fee_ppm)
    return amount_out(quantity_lots, base_lots, quote_units, fee_ppm)


@compiled
def note_reserves(pools, event, payload):
    """Remember the reserves in a POOL message. pools : RESERVES[instruments]; ignored when anything is out of range."""
    symbol = np.int64(event["symbol"])
    if symbol >= pools.shape[0] or event["payload_count"] == 0:
        return
    unit = payload[payload_start(payload, event["payload_position"])]
    base_lots, quote_units = unit["price_ticks"], unit["quantity_lots"]
    if 0 <= base_lots < AMOUNT_MAX and 0 <= quote_units < AMOUNT_MAX:
        pool = pools[symbol]
        pool["base_lots"] = base_lots
        pool["quote_units"] = quote_units
