"""A two-sided market maker around the microprice, with inventory skew.

Fair price: the microprice (bid × ask quantity + ask × bid quantity) / (bid quantity + ask quantity). Quotes join the
best bid and ask and never improve on them (POST_ONLY); they step back when fair price minus skew is further away. The
skew grows with the inventory, so that a long maker is less eager to buy; at the largest inventory that side stops. From
`hedge_lots` on, an immediate-or-cancel order reduces the inventory, and the router chooses where.

One quote per side. It is replaced (cancel and new in one message) when its target has moved by `requote_ticks` and the
venue has confirmed it; it is cancelled when the book leaves LIVE. New orders are written on LIVE books only.

Source: Stoikov, The micro-price (2018), first-order form; Avellaneda and Stoikov, High-frequency trading in a limit
order book (2008), for a reservation price that moves against the inventory, here linear in it.
"""

from __future__ import annotations

import math
from typing import Any

import attrs

from disruptor.compiled import compiled
from disruptor.digest import SEED, fold
from disruptor.handler import handler
from handlers.strategy.quotes import QUOTE, forget, is_overdue, remember, write_cancel, write_limit
from hydraflow import reports
from hydraflow.codes import BookStatus, Kind, ReportStatus, TimeInForce
from hydraflow.records import ORDERS_PER_MESSAGE

__all__ = ["COUNTERS", "MarketMakerParams", "digest", "on_event", "prepare", "state_fields"]

GAUGES = 16  # instruments whose inventory is shown

ROW = [
    ("inventory_lots", "i8"),  # from fill reports, exchange and pools together
    ("underlying", "i8"),
    ("lot_value", "f8"),  # quote currency per tick of price and lot
    ("hedge_side", "i8"),
    ("bid", QUOTE),
    ("ask", QUOTE),
    ("hedge", QUOTE),
]

COUNTERS = [
    ("quotes", "i8"),  # new quotes written
    ("cancels", "i8"),
    ("hedges", "i8"),
    ("overdue", "i8"),  # orders that were given up because no report confirmed them in time
    ("withdrawals", "i8"),  # quotes cancelled because the book was not LIVE
    ("fills", "i8"),
    ("inventory_lots", "i8", (GAUGES,)),  # now
]


def _param(default: Any, description: str, unit: str, lowest: float, highest: float) -> Any:
    return attrs.field(default=default, metadata={"description": description, "unit": unit, "range": (lowest, highest), "live": True})


@attrs.frozen(kw_only=True)
class MarketMakerParams:
    """How the market maker quotes. Sizes are in lots; a notional above 0 replaces the size in lots beside it.

    All of it may change while it runs: the next market message is the first that is quoted by it.
    """

    quote_lots: int = _param(10, "size of a quote", "lots", 1, 1 << 40)
    quote_notional: float = _param(0.0, "size of a quote by value; 0: quote_lots counts", "quote currency", 0, 1e12)
    max_inventory_lots: int = _param(100, "inventory at which the side that adds to it stops", "lots", 1, 1 << 40)
    max_inventory_notional: float = _param(0.0, "the same by value; 0: lots count", "quote currency", 0, 1e12)
    hedge_lots: int = _param(80, "inventory from which an IOC order reduces it; 0: never", "lots", 0, 1 << 40)
    hedge_notional: float = _param(0.0, "the same by value; 0: lots count", "quote currency", 0, 1e12)
    hedge_slack_ticks: int = _param(5, "how far through the best price a hedge may trade", "ticks", 0, 1_000_000)
    skew_ticks: float = _param(2.0, "shift of the fair price at the largest inventory", "ticks", 0, 1e6)
    edge_ticks: float = _param(0.0, "least distance of a quote from the shifted fair price", "ticks", 0, 1e6)
    requote_ticks: int = _param(1, "a quote is replaced when its target moved this far", "ticks", 1, 1_000_000)
    confirm_ns: int = _param(1_000_000_000, "an order not confirmed by then counts as gone", "ns", 0, 1 << 50)


_LOST, _POOL, _REPORT = int(Kind.LOST), int(Kind.POOL), int(Kind.REPORT)
_LIVE = int(BookStatus.LIVE)
_IOC, _POST_ONLY = int(TimeInForce.IOC), int(TimeInForce.POST_ONLY)
_ACCEPTED, _PARTIAL, _FILLED = int(ReportStatus.ACCEPTED), int(ReportStatus.PARTIAL), int(ReportStatus.FILLED)
_BUY, _SELL = 1, -1


