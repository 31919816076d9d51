"""What is around the event: stream wrappers, answers to requests, subscriptions; and what a spoiled frame was about.

    {"stream":…,"data":{…}}                                   combined streams
    {"code":…,"data":{…}}, {"id":…,"status":200,"result":{…}} answers over HTTP gateways and the websocket API
    {"method":"eth_subscription","params":{"result":{…}}}     logs of a chain
"""

from __future__ import annotations

from disruptor.compiled import compiled
from disruptor.words import byte_at, word
from handlers.deserialize.grammar import character, skip_space, skip_string
from handlers.deserialize.members import (
    ASK,
    ASK_QUANTITY,
    ASKS,
    BID,
    BID_QUANTITY,
    BIDS,
    DATA,
    EVENT,
    LAST,
    LAST_UPDATE_ID,
    METHOD,
    PARAMS,
    RESULT,
    STREAM,
    SYMBOL,
    SYMBOL_NAME,
    members,
    string_is,
)
from handlers.deserialize.symbols import NO_SYMBOL, PLAIN, STREAM_NAME, symbol_of_text

__all__ = [
    "AGGREGATE", "BOOK", "BOOKS", "DELTA", "DIFFERENCES", "NO_DEPTH", "QUOTE", "TRADED", "UNREAD", "UNTOLD", "event_of", "identify",
    "names_depth", "symbol_of", "unwrap",
]

UNREAD, BOOK, DELTA, QUOTE, TRADED, AGGREGATE = range(6)  # what an event is
NO_DEPTH, DIFFERENCES, BOOKS = 0, 1, 2  # what the name of a stream promises
UNTOLD = -2  # beside symbols and NO_SYMBOL: it may have been anyone's
_DEPTH_WORD = word(b"@depth")
_UPDATE_LOW, _UPDATE_HIGH = word(b"depthUpd"), word(b"ate")
_BOOK_LOW, _BOOK_HIGH = word(b"bookTick"), word(b"er")
_TRADE_WORD, _AGGREGATE_WORD, _NOTHING = word(b"trade"), word(b"aggTrade"), word(b"")
_SUBSCRIPTION_LOW, _SUBSCRIPTION_HIGH = word(b"eth_subs"), word(b"cription")
_QUOTE, _OPEN = 34, 123


@compiled(inline=False)
def unwrap(text, end, at):
    """Descend from the members in `at` to those of the event; return (index of the stream's name or -1, from a chain?)."""
    stream = at[STREAM]
    chain = string_is(text, at[METHOD], end, _SUBSCRIPTION_LOW, _SUBSCRIPTION_HIGH)
    for _ in range(3):
        if at[EVENT] >= 0 or at[LAST_UPDATE_ID] >= 0:
            break
        inner = at[DATA]
        if inner < 0 or byte_at(text, inner) != _OPEN:
            inner = at[RESULT]
        if (inner < 0 or byte_at(text, inner) != _OPEN) and chain:
            inner = at[PARAMS]
        if inner < 0 or byte_at(text, inner) != _OPEN:
            break
        members(text, inner, end, at)
    return stream, chain


@compiled(inline=False)
def event_of(text, end, at):
    """Return what the event in `at` is, of those that are read: by its own word, or by its members when it has none."""
    event = at[EVENT]
    if event < 0:
        if at[LAST_UPDATE_ID] >= 0 and at[BIDS] >= 0 and at[ASKS] >= 0:
            return BOOK
        quoted = at[BID] >= 0 and at[BID_QUANTITY] >= 0 and at[ASK] >= 0 and at[ASK_QUANTITY] >= 0
        return QUOTE if quoted and at[LAST] >= 0 and at[SYMBOL] >= 0 else UNREAD
    if string_is(text, event, end, _UPDATE_LOW, _UPDATE_HIGH):
        return DELTA
    if string_is(text, event, end, _BOOK_LOW, _BOOK_HIGH):
        return QUOTE
    if string_is(text, event, end, _TRADE_WORD, _NOTHING):
        return TRADED
    return AGGREGATE if string_is(text, event, end, _AGGREGATE_WORD, _NOTHING) else UNREAD


