"""Whose snapshot is it? A REST answer does not name its symbol; in a capture of several symbols it must be found out.

Candidates are the exchange instruments in whose ticks and lots every level is a whole number (the decoder wrote them in
those of one of them, see scale) and whose last price lies within half of the snapshot's best bid. A live book is one of
them, or a snapshot that it gets once more would go to a book that waits for another; unless nothing but snapshots came for
it. The order of preference, each a tie-break of the one before:

1. the snapshot's id lies near the ids of the candidate's deltas; before one without deltas; before one far away. Venues
   that number all symbols from one counter (Binance USD-M) have all of them near,
2. the snapshot's best bid lies within a hundredth of the candidate's last price (a live book whose price is another comes
   after one without ids),
3. the book is not live,
4. the price lies nearest, in proportion (one without price comes last),
5. the id lies nearest (distance 0 inside the kept range),
6. the lowest index.

Nothing is decided as long as some candidate has no price, unless the one preferred has a price within a hundredth, or awaits
a snapshot near its ids: see unplaced.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from handlers.book.layout import BID_FLIP, UNSEEN
from handlers.book.pending import kept_count, oldest_delta
from handlers.book.scale import fits, scale_between, scaled
from handlers.book.tickers import best_price
from hydraflow.codes import BookStatus, Kind, Venue

__all__ = ["UNDECIDED", "is_exchange", "note_price", "resolve_symbol"]

_LIVE = int(BookStatus.LIVE)
_DEPTH = int(Kind.DEPTH)
_POOL = int(Venue.POOL)
UNDECIDED = -2
_UNKNOWN_DISTANCE = (1 << 63) - 1
_UNKNOWN_RATIO = 1e300
_NEAR_IDS = 10_000_000  # some ten seconds of the busiest counter; counters of their own are 10^9 and more apart
_OTHER_RATIO, _SAME_RATIO = 0.5, 0.01


@compiled
def is_exchange(instruments, symbol):
    """Return whether `symbol` is an instrument with an order book."""
    return instruments[symbol]["venue"] != _POOL


@compiled
def note_price(book, event, payload):
    """Remember the price of a ticker's bid or of a trade; of a book without prices, a delta's middle bid."""
    count = np.int64(event["payload_count"])
    place = 0
    if event["kind"] == _DEPTH:
        unknown = book["status"] != _LIVE and book["reference_ticks"] == 0
        count = np.int64(event["bid_count"]) if unknown else 0
        place = count // 2
    if count > 0:
        position = (int(event["payload_position"]) & (payload.shape[0] // 2 - 1)) + place
        book["reference_ticks"] = payload[position]["price_ticks"]


@compiled(inline=False)
def resolve_symbol(books, instruments, event, payload):
    """Return the index of the instrument that an unnamed snapshot belongs to, -1 when it is nobody's, or UNDECIDED.

    event : a message, or a record with the same names (layout.UNPLACED), and its payload.
    """
    update = int(event["last_update"])
    start = int(event["payload_position"]) & (payload.shape[0] // 2 - 1)
    count = np.int64(event["payload_count"])
    price = 0
    if event["bid_count"] > 0 and count > 0:
        price = int(payload[start]["price_ticks"])
    found = -1
    found_rank = 0
    found_ratio = 0.0
    found_distance = 0
    candidates = 0
    unpriced = 0
    for symbol in range(min(books.shape[0], instruments.shape[0])):
        book = books[symbol]
        live = book["status"] == _LIVE
        if not is_exchange(instruments, symbol) or (live and book["chain"] == UNSEEN and book["reference_ticks"] == 0):
            continue
        scale = scale_between(instruments, int(event["first_update"]), symbol)
        if not fits(payload, start, count, scale):
            continue
        distance = _id_distance(book, update)
        reference = int(book["reference_ticks"])
        if reference == 0 and live:
            reference = best_price(book["bid"], BID_FLIP)
        ratio = _price_distance(reference, scaled(price, scale[0], scale[1]))
        if _OTHER_RATIO < ratio and ratio < _UNKNOWN_RATIO:
            continue
        candidates += 1
        unpriced += 1 if ratio == _UNKNOWN_RATIO else 0
        rank = 0 if distance <= _NEAR_IDS else 4 if distance == _UNKNOWN_DISTANCE else 8
        if ratio > _SAME_RATIO:
            rank += 6 if live else 2
        rank += 1 if live else 0
        if found >= 0 and found_rank == rank:
            better = ratio < found_ratio or (ratio == found_ratio and distance < found_distance)
        else:
            better = found < 0 or rank < found_rank
        if better:
            found = symbol
            found_rank = rank
            found_ratio = ratio
            found_distance = distance
    if candidates > 1 and unpriced > 0 and found_ratio > _SAME_RATIO and (found_rank >= 4 or found_rank & 1 != 0):
        return UNDECIDED
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
