"""What risk tells an operator: which limit has begun to refuse orders, how often since, and that the loss limit has ended trading.

A note goes out at the 1st, 2nd, 4th, 8th … refusal for a reason: the first says that it has begun, and no market can fill the
file with the rest.
"""

from __future__ import annotations

from disruptor.compiled import compiled
from disruptor.notes import note
from handlers.risk.limits import MONEY_DECIMALS
from hydraflow.codes import Reason

__all__ = ["NOTES", "tell_latched", "tell_refused"]

_REFUSED = "refused order {a} of instrument {b}: "
_COUNT = "; {c:,} refused for that so far"
NOTES = {
    "KILL_SWITCH": f"{_REFUSED}the kill switch is on{_COUNT}",
    "BOOK_NOT_LIVE": f"{_REFUSED}its book shows no price{_COUNT}",
    "BAD_ORDER": f"{_REFUSED}price, quantity, side or type is none{_COUNT}",
    "MAX_ORDER_QUANTITY": f"{_REFUSED}above the largest quantity of an order{_COUNT}",
    "MAX_ORDER_NOTIONAL": f"{_REFUSED}above the largest notional of an order{_COUNT}",
    "MAX_POSITION": f"{_REFUSED}the position could pass its limit{_COUNT}",
    "MAX_OPEN_NOTIONAL": f"{_REFUSED}the open notional would pass its limit{_COUNT}",
    "PRICE_COLLAR": f"{_REFUSED}too far from the mid{_COUNT}",
    "RATE_LIMIT": f"{_REFUSED}more orders than the rate allows{_COUNT}",
    "LOSS_LIMIT": f"{_REFUSED}the loss limit was passed{_COUNT}",
    "MAX_OPEN_ORDERS": f"{_REFUSED}as many orders are open as may be{_COUNT}",
    "SELF_CROSS": f"{_REFUSED}it would trade against an own order{_COUNT}",
    "UNKNOWN_ORDER": f"refused to cancel order {{a}} of instrument {{b}}: it is not open{_COUNT}",
    "DUPLICATE_ID": f"{_REFUSED}its id was used before{_COUNT}",
    "LATCHED": "the loss limit was passed, and no new order leaves until a restart: profit and loss {a:,.2f}",
}

_MONEY_TWICE = 2.0 * 10**MONEY_DECIMALS
_KILL_SWITCH, _BOOK_NOT_LIVE, _BAD_ORDER = int(Reason.KILL_SWITCH), int(Reason.BOOK_NOT_LIVE), int(Reason.BAD_ORDER)
_MAX_ORDER_QUANTITY, _MAX_ORDER_NOTIONAL = int(Reason.MAX_ORDER_QUANTITY), int(Reason.MAX_ORDER_NOTIONAL)
_MAX_POSITION, _MAX_OPEN_NOTIONAL = int(Reason.MAX_POSITION), int(Reason.MAX_OPEN_NOTIONAL)
_PRICE_COLLAR, _RATE_LIMIT, _LOSS_LIMIT = int(Reason.PRICE_COLLAR), int(Reason.RATE_LIMIT), int(Reason.LOSS_LIMIT)
_MAX_OPEN_ORDERS, _SELF_CROSS = int(Reason.MAX_OPEN_ORDERS), int(Reason.SELF_CROSS)
_UNKNOWN_ORDER, _DUPLICATE_ID = int(Reason.UNKNOWN_ORDER), int(Reason.DUPLICATE_ID)


@compiled(inline=False)
def tell_refused(reason, line, count):
    """Write a note when the count of refusals for a reason doubles. count : with this one."""
    if count & (count - 1) != 0:
        return
    order, symbol = line["order_id"], int(line["symbol"])
    if reason == _KILL_SWITCH:
        note("KILL_SWITCH", order, symbol, count)
    elif reason == _BOOK_NOT_LIVE:
        note("BOOK_NOT_LIVE", order, symbol, count)
    elif reason == _BAD_ORDER:
        note("BAD_ORDER", order, symbol, count)
    elif reason == _MAX_ORDER_QUANTITY:
        note("MAX_ORDER_QUANTITY", order, symbol, count)
    elif reason == _MAX_ORDER_NOTIONAL:
        note("MAX_ORDER_NOTIONAL", order, symbol, count)
    elif reason == _MAX_POSITION:
        note("MAX_POSITION", order, symbol, count)
    elif reason == _MAX_OPEN_NOTIONAL:
        note("MAX_OPEN_NOTIONAL", order, symbol, count)
    elif reason == _PRICE_COLLAR:
        note("PRICE_COLLAR", order, symbol, count)
    elif reason == _RATE_LIMIT:
        note("RATE_LIMIT", order, symbol, count)
    elif reason == _LOSS_LIMIT:
        note("LOSS_LIMIT", order, symbol, count)
    elif reason == _MAX_OPEN_ORDERS:
        note("MAX_OPEN_ORDERS", order, symbol, count)
    elif reason == _SELF_CROSS:
        note("SELF_CROSS", order, symbol, count)
    elif reason == _UNKNOWN_ORDER:
        note("UNKNOWN_ORDER", line["target_id"], symbol, count)
    elif reason == _DUPLICATE_ID:
        note("DUPLICATE_ID", order, symbol, count)


@compiled(inline=False)
def tell_latched(state):
    """Write the note of the loss limit, at the message that passed it."""
    note("LATCHED", state["money_twice"] / _MONEY_TWICE)
