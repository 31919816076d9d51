"""A production line without engine: the handlers of one thread, called by hand, one message at a time, in virtual time.

Market messages come from a list, feedback from the venue itself: whatever is due first goes next, feedback before market
data at equal times, then by emission number. Slow and obvious; the engine's sequencer must agree with it.
"""

from __future__ import annotations

import heapq
from typing import Any

import numba
import numpy as np

from disruptor.handler import Handler, params_record
from disruptor.ring import Inlet, Port, Ring
from hydraflow.codes import Action, BookStatus, Kind, OrderType, Side, TimeInForce, Venue
from hydraflow.records import EGRESS, FEEDBACK, INSTRUMENT, LEVEL, MESSAGE, ORDER, ORDERS_PER_MESSAGE, REPORT

__all__ = ["Line", "Stage", "call_handler", "instrument", "levels_message", "order_line", "report_texts", "touch"]

_SLOTS = 64
_PAYLOAD_UNITS = 1 << 14
_functions: dict[Any, Any] = {}


def call_handler(handler: Handler) -> Any:
    """Return the handler's function as Python can call it: compiled, or as it is when the JIT is off."""
    if handler.function not in _functions:
        _functions[handler.function] = numba.njit(handler.function, nogil=True, _nrt=False, error_model="python")
    return _functions[handler.function]


class Stage:
    """One handler with its state, params and counters."""

    def __init__(self, handler: Handler, params: Any = None, **context: Any) -> None:
        self.handler = handler
        self.params = params if params is not None else (handler.params() if handler.params else None)
        dtype = handler.state_dtype(self.params, **context)
        self.state = np.zeros(1, dtype) if dtype is not None else None
        counters = handler.counters_dtype()
        self.counters = np.zeros(1, counters) if counters is not None else None
        self.params_array = params_record(self.params) if self.params is not None else None
        if handler.prepare is not None:
            handler.prepare(self.state[0], self.params, **context)

    def digest(self) -> int:
        params = self.params_array[0] if self.params_array is not None else None
        return int(self.handler.digest(self.state[0], params))

    def __call__(self, **offered: Any) -> None:
        values = dict(offered)
        for name, array in (("state", self.state), ("counters", self.counters), ("params", self.params_array)):
            if array is not None:
                values[name] = array[0]
        call_handler(self.handler)(*(values[name] for name in self.handler.arguments))


