"""A seeded flow of market data, orders and reports for the risk benchmark, written into ring slots by compiled code.

The generator plays strategy and venue: it lets the risk stage decide while it writes, so that reports answer the orders
that were accepted. The benchmark then puts the state back and times the stage alone over what was written.
"""

from __future__ import annotations

from typing import Any

from disruptor.atomics import fence, timestamp
from disruptor.compiled import compiled, entry
from disruptor.digest import fold
from handlers.risk.stage import on_event
from hydraflow.codes import Action, Kind, OrderType, ReportStatus, TimeInForce
from hydraflow.records import ORDERS_PER_MESSAGE, REPORT_UNITS
from hydraflow.reports import encode_report, pack_tail

__all__ = ["FLOW", "ORDER_MESSAGES", "PENDING", "SPAN", "generate", "replay"]

PENDING = 1024
SPAN = 128
ORDER_MESSAGES = 16
FLOW: list[Any] = [
    ("random", "i8"),
    ("now_ns", "i8"),
    ("mids", "i8", (4,)),
    ("head", "i8"),  # accepted orders that wait for their report: pending[head & mask .. tail & mask]
    ("tail", "i8"),
    ("pending", [("order_id", "i8"), ("price", "i8"), ("lots", "i8"), ("symbol", "i8"), ("side", "i8")], (PENDING,)),
]

_TICKER, _REPORT = int(Kind.TICKER), int(Kind.REPORT)
_NEW, _CANCEL = int(Action.NEW), int(Action.CANCEL)
_LIMIT = int(OrderType.LIMIT)
_IOC, _POST_ONLY = int(TimeInForce.IOC), int(TimeInForce.POST_ONLY)
_ACCEPTED, _FILLED, _CANCELLED = int(ReportStatus.ACCEPTED), int(ReportStatus.FILLED), int(ReportStatus.CANCELLED)

_risk = compiled(on_event.function, inline=False)


@compiled
def _draw(flow, limit):
    """Return a random number in 0..limit-1."""
    flow["random"] = fold(flow["random"], 1)
    return ((flow["random"] >> 16) & 0xFFFFFFFF) % limit


@entry
def generate(flow, crash, events, first, last, state, params, orders, payload, counters):
    """Write and decide messages first..last-1 (slots modulo the ring). crash : the first report names a ruinous fee.

    In each span of SPAN messages ORDER_MESSAGES carry four lines each, then the venue reports on what was accepted (in
    every 32nd span it is silent, so that orders pile up), then there is market data only.
    """
    mask = events.shape[0] - 1
    ruin = crash << 50
    for sequence in range(first, last):
        event = events[sequence & mask]
        flow["now_ns"] += 1 + _draw(flow, 2_000)
        event["receive_ns"] = flow["now_ns"]
        event["payload_position"] = (sequence & mask) * REPORT_UNITS
        event["order_count"] = 0
        event["book_status"] = 0
        place = sequence & (SPAN - 1)
        silent = sequence & (32 * SPAN - 1) < SPAN
        if place >= ORDER_MESSAGES and ((flow["head"] != flow["tail"] and not silent) or ruin != 0):
            event["kind"] = _REPORT
            _write_report(flow, payload, (sequence & mask) * REPORT_UNITS, sequence, ruin)
            ruin = 0
            _risk(event, sequence, False, state, params, orders, payload, counters)
            continue
        _write_ticker(flow, event)
        if place < ORDER_MESSAGES:
            event["order_count"] = ORDERS_PER_MESSAGE
            for k in range(ORDERS_PER_MESSAGE):
                _write_line(flow, orders[sequence & mask, k], sequence * ORDERS_PER_MESSAGE + k + 1, event["symbol"])
        _risk(event, sequence, False, state, params, orders, payload, counters)
        for k in range(event["order_count"]):
            _keep(flow, orders[sequence & mask, k])


@compiled
def _keep(flow, line):
    """Remember an accepted order for its report."""
    if line["reason"] != 0 or line["action"] != _NEW:
        return
    waiting = flow["pending"][flow["tail"] & (PENDING - 1)]
    waiting["order_id"] = line["order_id"]
    waiting["price"] = line["price_ticks"]
    waiting["lots"] = line["quantity_lots"]
    waiting["symbol"] = line["symbol"]
    waiting["side"] = line["side"]
    flow["tail"] += 1


@entry
def replay(events, first, last, state, params, orders, payload, counters, ticks):
    """Run the risk stage alone over messages first..last-1.

    ticks : int64[3]; receives the time spent in runs of messages with order lines, of reports, of market data only. Time
    is taken where one run ends and the next begins: once per microsecond or so, not around each message.
    """
    mask = events.shape[0] - 1
    current = _class_of(events[first & mask])
    started = _stamp()
    for sequence in range(first, last):
        event = events[sequence & mask]
        found = _class_of(event)
        if found != current:
            now = _stamp()
            ticks[current] += now - started
            current = found
            started = _stamp()
        _risk(event, sequence, False, state, params, orders, payload, counters)
    ticks[current] += _stamp() - started


@compiled
def _class_of(event):
    return 1 if event["kind"] == _REPORT else (0 if event["order_count"] != 0 else 2)


@compiled
def _stamp():
    # Without the fences the processor moves work across the stamp.
    fence()
    now = timestamp()
    fence()
    return now


@compiled
def _write_ticker(flow, event):
    symbol = _draw(flow, 4)
    flow["mids"][symbol] += _draw(flow, 3) - 1
    event["kind"] = _TICKER
    event["symbol"] = symbol
    event["book_status"] = 2 if _draw(flow, 100) == 0 else 1
    event["bid_price_ticks"] = flow["mids"][symbol]
    event["ask_price_ticks"] = flow["mids"][symbol] + 1


@compiled
def _write_report(flow, payload, index, sequence, ruin):
    waiting = flow["pending"][flow["head"] & (PENDING - 1)]
    status = _FILLED if _draw(flow, 3) == 0 or ruin != 0 else _CANCELLED
    lots = waiting["lots"] if status == _FILLED else 0
    flow["head"] += 1
    tail = pack_tail(waiting["symbol"], status, waiting["side"], 1, 1, 0)
    fee = waiting["price"] * lots // 5_000 + ruin
    encode_report(payload, index, (waiting["order_id"], waiting["price"]), (lots, 0), fee, sequence, 0, tail)


@compiled
def _write_line(flow, line, order_id, symbol):
    side = 1 if _draw(flow, 2) == 0 else -1
    odd = _draw(flow, 256)
    line["order_id"] = order_id
    line["target_id"] = 0
    line["symbol"] = symbol
    line["side"] = side
    line["type"] = _LIMIT
    line["time_in_force"] = _POST_ONLY if odd & 8 else _IOC
    line["action"] = _NEW
    line["price_ticks"] = flow["mids"][symbol] - side * (_draw(flow, 8) - 1)
    line["quantity_lots"] = 1 + _draw(flow, 40)
    if odd < 50:
        line["action"] = _CANCEL
        waiting = flow["pending"][(flow["head"] + _draw(flow, 4)) & (PENDING - 1)]
        line["target_id"] = waiting["order_id"]
    elif odd < 54:
        line["quantity_lots"] = 1_000_000
    elif odd < 58:
        line["price_ticks"] *= 2
    elif odd < 62:
        line["quantity_lots"] = 900
    elif odd < 64:
        line["side"] = 0
    elif odd < 66:
        line["order_id"] = 1
