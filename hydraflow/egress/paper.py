"""The paper venue: receives the orders of the egress ring, fills them against the market data, and reports.

An order reaches the venue `latency_ns` after the message that caused it: the venue asks for a TIMER at that moment and
acts when it comes back through the main ring, so that it knows exactly the messages before it, in every placement and in
replay. What it says is due one latency later.

    GTC, POST_ONLY   rests (see resting); POST_ONLY that would take is rejected, GTC takes first and rests with the rest
    IOC, MARKET      walks the displayed levels up to its limit, the rest is cancelled
    pool             swaps at the latest reserves, each slice wholly or not at all; an order ends with its last slice
    cancel           CANCELLED or CANCEL_REJECTED, the report names the order, not the cancel
    refusal          a record with venue NONE (see handlers.wire) is answered REJECTED with its reason
"""

from __future__ import annotations

import attrs

from disruptor.compiled import compiled
from disruptor.digest import SEED, fold
from disruptor.handler import handler
from disruptor.pool import pool_fields
from disruptor.table import table_fields, table_next, table_value
from handlers.amm import RESERVES, note_reserves
from handlers.book.layout import BOOK_COUNTERS, BookParams, book_state
from handlers.book.reading import book_digest
from hydraflow.codes import Kind
from hydraflow.egress.answers import BUDGET
from hydraflow.egress.arrivals import arrive, take_in
from hydraflow.egress.fills import REPORTS_MAX, flush_owed, match_resting
from hydraflow.egress.market import follow
from hydraflow.egress.resting import PARTS_MAX, VENUE_ORDER

__all__ = ["PaperParams", "paper"]

_POOL_KIND, _LAST_MARKET_KIND, _TIMER = int(Kind.POOL), int(Kind.LOST), int(Kind.TIMER)


def _structural(default: int, text: str):
    return attrs.field(default=default, metadata={"structural": True, "description": text})


@attrs.frozen
class PaperParams:
    """How far away the venue is and how much it can hold."""

    latency_ns: int = attrs.field(default=1_000_000, metadata={"description": "time to the venue, and back", "unit": "ns", "minimum": 0})
    reports_per_order: int = attrs.field(
        default=1, metadata={"description": "acceptances of one order; more than 1 only to load the feedback path", "range": (1, REPORTS_MAX)}
    )
    source: int = attrs.field(default=0, metadata={"description": "index of the venue among the sources"})
    max_orders: int = _structural(1024, "orders and cancels in flight and at rest, all instruments")
    window_ticks: int = _structural(65_536, "as of the book handler: ticks per side kept densely")
    far_levels: int = _structural(32_768, "as of the book handler: slots per side for other prices")


def _state(params, instruments=None, **context):
    count = max(1, len(instruments)) if instruments is not None else 1
    book_params = BookParams(window_ticks=params.window_ticks, far_levels=params.far_levels)
    return [
        ("emitted", "i8"),  # feedback records so far
        ("used", "i8"),  # of them for the message in hand
        ("owed_count", "i8"),  # orders with a fill not reported yet
        ("pad", "i8"),
        ("book_counters", BOOK_COUNTERS),
        *book_state(book_params, instruments=instruments),
        ("pools", RESERVES, (count,)),
        ("queues", [("first", "i8"), ("last", "i8"), ("count", "i8")], (count,)),
        ("index", table_fields(params.max_orders)),
        ("slots", pool_fields(params.max_orders)),
        ("orders", VENUE_ORDER, (params.max_orders,)),
    ]


@compiled
def _fold_order(order):
    result = fold(fold(SEED, order["order_id"]), order["target_id"])
    result = fold(fold(fold(result, order["price_ticks"]), order["leaves_lots"]), order["ahead_lots"])
    result = fold(fold(fold(result, order["level_lots"]), order["traded_lots"]), order["owed_lots"])
    result = fold(fold(fold(fold(result, order["took"]), order["phase"]), order["parts"]), order["parts_done"])
    for part in range(min(order["parts"], PARTS_MAX)):
        result = fold(result, order["part_lots"][part])
    result = fold(fold(fold(result, order["symbol"]), order["side"]), order["type"])
    return fold(fold(fold(result, order["time_in_force"]), order["venue"]), order["pool"])


@compiled(inline=False)
def _digest(state, params):
    """Orders as a set by id, the queues in order, reserves, and the books."""
    mixed = 0
    place = table_next(state["index"], 0)
    for _ in range(state["orders"].shape[0]):
        if place < 0:
            break
        mixed ^= _fold_order(state["orders"][table_value(state["index"], place)])
        place = table_next(state["index"], place + 1)
    result = fold(fold(fold(SEED, state["emitted"]), state["index"]["count"]), mixed)
    for symbol in range(state["queues"].shape[0]):
        slot = state["queues"][symbol]["first"] - 1
        for _ in range(state["queues"][symbol]["count"]):
            result = fold(result, state["orders"][slot]["order_id"])
            slot = state["orders"][slot]["following"] - 1
        result = fold(fold(result, state["pools"][symbol]["base_lots"]), state["pools"][symbol]["quote_units"])
    return fold(result, book_digest(state, params))


@handler(
    name="paper",
    state=_state,
    params=PaperParams,
    counters=[
        (name, "i8")
        for name in (
            "received",  # egress records
            "arrived",  # orders and slices that reached the venue
            "rested",
            "fills",
            "cancelled",
            "cancels_rejected",
            "rejected",
            "swaps_refused",  # slices that the pool's price kept from executing
            "full",  # records refused because max_orders were held
            "deferred",  # fills reported with a later message
        )
    ],
    max_out={"feedback": BUDGET},
    digest=_digest,
)
def paper(event, sequence, end_of_batch, state, params, payload, instruments, counters, egress, feedback):
    """Follow the market, fill what rests, receive what arrives, and take in what wire sent."""
    now = (sequence, event["receive_ns"])
    kind = event["kind"]
    state["used"] = 0
    if state["owed_count"] > 0:
        flush_owed(state, params, counters, feedback, now, instruments)
    if kind == _POOL_KIND:
        note_reserves(state["pools"], event, payload)
    elif kind <= _LAST_MARKET_KIND:
        symbol = follow(state, event, payload, instruments)
        if symbol >= 0 and state["queues"][symbol]["count"] > 0:
            match_resting(state, params, counters, feedback, now, event, payload, instruments, symbol)
    elif kind == _TIMER:
        arrive(state, params, counters, feedback, now, event["first_update"], instruments)
    take_in(state, params, counters, feedback, now, sequence, egress)
