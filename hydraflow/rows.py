"""Rows that a run leaves for programs: what `--record` writes into .npy files and what `hydraflow.open_run` gives.

Made from messages, order lines and reports, many at a time. Times are datetime64[ns], UTC. Prices are int64 ticks,
quantities int64 lots, money is int64 units (tick × lot); what a tick and a lot of a symbol are stands in its instrument.
Numbers of codes are those of hydraflow.codes; CODES says which field holds which.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from hydraflow.codes import (
    Action,
    BookStatus,
    Kind,
    Liquidity,
    MevAction,
    OrderType,
    Reason,
    ReportStatus,
    Side,
    TimeInForce,
    Venue,
)
from hydraflow.records import REPORT, REPORT_UNITS

__all__ = [
    "BOOK_ROW", "CODES", "LATENCY_ROW", "LEVEL_ROW", "MESSAGE_ROW", "ORDER_ROW", "REPORT_ROW", "ROWS", "book_rows", "fills_of",
    "level_rows", "message_rows", "order_rows", "report_rows", "reports_in",
]

NO_LINE = -1

BOOK_ROW = np.dtype([
    ("sequence", "i8"),  # of the message in the main ring and in the journal
    ("time", "M8[ns]"),  # when the message was received
    ("line", "i8"),  # line of the capture, from 1
    ("last_update", "i8"),  # the venue's update id
    ("bid_price_ticks", "i8"),  # best bid after the message, 0: none
    ("bid_quantity_lots", "i8"),  # what rests there
    ("ask_price_ticks", "i8"),  # best ask, 0: none
    ("ask_quantity_lots", "i8"),  # what rests there
    ("symbol", "u2"),  # index of the instrument
    ("status", "u1"),  # BookStatus: LIVE is in step with the venue
], align=True)

ORDER_ROW = np.dtype([
    ("sequence", "i8"),  # of the message that made the strategy decide
    ("time", "M8[ns]"),  # when that message was received
    ("line", "i8"),  # its line of the capture, from 1; -1: it came back from the venue
    ("order_id", "i8"),  # of a cancellation: its own
    ("target_id", "i8"),  # the order that a cancellation is about, else 0
    ("price_ticks", "i8"),  # limit; of a market order the worst acceptable price
    ("quantity_lots", "i8"),  # what is asked for
    ("limit_price_ticks", "i8"),  # the price that goes out, after what was done about extraction
    ("bid_price_ticks", "i8"),  # best bid at that moment
    ("ask_price_ticks", "i8"),  # best ask
    ("symbol", "u2"),  # index of the instrument
    ("reason", "u2"),  # Reason: ACCEPTED, or why risk refused it
    ("route_reason", "u2"),  # Reason: ACCEPTED, or why it has no way out
    ("slices", "u2"),  # parts that it leaves in
    ("action", "u1"),  # Action: NEW or CANCEL
    ("side", "i1"),  # Side: BUY is 1, SELL is -1
    ("type", "u1"),  # OrderType, 0: none
    ("time_in_force", "u1"),  # TimeInForce, 0: none
    ("venue", "u1"),  # Venue that it is routed to
    ("mev_reason", "u1"),  # MevAction: what was done about extraction
    ("book_status", "u1"),  # BookStatus at that moment
], align=True)

REPORT_ROW = np.dtype([
    ("sequence", "i8"),  # of the report in the main ring and in the journal
    ("time", "M8[ns]"),  # when the report was received
    ("venue_time", "M8[ns]"),  # when it happened at the venue
    ("number", "i8"),  # the venue's own count
    ("cause", "i8"),  # sequence of the message that made the venue report
    ("order_id", "i8"),  # part number of a split order in the top 8 bits
    ("price_ticks", "i8"),  # of this fill
    ("quantity_lots", "i8"),  # of this fill; of a cancellation or rejection: what ended, 0: all that was left
    ("leaves_lots", "i8"),  # still alive at the venue afterwards
    ("fee_units", "i8"),  # paid, below 0: a rebate; tick × lot
    ("symbol", "u2"),  # index of the instrument
    ("status", "u1"),  # ReportStatus
    ("side", "i1"),  # Side of the order
    ("liquidity", "u1"),  # Liquidity: MAKER or TAKER
    ("venue", "u1"),  # Venue
    ("reason", "u2"),  # Reason of a rejection
], align=True)

MESSAGE_ROW = np.dtype([
    ("sequence", "i8"),  # place in the one order of the engine
    ("time", "M8[ns]"),  # when it was received; never goes back
    ("venue_time", "M8[ns]"),  # the venue's own stamp, NaT: it gave none
    ("number", "i8"),  # source's own count; of a capture: line, from 0
    ("first_update", "i8"),  # depth U; trade id; report: order id; timer: token
    ("last_update", "i8"),  # depth u; snapshot's id
    ("previous_update", "i8"),  # depth pu; of feedback: sequence of its cause
    ("first_level", "i8"),  # row of `levels` where its own begin
    ("level_count", "u4"),  # how many it has
    ("bid_count", "u4"),  # of these, the first are bids
    ("flags", "u4"),  # as in the journal
    ("symbol", "u2"),  # index of the instrument
    ("kind", "u1"),  # Kind
    ("source", "u1"),  # index of the source
], align=True)

LEVEL_ROW = np.dtype([
    ("sequence", "i8"),  # of the message that carries it
    ("price_ticks", "i8"),  # its price
    ("quantity_lots", "i8"),  # what rests there now, or was traded; 0: the level is gone
    ("symbol", "u2"),  # index of the instrument
    ("side", "i1"),  # Side: BUY is a bid, SELL an ask; of a trade the side of who took
], align=True)

LATENCY_ROW = np.dtype([
    ("name", "U60"),  # stage, stage.age or frame_to_wire; machine_hiccups
    ("count", "i8"),  # samples
    ("mean", "f8"),  # nanoseconds, like all that follow
    ("p50", "f8"),  # half of the samples are at most this
    ("p90", "f8"),  # nine of ten
    ("p99", "f8"),  # 99 of 100
    ("p999", "f8"),  # 999 of 1,000
    ("p9999", "f8"),  # 9,999 of 10,000
    ("max", "f8"),  # the longest, exact
], align=True)

ROWS = {"books": BOOK_ROW, "orders": ORDER_ROW, "fills": REPORT_ROW, "reports": REPORT_ROW, "messages": MESSAGE_ROW,
        "levels": LEVEL_ROW, "latencies": LATENCY_ROW}

_COMMON: dict[str, type[IntEnum]] = {"side": Side, "venue": Venue, "reason": Reason}
CODES: dict[str, dict[str, type[IntEnum]]] = {
    "books": {"status": BookStatus},
    "orders": {**_COMMON, "route_reason": Reason, "action": Action, "type": OrderType, "time_in_force": TimeInForce,
               "mev_reason": MevAction, "book_status": BookStatus},
    "fills": {**_COMMON, "status": ReportStatus, "liquidity": Liquidity},
    "reports": {**_COMMON, "status": ReportStatus, "liquidity": Liquidity},
    "messages": {"kind": Kind},
    "levels": {"side": Side},
    "latencies": {},
}

_LEVEL_KINDS = (Kind.SNAPSHOT, Kind.DEPTH, Kind.TICKER, Kind.TRADE)
_BUYER_MAKER = 1


def book_rows(messages: np.ndarray, sequences: np.ndarray) -> np.ndarray:
    """Return BOOK_ROW of MESSAGE records whose work part is done."""
    rows = np.zeros(len(messages), BOOK_ROW)
    _same(rows, messages, "last_update", "bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots", "symbol")
    rows["sequence"], rows["time"], rows["line"] = sequences, _times(messages["receive_ns"]), _lines(messages)
    rows["status"] = messages["book_status"]
    return rows


def order_rows(messages: np.ndarray, sequences: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Return ORDER_ROW of ORDER lines. messages, sequences : of the message that each line belongs to."""
    rows = np.zeros(len(lines), ORDER_ROW)
    _same(rows, lines, "order_id", "target_id", "price_ticks", "quantity_lots", "limit_price_ticks", "symbol", "reason",
          "route_reason", "slices", "action", "side", "type", "time_in_force", "venue", "mev_reason")
    _same(rows, messages, "bid_price_ticks", "ask_price_ticks", "book_status")
    rows["sequence"], rows["time"], rows["line"] = sequences, _times(messages["receive_ns"]), _lines(messages)
    return rows


