"""What the venue says: execution reports and requests to be woken, as records of the feedback ring.

Both are due one latency after the message in hand, never earlier: the sequencer relies on it. At most BUDGET records
leave per message; `state["used"]` counts them.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.single_producer import claim
from hydraflow.codes import Kind, Liquidity, ReportStatus

__all__ = ["BUDGET", "ask_for_timer", "report_end", "report_fill", "report_status"]

BUDGET = 64

# Numbers handed to other functions are numpy scalars: for a literal int numba compiles the callee once more.
_REPORT, _TIMER = np.int64(Kind.REPORT), np.int64(Kind.TIMER)
_PARTIAL, _FILLED = np.int64(ReportStatus.PARTIAL), np.int64(ReportStatus.FILLED)
_NONE = np.int64(Liquidity.NONE)
_NOTHING = np.int64(0)


@compiled(inline=False)
def _claim(state, feedback, due_ns, sequence, kind, token, symbol, source):
    record = claim(feedback)
    record["due_ns"] = due_ns
    record["cause"] = sequence
    record["number"] = state["emitted"]
    record["token"] = token
    record["kind"] = kind
    record["source"] = source
    record["symbol"] = symbol
    state["emitted"] += 1
    state["used"] += 1
    return record


@compiled(inline=False)
def ask_for_timer(state, params, feedback, egress_record, sequence):
    """Ask to be woken when the order of `egress_record` reaches the venue. The REPORT part is left as it was."""
    leaves_ns = max(egress_record["not_before_ns"], egress_record["receive_ns"])
    _claim(
        state, feedback, leaves_ns + params["latency_ns"], sequence, _TIMER, egress_record["order_id"],
        np.int64(egress_record["symbol"]), params["source"],
    )


@compiled(inline=False)
def report_fill(state, params, feedback, now, order, lots, price_ticks, fee_units, liquidity):
    """Report a fill of `order`, whose leaves_lots already lacks it. now : (sequence, receive_ns)."""
    status = _FILLED if order["leaves_lots"] == 0 else _PARTIAL
    report = _report(state, params, feedback, now, order["order_id"], order["symbol"], order["side"], order["venue"])
    report["price_ticks"] = price_ticks
    report["quantity_lots"] = lots
    report["leaves_lots"] = order["leaves_lots"]
    report["fee_units"] = fee_units
    report["status"] = status
    report["liquidity"] = liquidity
    report["reason"] = 0


@compiled(inline=False)
def report_status(state, params, feedback, now, order, status, reason):
    """Report a status of `order` without a fill; its leaves are those of an order alive."""
    report = _report(state, params, feedback, now, order["order_id"], order["symbol"], order["side"], order["venue"])
    _no_fill(report, order["price_ticks"], order["leaves_lots"], status, reason)


@compiled(inline=False)
def report_end(state, params, feedback, now, identity, status, reason):
    """Report the end of an order that the venue does not hold. identity : (order id, symbol, side, venue)."""
    report = _report(state, params, feedback, now, identity[0], identity[1], identity[2], identity[3])
    _no_fill(report, _NOTHING, _NOTHING, status, reason)


@compiled
def _report(state, params, feedback, now, order_id, symbol, side, venue):
    due_ns = now[1] + params["latency_ns"]
    record = _claim(state, feedback, due_ns, now[0], _REPORT, order_id, symbol, params["source"])
    report = record["report"]
    report["order_id"] = order_id
    report["cause"] = now[0]
    report["venue_ns"] = now[1]
    report["symbol"] = symbol
    report["side"] = side
    report["venue"] = venue
    report["pad"] = 0
    return report


@compiled
def _no_fill(report, price_ticks, leaves_lots, status, reason):
    report["price_ticks"] = price_ticks
    report["quantity_lots"] = 0
    report["leaves_lots"] = leaves_lots
    report["fee_units"] = 0
    report["status"] = status
    report["liquidity"] = _NONE
    report["reason"] = reason
