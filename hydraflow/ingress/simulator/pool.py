"""A constant-product pool beside the book: strangers push its price away, arbitrage brings it back, with lag.

Reserves are base lots and quote units (tick × lot), so quote / base is the pool's price in ticks. Their product stays what
it was: liquidity providers take the fees out. The contract keeps them as integers of the tokens' own decimals (base 8,
quote 6), which are whole multiples: BASE_PER_LOT and QUOTE_PER_UNIT.
"""

from __future__ import annotations

from disruptor.compiled import compiled

__all__ = ["BASE_PER_LOT", "QUOTE_PER_UNIT", "quote_units", "swap"]

BASE_PER_LOT = 100_000  # lot 0.001 with 8 decimals
QUOTE_PER_UNIT = 100  # tick × lot = 0.0001 with 6 decimals


@compiled
def quote_units(state):
    """Return the reserve of quote for the present reserve of base."""
    return state["pool_product"] // max(state["pool_base_lots"], 1)


@compiled(inline=False)
def swap(state, word):
    """Change the reserves by one swap: half of them arbitrage three quarters of the way to the book's mid."""
    base = state["pool_base_lots"]
    if word & 1:
        mid = (state["bid"] + state["ask"]) >> 1
        target = _root(state["pool_product"] // max(mid, 1), base)
        base += ((target - base) * 3) >> 2
    else:
        base += (((word >> 1) & 0xFFFF) * (base >> 8) >> 16) - (base >> 9)  # price ±0.4 %
    state["pool_base_lots"] = max(base, 1)


@compiled
def _root(value, guess):
    """Return about the integer square root of `value` by Newton's method from a guess that is near."""
    root = max(guess, 1)
    for _ in range(8):
        root = max((root + value // root) >> 1, 1)
    return root
