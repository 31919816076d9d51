"""Orders on their way to the venue, and what happens when they arrive."""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.table import table_find
from hydraflow.codes import Action, OrderType, Reason, ReportStatus, TimeInForce, Venue
from hydraflow.egress.answers import ask_for_timer, report_end, report_status
from hydraflow.egress.fills import EGRESS_MAX, REPORTS_MAX, report_owed
from hydraflow.egress.market import best_opposite, is_live
from hydraflow.egress.resting import CANCELLING, IN_FLIGHT, PARTS_MAX, RESTING, hold, join_queue, release
from hydraflow.egress.taking import swap, walk
from hydraflow.reports import base_order_id, order_slice

__all__ = ["arrive", "take_in"]

_CANCEL = int(Action.CANCEL)
_EXCHANGE, _POOL, _NOWHERE = np.int64(Venue.EXCHANGE), np.int64(Venue.POOL), np.int64(Venue.NONE)
_MARKET, _IOC, _POST_ONLY = int(OrderType.MARKET), int(TimeInForce.IOC), int(TimeInForce.POST_ONLY)
_ACCEPTED, _CANCELLED = np.int64(ReportStatus.ACCEPTED), np.int64(ReportStatus.CANCELLED)
_REJECTED, _CANCEL_REJECTED = np.int64(ReportStatus.REJECTED), np.int64(ReportStatus.CANCEL_REJECTED)
_WOULD_TAKE, _BOOK_NOT_LIVE = np.int64(Reason.WOULD_TAKE), np.int64(Reason.VENUE_BOOK_NOT_LIVE)
_POOL_LIMIT, _VENUE_FULL = np.int64(Reason.POOL_LIMIT), np.int64(Reason.VENUE_FULL)
_NOT_AT_VENUE, _NO_REASON = np.int64(Reason.NOT_AT_VENUE), np.int64(0)


@compiled(inline=False)
def take_in(state, params, counters, feedback, now, sequence, egress):
    """Take every egress record that this message or an earlier one caused: hold it and ask to be woken when it arrives.

    The parts of a split order have one id but for the slice number; they become one order with several arrivals.
    """
    cell = egress.cell
    for _ in range(EGRESS_MAX):
        if cell["next"] > cell["gate"]:
            break
        record = egress.records[cell["next"] & cell["mask"]]
        if record["cause"] > sequence:
            break
        cell["next"] += 1
        counters["received"] += 1
        _take_record(state, params, counters, feedback, now, record)


@compiled(inline=False)
def _take_record(state, params, counters, feedback, now, record):
    order_id = base_order_id(record["order_id"])
    identity = (
        order_id, np.int64(record["symbol"]), np.int64(record["side"]), np.int64(record["venue"])
    )
    if record["venue"] == _NOWHERE:
        report_end(state, params, feedback, now, identity, _REJECTED, np.int64(record["reason"]))
        counters["rejected"] += 1
        return
    part = order_slice(record["order_id"])
    slot = table_find(state["index"], order_id) if part > 0 else hold(state, record, order_id)
    if slot < 0 or part >= PARTS_MAX:
        counters["full"] += 1
        if part == 0:
            _answer_full(state, params, counters, feedback, now, record, identity)
        return
    order = state["orders"][slot]
    if record["action"] == _CANCEL:
        order["phase"] = CANCELLING
    order["quantity_lots"] += record["quantity_lots"]
    order["leaves_lots"] += record["quantity_lots"]
    order["part_lots"][part] = record["quantity_lots"]
    order["parts"] = part + 1
    ask_for_timer(state, params, feedback, record, now[0])


@compiled
def _answer_full(state, params, counters, feedback, now, record, identity):
    """The venue is full: answer at once, with the whole order (its later parts are dropped with it)."""
    if record["action"] == _CANCEL:
        target = (record["target_id"], identity[1], identity[2], identity[3])
        report_end(state, params, feedback, now, target, _CANCEL_REJECTED, _VENUE_FULL)
        counters["cancels_rejected"] += 1
    else:
        report_end(state, params, feedback, now, identity, _REJECTED, _VENUE_FULL)
        counters["rejected"] += 1


