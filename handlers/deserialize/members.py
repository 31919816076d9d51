"""Where the members of a JSON object lie: one pass that validates it and notes the known keys.

`at[K]` becomes the index of the value of key K, ABSENT when the object has no such key; of a repeated key the last one
counts, as in every JSON library. Keys may be written with escapes.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.words import byte_at, word
from handlers.deserialize.grammar import character, skip_space, skip_string, skip_value
from hydraflow.codes import FrameError

__all__ = ["ABSENT", "KEYS", "forget", "members", "string_is"]

ABSENT = -1
_TRUNCATED = -int(FrameError.TRUNCATED)
_CORRUPT = -int(FrameError.CORRUPT)

# one letter, as Binance writes them
EVENT, SYMBOL, FIRST, LAST, BID, ASK, BID_QUANTITY, ASK_QUANTITY = range(8)
EVENT_TIME, TRADE, PRICE, QUANTITY, BUYER_MAKER, ORIGIN, PREVIOUS = range(8, 15)
# words
STREAM, DATA, RESULT, PARAMS, METHOD = range(15, 20)
LAST_UPDATE_ID, BIDS, ASKS, SYMBOL_NAME = range(20, 24)
ADDRESS, TOPICS, BLOCK_NUMBER, LOG_INDEX, REMOVED = range(24, 29)
KEYS = 29

_LETTERS = {
    b"e": EVENT, b"s": SYMBOL, b"U": FIRST, b"u": LAST, b"b": BID, b"a": ASK, b"B": BID_QUANTITY, b"A": ASK_QUANTITY,
    b"E": EVENT_TIME, b"t": TRADE, b"p": PRICE, b"q": QUANTITY, b"m": BUYER_MAKER, b"X": ORIGIN,
}  # fmt: skip
_LETTER = np.array([_LETTERS.get(bytes([code]), ABSENT) for code in range(128)], np.int64)
_PU = word(b"pu")
_STREAM, _DATA, _RESULT, _PARAMS, _METHOD = (word(k) for k in (b"stream", b"data", b"result", b"params", b"method"))
_LAST_UPDATE, _ID, _BIDS, _ASKS, _SYMBOL = (word(k) for k in (b"lastUpda", b"teId", b"bids", b"asks", b"symbol"))
_ADDRESS, _TOPICS, _BLOCK_NU, _MBER = (word(k) for k in (b"address", b"topics", b"blockNum", b"ber"))
_LOG_INDEX, _REMOVED = word(b"logIndex"), word(b"removed")


@compiled(inline=False)
def forget(at):
    """Set every key to ABSENT."""
    for key in range(KEYS):
        at[key] = ABSENT


@compiled(inline=False)
def members(text, index, end, at):
    """Read the object whose brace is at `index` into `at`; return the index behind it, or -TRUNCATED or -CORRUPT.

    `at` is reset first; on failure it holds what was found before, the value in which the text ended included.
    """
    forget(at)
    index = skip_space(text, index + 1, end)
    if index < end and byte_at(text, index) == 125:
        return index + 1
    while index < end:
        if byte_at(text, index) != 34:
            return _CORRUPT
        content = index + 1
        index = skip_string(text, index, end)
        if index < 0:
            return index
        key = _key(text, content, index - 1)
        index = skip_space(text, index, end)
        if index >= end:
            return _TRUNCATED
        if byte_at(text, index) != 58:
            return _CORRUPT
        index = skip_space(text, index + 1, end)
        if index >= end:
            return _TRUNCATED
        if key >= 0:
            at[key] = index
        index = skip_value(text, index, end)
        if index < 0:
            return index
        index = skip_space(text, index, end)
        if index >= end:
            return _TRUNCATED
        code = byte_at(text, index)
        if code == 125:
            return index + 1
        if code != 44:
            return _CORRUPT
        index = skip_space(text, index + 1, end)
    return _TRUNCATED


@compiled(inline=False)
def string_is(text, index, end, low, high):
    """Return whether the value at `index` is the whole string of up to 16 characters packed in `low` and `high`."""
    if index < 0 or byte_at(text, index) != 34:
        return False
    stop = skip_string(text, index, end)
    if stop < 0:
        return False
    first, second, count = _packed(text, index + 1, stop - 1)
    return count <= 16 and first == low and second == high


@compiled(inline=False)
def _packed(text, index, stop):
    """Return the first 16 characters of a string's content as two words, and their number; 17 when it is no such text."""
    low = 0
    high = 0
    count = 0
    while index < stop:
        code, index = character(text, index)
        if count >= 16 or code == 0 or code > 127:
            return 0, 0, 17
        if count < 8:
            low |= code << (8 * count)
        else:
            high |= code << (8 * (count - 8))
        count += 1
    return low, high, count


@compiled
def _key(text, index, stop):
    low, high, count = _packed(text, index, stop)
    if count == 1:
        return _LETTER[low]
    if high == 0:
        return _short_key(low)
    if low == _LAST_UPDATE and high == _ID:
        return LAST_UPDATE_ID
    return BLOCK_NUMBER if low == _BLOCK_NU and high == _MBER else ABSENT


@compiled(inline=False)
def _short_key(low):
    if low == _PU:
        return PREVIOUS
    if low == _STREAM:
        return STREAM
    if low == _DATA:
        return DATA
    if low == _RESULT:
        return RESULT
    if low == _PARAMS:
        return PARAMS
    if low == _METHOD:
        return METHOD
    if low == _BIDS:
        return BIDS
    if low == _ASKS:
        return ASKS
    if low == _SYMBOL:
        return SYMBOL_NAME
    if low == _ADDRESS:
        return ADDRESS
    if low == _TOPICS:
        return TOPICS
    if low == _LOG_INDEX:
        return LOG_INDEX
    return REMOVED if low == _REMOVED else ABSENT