def state_fields(params: Any, *, instruments: Any, **_: Any) -> list[Any]:
    """Return the state fields: one row per instrument."""
    return [("rows", ROW, (max(1, len(instruments)),))]


def prepare(state: Any, params: Any, *, instruments: Any, **_: Any) -> None:
    """Copy what is needed of the instrument table."""
    for index, instrument in enumerate(instruments):
        state["rows"][index]["underlying"] = instrument["underlying"]
        state["rows"][index]["lot_value"] = float(instrument["tick"]) * float(instrument["lot"])


@compiled(inline=False)
def digest(state, params):
    """Return a hash of inventories and quotes."""
    value = SEED
    rows = state["rows"]
    for i in range(rows.shape[0]):
        value = fold(fold(value, rows[i]["inventory_lots"]), rows[i]["hedge_side"])
        value = _digest_quote(_digest_quote(value, rows[i]["bid"]), rows[i]["ask"])
        value = _digest_quote(value, rows[i]["hedge"])
    return value


@compiled
def _digest_quote(value, quote):
    value = fold(fold(value, quote["order_id"]), quote["price_ticks"])
    return fold(fold(fold(value, quote["leaves_lots"]), quote["sent_ns"]), quote["confirmed"])


@handler(
    name="market_maker",
    state=state_fields,
    params=MarketMakerParams,
    counters=COUNTERS,
    prepare=prepare,
    digest=digest,
)
def on_event(event, sequence, end_of_batch, state, params, payload, orders, counters):
    """Follow reports; on market data compute the fair price and bring the quotes to their targets."""
    kind = event["kind"]
    if kind == _REPORT:
        _follow(state, payload, reports.payload_start(payload, event["payload_position"]), counters)
        return
    symbol = int(event["symbol"])
    if kind > _LOST or kind == _POOL or symbol >= state["rows"].shape[0]:
        return
    row = state["rows"][symbol]
    bid, ask = event["bid_price_ticks"], event["ask_price_ticks"]
    bid_quantity, ask_quantity = event["bid_quantity_lots"], event["ask_quantity_lots"]
    if event["book_status"] != _LIVE or bid <= 0 or ask <= bid or bid_quantity <= 0 or ask_quantity <= 0:
        if row["bid"]["order_id"] != 0 or row["ask"]["order_id"] != 0:
            event["order_count"] = _withdraw(row, orders, sequence, symbol, counters)
        return
    fair = bid + (ask - bid) * (bid_quantity / (bid_quantity + ask_quantity))
    event["fair_price"] = fair
    now = event["receive_ns"]
    inventory = row["inventory_lots"]
    value = row["lot_value"] * fair
    largest = _lots(params["max_inventory_lots"], params["max_inventory_notional"], value)
    shifted = fair - params["skew_ticks"] * (inventory / largest)
    bid_target = min(bid, math.floor(shifted - params["edge_ticks"]))
    ask_target = max(ask, math.ceil(shifted + params["edge_ticks"]))
    hedge = _hedge_side(row, params, inventory, value, now, counters)
    if hedge == _SELL or row["hedge_side"] == _SELL or inventory >= largest:
        bid_target = 0
    if hedge == _BUY or row["hedge_side"] == _BUY or inventory <= -largest:
        ask_target = 0
    if hedge == 0 and _keeps(row["bid"], bid_target, params, now) and _keeps(row["ask"], ask_target, params, now):
        return
    size = _lots(params["quote_lots"], params["quote_notional"], value)
    base = sequence * ORDERS_PER_MESSAGE + 1
    lines = orders[sequence & (orders.shape[0] - 1)]
    count = 0
    if not _keeps(row["bid"], bid_target, params, now):
        lots = min(size, largest - inventory)
        count = _replace(row["bid"], lines, count, (base, symbol, _BUY, now), bid_target, lots, params, counters)
    if not _keeps(row["ask"], ask_target, params, now):
        lots = min(size, largest + inventory)
        count = _replace(row["ask"], lines, count, (base, symbol, _SELL, now), ask_target, lots, params, counters)
    if hedge != 0:
        price = ask + params["hedge_slack_ticks"] if hedge == _BUY else max(1, bid - params["hedge_slack_ticks"])
        write_limit(lines[count], base + count, symbol, hedge, price, abs(inventory), _IOC)
        remember(row["hedge"], base + count, price, abs(inventory), now)
        row["hedge_side"] = hedge
        counters["hedges"] += 1
        count += 1
    event["order_count"] = count


