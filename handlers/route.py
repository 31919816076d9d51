"""Chooses the venue of each accepted order line: the exchange, or a constant-product pool of the same pair.

Makers (GTC, POST_ONLY) and cancels go to the exchange: a pool has nothing to rest in. A taker (IOC or MARKET) goes where
its whole quantity is cheaper (buy) or brings more (sell) after fees:

    exchange   what the touch displays at the touch's price, the part beyond it at the limit; then the taker fee
    pool       the exact swap at the latest reserves, its fee included, and the flat cost of a transaction

The pool counts only when its average price lies within the limit. A tie goes to the exchange. A line that no venue can
price (no live book, and no pool within the limit) gets NO_ROUTE.
"""

from __future__ import annotations

import attrs
import numpy as np

from disruptor.compiled import compiled
from disruptor.digest import fold
from disruptor.handler import handler
from handlers.amm import RESERVES, note_reserves, swap_units
from handlers.fees import fee_units, notional_units
from hydraflow.codes import Action, BookStatus, Kind, OrderType, Reason, TimeInForce, Venue
from hydraflow.records import ORDERS_PER_MESSAGE

__all__ = ["RouteParams", "route"]

_NEW, _CANCEL = int(Action.NEW), int(Action.CANCEL)
_POOL_KIND, _LAST_MARKET_KIND = int(Kind.POOL), int(Kind.LOST)
_LIVE = int(BookStatus.LIVE)
_MARKET, _IOC = int(OrderType.MARKET), int(TimeInForce.IOC)
_NOWHERE, _EXCHANGE, _POOL = int(Venue.NONE), int(Venue.EXCHANGE), int(Venue.POOL)
_NO_ROUTE = int(Reason.NO_ROUTE)

_TOUCH = [
    ("bid_price_ticks", "i8"),
    ("bid_quantity_lots", "i8"),
    ("ask_price_ticks", "i8"),
    ("ask_quantity_lots", "i8"),
    ("status", "i8"),
]


@attrs.frozen
class RouteParams:
    """How venues are compared."""

    use_pools: int = attrs.field(default=1, metadata={"live": True, "description": "0: everything goes to the exchange", "range": (0, 1)})
    pool_cost: float = attrs.field(
        default=0.0, metadata={"live": True, "description": "flat cost of one pool transaction (gas)", "unit": "quote currency"}
    )


def _state(params, instruments=None, **context):
    count = max(1, len(instruments)) if instruments is not None else 64
    return [("touches", _TOUCH, (count,)), ("pools", RESERVES, (count,))]


@compiled(inline=False)
def _digest(state, params):
    result = 0
    for i in range(state["touches"].shape[0]):
        touch, pool = state["touches"][i], state["pools"][i]
        result = fold(fold(result, touch["bid_price_ticks"]), touch["bid_quantity_lots"])
        result = fold(fold(result, touch["ask_price_ticks"]), touch["ask_quantity_lots"])
        result = fold(fold(fold(result, touch["status"]), pool["base_lots"]), pool["quote_units"])
    return result


@compiled
def _note_touch(touch, event):
    touch["bid_price_ticks"] = event["bid_price_ticks"]
    touch["bid_quantity_lots"] = event["bid_quantity_lots"]
    touch["ask_price_ticks"] = event["ask_price_ticks"]
    touch["ask_quantity_lots"] = event["ask_quantity_lots"]
    touch["status"] = event["book_status"]


@compiled
def _exchange_units(touch, instrument, side, quantity, limit):
    """Return what a taker is expected to pay or get on the exchange after its fee, or -1 when nothing crosses."""
    if touch["status"] != _LIVE:
        return -1
    if side > 0:
        price, displayed = touch["ask_price_ticks"], touch["ask_quantity_lots"]
    else:
        price, displayed = touch["bid_price_ticks"], touch["bid_quantity_lots"]
    if price <= 0 or side * (limit - price) < 0:
        return -1
    touched = min(quantity, displayed)
    gross = notional_units(price, touched) + notional_units(limit, quantity - touched)
    return gross + side * fee_units(gross, instrument["taker_fee_ppm"])


