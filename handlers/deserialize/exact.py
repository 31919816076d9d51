"""The exact path: any well-formed frame, in any order of keys, with whitespace, escapes and unknown members; and errors.

It validates the whole frame first and notes where the members lie (`state["at"]`), then reads what the kind needs. Each
function returns DECODED or a FrameError; what it left in the draft message and the free payload units is not published.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.single_producer import payload_index
from disruptor.words import byte_at, word
from handlers.deserialize.amm import sync_log
from handlers.deserialize.envelope import (
    AGGREGATE,
    BOOK,
    BOOKS,
    DELTA,
    QUOTE,
    TRADED,
    event_of,
    names_depth,
    symbol_of,
    unwrap,
)
from handlers.deserialize.grammar import skip_space, skip_value
from handlers.deserialize.levels import exact_amount, exact_levels, usual_levels
from handlers.deserialize.members import (
    ADDRESS,
    ASK,
    ASK_QUANTITY,
    ASKS,
    BID,
    BID_QUANTITY,
    BIDS,
    BUYER_MAKER,
    EVENT_TIME,
    FIRST,
    LAST,
    LAST_UPDATE_ID,
    ORIGIN,
    PREVIOUS,
    PRICE,
    QUANTITY,
    SYMBOL,
    TOPICS,
    TRADE,
    members,
    string_is,
)
from handlers.deserialize.stamps import venue_stamp
from handlers.deserialize.symbols import ANY_SYMBOL
from hydraflow.codes import FrameError, Kind, Venue
from hydraflow.records import FLAG_BUYER_MAKER, FLAG_PARTIAL, FLAG_REST

__all__ = ["exact_frame"]

DECODED = 0
_TRUNCATED, _CORRUPT, _UNKNOWN = int(FrameError.TRUNCATED), int(FrameError.CORRUPT), int(FrameError.UNKNOWN)
_BAD_PRICE, _BAD_QUANTITY = np.int64(FrameError.BAD_PRICE), np.int64(FrameError.BAD_QUANTITY)  # arguments: see word
_OUT_OF_RANGE, _UNKNOWN_SYMBOL = int(FrameError.OUT_OF_RANGE), int(FrameError.UNKNOWN_SYMBOL)
_IGNORED, _OFF_TICK = int(FrameError.IGNORED), int(FrameError.OFF_TICK)
_POOL = int(Venue.POOL)
_SNAPSHOT, _DEPTH, _TICKER, _TRADE = int(Kind.SNAPSHOT), int(Kind.DEPTH), int(Kind.TICKER), int(Kind.TRADE)
_INT64_MAX = (1 << 63) - 1
_NOTHING, _ONE = np.int64(0), np.int64(1)

_MARKET = word(b"MARKET")


@compiled(inline=False)
def exact_frame(text, begin, end, instruments, state, decoded, message, levels_max):
    """Decode text[begin:end] into the draft `message` and the free units of `decoded`; return DECODED or a FrameError."""
    at = state["at"]
    index = skip_space(text, begin, end)
    if index >= end:
        return _TRUNCATED
    if byte_at(text, index) != 123:
        index = skip_value(text, index, end)
        if index >= 0:
            return _UNKNOWN if skip_space(text, index, end) == end else _CORRUPT
        return -index
    index = members(text, index, end, at)
    if index < 0:
        return -index
    if skip_space(text, index, end) != end:
        return _CORRUPT
    stream, chain = unwrap(text, end, at)
    if chain:
        return sync_log(text, end, state, instruments, decoded, message) if at[TOPICS] >= 0 and at[ADDRESS] >= 0 else _UNKNOWN
    event = event_of(text, end, at)
    if event == BOOK:
        return _book(text, end, instruments, state, decoded, message, levels_max, stream)
    if event == DELTA:
        return _depth(text, end, instruments, state, decoded, message, levels_max, stream)
    if event == QUOTE:
        return _ticker(text, end, instruments, state, decoded, message, stream)
    if event == TRADED or event == AGGREGATE:
        return _trade(text, end, instruments, state, decoded, message, stream, at[TRADE] if event == TRADED else at[ASK])
    return _UNKNOWN


@compiled(inline=False)
def _integer(text, index, end):
    """Return the JSON integer >= 0 at `index` (negative: absent), -CORRUPT when it is none, -OUT_OF_RANGE beyond int64."""
    if index < 0:
        return -_CORRUPT
    start = index
    value = 0
    large = False
    while index < end:
        code = byte_at(text, index)
        if code < 48 or code > 57:
            if code == 46 or code == 101 or code == 69:
                return -_CORRUPT
            break
        digit = code - 48
        if large or value > (_INT64_MAX - digit) // 10:
            large = True
        else:
            value = value * 10 + digit
        index += 1
    if index == start:
        return -_CORRUPT
    return -_OUT_OF_RANGE if large else value


@compiled(inline=False)
def _stamp(text, end, at, message):
    """Read the optional event time; return DECODED or a FrameError."""
    if at[EVENT_TIME] < 0:
        return DECODED
    value = _integer(text, at[EVENT_TIME], end)
    if value < 0:
        return -value
    stamp = venue_stamp(value)
    message["venue_ns"] = max(stamp, 0)
    return DECODED if stamp >= 0 else _OUT_OF_RANGE


@compiled(inline=False)
def _named_symbol(text, end, state, at, stream):
    """Return the symbol of an event that must name one, or -FrameError."""
    symbol, named = symbol_of(text, end, state, at, stream)
    if symbol >= 0:
        return symbol
    if not named or (at[SYMBOL] >= 0 and byte_at(text, at[SYMBOL]) != 34):
        return -_CORRUPT
    return -_UNKNOWN_SYMBOL


@compiled(inline=False)
def _levels(text, index, end, decoded, taken, levels_max, instrument):
    """Write one side behind the `taken` levels of this frame; return the count or -FrameError."""
    if index < 0:
        return -_CORRUPT
    units = decoded.payload
    place = payload_index(decoded) + taken
    if end - index >= 32:  # the windows of the usual path need as much before the end
        _, count = usual_levels(text, index, end, units, place, levels_max - taken, instrument)
        if count >= 0:
            return count
    return exact_levels(text, index, end, units, place, levels_max - taken, instrument)


@compiled(inline=False)
def _both_sides(text, bids_at, asks_at, end, decoded, message, levels_max, instrument):
    bids = _levels(text, bids_at, end, decoded, _NOTHING, levels_max, instrument)
    if bids < 0:
        return -bids
    asks = _levels(text, asks_at, end, decoded, bids, levels_max, instrument)
    if asks < 0:
        return -asks
    message["bid_count"] = bids
    message["payload_count"] = bids + asks
    return DECODED


@compiled(inline=False)
def _depth(text, end, instruments, state, decoded, message, levels_max, stream):
    at = state["at"]
    symbol = _named_symbol(text, end, state, at, stream)
    if symbol < 0:
        return -symbol
    first = _integer(text, at[FIRST], end)
    if first < 0:
        return -first
    last = _integer(text, at[LAST], end)
    if last < 0:
        return -last
    previous = -1
    if at[PREVIOUS] >= 0:
        previous = _integer(text, at[PREVIOUS], end)
        if previous < 0:
            return -previous
    error = _stamp(text, end, at, message)
    if error != DECODED:
        return error
    whole = names_depth(text, stream, end) == BOOKS
    message["first_update"] = 0 if whole else first
    message["last_update"] = last
    message["previous_update"] = -1 if whole else previous
    message["kind"] = _SNAPSHOT if whole else _DEPTH
    message["flags"] = FLAG_PARTIAL if whole else 0
    message["symbol"] = symbol
    return _both_sides(text, at[BID], at[ASK], end, decoded, message, levels_max, instruments[symbol])


@compiled(inline=False)
def _book(text, end, instruments, state, decoded, message, levels_max, stream):
    at = state["at"]
    symbol, named = symbol_of(text, end, state, at, stream)
    if named:
        symbol = _named_symbol(text, end, state, at, stream)
        if symbol < 0:
            return -symbol
        message["symbol"] = symbol
        message["flags"] = FLAG_PARTIAL if names_depth(text, stream, end) == BOOKS else 0
    else:
        symbol = state["only_symbol"]
        message["flags"] = FLAG_REST
        message["symbol"] = symbol if symbol >= 0 else ANY_SYMBOL
    last = _integer(text, at[LAST_UPDATE_ID], end)
    if last < 0:
        return -last
    error = _stamp(text, end, at, message)
    if error != DECODED:
        return error
    message["last_update"] = last
    message["kind"] = _SNAPSHOT
    if symbol >= 0:
        return _both_sides(text, at[BIDS], at[ASKS], end, decoded, message, levels_max, instruments[symbol])
    return _anyones_sides(text, at[BIDS], at[ASKS], end, instruments, decoded, message, levels_max)


@compiled(inline=False)
def _anyones_sides(text, bids_at, asks_at, end, instruments, decoded, message, levels_max):
    """Write a snapshot that may be any instrument's in the ticks of the first in which every level is exact.

    That instrument's index goes into `first_update`, which a snapshot does not use otherwise; the book scales from it.
    """
    error = _OFF_TICK
    for index in range(instruments.shape[0]):
        if instruments[index]["venue"] == _POOL:
            continue
        message["first_update"] = index
        error = _both_sides(text, bids_at, asks_at, end, decoded, message, levels_max, instruments[index])
        if error != _OFF_TICK:
            break
    return error


@compiled(inline=False)
def _quote(text, price_at, quantity_at, end, decoded, place, instrument):
    """Write one LEVEL from two members; return DECODED or a FrameError. A price may be 0 here: an empty side."""
    if price_at < 0 or quantity_at < 0:
        return _CORRUPT
    price = exact_amount(
        text, price_at, end, np.int64(instrument["price_decimals"]), np.int64(instrument["price_multiple"]), _BAD_PRICE
    )
    if price < 0:
        return -price
    quantity = exact_amount(
        text, quantity_at, end, np.int64(instrument["quantity_decimals"]), np.int64(instrument["quantity_multiple"]), _BAD_QUANTITY
    )
    if quantity < 0:
        return -quantity
    unit = decoded.payload[payload_index(decoded) + place]
    unit["price_ticks"] = price
    unit["quantity_lots"] = quantity
    return DECODED


@compiled(inline=False)
def _ticker(text, end, instruments, state, decoded, message, stream):
    at = state["at"]
    symbol = _named_symbol(text, end, state, at, stream)
    if symbol < 0:
        return -symbol
    last = _integer(text, at[LAST], end)
    if last < 0:
        return -last
    error = _stamp(text, end, at, message)
    if error == DECODED:
        error = _quote(text, at[BID], at[BID_QUANTITY], end, decoded, _NOTHING, instruments[symbol])
    if error == DECODED:
        error = _quote(text, at[ASK], at[ASK_QUANTITY], end, decoded, _ONE, instruments[symbol])
    message["last_update"] = last
    message["payload_count"] = 2
    message["bid_count"] = 1
    message["kind"] = _TICKER
    message["symbol"] = symbol
    return error


@compiled(inline=False)
def _trade(text, end, instruments, state, decoded, message, stream, trade_at):
    at = state["at"]
    if at[ORIGIN] >= 0 and not string_is(text, at[ORIGIN], end, _MARKET, _NOTHING):
        return _IGNORED
    symbol = _named_symbol(text, end, state, at, stream)
    if symbol < 0:
        return -symbol
    trade = _integer(text, trade_at, end)
    if trade < 0:
        return -trade
    error = _stamp(text, end, at, message)
    if error == DECODED:
        error = _quote(text, at[PRICE], at[QUANTITY], end, decoded, _NOTHING, instruments[symbol])
    if error != DECODED:
        return error
    unit = decoded.payload[payload_index(decoded)]
    if unit["price_ticks"] == 0:
        return _BAD_PRICE
    if unit["quantity_lots"] == 0:
        return _BAD_QUANTITY
    maker = at[BUYER_MAKER]
    if maker < 0 or (byte_at(text, maker) != 116 and byte_at(text, maker) != 102):
        return _CORRUPT
    message["first_update"] = trade
    message["payload_count"] = 1
    message["kind"] = _TRADE
    message["symbol"] = symbol
    message["flags"] = FLAG_BUYER_MAKER if byte_at(text, maker) == 116 else 0
    return DECODED
