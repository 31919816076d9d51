"""Orders that take at once: walking the displayed levels, and swapping in a pool.

Taking does not change the venue's books, for the market data does not know of it; a pool's reserves do move by an own
swap until the next POOL message says where they are.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from handlers.amm import swap_units
from handlers.fees import fee_units, notional_units
from hydraflow.codes import Liquidity
from hydraflow.egress.answers import report_fill
from hydraflow.egress.market import best_opposite, next_opposite

__all__ = ["LEVELS_TAKEN_MAX", "swap", "walk"]

LEVELS_TAKEN_MAX = 16  # reports of one arrival stay within the budget of a message

_TAKER = np.int64(Liquidity.TAKER)


@compiled(inline=False)
def walk(state, params, counters, feedback, now, order, instrument):
    """Fill `order` level by level up to its limit, one report per level; return the lots filled."""
    book = state["books"][order["symbol"]]
    side, limit = order["side"], order["price_ticks"]
    filled = 0
    price, shown = best_opposite(book, side)
    for _ in range(LEVELS_TAKEN_MAX):
        if shown <= 0 or side * (limit - price) < 0 or order["leaves_lots"] == 0:
            break
        lots = min(order["leaves_lots"], shown)
        order["leaves_lots"] -= lots
        filled += lots
        fee = fee_units(notional_units(price, lots), instrument["taker_fee_ppm"])
        report_fill(state, params, feedback, now, order, lots, price, fee, _TAKER)
        counters["fills"] += 1
        price, shown = next_opposite(book, side, price, limit)
    return filled


@compiled(inline=False)
def swap(state, params, counters, feedback, now, order, pool_instrument, lots):
    """Swap `lots` of an order in its pool, wholly or not at all; return the lots filled.

    The report's price and fee are whole numbers such that price · lots + fee is exactly what was paid (a sale: price ·
    lots - fee exactly what came out): the fee holds the pool's share of the input and the rounding of the price.
    """
    pool = state["pools"][order["pool"]]
    side, fee_ppm = order["side"], pool_instrument["taker_fee_ppm"]
    units = swap_units(pool["base_lots"], pool["quote_units"], side, lots, fee_ppm)
    if units <= 0 or side * (notional_units(order["price_ticks"], lots) - units) < 0:
        return 0
    pool["base_lots"] -= side * lots
    pool["quote_units"] += side * units
    if side > 0:
        price = (units - fee_units(units, fee_ppm)) // lots
        fee = units - price * lots
    else:
        # what the sale would have brought without the pool's share of its input
        price = -(-(units + fee_units(units, fee_ppm)) // lots)
        fee = price * lots - units
    order["leaves_lots"] -= lots
    report_fill(state, params, feedback, now, order, lots, price, fee, _TAKER)
    counters["fills"] += 1
    return lots
