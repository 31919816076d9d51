"""Runs a strategy or the risk stage over prepared messages, compiled as the engine would, for the tests."""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.handler import params_record
from handlers.risk import stage
from handlers.strategy import market_maker
from hydraflow.records import INSTRUMENT, LEVEL, MESSAGE, ORDER, ORDERS_PER_MESSAGE, REPORT, REPORT_UNITS

_risk = compiled(stage.on_event.function)
_maker = compiled(market_maker.on_event.function)

TRACE = 9  # per message and account: position, cash, fees, cost, mid × 2, buy open, sell open, open units, money × 2


@compiled(inline=False)
def run_risk(events, first, last, state, params, orders, payload, counters, trace):
    """Handle events[first:last]; trace[i, a] is account a after message i."""
    for i in range(first, last):
        _risk(events[i], i, i == last - 1, state, params, orders, payload, counters)
        for a in range(trace.shape[1]):
            account = state["accounts"][a]
            trace[i, a, 0] = account["position_lots"]
            trace[i, a, 1] = account["cash_units"]
            trace[i, a, 2] = account["fees_units"]
            trace[i, a, 3] = account["cost_units"]
            trace[i, a, 4] = account["mid_twice"]
            trace[i, a, 5] = account["open_lots"][1]
            trace[i, a, 6] = account["open_lots"][0]
            trace[i, a, 7] = account["open_units"]
            trace[i, a, 8] = account["money_twice"]


@compiled(inline=False)
def run_maker(events, first, last, state, params, payload, orders, counters):
    """Handle events[first:last] with the market maker."""
    for i in range(first, last):
        _maker(events[i], i, i == last - 1, state, params, payload, orders, counters)


def instruments_of(*rows) -> np.ndarray:
    """Return an instrument table. row : (tick as (multiple, decimals), lot likewise, underlying)."""
    table = np.zeros(len(rows), INSTRUMENT)
    for record, (tick, lot, underlying) in zip(table, rows, strict=True):
        record["price_multiple"], record["price_decimals"] = tick
        record["quantity_multiple"], record["quantity_decimals"] = lot
        record["tick"] = tick[0] / 10 ** tick[1]
        record["lot"] = lot[0] / 10 ** lot[1]
        record["underlying"] = underlying
    return table


class Bench:
    """A handler with its state over a growing list of messages; messages are handled when `run` is called."""

    def __init__(self, handler, params, instruments, slots=1024) -> None:
        self.handler = handler
        self.instruments = instruments
        self.params = params_record(params)
        self.state = np.zeros(1, handler.state_dtype(params, instruments=instruments))
        handler.prepare(self.state[0], params, instruments=instruments)
        self.counters = np.zeros(1, handler.counters_dtype())
        self.events = np.zeros(slots, MESSAGE)
        self.orders = np.zeros((slots, ORDERS_PER_MESSAGE), ORDER)
        self.payload = np.zeros(2 * slots * REPORT_UNITS, LEVEL)
        self.trace = np.zeros((slots, len(instruments), TRACE), np.int64)
        self.next = 0

    def message(self, **fields):
        """Return the next message, with these fields set and its order lines cleared."""
        event = self.events[self.next]
        for name, value in fields.items():
            event[name] = value
        event["payload_position"] = self.next * REPORT_UNITS
        self.next += 1
        return event

    def report(self, **fields) -> None:
        """Put a REPORT record into the payload of the newest message."""
        record = np.zeros(1, REPORT)
        for name, value in fields.items():
            record[0][name] = value
        start = (self.next - 1) * REPORT_UNITS
        self.payload.view(np.uint8)[start * 16 : start * 16 + 64] = record.view(np.uint8)

    def run(self, first=None):
        """Handle the messages from `first` (default: the newest only)."""
        first = self.next - 1 if first is None else first
        if self.handler is stage.on_event:
            run_risk(
                self.events, first, self.next, self.state[0], self.params[0], self.orders, self.payload,
                self.counters[0], self.trace,
            )
        else:
            run_maker(
                self.events, first, self.next, self.state[0], self.params[0], self.payload, self.orders, self.counters[0]
            )
        return self.orders[self.next - 1]
