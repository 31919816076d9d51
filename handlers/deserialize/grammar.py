"""Strict JSON, without building anything: where does a value end, and is it well-formed?

Functions return the index behind what they skipped, or -FrameError.TRUNCATED when the text ended first, or
-FrameError.CORRUPT. Strings must be valid UTF-8 with paired surrogates, as orjson demands; values nest at most 62 deep.

Source: RFC 8259; UTF-8: RFC 3629 section 4.
"""

from __future__ import annotations

from disruptor.bits import lowest_bit
from disruptor.compiled import compiled
from disruptor.words import WINDOW, byte_at, string_mask, word
from hydraflow.codes import FrameError

__all__ = ["character", "hex_digit", "skip_space", "skip_string", "skip_value"]

DEPTH_MAX = 62
_TRUNCATED = -int(FrameError.TRUNCATED)
_CORRUPT = -int(FrameError.CORRUPT)
_QUOTE, _SLASH, _COMMA, _COLON, _MINUS, _DOT = 34, 92, 44, 58, 45, 46
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = 123, 125, 91, 93
_ZERO, _NINE = 48, 57
_TRUE, _FALS, _NULL = word(b"true"), word(b"fals"), word(b"null")


@compiled(inline=False)
def skip_space(text, index, end):
    """Return the index of the first byte that is no JSON whitespace, at most `end`."""
    while index < end:
        code = byte_at(text, index)
        if code != 32 and code != 10 and code != 13 and code != 9:
            break
        index += 1
    return index


@compiled
def hex_digit(code):
    """Return the value of a hexadecimal digit, -1 for another character."""
    if _ZERO <= code <= _NINE:
        return code - _ZERO
    if 97 <= code <= 102:
        return code - 87
    if 65 <= code <= 70:
        return code - 55
    return -1


@compiled(inline=False)
def _hex4(text, index, end):
    value = 0
    for k in range(4):
        if index + k >= end:
            return _TRUNCATED
        digit = hex_digit(byte_at(text, index + k))
        if digit < 0:
            return _CORRUPT
        value = value * 16 + digit
    return value


@compiled(inline=False)
def _skip_escape(text, index, end):
    """Skip the escape whose backslash is at `index`."""
    if index + 1 >= end:
        return _TRUNCATED
    code = byte_at(text, index + 1)
    if code != 117:  # u
        simple = code == 34 or code == 92 or code == 47 or code == 98 or code == 102 or code == 110
        return index + 2 if simple or code == 114 or code == 116 else _CORRUPT
    value = _hex4(text, index + 2, end)
    if value < 0:
        return value
    if value < 0xD800 or value > 0xDFFF:
        return index + 6
    if value > 0xDBFF:
        return _CORRUPT
    if index + 6 >= end or (byte_at(text, index + 6) == _SLASH and index + 7 >= end):
        return _TRUNCATED
    if byte_at(text, index + 6) != _SLASH or byte_at(text, index + 7) != 117:
        return _CORRUPT
    low = _hex4(text, index + 8, end)
    if low < 0:
        return low
    return index + 12 if 0xDC00 <= low <= 0xDFFF else _CORRUPT


@compiled(inline=False)
def _skip_utf8(text, index, end):
    """Skip one character of two to four bytes."""
    first = byte_at(text, index)
    if first < 0xC2 or first > 0xF4:
        return _CORRUPT
    count = 1 if first < 0xE0 else (2 if first < 0xF0 else 3)
    low, high = 0x80, 0xBF
    if first == 0xE0:
        low = 0xA0
    elif first == 0xED:
        high = 0x9F
    elif first == 0xF0:
        low = 0x90
    elif first == 0xF4:
        high = 0x8F
    for k in range(1, count + 1):
        if index + k >= end:
            return _TRUNCATED
        code = byte_at(text, index + k)
        if code < low or code > high:
            return _CORRUPT
        low, high = 0x80, 0xBF
    return index + count + 1


@compiled(inline=False)
def skip_string(text, index, end):
    """Skip the string whose opening quote is at `index`."""
    index += 1
    while index < end:
        if index + WINDOW <= end:
            mask = string_mask(text, index)
            if mask == 0:
                index += WINDOW
                continue
            index += lowest_bit(mask)
        code = byte_at(text, index)
        if code == _QUOTE:
            return index + 1
        if code == _SLASH:
            index = _skip_escape(text, index, end)
        elif code < 32:
            return _CORRUPT
        elif code >= 128:
            index = _skip_utf8(text, index, end)
        else:
            index += 1
        if index < 0:
            return index
    return _TRUNCATED