@compiled
def _pool_units(pool, pool_instrument, side, quantity, limit, cost_units):
    """Return what the swap is expected to pay or get, transaction included, or -1 when it is impossible or off limit."""
    units = swap_units(pool["base_lots"], pool["quote_units"], side, quantity, pool_instrument["taker_fee_ppm"])
    if units <= 0 or side * (notional_units(limit, quantity) - units) < 0:
        return -1
    return max(0, units + side * cost_units)


@compiled(inline=False)
def _route_taker(order, state, params, instruments, symbol):
    """Write venue, pool and expected_units of a taker's line; returns the venue."""
    side, quantity, limit = int(order["side"]), order["quantity_lots"], order["price_ticks"]
    instrument = instruments[symbol]
    best = -1
    venue = _NOWHERE
    chosen = 0
    if instrument["venue"] != _POOL:
        best = _exchange_units(state["touches"][symbol], instrument, side, quantity, limit)
        if state["touches"][symbol]["status"] == _LIVE:
            venue = _EXCHANGE
    if params["use_pools"] != 0:
        cost_units = int(params["pool_cost"] / (instrument["tick"] * instrument["lot"]))
        for i in range(min(instruments.shape[0], 256)):
            if instruments[i]["venue"] == _POOL and (instruments[i]["underlying"] == symbol or i == symbol):
                units = _pool_units(state["pools"][i], instruments[i], side, quantity, limit, cost_units)
                if units >= 0 and (best < 0 or side * (best - units) > 0):
                    best = units
                    venue = _POOL
                    chosen = i
    order["venue"] = venue
    order["pool"] = chosen
    order["expected_units"] = max(best, 0)
    return venue


@compiled(inline=False)
def _route_line(order, state, params, instruments, counters):
    symbol = np.int64(order["symbol"])
    order["route_reason"] = 0
    order["pool"] = 0
    order["venue"] = _NOWHERE
    order["expected_units"] = 0
    if order["reason"] != 0:
        return
    if order["action"] == _CANCEL:
        order["venue"] = _EXCHANGE
        counters["cancels"] += 1
        return
    if order["type"] == _MARKET or order["time_in_force"] == _IOC:
        venue = _route_taker(order, state, params, instruments, symbol)
    elif instruments[symbol]["venue"] == _POOL:
        venue = _NOWHERE
    else:
        venue = _EXCHANGE
        notional = notional_units(order["price_ticks"], order["quantity_lots"])
        order["venue"] = _EXCHANGE
        order["expected_units"] = notional + int(order["side"]) * fee_units(
            notional, instruments[symbol]["maker_fee_ppm"]
        )
    if venue == _EXCHANGE:
        counters["exchange"] += 1
    elif venue == _POOL:
        counters["pool"] += 1
    else:
        order["route_reason"] = _NO_ROUTE
        counters["no_route"] += 1


@handler(
    name="route",
    state=_state,
    params=RouteParams,
    counters=[("exchange", "i8"), ("pool", "i8"), ("cancels", "i8"), ("no_route", "i8")],
    digest=_digest,
)
def route(event, sequence, end_of_batch, state, params, payload, instruments, orders, counters):
    """Note touches and reserves; write venue, pool, expected_units and route_reason of every line."""
    kind = event["kind"]
    if kind == _POOL_KIND:
        note_reserves(state["pools"], event, payload)
    elif kind <= _LAST_MARKET_KIND:
        symbol = np.int64(event["symbol"])
        if symbol < state["touches"].shape[0]:
            _note_touch(state["touches"][symbol], event)
    count = event["order_count"]
    if count > 0:
        slot = sequence & (orders.shape[0] - 1)
        for k in range(min(int(count), ORDERS_PER_MESSAGE)):
            _route_line(orders[slot, k], state, params, instruments, counters)
