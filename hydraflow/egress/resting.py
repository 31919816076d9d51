"""Orders that the venue holds, and the place in the queue of those that rest.

An order that comes to rest stands behind everything displayed at its price (`ahead_lots`). The queue ahead shrinks

    by trades at that price that hit its side, one for one;
    by cancellations: when a depth message lowers the level by more than was traded since the one before, the rest was
    cancelled, and the share of it that stood ahead is ahead / (displayed before - traded), rounded down.

An order fills by what a trade leaves after the queue ahead, wholly when a trade or the opposite touch goes through its
price, and always at its own price. Market data do not know of an own order, so the levels that the first part of a GTC
order has taken are displayed until they go: they fill nothing of what is left. Several own orders at one price fill in order of arrival, out of the same trade.

Source: the queue model of Rigtorp, Estimating order queue position (2013), with proportional cancellations (its
f(x) = x); hftbacktest, queue position models.
"""

from __future__ import annotations

from disruptor.compiled import compiled
from disruptor.pool import pool_give, pool_take
from disruptor.table import table_delete, table_insert
from handlers.wide import product_ratio
from hydraflow.egress.market import displayed_lots

__all__ = ["CANCELLING", "IN_FLIGHT", "PARTS_MAX", "RESTING", "VENUE_ORDER", "hold", "join_queue", "note_depth",
           "note_trade", "release"]

PARTS_MAX = 8  # = SLICES_MAX of handlers.mev
IN_FLIGHT, RESTING, CANCELLING = 1, 2, 3  # VENUE_ORDER.phase

VENUE_ORDER = [
    ("order_id", "i8"),  # without slice number
    ("target_id", "i8"),
    ("price_ticks", "i8"),
    ("quantity_lots", "i8"),  # as sent, all slices
    ("leaves_lots", "i8"),  # not filled yet
    ("ahead_lots", "i8"),  # displayed quantity that stands before it
    ("level_lots", "i8"),  # displayed at its price after the last depth message
    ("traded_lots", "i8"),  # traded at its price since then
    ("owed_lots", "i8"),  # filled, not reported yet
    ("took", "i8"),  # 1 while the levels that it took from before it rested still stand against it
    ("previous", "i8"),  # 1 + slot of the order that came to rest before it in the same symbol, 0: none
    ("following", "i8"),
    ("parts", "i8"),  # of a pool order: slices it arrives in
    ("parts_done", "i8"),
    ("part_lots", "i8", (PARTS_MAX,)),
    ("phase", "i8"),
    ("symbol", "i8"),
    ("side", "i8"),
    ("type", "i8"),
    ("time_in_force", "i8"),
    ("venue", "i8"),
    ("pool", "i8"),  # index of the pool's instrument
]


@compiled(inline=False)
def hold(state, record, order_id):
    """Take a slot for the order in an EGRESS record; return it, or -1 when the venue is full."""
    slot = pool_take(state["slots"])
    if slot < 0:
        return -1
    if table_insert(state["index"], order_id, slot) != 1:
        pool_give(state["slots"], slot)
        return -1
    order = state["orders"][slot]
    order["order_id"] = order_id
    order["target_id"] = record["target_id"]
    order["price_ticks"] = record["price_ticks"]
    order["quantity_lots"] = 0
    order["leaves_lots"] = 0
    order["ahead_lots"] = 0
    order["level_lots"] = 0
    order["traded_lots"] = 0
    order["owed_lots"] = 0
    order["took"] = 0
    order["previous"] = 0
    order["following"] = 0
    order["parts"] = 0
    order["parts_done"] = 0
    order["phase"] = IN_FLIGHT
    order["symbol"] = record["symbol"]
    order["side"] = record["side"]
    order["type"] = record["type"]
    order["time_in_force"] = record["time_in_force"]
    order["venue"] = record["venue"]
    order["pool"] = record["pool"]
    return slot


@compiled(inline=False)
def release(state, slot):
    """Forget an order: out of the queue, the table and the pool."""
    order = state["orders"][slot]
    if order["phase"] == RESTING:
        queue = state["queues"][order["symbol"]]
        before, after = order["previous"], order["following"]
        if before == 0:
            queue["first"] = after
        else:
            state["orders"][before - 1]["following"] = after
        if after == 0:
            queue["last"] = before
        else:
            state["orders"][after - 1]["previous"] = before
        queue["count"] -= 1
    table_delete(state["index"], order["order_id"])
    pool_give(state["slots"], slot)


@compiled(inline=False)
def join_queue(state, slot):
    """Let an order rest behind all that is displayed at its price."""
    order = state["orders"][slot]
    queue = state["queues"][order["symbol"]]
    order["phase"] = RESTING
    order["previous"] = queue["last"]
    order["following"] = 0
    if queue["last"] == 0:
        queue["first"] = slot + 1
    else:
        state["orders"][queue["last"] - 1]["following"] = slot + 1
    queue["last"] = slot + 1
    queue["count"] += 1
    shown = displayed_lots(state["books"][order["symbol"]], order["side"], order["price_ticks"])
    order["ahead_lots"] = shown
    order["level_lots"] = shown
    order["traded_lots"] = 0


@compiled(inline=False)
def note_trade(order, price_ticks, trade_lots, taken_lots):
    """Move the queue of an order on the side that was hit; return the quantity that fills it.

    taken_lots : how much of this trade already filled own orders before it.
    """
    through = order["side"] * (order["price_ticks"] - price_ticks)
    if through > 0:
        return order["leaves_lots"]
    if through < 0:
        return 0
    available = max(0, trade_lots - taken_lots)
    order["traded_lots"] += trade_lots
    passed = min(order["ahead_lots"], available)
    order["ahead_lots"] -= passed
    return min(order["leaves_lots"], available - passed)


@compiled(inline=False)
def note_depth(order, shown_lots):
    """Move the queue of an order after a depth message; shown_lots : what its level displays now."""
    standing = order["level_lots"] - order["traded_lots"]
    if standing > 0 and shown_lots < standing:
        order["ahead_lots"] -= product_ratio(standing - shown_lots, order["ahead_lots"], 1, standing, 1, 0, 0)
    order["ahead_lots"] = min(order["ahead_lots"], shown_lots)
    order["level_lots"] = shown_lots
    order["traded_lots"] = 0
