"""Whose snapshot is it? A REST answer does not name its symbol; in a capture of several symbols it must be found out.

Candidates are the exchange instruments whose book is not LIVE and in whose ticks and lots every level is a whole number
(the decoder wrote them in those of instrument 0, see scale). The order of preference, each a tie-break of the one before:

1. the snapshot's id lies nearest to the ids of the candidate's deltas (distance 0 inside the kept range; a candidate
   without deltas comes last),
2. the snapshot's best bid lies nearest, in proportion, to the candidate's last ticker or trade price (one without
   comes last); venues that number all symbols from one counter (Binance USD-M) need this,
3. the lowest index.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from handlers.book.layout import UNSEEN
from handlers.book.pending import kept_count, oldest_delta
from handlers.book.scale import fits, scale_between, scaled
from hydraflow.codes import BookStatus, Venue

__all__ = ["is_exchange", "resolve_symbol"]

_LIVE = int(BookStatus.LIVE)
_POOL = int(Venue.POOL)
_UNKNOWN_DISTANCE = (1 << 63) - 1
_UNKNOWN_RATIO = 1e300


@compiled
def is_exchange(instruments, symbol):
    """Return whether `symbol` is an instrument with an order book."""
    return instruments[symbol]["venue"] != _POOL


@compiled(inline=False)
def resolve_symbol(books, instruments, event, payload):
    """Return the index of the instrument that an unnamed snapshot belongs to, or -1 when none waits for one."""
    update = int(event["last_update"])
    start = int(event["payload_position"]) & (payload.shape[0] // 2 - 1)
    count = np.int64(event["payload_count"])
    price = 0
    if event["bid_count"] > 0 and count > 0:
        price = int(payload[start]["price_ticks"])
    found = -1
    found_distance = 0
    found_ratio = 0.0
    for symbol in range(min(books.shape[0], instruments.shape[0])):
        book = books[symbol]
        if not is_exchange(instruments, symbol) or book["status"] == _LIVE:
            continue
        scale = scale_between(instruments, int(event["first_update"]), symbol)
        if not fits(payload, start, count, scale):
            continue
        distance = _id_distance(book, update)
        ratio = _price_distance(int(book["reference_ticks"]), scaled(price, scale[0], scale[1]))
        if found < 0 or distance < found_distance or (distance == found_distance and ratio < found_ratio):
            found = symbol
            found_distance = distance
            found_ratio = ratio
    return found


@compiled
def _id_distance(book, update):
    """Return how far `update` lies from the ids of the deltas kept, or of the last one received."""
    if book["chain"] == UNSEEN:
        return _UNKNOWN_DISTANCE
    high = int(book["seen"])
    low = high
    if kept_count(book) > 0:
        kept = oldest_delta(book)
        low = int(kept["first_update"]) - 1
        if kept["previous_update"] >= 0:
            low = int(kept["previous_update"])
    if update < low:
        return low - update
    if update > high:
        return update - high
    return 0


@compiled
def _price_distance(reference, price):
    """Return |reference - price| / reference, a large number when either is unknown."""
    if reference <= 0 or price <= 0:
        return _UNKNOWN_RATIO
    return abs(float(reference) - float(price)) / float(reference)
