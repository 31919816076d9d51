"""Reading a book: its digest (compiled) and its levels (Python).

The digest covers what a book means, not how it lies in memory: where the window stands, in which slot of the far table
a level is and how far the rings have turned do not count. The levels of a side enter as the xor of one hash per level
and their number, which is the same in any order, so window and table need not be merged; status, ids, marks, kept
deltas and remembered tickers are folded in order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from disruptor.bits import next_bit
from disruptor.compiled import compiled
from disruptor.digest import SEED, fold
from handlers.book.layout import ASK_FLIP, BID_FLIP
from handlers.book.pending import kept_count
from handlers.book.unplaced import fold_unplaced
from handlers.book.window import key_at
from hydraflow.records import LEVEL

__all__ = ["book_digest", "levels"]


def levels(state: Any, symbol: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return (bids, asks) of one instrument as LEVEL arrays, best first. A copy; also of books that are not live.

    state : the handler's state record, or the array of length 1 that holds it. Call while the book stands still.
    """
    one = np.asarray(state).reshape(-1)["books"][0][symbol]
    return _side_levels(one["bid"], BID_FLIP), _side_levels(one["ask"], ASK_FLIP)


def _side_levels(side: Any, flip: int) -> np.ndarray:
    quantity = side["quantity"]
    size = len(quantity)
    low = int(side["low"])
    slots = np.flatnonzero(quantity)
    offsets = (slots - (low & (size - 1))) & (size - 1)
    far = side["far"][side["far"]["quantity_lots"] != 0]
    keys = np.concatenate((low + offsets, far["key"])).astype(np.int64)
    lots = np.concatenate((quantity[slots], far["quantity_lots"]))
    order = np.argsort(keys)[::-1]
    result = np.zeros(len(keys), LEVEL)
    result["price_ticks"] = keys[order] ^ flip
    result["quantity_lots"] = lots[order]
    return result


@compiled(inline=False)
def book_digest(state, params):
    """Return the digest of every book: int64 over logical content."""
    digest = SEED
    books = state["books"]
    for symbol in range(books.shape[0]):
        one = books[symbol]
        digest = fold(digest, one["status"])
        digest = fold(digest, one["phase"])
        digest = fold(digest, one["update"])
        digest = fold(digest, one["seen"])
        digest = fold(digest, one["chain"])
        digest = fold(digest, one["partial"])
        digest = fold(digest, one["hole_after"])
        digest = fold(digest, one["hole_before"])
        digest = fold(digest, one["reference_ticks"])
        digest = _fold_side(digest, one["bid"])
        digest = _fold_side(digest, one["ask"])
        digest = _fold_deltas(digest, one)
        digest = _fold_tickers(digest, one)
    return fold_unplaced(digest, state)


@compiled(inline=False)
def _fold_side(digest, side):
    quantity = side["quantity"]
    words = side["words"]
    far = side["far"]
    far_words = side["far_words"]
    low = int(side["low"])
    mask = quantity.shape[0] - 1
    count = 0
    mixed = 0
    slot = next_bit(words, 0)
    while slot >= 0:
        mixed ^= fold(fold(SEED, key_at(low, slot, mask)), quantity[slot])
        count += 1
        slot = next_bit(words, slot + 1)
    if side["far_count"] != 0:
        slot = next_bit(far_words, 0)
        while slot >= 0:
            mixed ^= fold(fold(SEED, far[slot]["key"]), far[slot]["quantity_lots"])
            count += 1
            slot = next_bit(far_words, slot + 1)
    digest = fold(fold(digest, count), mixed)
    return fold(fold(digest, 1 if side["truncated"] != 0 else 0), side["dropped_key"])


@compiled(inline=False)
def _fold_deltas(digest, one):
    deltas = one["buffered_deltas"]
    units = one["buffered_levels"]
    digest = fold(digest, kept_count(one))
    for index in range(int(one["buffer_head"]), int(one["buffer_tail"])):
        kept = deltas[index & (deltas.shape[0] - 1)]
        digest = fold(digest, kept["first_update"])
        digest = fold(digest, kept["last_update"])
        digest = fold(digest, kept["previous_update"])
        digest = fold(digest, kept["bid_count"])
        digest = fold(digest, kept["count"])
        start = int(kept["start"])
        for position in range(start, start + int(kept["count"])):
            unit = units[position & (units.shape[0] - 1)]
            digest = fold(fold(digest, unit["price_ticks"]), unit["quantity_lots"])
    return digest


@compiled(inline=False)
def _fold_tickers(digest, one):
    tickers = one["remembered"]
    digest = fold(digest, one["remembered_tail"] - one["remembered_head"])
    for index in range(int(one["remembered_head"]), int(one["remembered_tail"])):
        ticker = tickers[index & (tickers.shape[0] - 1)]
        digest = fold(digest, ticker["update"])
        digest = fold(fold(digest, ticker["bid_price_ticks"]), ticker["bid_quantity_lots"])
        digest = fold(fold(digest, ticker["ask_price_ticks"]), ticker["ask_quantity_lots"])
    return digest
