"""What the rows hold that a run records (`--record`): their fields, and the words that some of them are."""

from __future__ import annotations

from enum import IntEnum

from hydraflow.codes import Action, BookStatus, Liquidity, MevAction, OrderType, ReportStatus, Side, TimeInForce, Venue

__all__ = ["ROW_FIELDS", "words_of"]

_REPORT = ("sequence", "receive_ns", "venue_ns", "number", "cause", "order_id", "symbol", "side", "status", "liquidity", "venue",
           "price", "quantity", "leaves", "fee")
ROW_FIELDS = {
    "book": ("line", "sequence", "receive_ns", "symbol", "u", "status", "bid_price", "bid_quantity", "ask_price", "ask_quantity"),
    "orders": ("event", "line", "target_id", "action", "type", "time_in_force", "reason", "route_reason", "slices", "mev_reason",
               "limit_price", "bid_price", "ask_price", "book_status", *_REPORT),
    "fills": _REPORT,
}
_WORDS: dict[str, type[IntEnum]] = {
    "action": Action, "side": Side, "type": OrderType, "time_in_force": TimeInForce, "venue": Venue, "mev_reason": MevAction,
    "book_status": BookStatus, "status": ReportStatus, "liquidity": Liquidity,
}


def words_of(stream: str, field: str) -> list[str]:
    """Return the words that a field of a stream may be, none when it is no word."""
    kind = BookStatus if (stream, field) == ("book", "status") else _WORDS.get(field)
    return [member.name for member in kind] if kind else []
