"""The decision on one order line: a reason code, and the reservation when it is accepted.

Checks run in the order of the code below, and the first that fails names the reason. A limit is the largest value that
still passes. Cancels pass whenever their target is open: with the kill switch on, after a latched loss, on a stale book.

Source: the pre-trade controls of SEC rule 15c3-5 and FIA's guide of 2015 (size, notional, collar, duplicates, rate,
position, kill switch); the rate is the generic cell rate algorithm of ITU-T I.371 annex A.
"""

from __future__ import annotations

from disruptor.compiled import compiled
from disruptor.rate import rate_take, rate_wait
from disruptor.table import table_find
from handlers.risk.account import worst_lots
from handlers.risk.exposure import best_own_key, reserve, unlink
from handlers.risk.limits import LOTS_MAX, PRICE_MAX, UNITS_MAX
from hydraflow.codes import Action, OrderType, Reason, TimeInForce
from hydraflow.reports import ORDER_ID_MASK

__all__ = ["decide"]

_PPM = 1_000_000
_NEW, _CANCEL = int(Action.NEW), int(Action.CANCEL)
_LIMIT, _MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
_GTC, _IOC, _POST_ONLY = int(TimeInForce.GTC), int(TimeInForce.IOC), int(TimeInForce.POST_ONLY)
_ACCEPTED = int(Reason.ACCEPTED)
_KILL_SWITCH = int(Reason.KILL_SWITCH)
_BOOK_NOT_LIVE = int(Reason.BOOK_NOT_LIVE)
_BAD_ORDER = int(Reason.BAD_ORDER)
_MAX_ORDER_QUANTITY = int(Reason.MAX_ORDER_QUANTITY)
_MAX_ORDER_NOTIONAL = int(Reason.MAX_ORDER_NOTIONAL)
_MAX_POSITION = int(Reason.MAX_POSITION)
_MAX_OPEN_NOTIONAL = int(Reason.MAX_OPEN_NOTIONAL)
_PRICE_COLLAR = int(Reason.PRICE_COLLAR)
_RATE_LIMIT = int(Reason.RATE_LIMIT)
_LOSS_LIMIT = int(Reason.LOSS_LIMIT)
_MAX_OPEN_ORDERS = int(Reason.MAX_OPEN_ORDERS)
_SELF_CROSS = int(Reason.SELF_CROSS)
_UNKNOWN_ORDER = int(Reason.UNKNOWN_ORDER)
_DUPLICATE_ID = int(Reason.DUPLICATE_ID)


@compiled
def decide(state, params, line, now):
    """Return the Reason for an order line; reserves what it accepts. now : receive_ns of the message."""
    if line["action"] == _CANCEL:
        return _decide_cancel(state, line)
    if params["kill"] != 0:
        return _KILL_SWITCH
    if state["latched"] != 0:
        return _LOSS_LIMIT
    if not _well_formed(line, state["limits"].shape[0]):
        return _BAD_ORDER
    # Ids grow with the sequence, so one comparison finds a repeated id, whether its order is still open or not.
    if line["order_id"] <= state["highest_id"]:
        return _DUPLICATE_ID
    limit = state["limits"][int(line["symbol"])]
    account = state["accounts"][limit["underlying"]]
    if account["live"] == 0:
        return _BOOK_NOT_LIVE
    reason = _check_size(limit, account, params["collar_ppm"], line)
    if reason != _ACCEPTED:
        return reason
    reason = _check_exposure(state, limit, account, line)
    if reason != _ACCEPTED:
        return reason
    if state["slots"]["count"] >= params["max_open_orders"]:
        return _MAX_OPEN_ORDERS
    if rate_wait(state["rate"], now, 1) != 0:
        return _RATE_LIMIT
    rests = line["type"] == _LIMIT and line["time_in_force"] != _IOC
    if reserve(state, account, line, limit["underlying"], int(line["side"]), rests) < 0:
        return _MAX_OPEN_ORDERS
    rate_take(state["rate"], now, 1)
    state["highest_id"] = line["order_id"]
    return _ACCEPTED


@compiled
def _decide_cancel(state, line):
    slot = table_find(state["index"], line["target_id"])
    if slot < 0:
        return _UNKNOWN_ORDER
    # The venue gets the cancel before anything sent later, so the order no longer stands in the way of a new one. What
    # it may have filled before stays reserved until the venue reports its end.
    unlink(state, slot)
    return _ACCEPTED


@compiled
def _well_formed(line, instruments):
    kind = line["type"]
    force = line["time_in_force"]
    return (
        line["action"] == _NEW
        and 0 < line["price_ticks"] <= PRICE_MAX
        and 0 < line["quantity_lots"] <= LOTS_MAX
        and 0 < line["order_id"] <= ORDER_ID_MASK
        and line["symbol"] < instruments
        and (line["side"] == 1 or line["side"] == -1)
        and ((kind == _LIMIT and _GTC <= force <= _POST_ONLY) or (kind == _MARKET and force == _IOC))
    )


@compiled
def _check_size(limit, account, collar_ppm, line):
    """Return the Reason that the order alone gives: quantity, distance from the mid, notional."""
    price = line["price_ticks"]
    quantity = line["quantity_lots"]
    if quantity > limit["max_order_lots"]:
        return _MAX_ORDER_QUANTITY
    mid_twice = account["mid_twice"]
    if abs(2 * price - mid_twice) * _PPM > mid_twice * collar_ppm:
        return _PRICE_COLLAR
    # The product may leave int64: the comparison in floating point keeps it below 2^61 before it is taken.
    if float(price) * float(quantity) > 2.0 * UNITS_MAX or price * quantity > limit["max_order_units"]:
        return _MAX_ORDER_NOTIONAL
    return _ACCEPTED


@compiled
def _check_exposure(state, limit, account, line):
    """Return the Reason that the order gives together with what is open, in flight and held."""
    price = line["price_ticks"]
    quantity = line["quantity_lots"]
    side = int(line["side"])
    if price * side + best_own_key(state, limit["underlying"], -side) >= 0:
        return _SELF_CROSS
    if worst_lots(account, side) + quantity > limit["max_position_lots"]:
        return _MAX_POSITION
    if account["open_units"] + price * quantity > limit["max_open_units"]:
        return _MAX_OPEN_NOTIONAL
    return _ACCEPTED
