"""Which symbols a capture holds, and how many decimals their prices and quantities use. One compiled pass.

It reads with the exact path's own means (any order of keys, wrappers, whitespace), so whatever can be decoded is seen, and
nothing else: mark prices and averages have decimals that no order may have.

Venues write all prices of a symbol with the same number of decimals, trailing zeros included. Where at least 99 of 100
do, one with more is spoiled and does not count: a tick taken from it would put every honest price out of range.
"""

from __future__ import annotations

import numpy as np

from disruptor.bits import lowest_bit
from disruptor.compiled import compiled, entry
from disruptor.digest import fold
from disruptor.inlining import only_inlined
from disruptor.layout import record_dtype
from disruptor.words import WINDOW, byte_at, equal_mask
from handlers.deserialize.envelope import UNREAD, event_of, unwrap
from handlers.deserialize.grammar import character, skip_space, skip_string, skip_value
from handlers.deserialize.members import (
    ASK,
    ASK_QUANTITY,
    ASKS,
    BID,
    BID_QUANTITY,
    BIDS,
    KEYS,
    PRICE,
    QUANTITY,
    SYMBOL,
    SYMBOL_NAME,
    members,
)

__all__ = ["survey"]

SYMBOLS_MAX = 65_535
DECIMALS_MAX = 18
SEEN = record_dtype(  # of the prices, and of the quantities, of one symbol
    [
        ("numbers", "i8", (DECIMALS_MAX + 1,)),  # by the decimals that they are written with
        ("significant", "i8", (DECIMALS_MAX + 1,)),  # the most decimals among them that are no trailing zeros
    ],
    size=304,
)
_UNNAMED = 0  # row of snapshots that name no symbol
_PRICE, _QUANTITY = 0, 1
_HONEST_PERCENT = 99


def survey(text: bytes) -> list[tuple[str, int, int]]:
    """Return (symbol, price decimals, quantity decimals) in order of appearance; at most 65,535.

    text : lines, each with a JSON object from its first brace on. Numbers of more than 18 decimals do not count. A snapshot
    without symbol counts when there is one symbol in all.
    """
    symbols = np.zeros((SYMBOLS_MAX + 1, 3), np.int64)
    seen = np.zeros((SYMBOLS_MAX + 1, 2), SEEN)
    slots = np.zeros(1 << 17, np.int64)
    with only_inlined(getattr(_survey, "py_func", _survey)):  # compiles it in half the time
        count = _survey(np.frombuffer(text, np.uint8), symbols, seen, slots, np.zeros(KEYS, np.int64))
    if count == 2:
        seen["numbers"][1] += seen["numbers"][_UNNAMED]
        seen["significant"][1] = np.maximum(seen["significant"][1], seen["significant"][_UNNAMED])
    found = []
    for row in range(1, count):
        symbol = symbols[row].astype("<i8").tobytes().rstrip(b"\0").decode()
        found.append((symbol, _decimals(seen[row, _PRICE]), _decimals(seen[row, _QUANTITY])))
    return found


def _decimals(seen: np.void) -> int:
    """Return how many decimals the honest numbers use."""
    numbers, usual = seen["numbers"], int(seen["numbers"].argmax())
    agree = 100 * int(numbers[usual]) >= _HONEST_PERCENT * int(numbers.sum())
    return int(seen["significant"][: usual + 1 if agree else None].max())


@entry
def _survey(text, symbols, seen, slots, at):
    """Fill `symbols` and `seen`; return the number of rows used, the unnamed one included."""
    count = 1
    start = 0
    size = len(text)
    while start < size:
        end = _find(text, start, size, 10)
        brace = _find(text, start, end, 123)
        start = end + 1
        if brace >= end or members(text, brace, end, at) < 0:
            continue
        stream, _ = unwrap(text, end, at)
        if event_of(text, end, at) == UNREAD:
            continue
        first, second, third = _symbol(text, end, at, stream)
        row = _UNNAMED
        if first != 0:
            row = _row(first, second, third, symbols, slots, count)
            if row == count:
                if count > SYMBOLS_MAX:
                    continue
                count += 1
        _look(text, end, at, seen, row)
    return count


