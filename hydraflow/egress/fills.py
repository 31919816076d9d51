"""Fills of resting orders: what a message does to the orders that rest in its symbol.

A message's record budget is shared: EGRESS_MAX for what arrives by egress, ARRIVAL_MAX for the answers to one arrival, the
rest for fills. A fill beyond it is owed (`deferred`) and reported with a later message; none is lost.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from handlers.fees import fee_units, notional_units
from hydraflow.codes import Kind, Liquidity
from hydraflow.egress.answers import BUDGET, report_fill
from hydraflow.egress.market import best_opposite, displayed_lots, is_live
from hydraflow.egress.resting import note_depth, note_trade, release
from hydraflow.egress.taking import LEVELS_TAKEN_MAX
from hydraflow.records import FLAG_BUYER_MAKER
from hydraflow.reports import payload_start

__all__ = ["EGRESS_MAX", "REPORTS_MAX", "flush_owed", "match_resting", "report_owed"]

EGRESS_MAX = 32  # records that wire makes of one message
REPORTS_MAX = 8  # acceptances of one order
ARRIVAL_MAX = LEVELS_TAKEN_MAX + REPORTS_MAX + 2  # fills, acceptances, a fill owed, the end
_FILLS_MAX = BUDGET - EGRESS_MAX
_FLUSH_MAX = _FILLS_MAX - ARRIVAL_MAX

_SNAPSHOT, _DEPTH, _TRADE = np.int64(Kind.SNAPSHOT), np.int64(Kind.DEPTH), np.int64(Kind.TRADE)
_MAKER = np.int64(Liquidity.MAKER)


@compiled(inline=False)
def report_owed(state, params, counters, feedback, now, instruments, slot):
    """Report what an order is owed, and forget it when nothing is left."""
    order = state["orders"][slot]
    lots = order["owed_lots"]
    order["owed_lots"] = 0
    instrument = instruments[order["symbol"]]
    fee = fee_units(notional_units(order["price_ticks"], lots), instrument["maker_fee_ppm"])
    report_fill(state, params, feedback, now, order, lots, order["price_ticks"], fee, _MAKER)
    counters["fills"] += 1
    if order["leaves_lots"] == 0:
        release(state, slot)


@compiled(inline=False)
def _fill_resting(state, params, counters, feedback, now, instruments, slot, lots):
    """Fill a resting order by `lots` at its own price, now or, beyond the budget, with the next message."""
    order = state["orders"][slot]
    order["leaves_lots"] -= lots
    if order["owed_lots"] == 0 and state["used"] < _FILLS_MAX:
        order["owed_lots"] = lots
        report_owed(state, params, counters, feedback, now, instruments, slot)
        return
    if order["owed_lots"] == 0:
        state["owed_count"] += 1
    order["owed_lots"] += lots
    counters["deferred"] += 1


@compiled(inline=False)
def flush_owed(state, params, counters, feedback, now, instruments):
    """Report fills that earlier messages had no room for, by symbol and arrival."""
    for symbol in range(state["queues"].shape[0]):
        place = state["queues"][symbol]["first"]
        for _ in range(state["queues"][symbol]["count"]):
            if state["owed_count"] == 0 or state["used"] >= _FLUSH_MAX:
                return
            slot = place - 1
            place = state["orders"][slot]["following"]
            if state["orders"][slot]["owed_lots"] > 0:
                state["owed_count"] -= 1
                report_owed(state, params, counters, feedback, now, instruments, slot)


@compiled(inline=False)
def match_resting(state, params, counters, feedback, now, event, payload, instruments, symbol):
    """Move the queues of a symbol's resting orders by one message and fill what it reaches."""
    kind = event["kind"]
    live = is_live(state, symbol)
    book = state["books"][symbol]
    trade_price, trade_lots, hit_side, taken = 0, 0, 0, 0
    if kind == _TRADE and event["payload_count"] > 0:
        unit = payload[payload_start(payload, event["payload_position"])]
        trade_price, trade_lots = int(unit["price_ticks"]), int(unit["quantity_lots"])
        hit_side = 1 if np.int64(event["flags"]) & FLAG_BUYER_MAKER else -1
    place = state["queues"][symbol]["first"]
    for _ in range(state["queues"][symbol]["count"]):
        slot = place - 1
        order = state["orders"][slot]
        place = order["following"]
        if order["leaves_lots"] == 0:
            continue
        lots = 0
        if hit_side == order["side"]:
            lots = note_trade(order, trade_price, trade_lots, taken)
            if trade_price == order["price_ticks"]:
                taken += lots
        elif live and (kind == _DEPTH or kind == _SNAPSHOT):
            note_depth(order, displayed_lots(book, order["side"], order["price_ticks"]))
        if live:
            opposite, shown = best_opposite(book, order["side"])
            crossed = shown > 0 and order["side"] * (order["price_ticks"] - opposite) >= 0
            if not crossed:
                order["took"] = 0
            elif order["took"] == 0:
                lots = order["leaves_lots"]
        if lots > 0:
            _fill_resting(state, params, counters, feedback, now, instruments, slot, lots)
