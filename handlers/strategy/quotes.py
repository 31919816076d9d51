"""What a strategy knows of its own orders, and the writing of order lines.

A strategy learns the fate of an order from REPORT messages only; a line that risk refuses never comes back. So an order
counts as gone when no report has confirmed it within `confirm_ns`, and it is cancelled then all the same, in case it is
only late. Whatever a strategy forgets it has cancelled before.
"""

from __future__ import annotations

from disruptor.compiled import compiled
from hydraflow.codes import Action, OrderType

__all__ = ["QUOTE", "forget", "is_overdue", "remember", "write_cancel", "write_limit"]

QUOTE = [
    ("order_id", "i8"),  # 0: none
    ("price_ticks", "i8"),
    ("leaves_lots", "i8"),
    ("sent_ns", "i8"),
    ("confirmed", "i8"),  # 1 after the first report on it
]

_NEW, _CANCEL, _LIMIT = int(Action.NEW), int(Action.CANCEL), int(OrderType.LIMIT)


@compiled
def remember(quote, order_id, price, lots, now):
    """Note an order that was just sent."""
    quote["order_id"] = order_id
    quote["price_ticks"] = price
    quote["leaves_lots"] = lots
    quote["sent_ns"] = now
    quote["confirmed"] = 0


@compiled
def forget(quote):
    """Note that there is no order."""
    remember(quote, 0, 0, 0, 0)


@compiled
def is_overdue(quote, now, confirm_ns):
    """Return whether an order was sent more than confirm_ns ago and nothing was heard of it."""
    return quote["order_id"] != 0 and quote["confirmed"] == 0 and now - quote["sent_ns"] > confirm_ns


@compiled
def write_limit(line, order_id, symbol, side, price, lots, force):
    """Fill an order line with a new limit order; the fields of later stages become 0."""
    _clear(line, order_id, symbol, side)
    line["price_ticks"] = price
    line["quantity_lots"] = lots
    line["action"] = _NEW
    line["type"] = _LIMIT
    line["time_in_force"] = force


@compiled
def write_cancel(line, order_id, symbol, side, target_id):
    """Fill an order line with the cancel of `target_id`."""
    _clear(line, order_id, symbol, side)
    line["target_id"] = target_id
    line["action"] = _CANCEL


@compiled
def _clear(line, order_id, symbol, side):
    line["order_id"] = order_id
    line["target_id"] = 0
    line["price_ticks"] = 0
    line["quantity_lots"] = 0
    line["symbol"] = symbol
    line["action"] = 0
    line["type"] = 0
    line["time_in_force"] = 0
    line["side"] = side
    line["reason"] = 0
    line["route_reason"] = 0
    line["venue"] = 0
    line["pool"] = 0
    line["route_pad"] = 0
    line["expected_units"] = 0
    line["slices"] = 0
    line["private_relay"] = 0
    line["mev_reason"] = 0
    line["mev_pad"] = 0
    line["limit_price_ticks"] = 0
    line["extractable_units"] = 0
