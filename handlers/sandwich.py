"""The best sandwich against one swap in a constant-product pool.

Reserves I (token that the victim pays) and O (token that he gets), kept share k = 1 - fee of every input. The attacker

    front   pays x, gets            y = k·x·O / (I + k·x)
    victim  buys exactly b for      c = I₁·b / (k·(O₁ - b))        (purchase: exact output)
            or sells exactly a for  v = k·a·O₁ / (I₁ + k·a)        (sale: exact input)      I₁ = I + x, O₁ = O - y
    back    sells y again for       z = k·y·I₂ / (O₂ + k·y)        I₂, O₂: reserves after the victim

and keeps z - x. The victim's limit (pays at most a for b, or gets at least b for a) holds while

    (I + k·x)·(I + k·a + x) ≤ k·a·I·O / b,

a quadratic in x whose positive root bounds the front-run. Within [0, bound] the profit is largest at an end or at one
inner maximum: both ends are looked at, and golden section takes a fixed number of steps. + - × ÷ and sqrt only, so the
result is the same on every machine.
Amounts are treated as real numbers; against the contracts' integers that errs by the rounding of one unit per swap.

Source: Zhou, Qin, Torres, Le, Gervais, High-Frequency Trading on Decentralized On-Chain Exchanges (IEEE S&P 2021),
section IV (sandwich model); Heimbach and Wattenhofer, Eliminating Sandwich Attacks with the Help of Game Theory (2022),
section 3 (bound by slippage tolerance). The swap formulas are Uniswap V2's.
"""

from __future__ import annotations

from math import sqrt

from disruptor.compiled import compiled

__all__ = ["extractable", "front_run_bound", "sandwich_profit"]

_GOLDEN = 0.6180339887498949  # (sqrt(5) - 1) / 2
_STEPS = 40
_UNITS_MAX = 4.0e18


@compiled(inline=False)
def sandwich_profit(x, reserve_in, reserve_out, kept, sold, bought, exact_output):
    """Return z - x in the input token (float64) for a front-run of x. sold, bought : a and b of the victim."""
    y = kept * x * reserve_out / (reserve_in + kept * x)
    in_1 = reserve_in + x
    out_1 = reserve_out - y
    if exact_output:
        in_2 = in_1 + in_1 * bought / (kept * (out_1 - bought))
        out_2 = out_1 - bought
    else:
        in_2 = in_1 + sold
        out_2 = out_1 - kept * sold * out_1 / (in_1 + kept * sold)
    return kept * y * in_2 / (out_2 + kept * y) - x


@compiled
def front_run_bound(reserve_in, reserve_out, kept, sold, bought):
    """Return the largest front-run after which the victim still gets `bought` for `sold`; ≤ 0 when not even before."""
    linear = reserve_in + kept * (reserve_in + kept * sold)
    constant = kept * sold * reserve_in * reserve_out / bought - reserve_in * (reserve_in + kept * sold)
    if constant <= 0.0:
        return 0.0
    return 2.0 * constant / (linear + sqrt(linear * linear + 4.0 * kept * constant))


@compiled(inline=False)
def extractable(base_lots, quote_units, side, quantity_lots, price_ticks, fee_ppm):
    """Return the most that a sandwich takes from this order, in quote units rounded up (int64 ≥ 0).

    The profit of attacking a sale is in base; it is valued at the pool's price before the attack.
    """
    if base_lots <= 0 or quote_units <= 0 or quantity_lots <= 0 or price_ticks <= 0 or fee_ppm >= 1_000_000:
        return 0
    base, quote, quantity = float(base_lots), float(quote_units), float(quantity_lots)
    kept = (1_000_000 - fee_ppm) / 1_000_000
    limit = float(price_ticks) * quantity
    if side > 0:
        reserve_in, reserve_out, sold, bought, unit_price = quote, base, limit, quantity, 1.0
    else:
        reserve_in, reserve_out, sold, bought, unit_price = base, quote, quantity, limit, quote / base
    low = 0.0
    high = front_run_bound(reserve_in, reserve_out, kept, sold, bought)
    if high <= 0.0:
        return 0
    exact_output = side > 0
    best = max(0.0, sandwich_profit(high, reserve_in, reserve_out, kept, sold, bought, exact_output))
    left = high - _GOLDEN * (high - low)
    right = low + _GOLDEN * (high - low)
    left_profit = sandwich_profit(left, reserve_in, reserve_out, kept, sold, bought, exact_output)
    right_profit = sandwich_profit(right, reserve_in, reserve_out, kept, sold, bought, exact_output)
    for _ in range(_STEPS):
        if left_profit >= right_profit:
            high, right, right_profit = right, left, left_profit
            left = high - _GOLDEN * (high - low)
            left_profit = sandwich_profit(left, reserve_in, reserve_out, kept, sold, bought, exact_output)
            best = max(best, right_profit)
        else:
            low, left, left_profit = left, right, right_profit
            right = low + _GOLDEN * (high - low)
            right_profit = sandwich_profit(right, reserve_in, reserve_out, kept, sold, bought, exact_output)
            best = max(best, left_profit)
    units = best * unit_price
    if units >= _UNITS_MAX:
        return int(_UNITS_MAX)
    whole = int(units)
    return whole + 1 if units > whole else whole