class Line:
    """The main ring with its payload and order lane, an egress ring, a feedback ring, and stages in order.

    stages : name → Stage; strategy : callable(message, sequence) → list of ORDER records (see order_line), or None.
    The book's part of a message is what the test wrote there unless a stage 'book' is among the stages.
    """

    def __init__(self, instruments: np.ndarray, stages: dict[str, Stage], strategy: Any = None) -> None:
        self.instruments = instruments
        self.stages = stages
        self.strategy = strategy
        self.messages = np.zeros(_SLOTS, MESSAGE)
        self.payload = np.zeros(2 * _PAYLOAD_UNITS, LEVEL)
        self.orders = np.zeros((_SLOTS, ORDERS_PER_MESSAGE), ORDER)
        self.egress = Ring("egress", EGRESS, 256, payload=("u1", 1 << 18))
        self.feedback = Ring("feedback", FEEDBACK, 256)
        self.inlet_cell = self.egress.new_inlet_cell()
        self.sequence = 0
        self.units = 0
        self.pending: list[tuple[int, int, bytes]] = []
        self.sent: list[tuple[np.ndarray, bytes]] = []
        self.reports: list[np.ndarray] = []
        self.read_egress = 0
        self.read_feedback = 0
        self.most_feedback = 0

    def run(self, market: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Process market messages (record, levels) and all feedback that is due up to the end, and after it."""
        queue = list(market)
        while queue or self.pending:
            if self.pending and (not queue or self.pending[0][0] <= int(queue[0][0]["receive_ns"])):
                self._feed_back()
            else:
                record, levels = queue.pop(0)
                self.step(record, levels)

    def step(self, record: np.ndarray, levels: np.ndarray) -> None:
        """Process one message with its payload."""
        slot = self.sequence % _SLOTS
        self.units = (self.units + 3) // 4 * 4
        record["payload_position"] = self.units
        record["payload_count"] = len(levels)
        for level in levels:
            place = self.units % _PAYLOAD_UNITS
            self.payload[place] = self.payload[place + _PAYLOAD_UNITS] = level
            self.units += 1
        self.messages[slot] = record
        event = self.messages[slot]
        lines = self.strategy(event, self.sequence) if self.strategy else []
        event["order_count"] = len(lines)
        for k, line in enumerate(lines):
            line["order_id"] = line["order_id"] or self.sequence * ORDERS_PER_MESSAGE + k + 1
            self.orders[slot, k] = line
        for name, stage in self.stages.items():
            offered = {
                "event": event, "sequence": self.sequence, "end_of_batch": True, "payload": self.payload,
                "instruments": self.instruments, "orders": self.orders,
                "feedback": Port(self.feedback.records, self.feedback.payload, self.feedback.port[0]),
                "egress": Port(self.egress.records, self.egress.payload, self.egress.port[0]),
            }
            if name == "paper":
                self.inlet_cell[0]["gate"] = int(self.egress.port[0]["next"]) - 1
                offered["egress"] = Inlet(self.egress.records, self.egress.payload, self.inlet_cell[0])
            stage(**offered)
        self._collect(int(event["receive_ns"]))
        self.sequence += 1

    def _collect(self, receive_ns: int) -> None:
        while self.read_egress < int(self.egress.port[0]["next"]):
            record = self.egress.records[self.read_egress & self.egress.mask].copy()
            start = int(record["payload_position"]) & (self.egress.payload_capacity - 1)
            self.sent.append((record, self.egress.payload[start : start + int(record["payload_count"])].tobytes()))
            self.read_egress += 1
        count = int(self.feedback.port[0]["next"]) - self.read_feedback
        self.most_feedback = max(self.most_feedback, count)
        while self.read_feedback < int(self.feedback.port[0]["next"]):
            record = self.feedback.records[self.read_feedback & self.feedback.mask]
            assert record["number"] == self.read_feedback, "emission numbers have no gaps"
            assert record["due_ns"] > receive_ns, "nothing is due before its cause"
            heapq.heappush(self.pending, (int(record["due_ns"]), int(record["number"]), record.tobytes()))
            self.read_feedback += 1

    def _feed_back(self) -> None:
        due_ns, number, raw = heapq.heappop(self.pending)
        record = np.frombuffer(raw, FEEDBACK)[0]
        event = np.zeros(1, MESSAGE)[0]
        event["receive_ns"] = due_ns
        event["kind"] = record["kind"]
        event["symbol"] = record["symbol"]
        event["first_update"] = record["token"]
        event["last_update"] = number
        event["previous_update"] = record["cause"]
        levels = np.zeros(0, LEVEL)
        if record["kind"] == Kind.REPORT:
            self.reports.append(record["report"].copy())
            levels = np.frombuffer(record["report"].tobytes(), LEVEL)
        self.step(event, levels)


def instrument(symbol: str = "BTCUSDT", **fields: Any) -> np.ndarray:
    """Return one INSTRUMENT record: tick 0.1, lot 0.001 unless told otherwise."""
    record = np.zeros(1, INSTRUMENT)[0]
    defaults = dict(
        price_multiple=1, quantity_multiple=1, tick=0.1, lot=0.001, price_decimals=1, quantity_decimals=3,
        venue=Venue.EXCHANGE, base_decimals=18, quote_decimals=6,
    )
    for name, value in (defaults | fields).items():
        record[name] = value
    record["symbol_length"] = len(symbol)
    record["symbol"][: len(symbol)] = np.frombuffer(symbol.encode(), np.uint8)
    return record


def levels_message(
    kind: Kind, receive_ns: int, bids: Any = (), asks: Any = (), *, symbol: int = 0, **fields: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return a message of (price, quantity) levels, with the touch and status that `fields` give it."""
    record = np.zeros(1, MESSAGE)[0]
    record["kind"], record["receive_ns"], record["symbol"], record["bid_count"] = kind, receive_ns, symbol, len(bids)
    for name, value in fields.items():
        record[name] = value
    return record, np.array([*bids, *asks], LEVEL)


def order_line(side: Side, price: int, quantity: int, **fields: Any) -> np.ndarray:
    """Return an accepted NEW line, POST_ONLY unless told otherwise."""
    record = np.zeros(1, ORDER)[0]
    defaults = dict(action=Action.NEW, type=OrderType.LIMIT, time_in_force=TimeInForce.POST_ONLY)
    for name, value in (defaults | fields).items():
        record[name] = value
    record["side"], record["price_ticks"], record["quantity_lots"] = side, price, quantity
    return record


def touch(bid: int, bid_lots: int, ask: int, ask_lots: int) -> dict[str, int]:
    """Return the fields that the book writes into a message of a live book."""
    return dict(
        bid_price_ticks=bid, bid_quantity_lots=bid_lots, ask_price_ticks=ask, ask_quantity_lots=ask_lots,
        book_status=BookStatus.LIVE,
    )


def report_texts(reports: list[np.ndarray]) -> list[tuple]:
    """Return (order id, status, price, quantity, leaves, fee) of each report."""
    names = ("order_id", "status", "price_ticks", "quantity_lots", "leaves_lots", "fee_units")
    return [tuple(int(np.asarray(r).view(REPORT).reshape(())[n]) for n in names) for r in reports]
