"""Bounds what a sandwich can take from an order that goes to a pool.

Whoever sees a swap before it is mined can buy in front of it and sell behind it; the victim's limit price is all that
stops him. For every pool line this handler computes the profit of the best such attack (`extractable`) and, when it
exceeds `max_extractable`, in this order:

    1 split     into the fewest equal parts (≤ max_slices) of which none exposes more than the limit
    2 tighten   to the loosest limit price at which extraction stays within the limit and the order still executes
    3 private   only through a private relay, when `allow_private`
    4 refuse    MEV_EXPOSURE: wire sends nothing

Each part is judged at the present reserves: parts are meant to leave one after the other (see wire, `slice_gap_ns`), with
arbitrage restoring the price in between.
"""

from __future__ import annotations

import attrs
import numpy as np

from disruptor.compiled import compiled
from disruptor.digest import fold
from disruptor.handler import handler
from handlers.amm import RESERVES, note_reserves, swap_units
from handlers.fees import PPM
from handlers.sandwich import extractable
from hydraflow.codes import Action, Kind, MevAction, Venue
from hydraflow.records import ORDERS_PER_MESSAGE

__all__ = ["PRIVATE", "REFUSED", "SLICES_MAX", "SPLIT", "TIGHTENED", "UNTOUCHED", "MevParams", "mev"]

UNTOUCHED, SPLIT, TIGHTENED, PRIVATE, REFUSED = (int(action) for action in MevAction)  # ORDER.mev_reason
SLICES_MAX = 8

_POOL_KIND, _POOL, _NEW = int(Kind.POOL), int(Venue.POOL), int(Action.NEW)


@attrs.frozen
class MevParams:
    """What exposure is acceptable and what may be done about it."""

    max_extractable: float = attrs.field(
        default=5.0, metadata={"live": True, "description": "most that a sandwich may take from one order", "unit": "quote currency"}
    )
    max_slices: int = attrs.field(
        default=4, metadata={"live": True, "description": "most parts of one order; 1: never split", "range": (1, SLICES_MAX)}
    )
    slack_ppm: int = attrs.field(
        default=100, metadata={"live": True, "description": "slippage that a tightened limit must still leave", "unit": "ppm"}
    )
    allow_private: int = attrs.field(default=1, metadata={"live": True, "description": "1: a private relay may be used", "range": (0, 1)})


def _state(params, instruments=None, **context):
    count = max(1, len(instruments)) if instruments is not None else 64
    return [("pools", RESERVES, (count,))]


@compiled(inline=False)
def _digest(state, params):
    result = 0
    for i in range(state["pools"].shape[0]):
        result = fold(fold(result, state["pools"][i]["base_lots"]), state["pools"][i]["quote_units"])
    return result


@compiled(inline=False)
def _tightest_price(pool, side, quantity, fee_ppm, slack_ppm):
    """Return the strictest limit price at which the whole order executes with `slack_ppm` to spare, 0 if it cannot."""
    units = swap_units(pool["base_lots"], pool["quote_units"], side, quantity, fee_ppm)
    if units <= 0 or quantity <= 0:
        return 0
    slack = units // PPM * slack_ppm + units % PPM * slack_ppm // PPM + 1
    if side > 0:
        return -(-(units + slack) // quantity)
    return max(0, units - slack) // quantity


@compiled(inline=False)
def _slices_needed(pool, side, quantity, price, fee_ppm, limit_units, slices_max):
    """Return the fewest equal parts whose largest exposes at most `limit_units`, 0 when `slices_max` are not enough."""
    for parts in range(2, min(slices_max, SLICES_MAX) + 1):
        if parts > quantity:
            break
        largest = quantity - quantity // parts * (parts - 1)
        if extractable(pool["base_lots"], pool["quote_units"], side, largest, price, fee_ppm) <= limit_units:
            return parts
    return 0


@compiled(inline=False)
def _tightened_price(pool, side, quantity, price, fee_ppm, slack_ppm, limit_units):
    """Return the loosest price stricter than `price` that exposes at most `limit_units` and still executes, or 0."""
    good = _tightest_price(pool, side, quantity, fee_ppm, slack_ppm)
    if good <= 0 or side * (price - good) <= 0:
        return 0
    if extractable(pool["base_lots"], pool["quote_units"], side, quantity, good, fee_ppm) > limit_units:
        return 0
    bad = price
    for _ in range(64):
        if abs(bad - good) <= 1:
            break
        middle = good + (bad - good) // 2
        if extractable(pool["base_lots"], pool["quote_units"], side, quantity, middle, fee_ppm) <= limit_units:
            good = middle
        else:
            bad = middle
    return good


@compiled(inline=False)
def _guard_pool_line(order, pool, params, pool_instrument, instrument, counters):
    """Write slices, limit_price_ticks, private_relay, mev_reason and extractable_units of a pool line."""
    side, quantity, price = int(order["side"]), order["quantity_lots"], order["price_ticks"]
    fee_ppm = pool_instrument["taker_fee_ppm"]
    exposed = extractable(pool["base_lots"], pool["quote_units"], side, quantity, price, fee_ppm)
    order["extractable_units"] = exposed
    limit_units = params["max_extractable"] / (instrument["tick"] * instrument["lot"])
    if exposed <= limit_units:
        return
    parts = _slices_needed(pool, side, quantity, price, fee_ppm, limit_units, params["max_slices"])
    if parts > 0:
        order["slices"] = parts
        order["mev_reason"] = SPLIT
        counters["split"] += 1
        return
    tightened = _tightened_price(pool, side, quantity, price, fee_ppm, params["slack_ppm"], limit_units)
    if tightened > 0:
        order["limit_price_ticks"] = tightened
        order["mev_reason"] = TIGHTENED
        counters["tightened"] += 1
    elif params["allow_private"] != 0:
        order["private_relay"] = 1
        order["mev_reason"] = PRIVATE
        counters["private"] += 1
    else:
        order["mev_reason"] = REFUSED
        counters["refused"] += 1


@handler(
    name="mev",
    state=_state,
    params=MevParams,
    counters=[("pool_lines", "i8"), ("split", "i8"), ("tightened", "i8"), ("private", "i8"), ("refused", "i8")],
    digest=_digest,
)
def mev(event, sequence, end_of_batch, state, params, payload, instruments, orders, counters):
    """Note reserves; write slices, limit_price_ticks, private_relay, mev_reason and extractable_units of every line."""
    if event["kind"] == _POOL_KIND:
        note_reserves(state["pools"], event, payload)
    count = event["order_count"]
    if count > 0:
        slot = sequence & (orders.shape[0] - 1)
        for k in range(min(int(count), ORDERS_PER_MESSAGE)):
            order = orders[slot, k]
            order["slices"] = 1
            order["private_relay"] = 0
            order["mev_reason"] = UNTOUCHED
            order["limit_price_ticks"] = order["price_ticks"]
            order["extractable_units"] = 0
            if order["reason"] == 0 and order["route_reason"] == 0 and order["venue"] == _POOL:
                if order["action"] == _NEW:
                    counters["pool_lines"] += 1
                    pool = np.int64(order["pool"])
                    instrument = instruments[order["symbol"]]
                    _guard_pool_line(order, state["pools"][pool], params, instruments[pool], instrument, counters)
