"""What market data and execution reports do to the accounts.

A fill is a fact whatever else is known: one for an order that is not open is counted as unknown and still moves the
position. A report that ends an order (CANCELLED, REJECTED) releases `quantity_lots` of it, or all that is left when
that is 0; the venue must name the quantity when it was a slice of the order that ended.
"""

from __future__ import annotations

from disruptor.compiled import compiled
from disruptor.table import table_find
from handlers.risk.account import book_fill, mark
from handlers.risk.exposure import reduce
from handlers.risk.gauges import show_account, show_orders
from handlers.risk.limits import LOTS_MAX, PRICE_MAX, UNITS_MAX
from hydraflow import reports
from hydraflow.codes import BookStatus, ReportStatus

__all__ = ["observe", "settle"]

_LIVE = int(BookStatus.LIVE)
_PARTIAL, _FILLED = int(ReportStatus.PARTIAL), int(ReportStatus.FILLED)
_CANCELLED, _REJECTED = int(ReportStatus.CANCELLED), int(ReportStatus.REJECTED)


@compiled
def observe(state, event, sequence, counters):
    """Take the best prices of a market-data message and mark the position to them."""
    symbol = int(event["symbol"])
    if symbol >= state["accounts"].shape[0]:
        return
    account = state["accounts"][symbol]
    bid = event["bid_price_ticks"]
    ask = event["ask_price_ticks"]
    if event["book_status"] != _LIVE or bid <= 0 or ask <= bid:
        account["live"] = 0
        return
    account["live"] = 1
    if bid + ask != account["mid_twice"]:
        account["mid_twice"] = bid + ask
        if account["position_lots"] != 0:
            mark(state, state["limits"][symbol], account, sequence)
            show_account(state, account, symbol, counters)


@compiled
def settle(state, payload, index, sequence, counters):
    """Apply an execution report."""
    counters["reports"] += 1
    symbol = reports.report_symbol(payload, index)
    status = reports.report_status(payload, index)
    lots = reports.report_quantity_lots(payload, index)
    if symbol >= state["limits"].shape[0] or not 0 <= lots <= LOTS_MAX:
        counters["bad_reports"] += 1
        return
    slot = table_find(state["index"], reports.base_order_id(reports.report_order_id(payload, index)))
    if slot < 0:
        counters["unknown_reports"] += 1
    if status == _PARTIAL or status == _FILLED:
        _fill(state, payload, index, slot, sequence, counters)
    elif slot >= 0 and (status == _CANCELLED or status == _REJECTED):
        reduce(state, slot, _ended_lots(lots, state["open"][slot]["remaining_lots"]))
    show_orders(state, counters)


@compiled
def _ended_lots(lots, remaining):
    return lots if 0 < lots < remaining else remaining


@compiled
def _fill(state, payload, index, slot, sequence, counters):
    price = reports.report_price_ticks(payload, index)
    lots = reports.report_quantity_lots(payload, index)
    side = reports.report_side(payload, index)
    fee = reports.report_fee_units(payload, index)
    if (
        lots == 0
        or not 0 <= price <= PRICE_MAX
        or (side != 1 and side != -1)
        or float(price) * float(lots) > UNITS_MAX
        or not -UNITS_MAX <= fee <= UNITS_MAX
    ):
        counters["bad_reports"] += 1
        return
    underlying = state["limits"][reports.report_symbol(payload, index)]["underlying"]
    if slot >= 0:
        order = state["open"][slot]
        if order["underlying"] == underlying and order["side"] == side:
            if lots > order["remaining_lots"]:
                counters["overfills"] += 1
            reduce(state, slot, min(lots, order["remaining_lots"]))
        else:
            counters["bad_reports"] += 1
    account = state["accounts"][underlying]
    book_fill(account, side, price, lots, fee)
    counters["fills"] += 1
    counters["volume_lots"] += lots
    mark(state, state["limits"][underlying], account, sequence)
    show_account(state, account, underlying, counters)
