"""From the text of a symbol, or the address of a pool, to the index of its instrument.

A table of four words an entry in the handler's state: three words of text (24 bytes, zero filled) or of an address
(20 bytes), and what it is. Filled once from the instrument table, read only after that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from disruptor.compiled import compiled
from disruptor.digest import fold
from disruptor.layout import next_power_of_two
from disruptor.words import load_word
from handlers.deserialize.grammar import character
from hydraflow.codes import Venue

__all__ = [
    "ANY_SYMBOL", "EXCHANGE", "NO_SYMBOL", "PLAIN", "POOL", "STREAM_NAME", "fill_table", "find", "symbol_fields", "symbol_in",
    "symbol_of_text",
]

NO_SYMBOL = -1
ANY_SYMBOL = 65_535  # a snapshot that names no symbol, with several declared: its update id tells the book whose it is
SYMBOL_BYTES = 24
EXCHANGE, POOL = np.int64(1), np.int64(2)
PLAIN, STREAM_NAME = np.int64(0), np.int64(1)  # how symbol_of_text reads
_SMALL = 32  # instruments; fewer take the same room, so that the compiled code is the same
_ENTRY = 4  # words: three of the key, then kind | (symbol << 8); 0 when the entry is empty


def symbol_fields(instruments: np.ndarray) -> list[Any]:
    """Return the state fields that hold the table for these instruments."""
    entries = 2 * next_power_of_two(max(_SMALL, len(instruments)))
    return [("only_symbol", "i8"), ("symbol_table", "i8", (_ENTRY * entries,))]


def fill_table(state: Any, instruments: np.ndarray) -> None:
    """Enter every instrument: of an exchange by symbol, of a pool by address. Of equal keys the first counts."""
    table = state["symbol_table"]
    table[:] = 0
    exchange = [i for i, instrument in enumerate(instruments) if instrument["venue"] != Venue.POOL]
    state["only_symbol"] = exchange[0] if len(exchange) == 1 else NO_SYMBOL
    mask = len(table) // _ENTRY - 1
    entered: set[tuple[int, ...]] = set()
    for index, instrument in enumerate(instruments):
        pool = instrument["venue"] == Venue.POOL
        text = instrument["address"] if pool else instrument["symbol"]
        kind = int(POOL if pool else EXCHANGE)
        key = np.frombuffer(text.tobytes().ljust(SYMBOL_BYTES, b"\0"), "<i8").tolist()
        if not any(key) or (*key, kind) in entered:
            continue
        entered.add((*key, kind))
        place = fold(key[0] ^ kind, key[1] ^ key[2]) & mask  # as in find
        while table[_ENTRY * place + 3]:
            place = (place + 1) & mask
        table[_ENTRY * place : _ENTRY * place + _ENTRY] = (*key, kind | index << 8)


@compiled
def find(state, first, second, third, kind):
    """Return the index of the instrument with this key, or NO_SYMBOL."""
    table = state["symbol_table"]
    mask = len(table) // _ENTRY - 1
    place = fold(first ^ kind, second ^ third) & mask
    for _ in range(mask + 1):
        entry = _ENTRY * place
        value = table[entry + 3]
        if value == 0:
            break
        if table[entry] == first and table[entry + 1] == second and table[entry + 2] == third and value & 255 == kind:
            return value >> 8
        place = (place + 1) & mask
    return NO_SYMBOL


@compiled
def symbol_in(state, text, start, stop):
    """Return the exchange instrument whose symbol is the plain text[start:stop]. Reads at most 8 bytes before `start`."""
    length = stop - start
    if length < 1 or length > SYMBOL_BYTES:
        return NO_SYMBOL
    second = 0
    third = 0
    if length <= 8:
        first = load_word(text, stop - 8) >> (64 - 8 * length)
    else:
        first = load_word(text, start)
        if length <= 16:
            second = load_word(text, stop - 8) >> (128 - 8 * length)
        else:
            second = load_word(text, start + 8)
            third = load_word(text, stop - 8) >> (192 - 8 * length)
    return find(state, first, second, third, EXCHANGE)


@compiled(inline=False)
def symbol_of_text(state, text, index, stop, form):
    """Return the exchange instrument named by the content text[index:stop] of a valid JSON string.

    form : PLAIN; or STREAM_NAME ("btcusdt@depth"): take what stands before "@", in upper case.
    """
    first = 0
    second = 0
    third = 0
    count = 0
    while index < stop:
        code, index = character(text, index)
        if form == STREAM_NAME and code == 64:
            break
        if code == 0 or code > 127 or count >= SYMBOL_BYTES:
            return NO_SYMBOL
        if form == STREAM_NAME and 97 <= code <= 122:
            code -= 32
        if count < 8:
            first |= code << (8 * count)
        elif count < 16:
            second |= code << (8 * (count - 8))
        else:
            third |= code << (8 * (count - 16))
        count += 1
    return find(state, first, second, third, EXCHANGE) if count > 0 else NO_SYMBOL
