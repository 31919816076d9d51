"""What the paper venue knows of the market: books and pool reserves of its own, built from the same messages.

The book handler's state belongs to the book handler, and a venue that looked into it would see a different moment in
every placement. The venue therefore follows the messages with the book's own compiled functions, so its books pass
through exactly the same states, and reads displayed quantities from them.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from handlers.book.far import far_find
from handlers.book.layout import ASK_FLIP, BID_FLIP
from handlers.book.resolve import UNDECIDED, is_exchange, note_price, resolve_symbol
from handlers.book.scale import SAME_SCALE, scale_between
from handlers.book.sync import on_depth, on_lost, on_snapshot
from handlers.book.tickers import best_price, on_ticker
from handlers.book.unplaced import keep_snapshot, place_kept
from hydraflow.codes import BookStatus, Kind, Side

__all__ = ["best_opposite", "displayed_lots", "follow", "is_live", "next_opposite"]

_SNAPSHOT, _DEPTH, _TICKER = int(Kind.SNAPSHOT), int(Kind.DEPTH), int(Kind.TICKER)
_TRADE, _LOST = int(Kind.TRADE), int(Kind.LOST)
_LIVE = int(BookStatus.LIVE)
_BUY = int(Side.BUY)


@compiled(inline=False)
def follow(state, event, payload, instruments):
    """Apply a message to the book that it belongs to; return the book's symbol, or -1 when it is nobody's."""
    books = state["books"]
    counters = state["book_counters"]
    symbols = min(books.shape[0], instruments.shape[0])
    symbol = np.int64(event["symbol"])
    number = int(event["number"])
    kind = event["kind"]
    scale = SAME_SCALE
    if symbol >= symbols:
        if kind == _LOST:
            for other in range(symbols):
                if is_exchange(instruments, other):
                    on_lost(books[other], number, counters)
            return -1
        if kind != _SNAPSHOT:
            return -1
        symbol = resolve_symbol(books, instruments, event, payload)
        if symbol == UNDECIDED:
            keep_snapshot(state, event, payload, counters)
        if symbol < 0:
            return -1
        scale = scale_between(instruments, int(event["first_update"]), symbol)
    elif not is_exchange(instruments, symbol):
        return -1
    book = books[symbol]
    if kind == _DEPTH or kind == _TICKER or kind == _TRADE:
        note_price(book, event, payload)
        if state["unplaced_count"] != 0:
            place_kept(state, instruments, number, counters)
    if kind == _DEPTH:
        on_depth(book, event, payload, number, counters)
    elif kind == _SNAPSHOT:
        on_snapshot(book, event, payload, scale, number, counters)
    elif kind == _LOST:
        on_lost(book, number, counters)
    elif kind == _TICKER:
        on_ticker(book, event, payload, number, counters)
    return symbol


@compiled
def is_live(state, symbol):
    """Return whether the book of `symbol` may be matched against."""
    return state["books"][symbol]["status"] == _LIVE


@compiled(inline=False)
def displayed_lots(book, side, price_ticks):
    """Return the quantity displayed at a price of the side that an order of `side` would rest on."""
    if side == _BUY:
        return _quantity(book["bid"], price_ticks ^ BID_FLIP)
    return _quantity(book["ask"], price_ticks ^ ASK_FLIP)


@compiled
def best_opposite(book, side):
    """Return (price, quantity) of the best level that an order of `side` would take, (0, 0) when there is none."""
    if side == _BUY:
        return best_price(book["ask"], ASK_FLIP), int(book["ask"]["best_quantity"])
    return best_price(book["bid"], BID_FLIP), int(book["bid"]["best_quantity"])


@compiled(inline=False)
def next_opposite(book, side, price_ticks, limit_ticks):
    """Return (price, quantity) of the next level behind `price_ticks` and not beyond the limit, or (0, 0).

    Looks through the window of the ladder only: what lies farther (half a window and more from the touch) is not taken.
    """
    if side == _BUY:
        ladder, flip = book["ask"], ASK_FLIP
    else:
        ladder, flip = book["bid"], BID_FLIP
    quantity = ladder["quantity"]
    mask = quantity.shape[0] - 1
    last = max(int(ladder["low"]), limit_ticks ^ flip)
    key = (price_ticks ^ flip) - 1
    for _ in range(mask + 1):
        if key < last:
            break
        if quantity[key & mask] != 0:
            return key ^ flip, int(quantity[key & mask])
        key -= 1
    return 0, 0


@compiled
def _quantity(ladder, key):
    quantity = ladder["quantity"]
    low = int(ladder["low"])
    if low <= key and key < low + quantity.shape[0]:
        return int(quantity[key & (quantity.shape[0] - 1)])
    slot = far_find(ladder["far"], key)
    return int(ladder["far"][slot]["quantity_lots"]) if slot >= 0 else 0