@compiled(inline=False)
def arrive(state, params, counters, feedback, now, token, instruments):
    """Act on the order or cancel that arrives with a TIMER of this token. Unknown tokens are somebody else's timers."""
    slot = table_find(state["index"], base_order_id(token))
    if slot < 0:
        return
    order = state["orders"][slot]
    if order["phase"] == CANCELLING:
        _arrive_cancel(state, params, counters, feedback, now, instruments, slot)
    elif order["phase"] == IN_FLIGHT:
        counters["arrived"] += 1
        if order["venue"] == _POOL:
            _arrive_part(state, params, counters, feedback, now, instruments, slot, order_slice(token))
        else:
            _arrive_order(state, params, counters, feedback, now, instruments, slot)


@compiled(inline=False)
def _arrive_order(state, params, counters, feedback, now, instruments, slot):
    order = state["orders"][slot]
    symbol, side = order["symbol"], order["side"]
    if not is_live(state, symbol):
        _reject(state, params, counters, feedback, now, slot, _BOOK_NOT_LIVE)
        return
    opposite, shown = best_opposite(state["books"][symbol], side)
    crosses = shown > 0 and side * (order["price_ticks"] - opposite) >= 0
    if order["time_in_force"] == _POST_ONLY and crosses:
        _reject(state, params, counters, feedback, now, slot, _WOULD_TAKE)
        return
    takes_only = order["type"] == _MARKET or order["time_in_force"] == _IOC
    acceptances = min(max(params["reports_per_order"], 1), REPORTS_MAX)
    if takes_only:
        acceptances -= 1
    for _ in range(acceptances):
        report_status(state, params, feedback, now, order, _ACCEPTED, _NO_REASON)
    if crosses:
        walk(state, params, counters, feedback, now, order, instruments[symbol])
    if order["leaves_lots"] == 0:
        release(state, slot)
    elif takes_only:
        _cancel_rest(state, params, counters, feedback, now, slot)
    else:
        order["took"] = 1 if crosses else 0
        join_queue(state, slot)
        counters["rested"] += 1


@compiled(inline=False)
def _arrive_part(state, params, counters, feedback, now, instruments, slot, part):
    """Execute one slice of a pool order; its last slice ends the order, of which all that did not execute is cancelled."""
    order = state["orders"][slot]
    if part >= order["parts"] or order["part_lots"][part] <= 0:
        return
    lots = order["part_lots"][part]
    order["part_lots"][part] = 0
    order["parts_done"] += 1
    swapped = swap(state, params, counters, feedback, now, order, instruments[order["pool"]], lots)
    if swapped == 0:
        counters["swaps_refused"] += 1
    if order["parts_done"] < order["parts"]:
        return
    if order["leaves_lots"] == order["quantity_lots"]:
        _reject(state, params, counters, feedback, now, slot, _POOL_LIMIT)
    elif order["leaves_lots"] > 0:
        _cancel_rest(state, params, counters, feedback, now, slot)
    else:
        release(state, slot)


@compiled(inline=False)
def _arrive_cancel(state, params, counters, feedback, now, instruments, slot):
    """Cancel what rests. A pool order, or one already gone, cannot be cancelled."""
    cancel = state["orders"][slot]
    target = table_find(state["index"], cancel["target_id"])
    if target >= 0 and state["orders"][target]["owed_lots"] > 0:
        state["owed_count"] -= 1
        report_owed(state, params, counters, feedback, now, instruments, target)
        target = table_find(state["index"], cancel["target_id"])
    if target >= 0 and state["orders"][target]["phase"] == RESTING:
        _cancel_rest(state, params, counters, feedback, now, target)
    else:
        identity = (cancel["target_id"], cancel["symbol"], cancel["side"], _EXCHANGE)
        report_end(state, params, feedback, now, identity, _CANCEL_REJECTED, _NOT_AT_VENUE)
        counters["cancels_rejected"] += 1
    release(state, slot)


@compiled
def _reject(state, params, counters, feedback, now, slot, reason):
    order = state["orders"][slot]
    order["leaves_lots"] = 0
    report_status(state, params, feedback, now, order, _REJECTED, reason)
    counters["rejected"] += 1
    release(state, slot)


@compiled
def _cancel_rest(state, params, counters, feedback, now, slot):
    """Report what is left of an order as cancelled and forget it."""
    order = state["orders"][slot]
    order["leaves_lots"] = 0
    report_status(state, params, feedback, now, order, _CANCELLED, _NO_REASON)
    counters["cancelled"] += 1
    release(state, slot)