@compiled
def _find(text, index, end, byte):
    while index + WINDOW <= end:
        mask = equal_mask(text, index, byte)
        if mask != 0:
            return index + lowest_bit(mask)
        index += WINDOW
    while index < end and byte_at(text, index) != byte:
        index += 1
    return index


@compiled
def _symbol(text, end, at, stream):
    """Return the symbol's text as three words, 0 when there is none that could be declared."""
    index = at[SYMBOL]
    if index < 0:
        index = at[SYMBOL_NAME]
    named = index >= 0
    if not named:
        index = stream
    first, second, third = 0, 0, 0
    if index < 0 or byte_at(text, index) != 34:
        return 0, 0, 0
    stop = skip_string(text, index, end) - 1
    index += 1
    place = 0
    while index < stop:
        code, index = character(text, index)
        if not named and code == 64:
            break
        if code <= 32 or code > 126 or place >= 24:
            return 0, 0, 0
        if not named and 97 <= code <= 122:
            code -= 32
        if place < 8:
            first |= code << (8 * place)
        elif place < 16:
            second |= code << (8 * (place - 8))
        else:
            third |= code << (8 * (place - 16))
        place += 1
    return first, second, third


@compiled
def _row(first, second, third, symbols, slots, count):
    """Return the row of a symbol, entering it as row `count` when it is new."""
    mask = len(slots) - 1
    place = fold(first, second ^ third) & mask
    for _ in range(mask + 1):
        row = slots[place]
        if row == 0:
            break
        if symbols[row, 0] == first and symbols[row, 1] == second and symbols[row, 2] == third:
            return row
        place = (place + 1) & mask
    if count <= SYMBOLS_MAX:
        slots[place] = count
        symbols[count, 0] = first
        symbols[count, 1] = second
        symbols[count, 2] = third
    return count


@compiled
def _look(text, end, at, seen, row):
    _value(text, at[BIDS], end, seen, row, _PRICE)
    _value(text, at[ASKS], end, seen, row, _PRICE)
    _value(text, at[BID], end, seen, row, _PRICE)
    _value(text, at[ASK], end, seen, row, _PRICE)
    _value(text, at[PRICE], end, seen, row, _PRICE)
    _value(text, at[BID_QUANTITY], end, seen, row, _QUANTITY)
    _value(text, at[ASK_QUANTITY], end, seen, row, _QUANTITY)
    _value(text, at[QUANTITY], end, seen, row, _QUANTITY)


@compiled(inline=False)
def _value(text, index, end, seen, row, column):
    """Take account of the number in a string, or of the levels in an array."""
    if index < 0:
        return
    code = byte_at(text, index)
    if code == 34:
        _number(text, index, end, seen, row, column)
    if code != 91:
        return
    index = skip_space(text, index + 1, end)
    while byte_at(text, index) == 91:
        index = skip_space(text, index + 1, end)
        for place in range(2):
            if byte_at(text, index) == 34:
                _number(text, index, end, seen, row, _PRICE if place == 0 else _QUANTITY)
            if byte_at(text, index) != 93:
                index = skip_space(text, skip_value(text, index, end), end)
            if byte_at(text, index) == 44:
                index = skip_space(text, index + 1, end)
        while byte_at(text, index) != 93:
            index = skip_space(text, skip_value(text, index, end), end)
            if byte_at(text, index) == 44:
                index = skip_space(text, index + 1, end)
        index = skip_space(text, index + 1, end)
        if byte_at(text, index) == 44:
            index = skip_space(text, index + 1, end)


@compiled
def _number(text, index, end, seen, row, column):
    stop = skip_string(text, index, end) - 1
    index += 1
    fraction = -1
    significant = 0
    while index < stop:
        code, index = character(text, index)
        if code == 46 and fraction < 0:
            fraction = 0
        elif 48 <= code <= 57:
            if fraction >= 0:
                fraction += 1
                if code != 48:
                    significant = fraction
        else:
            return
    written = max(fraction, 0)
    if written <= DECIMALS_MAX:
        one = seen[row, column]
        one["numbers"][written] += 1
        one["significant"][written] = max(one["significant"][written], significant)
