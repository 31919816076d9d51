"""Orders that may still trade: reserved at the decision, released by reports.

Every accepted order has a slot from its decision until the venue has reported its end. Its remaining quantity counts
in the account of its underlying as if it could fill at any moment. Orders that may rest are also linked in one ring per
account and side, best price first, closed by a sentinel: the best own price is the sentinel's neighbour. The sentinels
lie behind the slots in state["open"]; an order in no ring is linked to itself, so that unlinking it changes nothing.

Invariants (tests/handlers/test_risk_oracle.py recomputes them): open lots and open units of an account are the sums
over its slots; the table maps each order id to its slot; a ring holds the resting orders whose cancel was not asked for.
"""

from __future__ import annotations

from typing import Any

from disruptor.compiled import compiled
from disruptor.pool import pool_give, pool_take
from disruptor.table import table_delete, table_insert

__all__ = ["OPEN_ORDER", "best_own_key", "prepare_rings", "reduce", "reserve", "side_index", "unlink"]

OPEN_ORDER = [
    ("order_id", "i8"),
    ("price_ticks", "i8"),
    ("remaining_lots", "i8"),
    ("underlying", "i8"),
    ("side", "i8"),
    ("key", "i8"),  # price × side: the larger, the better
    ("worse", "i8"),  # next in the ring
    ("better", "i8"),  # the one before
]
NO_KEY = -(1 << 62)  # of a sentinel: worse than any order


def prepare_rings(state: Any, accounts: int) -> None:
    """Close the empty rings of all accounts."""
    orders = state["open"]
    for place in range(len(orders) - 2 * accounts, len(orders)):
        orders[place]["key"] = NO_KEY
        orders[place]["worse"] = orders[place]["better"] = place


@compiled
def side_index(side):
    """Return 0 for SELL, 1 for BUY."""
    return (side + 1) >> 1


@compiled
def _sentinel(state, underlying, side):
    return state["slots"]["links"].shape[0] + 2 * underlying + side_index(side)


@compiled
def best_own_key(state, underlying, side):
    """Return price × side of our best order that rests (or will) on `side`; NO_KEY when there is none."""
    orders = state["open"]
    return orders[orders[_sentinel(state, underlying, side)]["worse"]]["key"]


@compiled
def reserve(state, account, line, underlying, side, resting):
    """Take a slot for an accepted order line. Returns the slot, or -1 when no slot is left (nothing changes)."""
    slot = pool_take(state["slots"])
    if slot < 0:
        return -1
    price = line["price_ticks"]
    lots = line["quantity_lots"]
    order = state["open"][slot]
    order["order_id"] = line["order_id"]
    order["price_ticks"] = price
    order["remaining_lots"] = lots
    order["underlying"] = underlying
    order["side"] = side
    order["key"] = price * side
    order["worse"] = slot
    order["better"] = slot
    table_insert(state["index"], line["order_id"], slot)
    account["open_lots"][side_index(side)] += lots
    account["open_units"] += price * lots
    if resting:
        _link(state, underlying, slot)
    return slot


@compiled
def _link(state, underlying, slot):
    """Insert a slot into its ring behind all orders of the same or a better price."""
    orders = state["open"]
    order = orders[slot]
    key = order["key"]
    better = _sentinel(state, underlying, order["side"])
    worse = orders[better]["worse"]
    for _ in range(orders.shape[0]):
        if key > orders[worse]["key"]:
            break
        better = worse
        worse = orders[worse]["worse"]
    order["better"] = better
    order["worse"] = worse
    orders[better]["worse"] = slot
    orders[worse]["better"] = slot


@compiled
def unlink(state, slot):
    """Take a slot out of its ring, if it is in one: its cancel was sent, or it has ended."""
    orders = state["open"]
    order = orders[slot]
    better = order["better"]
    worse = order["worse"]
    orders[better]["worse"] = worse
    orders[worse]["better"] = better
    order["better"] = slot
    order["worse"] = slot


@compiled
def reduce(state, slot, lots):
    """Take `lots` (0..remaining) out of an order's reservation; with nothing left it is closed."""
    order = state["open"][slot]
    account = state["accounts"][order["underlying"]]
    remaining = order["remaining_lots"] - lots
    order["remaining_lots"] = remaining
    account["open_lots"][side_index(order["side"])] -= lots
    account["open_units"] -= order["price_ticks"] * lots
    if remaining == 0:
        unlink(state, slot)
        table_delete(state["index"], order["order_id"])
        pool_give(state["slots"], slot)
