"""The fast path: frames written exactly as Binance writes them, compared eight bytes at a time.

It takes a frame whole or says UNUSUAL, and then the exact path decides; so nothing here needs an error code, and what
it accepts is what the exact path would have made of it (tests hold the two against each other). Shapes, all with or
without `{"stream":…,"data":…}` around them:

    depthUpdate   e E [T] s [ps] U u [pu] b a
    bookTicker    [e] u s [ps] b B a A [T] [E]
    trade         e E [T] s t p q [X | T] m [M]
    aggTrade      e E s a p q [nq] f l T m [M]
    a book        lastUpdateId [E] [T] bids asks, without an envelope: the answer of the REST API

Source: Binance API documentation, websocket market streams and order books (REST) of spot, USD-M and COIN-M futures.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.single_producer import payload_index
from disruptor.words import byte_at, load_word, word
from handlers.deserialize.grammar import skip_space
from handlers.deserialize.levels import UNUSUAL, usual_amount, usual_levels
from handlers.deserialize.scan import natural, peek, string_end
from handlers.deserialize.stamps import venue_stamp
from handlers.deserialize.symbols import ANY_SYMBOL, symbol_in
from hydraflow.codes import Kind, Venue
from hydraflow.records import FLAG_BUYER_MAKER, FLAG_REST

__all__ = ["usual_frame"]

SHORTEST = 64  # bytes; no frame of these shapes is shorter
DECODED = 0
_SNAPSHOT, _DEPTH, _TICKER, _TRADE = int(Kind.SNAPSHOT), int(Kind.DEPTH), int(Kind.TICKER), int(Kind.TRADE)
_POOL = int(Venue.POOL)

_ONE, _TWO, _THREE, _FOUR, _FIVE = 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFF
_SIX, _SEVEN = 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF
_OPEN = 91
_STREAM, _OPENS, _DATA = word(b'{"stream'), word(b'":"'), word(b'","data"')
_BRACE, _INNER, _DEPTH_STREAM, _DEPTH_ONLY = word(b'{"'), word(b':{"'), word(b"@depth@"), word(b'@depth"')
_E_DEPTH, _UPDATE = word(b'e":"dept'), word(b'hUpdate"')
_E_BOOK, _BOOK_REST = word(b'e":"book'), word(b'Ticker",')
_E_TRADE, _E_AGGREGATE = word(b'e":"trad'), word(b'e":"aggT')
_TRADE_END, _AGGREGATE_END = word(b'e",'), word(b'rade",')
_EVENT_TIME, _TIME, _SYMBOL, _PAIR = word(b',"E":'), word(b',"T":'), word(b',"s":"'), word(b',"ps":"')
_FIRST, _LAST, _PREVIOUS = word(b',"U":'), word(b',"u":'), word(b',"pu":')
_BIDS, _ASKS = word(b',"b":['), word(b',"a":[')
_BID, _BID_QUANTITY, _ASK, _ASK_QUANTITY = word(b',"b":"'), word(b'","B":"'), word(b'","a":"'), word(b'","A":"')
_TRADE_ID, _AGGREGATE_ID, _PRICE, _QUANTITY = word(b',"t":'), word(b',"a":'), word(b',"p":"'), word(b'","q":"')
_MARKET_LOW, _MARKET_HIGH = word(b',"X":"MA'), word(b'RKET"')
_NORMAL, _FIRST_TRADE, _LAST_TRADE = word(b',"nq":"'), word(b',"f":'), word(b',"l":')
_MAKER, _IGNORE, _TRUE, _FALS = word(b',"m":'), word(b',"M":'), word(b"true"), word(b"fals")
_BOOK_ID, _BOOK_ID_END = word(b'lastUpda'), word(b'teId":')
_BOOK_BIDS, _BOOK_ASKS = word(b',"bids":'), word(b',"asks":')
_UPDATE_KEY, _UPDATE_REST = word(b'"u":'), word(b'u":')


@compiled(inline=False)
def usual_frame(text, begin, end, instruments, state, decoded, message, levels_max):
    """Decode text[begin:end] into the draft `message` and the free units of `decoded`; return DECODED or UNUSUAL."""
    if end - begin < SHORTEST:
        return UNUSUAL
    wrapped = load_word(text, begin) == _STREAM
    name = begin + 11
    stop = name
    index = begin + 2
    if wrapped:
        if peek(text, begin + 8, end) & _THREE != _OPENS:
            return UNUSUAL
        stop = string_end(text, name, end)
        if stop < 0 or peek(text, stop, end) != _DATA or peek(text, stop + 8, end) & _THREE != _INNER:
            return UNUSUAL
        index = stop + 11
    elif load_word(text, begin) & _TWO != _BRACE:
        return UNUSUAL
    first = peek(text, index, end)
    if first == _E_DEPTH:
        if peek(text, index + 8, end) != _UPDATE or (wrapped and not _names_differences(text, name, stop)):
            return UNUSUAL
        index = _depth(text, index + 16, end, instruments, state, decoded, message, levels_max)
    elif first == _E_BOOK:
        if peek(text, index + 8, end) != _BOOK_REST:
            return UNUSUAL
        index = _ticker(text, index + 16, end, instruments, state, decoded, message)
    elif first & _THREE == _UPDATE_REST:
        index = _ticker(text, index - 1, end, instruments, state, decoded, message)
    elif first == _E_TRADE and peek(text, index + 8, end) & _THREE == _TRADE_END:
        index = _trade(text, index + 10, end, instruments, state, decoded, message, _TRADE_ID)
    elif first == _BOOK_ID and not wrapped:
        index = _book(text, index + 8, end, instruments, state, decoded, message, levels_max)
    elif first == _E_AGGREGATE and peek(text, index + 8, end) & _SIX == _AGGREGATE_END:
        index = _trade(text, index + 13, end, instruments, state, decoded, message, _AGGREGATE_ID)
    else:
        return UNUSUAL
    return _closing(text, index, end, wrapped)


@compiled(inline=False)
def _names_differences(text, name, stop):
    """Return whether the stream text[name:stop] is "…@depth" or "…@depth@…": "@depth20" carries whole books."""
    for index in range(name, stop - 5):
        if byte_at(text, index) == 64:
            following = load_word(text, index) & _SEVEN
            return following == _DEPTH_STREAM or following == _DEPTH_ONLY
    return False


@compiled
def _closing(text, index, end, wrapped):
    """Accept the closing braces and whitespace up to `end`."""
    if index < 0:
        return UNUSUAL
    if wrapped:
        if index >= end or byte_at(text, index) != 125:
            return UNUSUAL
        index += 1
    if index >= end or byte_at(text, index) != 125:
        return UNUSUAL
    return DECODED if index + 1 == end or skip_space(text, index + 1, end) == end else UNUSUAL


@compiled
def _symbol(text, index, end, state):
    """Read `,"s":"…"` and an optional `,"ps":"…"`; return (symbol, index behind), symbol negative for UNUSUAL."""
    if peek(text, index, end) & _SIX != _SYMBOL:
        return UNUSUAL, index
    stop = string_end(text, index + 6, end)
    if stop < 0:
        return UNUSUAL, index
    symbol = symbol_in(state, text, index + 6, stop)
    index = stop + 1
    if peek(text, index, end) & _SEVEN == _PAIR:
        stop = string_end(text, index + 7, end)
        if stop < 0:
            return UNUSUAL, index
        index = stop + 1
    return symbol, index


@compiled
def _stamp(text, index, end, message):
    """Read `,"E":…`, optional; return the index behind it, negative for UNUSUAL."""
    if peek(text, index, end) & _FIVE != _EVENT_TIME:
        return index
    value, index = natural(text, index + 5, end)
    stamp = venue_stamp(value)
    message["venue_ns"] = stamp
    return index if value >= 0 and stamp >= 0 else UNUSUAL


@compiled(inline=False)
def _optional(text, index, end, key):
    """Skip the integer member of the five bytes `key`, optional; return the index behind it, negative for UNUSUAL."""
    if peek(text, index, end) & _FIVE != key:
        return index
    value, index = natural(text, index + 5, end)
    return index if value >= 0 else UNUSUAL


@compiled(inline=False)
def _depth(text, index, end, instruments, state, decoded, message, levels_max):
    index = _stamp(text, index, end, message)
    if index < 0:
        return UNUSUAL
    index = _optional(text, index, end, _TIME)
    if index < 0:
        return UNUSUAL
    symbol, index = _symbol(text, index, end, state)
    if symbol < 0 or peek(text, index, end) & _FIVE != _FIRST:
        return UNUSUAL
    first, index = natural(text, index + 5, end)
    if first < 0 or peek(text, index, end) & _FIVE != _LAST:
        return UNUSUAL
    last, index = natural(text, index + 5, end)
    previous = -1
    if peek(text, index, end) & _SIX == _PREVIOUS:
        previous, index = natural(text, index + 6, end)
        if previous < 0:
            return UNUSUAL
    if last < 0 or peek(text, index, end) & _SIX != _BIDS:
        return UNUSUAL
    place = payload_index(decoded)
    instrument = instruments[symbol]
    index, bids = usual_levels(text, index + 5, end, decoded.payload, place, levels_max, instrument)
    if bids < 0 or peek(text, index, end) & _SIX != _ASKS:
        return UNUSUAL
    index, asks = usual_levels(text, index + 5, end, decoded.payload, place + bids, levels_max - bids, instrument)
    if asks < 0:
        return UNUSUAL
    message["first_update"] = first
    message["last_update"] = last
    message["previous_update"] = previous
    message["payload_count"] = bids + asks
    message["bid_count"] = bids
    message["kind"] = _DEPTH
    message["symbol"] = symbol
    return index


@compiled(inline=False)
def _book(text, index, end, instruments, state, decoded, message, levels_max):
    if peek(text, index, end) & _SIX != _BOOK_ID_END:
        return UNUSUAL
    last, index = natural(text, index + 6, end)
    if last < 0:
        return UNUSUAL
    index = _stamp(text, index, end, message)
    if index < 0:
        return UNUSUAL
    index = _optional(text, index, end, _TIME)
    if index < 0 or peek(text, index, end) != _BOOK_BIDS or peek(text, index + 8, end) & _ONE != _OPEN:
        return UNUSUAL
    symbol = int(state["only_symbol"])
    scale = symbol if symbol >= 0 else _first_exchange(instruments)
    if scale < 0:
        return UNUSUAL
    place = payload_index(decoded)
    instrument = instruments[scale]
    index, bids = usual_levels(text, index + 8, end, decoded.payload, place, levels_max, instrument)
    if bids < 0 or peek(text, index, end) != _BOOK_ASKS or peek(text, index + 8, end) & _ONE != _OPEN:
        return UNUSUAL
    index, asks = usual_levels(text, index + 8, end, decoded.payload, place + bids, levels_max - bids, instrument)
    if asks < 0:
        return UNUSUAL
    message["first_update"] = 0 if symbol >= 0 else scale
    message["last_update"] = last
    message["payload_count"] = bids + asks
    message["bid_count"] = bids
    message["kind"] = _SNAPSHOT
    message["symbol"] = symbol if symbol >= 0 else ANY_SYMBOL
    message["flags"] = FLAG_REST
    return index


@compiled
def _first_exchange(instruments):
    """Return the index of the first instrument of an exchange, -1 when there is none."""
    for index in range(instruments.shape[0]):
        if instruments[index]["venue"] != _POOL:
            return index
    return -1


@compiled(inline=False)
def _ticker(text, index, end, instruments, state, decoded, message):
    if peek(text, index, end) & _FOUR != _UPDATE_KEY:
        return UNUSUAL
    last, index = natural(text, index + 4, end)
    if last < 0:
        return UNUSUAL
    symbol, index = _symbol(text, index, end, state)
    if symbol < 0 or peek(text, index, end) & _SIX != _BID:
        return UNUSUAL
    instrument = instruments[symbol]
    price_decimals = np.int64(instrument["price_decimals"])
    price_multiple = np.int64(instrument["price_multiple"])
    quantity_decimals = np.int64(instrument["quantity_decimals"])
    quantity_multiple = np.int64(instrument["quantity_multiple"])
    bid, index = usual_amount(text, index + 6, end, price_decimals, price_multiple)
    if bid < 0 or peek(text, index, end) & _SEVEN != _BID_QUANTITY:
        return UNUSUAL
    bid_quantity, index = usual_amount(text, index + 7, end, quantity_decimals, quantity_multiple)
    if bid_quantity < 0 or peek(text, index, end) & _SEVEN != _ASK:
        return UNUSUAL
    ask, index = usual_amount(text, index + 7, end, price_decimals, price_multiple)
    if ask < 0 or peek(text, index, end) & _SEVEN != _ASK_QUANTITY:
        return UNUSUAL
    ask_quantity, index = usual_amount(text, index + 7, end, quantity_decimals, quantity_multiple)
    if ask_quantity < 0:
        return UNUSUAL
    index = _optional(text, index + 1, end, _TIME)
    if index < 0:
        return UNUSUAL
    index = _stamp(text, index, end, message)
    place = payload_index(decoded)
    decoded.payload[place]["price_ticks"] = bid
    decoded.payload[place]["quantity_lots"] = bid_quantity
    decoded.payload[place + 1]["price_ticks"] = ask
    decoded.payload[place + 1]["quantity_lots"] = ask_quantity
    message["last_update"] = last
    message["payload_count"] = 2
    message["bid_count"] = 1
    message["kind"] = _TICKER
    message["symbol"] = symbol
    return index


@compiled(inline=False)
def _trade(text, index, end, instruments, state, decoded, message, id_key):
    index = _stamp(text, index, end, message)
    if index < 0:
        return UNUSUAL
    index = _optional(text, index, end, _TIME)
    if index < 0:
        return UNUSUAL
    symbol, index = _symbol(text, index, end, state)
    if symbol < 0 or peek(text, index, end) & _FIVE != id_key:
        return UNUSUAL
    trade, index = natural(text, index + 5, end)
    if trade < 0 or peek(text, index, end) & _SIX != _PRICE:
        return UNUSUAL
    instrument = instruments[symbol]
    price, index = usual_amount(
        text, index + 6, end, np.int64(instrument["price_decimals"]), np.int64(instrument["price_multiple"])
    )
    if price <= 0 or peek(text, index, end) & _SEVEN != _QUANTITY:
        return UNUSUAL
    quantity, index = usual_amount(
        text, index + 7, end, np.int64(instrument["quantity_decimals"]), np.int64(instrument["quantity_multiple"])
    )
    if quantity <= 0:
        return UNUSUAL
    index = _before_maker(text, index + 1, end)
    if index < 0 or peek(text, index, end) & _FIVE != _MAKER:
        return UNUSUAL
    value = peek(text, index + 5, end) & _FOUR
    if value != _TRUE and value != _FALS:
        return UNUSUAL
    index = _skip_boolean(text, index + 5, end)
    if index >= 0 and peek(text, index, end) & _FIVE == _IGNORE:
        index = _skip_boolean(text, index + 5, end)
    place = payload_index(decoded)
    decoded.payload[place]["price_ticks"] = price
    decoded.payload[place]["quantity_lots"] = quantity
    message["first_update"] = trade
    message["payload_count"] = 1
    message["kind"] = _TRADE
    message["symbol"] = symbol
    message["flags"] = FLAG_BUYER_MAKER if value == _TRUE else 0
    return index


@compiled(inline=False)
def _before_maker(text, index, end):
    """Skip what may stand between a trade's quantity and its "m"; return the index behind it, negative for UNUSUAL."""
    if peek(text, index, end) == _MARKET_LOW and peek(text, index + 8, end) & _FIVE == _MARKET_HIGH:
        return index + 13
    if peek(text, index, end) & _SEVEN == _NORMAL:
        index = string_end(text, index + 7, end) + 1
        if index < 1:
            return UNUSUAL
    index = _optional(text, index, end, _FIRST_TRADE)
    if index < 0:
        return UNUSUAL
    index = _optional(text, index, end, _LAST_TRADE)
    if index < 0:
        return UNUSUAL
    return _optional(text, index, end, _TIME)


@compiled
def _skip_boolean(text, index, end):
    code = peek(text, index, end)
    if code & _FOUR == _TRUE:
        return index + 4
    if code & _FOUR == _FALS and (code >> 32) & 255 == 101:
        return index + 5
    return UNUSUAL