@compiled(inline=False)
def names_depth(text, stream, end):
    """Return what the stream whose name is the value at `stream` carries: "@depth…" DIFFERENCES, "@depth5…" BOOKS."""
    if stream < 0 or byte_at(text, stream) != _QUOTE:
        return NO_DEPTH
    stop = skip_string(text, stream, end) - 1
    index = stream + 1
    recent = 0  # the last seven characters, the newest on top
    while index < stop:
        code, index = character(text, index)
        recent = (recent >> 8) | ((code & 127) << 48)
        if recent >> 8 == _DEPTH_WORD:
            following = 0
            if index < stop:
                following, index = character(text, index)
            return BOOKS if 48 <= following <= 57 else DIFFERENCES
    return NO_DEPTH


@compiled(inline=False)
def symbol_of(text, end, state, at, stream):
    """Return (symbol, was one named): of the event's own symbol, else of its stream; symbol NO_SYMBOL when unknown.

    Values may be of any type and, in a truncated frame, unfinished.
    """
    named = at[SYMBOL]
    if named < 0:
        named = at[SYMBOL_NAME]
    symbol = NO_SYMBOL
    if named >= 0 and byte_at(text, named) == _QUOTE:
        stop = skip_string(text, named, end)
        if stop >= 0:
            symbol = symbol_of_text(state, text, named + 1, stop - 1, PLAIN)
    elif named < 0 and stream >= 0 and byte_at(text, stream) == _QUOTE:
        stop = skip_string(text, stream, end)
        if stop >= 0:
            symbol = symbol_of_text(state, text, stream + 1, stop - 1, STREAM_NAME)
            named = stream
    return symbol, named >= 0


@compiled(inline=False)
def identify(text, begin, end, state):
    """Return the symbol whose book a frame that cannot be decoded would have changed; NO_SYMBOL, or UNTOLD.

    A depth event or snapshot by its own words or its stream's, as far as the text goes. NO_SYMBOL when it says that it is
    something else, or about a symbol that is not known; UNTOLD when it is too short or too spoiled to say either.
    """
    at = state["at"]
    index = skip_space(text, begin, end)
    if index >= end or byte_at(text, index) != _OPEN:
        return UNTOLD
    members(text, index, end, at)
    stream, chain = unwrap(text, end, at)
    depth = string_is(text, at[EVENT], end, _UPDATE_LOW, _UPDATE_HIGH)
    snapshot = at[EVENT] < 0 and at[LAST_UPDATE_ID] >= 0
    if not (depth or snapshot or names_depth(text, stream, end) != NO_DEPTH):
        other = chain or _is_string(text, at[EVENT], end) or _is_string(text, stream, end)
        return NO_SYMBOL if other or at[BID_QUANTITY] >= 0 or at[ASK_QUANTITY] >= 0 else UNTOLD
    symbol, named = symbol_of(text, end, state, at, stream)
    streamed = _is_string(text, stream, end)
    if symbol == NO_SYMBOL and streamed:
        symbol = symbol_of_text(state, text, stream + 1, skip_string(text, stream, end) - 1, STREAM_NAME)
    if symbol == NO_SYMBOL and not named and snapshot:
        return state["only_symbol"]  # of several, nobody's: a book that it does not replace goes on as it is
    told = streamed or _is_string(text, at[SYMBOL], end) or _is_string(text, at[SYMBOL_NAME], end)
    return symbol if symbol != NO_SYMBOL or told else UNTOLD


@compiled
def _is_string(text, index, end):
    """Return whether there is a whole string at `index`."""
    return index >= 0 and byte_at(text, index) == _QUOTE and skip_string(text, index, end) >= 0
