"""Uniswap V2 in Python integers, and the sandwich simulated swap by swap: the oracles of handlers.amm and handlers.mev.

Source: UniswapV2Library.sol, getAmountOut and getAmountIn; UniswapV2Pair.sol, swap.
"""

from __future__ import annotations

PPM = 1_000_000


def get_amount_out(amount_in: int, reserve_in: int, reserve_out: int, fee_ppm: int = 3000) -> int:
    amount_in_with_fee = amount_in * (PPM - fee_ppm)
    return amount_in_with_fee * reserve_out // (reserve_in * PPM + amount_in_with_fee)


def get_amount_in(amount_out: int, reserve_in: int, reserve_out: int, fee_ppm: int = 3000) -> int:
    return reserve_in * amount_out * PPM // ((reserve_out - amount_out) * (PPM - fee_ppm)) + 1


def sandwich(front: int, base: int, quote: int, side: int, lots: int, price: int, fee_ppm: int) -> float | None:
    """Return the attacker's profit in quote units for a front-run of `front`, None when the victim would not execute."""
    reserve_in, reserve_out = (quote, base) if side > 0 else (base, quote)
    bought = get_amount_out(front, reserve_in, reserve_out, fee_ppm) if front else 0
    in_1, out_1 = reserve_in + front, reserve_out - bought
    if side > 0:
        if lots >= out_1:
            return None
        cost = get_amount_in(lots, in_1, out_1, fee_ppm)
        if cost > price * lots:
            return None
        in_2, out_2 = in_1 + cost, out_1 - lots
    else:
        proceeds = get_amount_out(lots, in_1, out_1, fee_ppm)
        if proceeds < price * lots:
            return None
        in_2, out_2 = in_1 + lots, out_1 - proceeds
    regained = get_amount_out(bought, out_2, in_2, fee_ppm) if bought else 0
    profit = regained - front
    return float(profit) if side > 0 else profit * quote / base


def best_sandwich(base: int, quote: int, side: int, lots: int, price: int, fee_ppm: int, steps: int = 2000) -> float:
    """Return the largest profit over a grid of front-runs up to the victim's limit (found by bisection), at least 0."""
    args = (base, quote, side, lots, price, fee_ppm)
    if sandwich(0, *args) is None:
        return 0.0
    low, high = 0, 64 * (quote if side > 0 else base)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sandwich(middle, *args) is not None else (low, middle)
    return max(0.0, *(sandwich(low * i // steps, *args) or 0.0 for i in range(steps + 1)))
