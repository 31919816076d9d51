"""Tickers as an oracle: the book must equal a ticker when it stands at the ticker's update id.

A ticker often arrives before the delta that brings the book to its id, so tickers ahead of the book are remembered in
order. One that the book passes without standing at it says nothing about the prices (the delta holds later changes as
well), but its id must belong to some delta: an id that falls between two is a gap.
"""

from __future__ import annotations

from disruptor.compiled import compiled
from handlers.book.faults import lose, lose_by_gap
from handlers.book.layout import ASK_FLIP, BID_FLIP
from hydraflow.codes import BookStatus

__all__ = ["best_price", "check_remembered", "on_ticker"]

_LIVE = int(BookStatus.LIVE)


@compiled
def best_price(side, flip):
    """Return the best price of a side in ticks, 0 when it is empty."""
    if side["best_quantity"] == 0:
        return 0
    return int(side["best_key"]) ^ int(flip)


@compiled
def on_ticker(book, event, payload, number, counters):
    """Compare a ticker with the book at once, or remember it."""
    update = int(event["last_update"])
    if update <= 0 or event["payload_count"] < 2 or book["status"] != _LIVE:
        return
    start = int(event["payload_position"]) & (payload.shape[0] // 2 - 1)
    bid = payload[start]
    ask = payload[start + 1]
    current = int(book["update"])
    if update > current:
        _remember(book, update, bid, ask, counters)
    elif update == current:
        if _compare(
            book, bid["price_ticks"], bid["quantity_lots"], ask["price_ticks"], ask["quantity_lots"], number, counters
        ):
            counters["checks_depth_first"] += 1
    elif book["hole_after"] < update and update < book["hole_before"]:
        lose_by_gap(book, number, counters)


@compiled
def check_remembered(book, number, counters):
    """Compare the tickers that the book has reached. Call after it moved to book["update"] and is healthy."""
    tickers = book["remembered"]
    mask = tickers.shape[0] - 1
    current = int(book["update"])
    for _ in range(tickers.shape[0]):
        if book["status"] != _LIVE or book["remembered_head"] == book["remembered_tail"]:
            break
        ticker = tickers[book["remembered_head"] & mask]
        update = int(ticker["update"])
        if update > current:
            break
        book["remembered_head"] += 1
        if update == current:
            if _compare(
                book, ticker["bid_price_ticks"], ticker["bid_quantity_lots"], ticker["ask_price_ticks"],
                ticker["ask_quantity_lots"], number, counters,
            ):
                counters["checks_ticker_first"] += 1
        elif book["hole_after"] < update and update < book["hole_before"]:
            lose_by_gap(book, number, counters)


@compiled
def _compare(book, bid_price, bid_quantity, ask_price, ask_quantity, number, counters):
    """Return whether the book's best levels equal a ticker's; a difference is counted and makes the book stale."""
    bid = book["bid"]
    ask = book["ask"]
    equal = (
        best_price(bid, BID_FLIP) == bid_price
        and bid["best_quantity"] == bid_quantity
        and best_price(ask, ASK_FLIP) == ask_price
        and ask["best_quantity"] == ask_quantity
    )
    if equal:
        counters["checks_passed"] += 1
    else:
        if counters["checks_failed"] == 0:
            counters["first_check_failed"] = number
        counters["checks_failed"] += 1
        lose(book, number, counters)
    return equal


@compiled
def _remember(book, update, bid, ask, counters):
    """Append a ticker. Ids only grow, so remembered ones that are ahead of it were wrong: they give way."""
    tickers = book["remembered"]
    mask = tickers.shape[0] - 1
    for _ in range(tickers.shape[0]):
        last = int(book["remembered_tail"]) - 1
        if last < book["remembered_head"] or tickers[last & mask]["update"] <= update:
            break
        book["remembered_tail"] = last
        counters["forgotten"] += 1
    if book["remembered_tail"] - book["remembered_head"] > mask:
        book["remembered_head"] += 1
        counters["forgotten"] += 1
    ticker = tickers[book["remembered_tail"] & mask]
    ticker["update"] = update
    ticker["bid_price_ticks"] = bid["price_ticks"]
    ticker["bid_quantity_lots"] = bid["quantity_lots"]
    ticker["ask_price_ticks"] = ask["price_ticks"]
    ticker["ask_quantity_lots"] = ask["quantity_lots"]
    book["remembered_tail"] += 1
