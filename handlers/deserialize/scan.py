"""Byte primitives that stay inside a frame: windows over its text, natural numbers, the end of a string.

`text` is the payload of the frames ring (uint8), a frame is text[begin:end]. Near the end of a frame a window is taken
further to the left and shifted, so nothing at or behind `end` is ever read. Precondition of every function here: the
frame has at least 32 bytes, index >= begin + 1 and index <= end.
"""

from __future__ import annotations

from disruptor.bits import lowest_bit
from disruptor.compiled import compiled
from disruptor.words import WINDOW, byte_at, digits, equal_mask, leading_digits, load_word, nondigit_mask, string_mask

__all__ = ["DOT", "QUOTE", "dots", "natural", "peek", "quotes", "string_end"]

QUOTE = 34
DOT = 46
_ZERO = 48
_EIGHT_DIGITS = 100_000_000


@compiled
def peek(text, index, end):
    """Return the 8 bytes from `index` as `load_word` does; in place of bytes behind `end` there is no ASCII character."""
    past = index + 8 - end
    if past <= 0:
        return load_word(text, index)
    if past >= 8:
        return 0
    return load_word(text, end - 8) >> (8 * past)


@compiled
def quotes(text, index, end):
    """Return the mask of quotes in the 32 bytes from `index`, up to `end`."""
    past = index + WINDOW - end
    if past <= 0:
        return equal_mask(text, index, QUOTE)
    return equal_mask(text, end - WINDOW, QUOTE) >> past


@compiled
def dots(text, index, end):
    """Return the mask of dots in the 32 bytes from `index`, up to `end`."""
    past = index + WINDOW - end
    if past <= 0:
        return equal_mask(text, index, DOT)
    return equal_mask(text, end - WINDOW, DOT) >> past


@compiled
def natural(text, index, end):
    """Return (value, index behind it) of the JSON integer of 1..16 digits at `index`; value -1 for anything else.

    Nothing before `index` is read where 32 bytes are left: the number may be the frame's first member. Precondition: where fewer
    are left, 8 bytes before it belong to the frame.
    """
    past = index + WINDOW - end
    if past <= 0:
        mask = nondigit_mask(text, index)
    else:
        mask = nondigit_mask(text, end - WINDOW) >> past
    count = lowest_bit(mask)
    if count == 0 or count > 16 or (count > 1 and byte_at(text, index) == _ZERO):
        return -1, index
    stop = index + count
    if count > 8:
        return leading_digits(text, index, count - 8) * _EIGHT_DIGITS + digits(text, stop, 8), stop
    return leading_digits(text, index, count) if past <= 0 else digits(text, stop, count), stop


@compiled(inline=False)
def string_end(text, index, end):
    """Return the index of the quote that ends the string whose content begins at `index`.

    -1 unless the content is plain: ASCII without escapes and control characters, at most 96 bytes.
    """
    place = index
    for _ in range(3):
        past = place + WINDOW - end
        if past <= 0:
            mask = string_mask(text, place)
        elif past < WINDOW:
            mask = string_mask(text, end - WINDOW) >> past
        else:
            return -1
        if mask != 0:
            place += lowest_bit(mask)
            return place if byte_at(text, place) == QUOTE else -1
        place += WINDOW
    return -1