@compiled
def _lots(lots, notional, lot_value):
    """Return a size in lots, at least 1: by value when a notional is given. lot_value : quote currency per lot."""
    if notional > 0.0 and lot_value > 0.0:
        return max(1, int(notional / lot_value))
    return max(1, lots)


@compiled
def _hedge_side(row, params, inventory, value, now, counters):
    """Return the side of a hedge to be sent now, or 0; gives up one that is overdue."""
    if row["hedge_side"] != 0:
        if not is_overdue(row["hedge"], now, params["confirm_ns"]):
            return 0
        counters["overdue"] += 1
        row["hedge_side"] = 0
        forget(row["hedge"])
    if params["hedge_lots"] <= 0 and params["hedge_notional"] <= 0.0:
        return 0
    if abs(inventory) < _lots(params["hedge_lots"], params["hedge_notional"], value):
        return 0
    return _SELL if inventory > 0 else _BUY


@compiled
def _keeps(quote, target, params, now):
    """Return whether a side needs no order line now. target : wanted price, ≤ 0 when the side should be empty."""
    if quote["order_id"] == 0:
        return target <= 0
    if target <= 0 or is_overdue(quote, now, params["confirm_ns"]):
        return False
    # A quote under way is not chased: at most one cancelled and one unconfirmed order per side at a time.
    return quote["confirmed"] == 0 or abs(target - quote["price_ticks"]) < params["requote_ticks"]


@compiled
def _replace(quote, lines, count, origin, target, lots, params, counters):
    """Write the cancel of what there is and the new quote. origin : (first id, symbol, side, now). Returns the line count."""
    base, symbol, side, now = origin
    if quote["order_id"] != 0:
        if is_overdue(quote, now, params["confirm_ns"]):
            counters["overdue"] += 1
        write_cancel(lines[count], base + count, symbol, side, quote["order_id"])
        forget(quote)
        counters["cancels"] += 1
        count += 1
    if target > 0:
        write_limit(lines[count], base + count, symbol, side, target, lots, _POST_ONLY)
        remember(quote, base + count, target, lots, now)
        counters["quotes"] += 1
        count += 1
    return count


@compiled
def _withdraw(row, orders, sequence, symbol, counters):
    """Cancel both quotes. Returns the line count."""
    base = sequence * ORDERS_PER_MESSAGE + 1
    lines = orders[sequence & (orders.shape[0] - 1)]
    count = 0
    if row["bid"]["order_id"] != 0:
        write_cancel(lines[count], base + count, symbol, _BUY, row["bid"]["order_id"])
        forget(row["bid"])
        count += 1
    if row["ask"]["order_id"] != 0:
        write_cancel(lines[count], base + count, symbol, _SELL, row["ask"]["order_id"])
        forget(row["ask"])
        count += 1
    counters["cancels"] += count
    counters["withdrawals"] += count
    return count


@compiled
def _follow(state, payload, index, counters):
    """Take an execution report into inventory, quotes and hedge."""
    symbol = reports.report_symbol(payload, index)
    side = reports.report_side(payload, index)
    if symbol >= state["rows"].shape[0] or (side != _BUY and side != _SELL):
        return
    underlying = state["rows"][symbol]["underlying"]
    row = state["rows"][underlying]
    status = reports.report_status(payload, index)
    lots = reports.report_quantity_lots(payload, index)
    if status == _PARTIAL or status == _FILLED:
        row["inventory_lots"] += side * lots
        counters["fills"] += 1
        if underlying < GAUGES:
            counters["inventory_lots"][underlying] = row["inventory_lots"]
    order_id = reports.base_order_id(reports.report_order_id(payload, index))
    if order_id == row["hedge"]["order_id"] and order_id != 0:
        _advance(row["hedge"], status, lots)
        if row["hedge"]["order_id"] == 0:
            row["hedge_side"] = 0
    elif side == _BUY:
        if order_id == row["bid"]["order_id"]:
            _advance(row["bid"], status, lots)
    elif order_id == row["ask"]["order_id"]:
        _advance(row["ask"], status, lots)


@compiled
def _advance(quote, status, lots):
    """Confirm an order and take out of it what was filled or has ended; forget it when nothing is left.

    Slices of one order end one by one: FILLED ends `lots` of it, and so does CANCELLED or REJECTED with a quantity.
    """
    if quote["order_id"] == 0:
        return
    quote["confirmed"] = 1
    if status != _ACCEPTED:
        quote["leaves_lots"] -= lots
    if quote["leaves_lots"] <= 0 or (status > _FILLED and lots == 0):
        forget(quote)