@compiled
def _skip_digits(text, index, end):
    """Skip one digit or more. At the end of the text that is as good as truncated: something must follow a number."""
    start = index
    while index < end and _ZERO <= byte_at(text, index) <= _NINE:
        index += 1
    if index > start:
        return index
    return _TRUNCATED if index >= end else _CORRUPT


@compiled(inline=False)
def _skip_number(text, index, end):
    if byte_at(text, index) == _MINUS:
        index += 1
    if index < end and byte_at(text, index) == _ZERO:
        index += 1
    else:
        index = _skip_digits(text, index, end)
    if 0 <= index < end and byte_at(text, index) == _DOT:
        index = _skip_digits(text, index + 1, end)
    if 0 <= index < end and (byte_at(text, index) == 101 or byte_at(text, index) == 69):
        index += 1
        if index < end and (byte_at(text, index) == 43 or byte_at(text, index) == _MINUS):
            index += 1
        index = _skip_digits(text, index, end)
    return index


@compiled(inline=False)
def _skip_literal(text, index, end):
    """Skip true, false or null."""
    code = byte_at(text, index)
    expected = _TRUE if code == 116 else (_FALS if code == 102 else _NULL)
    for k in range(4):
        if index + k >= end:
            return _TRUNCATED
        if byte_at(text, index + k) != (expected >> (8 * k)) & 255:
            return _CORRUPT
    if code != 102:
        return index + 4
    if index + 4 >= end:
        return _TRUNCATED
    return index + 5 if byte_at(text, index + 4) == 101 else _CORRUPT


@compiled(inline=False)
def _skip_key(text, index, end):
    """Skip `"key":` with the whitespace around it."""
    index = skip_space(text, index, end)
    if index >= end:
        return _TRUNCATED
    if byte_at(text, index) != _QUOTE:
        return _CORRUPT
    index = skip_string(text, index, end)
    if index < 0:
        return index
    index = skip_space(text, index, end)
    if index >= end:
        return _TRUNCATED
    return index + 1 if byte_at(text, index) == _COLON else _CORRUPT


@compiled(inline=False)
def skip_value(text, index, end):
    """Skip one value of any kind; `index` may point at whitespace before it."""
    depth = 0
    objects = 0  # bit d: the container at depth d is an object
    while True:  # each turn skips at least one byte
        index = skip_space(text, index, end)
        if index >= end:
            return _TRUNCATED
        code = byte_at(text, index)
        if code == _QUOTE:
            index = skip_string(text, index, end)
        elif code == _OPEN_OBJECT or code == _OPEN_ARRAY:
            if depth >= DEPTH_MAX:
                return _CORRUPT
            depth += 1
            bit = 1 << depth
            objects = objects | bit if code == _OPEN_OBJECT else objects & ~bit
            index = skip_space(text, index + 1, end)
            if index >= end:
                return _TRUNCATED
            closing = _CLOSE_OBJECT if code == _OPEN_OBJECT else _CLOSE_ARRAY
            if byte_at(text, index) != closing:
                if code == _OPEN_OBJECT:
                    index = _skip_key(text, index, end)
                    if index < 0:
                        return index
                continue
        elif code == _MINUS or _ZERO <= code <= _NINE:
            index = _skip_number(text, index, end)
        elif code == 116 or code == 102 or code == 110:
            index = _skip_literal(text, index, end)
        else:
            return _CORRUPT
        if index < 0:
            return index
        index = skip_space(text, index, end)
        while depth > 0:
            if index >= end:
                return _TRUNCATED
            code = byte_at(text, index)
            inside_object = (objects >> depth) & 1
            if code == _COMMA:
                break
            if code != (_CLOSE_OBJECT if inside_object else _CLOSE_ARRAY):
                return _CORRUPT
            depth -= 1
            index += 1
            if depth > 0:
                index = skip_space(text, index, end)
        if depth == 0:
            return index
        index += 1
        if (objects >> depth) & 1:
            index = _skip_key(text, index, end)
            if index < 0:
                return index


@compiled(inline=False)
def character(text, index):
    """Return (code, index behind it) of one character inside a valid string.

    Characters beyond ASCII give some code >= 128, byte by byte or half by half: nothing here compares equal to them.
    """
    code = byte_at(text, index)
    if code != _SLASH:
        return code, index + 1
    code = byte_at(text, index + 1)
    if code == 117:
        value = 0
        for k in range(2, 6):
            value = value * 16 + hex_digit(byte_at(text, index + k))
        return value, index + 6
    if code == 98:
        code = 8
    elif code == 102:
        code = 12
    elif code == 110:
        code = 10
    elif code == 114:
        code = 13
    elif code == 116:
        code = 9
    return code, index + 2