def report_rows(messages: np.ndarray, sequences: np.ndarray, reports: np.ndarray) -> np.ndarray:
    """Return REPORT_ROW of REPORT records and the messages that carry them."""
    rows = np.zeros(len(reports), REPORT_ROW)
    _same(rows, reports, "cause", "order_id", "price_ticks", "quantity_lots", "leaves_lots", "fee_units", "symbol", "status",
          "side", "liquidity", "venue", "reason")
    rows["sequence"], rows["number"] = sequences, messages["number"]
    rows["time"], rows["venue_time"] = _times(messages["receive_ns"]), _times(reports["venue_ns"])
    return rows


def reports_in(units: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the REPORT records that begin at `starts` of a payload (LEVEL records)."""
    words = np.ascontiguousarray(units).view(np.int64).reshape(-1, 2)
    picked = words[np.asarray(starts, np.int64)[:, None] + np.arange(REPORT_UNITS)]
    return np.ascontiguousarray(picked).view(np.uint8).reshape(len(starts), -1).view(REPORT)[:, 0] if len(starts) else np.zeros(0, REPORT)


def fills_of(reports: np.ndarray) -> np.ndarray:
    """Return those REPORT_ROWs that are executions."""
    executed = (reports["status"] == ReportStatus.PARTIAL) | (reports["status"] == ReportStatus.FILLED)
    return reports[executed & (reports["quantity_lots"] != 0)]


def message_rows(messages: np.ndarray, first_sequence: int = 0) -> np.ndarray:
    """Return MESSAGE_ROW of journaled MESSAGE records; `first_level` counts as `level_rows` does."""
    rows = np.zeros(len(messages), MESSAGE_ROW)
    _same(rows, messages, "number", "first_update", "last_update", "previous_update", "bid_count", "flags", "symbol", "kind", "source")
    rows["sequence"] = np.arange(first_sequence, first_sequence + len(messages))
    rows["time"], rows["venue_time"] = _times(messages["receive_ns"]), _times(messages["venue_ns"], 0)
    rows["level_count"] = np.where(np.isin(messages["kind"], _LEVEL_KINDS), messages["payload_count"], 0)
    rows["first_level"] = np.cumsum(rows["level_count"], dtype=np.int64) - rows["level_count"]
    return rows


def level_rows(messages: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return LEVEL_ROW of every level, or trade, that journaled messages carry. units : LEVEL records of the journal."""
    counts = message_rows(messages)["level_count"].astype(np.int64)
    owner = np.repeat(np.arange(len(messages)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.zeros(len(owner), LEVEL_ROW)
    source = units[messages["payload_position"][owner] + within]
    _same(rows, source, "price_ticks", "quantity_lots")
    rows["sequence"], rows["symbol"] = owner, messages["symbol"][owner]
    bids = within < messages["bid_count"][owner]
    kinds = messages["kind"][owner]
    bids = np.where(kinds == Kind.TICKER, within == 0, bids)
    bids = np.where(kinds == Kind.TRADE, messages["flags"][owner] & _BUYER_MAKER == 0, bids)
    rows["side"] = np.where(bids, int(Side.BUY), int(Side.SELL))
    return rows


def _same(rows: np.ndarray, source: np.ndarray, *fields: str) -> None:
    for field in fields:
        rows[field] = source[field]


def _times(values: np.ndarray, absent: int | None = None) -> np.ndarray:
    times = values.astype("M8[ns]")
    if absent is not None:
        times[values == absent] = np.datetime64("NaT")
    return times


def _lines(messages: np.ndarray) -> np.ndarray:
    return np.where(messages["kind"] < Kind.REPORT, messages["number"] + 1, NO_LINE)
