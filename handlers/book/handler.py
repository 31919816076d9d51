"""The handler `book`: keeps the L2 book of every exchange instrument and shows its best levels to all later handlers.

It writes bid_price_ticks, bid_quantity_lots, ask_price_ticks, ask_quantity_lots, book_status and book_changes into every
SNAPSHOT, DEPTH, TICKER, TRADE and LOST message. Prices are shown of LIVE books only: whatever is not in step with the
venue shows zeros, so that nobody trades on it by mistake. A snapshot without a symbol (index out of range) shows the
book that it was found to belong to.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.handler import handler
from handlers.book.layout import ASK_FLIP, BID_FLIP, BOOK_COUNTERS, BookParams, book_state
from handlers.book.reading import book_digest
from handlers.book.resolve import UNDECIDED, is_exchange, note_price, resolve_symbol
from handlers.book.said import NOTES, tell, tell_lost_frame
from handlers.book.scale import SAME_SCALE, scale_between
from handlers.book.sync import on_depth, on_lost, on_snapshot
from handlers.book.tickers import best_price, on_ticker
from handlers.book.unplaced import keep_snapshot, place_kept
from hydraflow.codes import BookStatus, Kind

__all__ = ["book"]

_SNAPSHOT = int(Kind.SNAPSHOT)
_DEPTH = int(Kind.DEPTH)
_TICKER = int(Kind.TICKER)
_TRADE = int(Kind.TRADE)
_LOST = int(Kind.LOST)
_LIVE = int(BookStatus.LIVE)
_EMPTY = int(BookStatus.EMPTY)


def on_event(event, sequence, end_of_batch, state, params, payload, instruments, counters):
    """Bring the book of the message's instrument up to date and write its best levels into the message.

    A LOST message without a symbol makes every book stale: the lost frame may have been anyone's.
    """
    kind = event["kind"]
    if kind != _DEPTH and kind != _TICKER and kind != _TRADE and kind != _SNAPSHOT and kind != _LOST:
        return
    books = state["books"]
    symbol_count = min(books.shape[0], instruments.shape[0])
    number = int(event["number"])
    symbol = np.int64(event["symbol"])
    scale = SAME_SCALE
    if kind == _LOST:
        _count_lost(number, counters)
    if kind == _SNAPSHOT:
        counters["snapshots"] += 1
    if symbol >= symbol_count:
        symbol = -1
        if kind == _LOST:
            _lose_every_book(books, instruments, symbol_count, number, counters)
        elif kind == _SNAPSHOT:
            symbol = resolve_symbol(books, instruments, event, payload)
            if symbol == UNDECIDED:
                keep_snapshot(state, event, payload, counters)
            elif symbol >= 0:
                scale = scale_between(instruments, int(event["first_update"]), symbol)
            else:
                counters["snapshots_ignored"] += 1
    elif not is_exchange(instruments, symbol):
        symbol = -1
    if symbol < 0:
        _show_nothing(event)
        return
    one = books[symbol]
    before = int(one["status"])
    if kind == _DEPTH or kind == _TICKER or kind == _TRADE:
        note_price(one, event, payload)
        if state["unplaced_count"] != 0:
            place_kept(state, instruments, number, counters)
    if kind == _DEPTH:
        on_depth(one, event, payload, number, counters)
    elif kind == _TICKER:
        on_ticker(one, event, payload, number, counters)
    elif kind == _TRADE:
        pass
    elif kind == _SNAPSHOT:
        on_snapshot(one, event, payload, scale, number, counters)
    else:
        on_lost(one, number, counters)
    _show(one, event)
    if int(one["status"]) != before:
        tell(symbol, before, int(one["status"]), number, counters)


@compiled
def _show(one, event):
    """Write the best levels of a live book, zeros of any other, and whether they differ from the last ones shown."""
    bid_price, bid_quantity, ask_price, ask_quantity = 0, 0, 0, 0
    if one["status"] == _LIVE:
        bid = one["bid"]
        ask = one["ask"]
        bid_price = best_price(bid, BID_FLIP)
        bid_quantity = int(bid["best_quantity"])
        ask_price = best_price(ask, ASK_FLIP)
        ask_quantity = int(ask["best_quantity"])
    changed = (
        bid_price != one["shown_bid_price_ticks"]
        or bid_quantity != one["shown_bid_quantity_lots"]
        or ask_price != one["shown_ask_price_ticks"]
        or ask_quantity != one["shown_ask_quantity_lots"]
    )
    one["shown_bid_price_ticks"] = bid_price
    one["shown_bid_quantity_lots"] = bid_quantity
    one["shown_ask_price_ticks"] = ask_price
    one["shown_ask_quantity_lots"] = ask_quantity
    event["bid_price_ticks"] = bid_price
    event["bid_quantity_lots"] = bid_quantity
    event["ask_price_ticks"] = ask_price
    event["ask_quantity_lots"] = ask_quantity
    event["book_status"] = one["status"]
    event["book_changes"] = 1 if changed else 0


@compiled
def _show_nothing(event):
    event["bid_price_ticks"] = 0
    event["bid_quantity_lots"] = 0
    event["ask_price_ticks"] = 0
    event["ask_quantity_lots"] = 0
    event["book_status"] = _EMPTY
    event["book_changes"] = 0


@compiled
def _count_lost(number, counters):
    if counters["lost"] == 0:
        counters["first_lost"] = number
    counters["lost"] += 1


@compiled(inline=False)
def _lose_every_book(books, instruments, symbol_count, number, counters):
    before = counters["stale_transitions"]
    for symbol in range(symbol_count):
        if is_exchange(instruments, symbol):
            on_lost(books[symbol], number, counters)
    tell_lost_frame(number, counters["stale_transitions"] - before, counters)


book = handler(
    on_event,
    name="book",
    on_error_choices=("halt", "park"),  # a delta that is left out makes the levels untrue, and nothing would say so
    state=book_state,
    params=BookParams,
    counters=BOOK_COUNTERS,
    writes=(
        "bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots", "book_status", "book_changes",
    ),
    digest=book_digest,
    notes=NOTES,
)
