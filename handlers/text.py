"""Writes numbers as text into a byte array, without allocation: decimals, integers, hexadecimal words.

Every function writes at `place` and returns the place after it. `target` : uint8 array with enough room.
"""

from __future__ import annotations

from disruptor.compiled import compiled

__all__ = ["put_bytes", "put_decimal", "put_hex", "put_hex_bytes", "put_hex_word", "put_integer"]

_ZERO, _POINT, _LETTER_A = ord("0"), ord("."), ord("a") - 10


@compiled(inline=False)  # inlined at every constant text, wire would take seconds to compile
def put_bytes(target, place, source, start, count):
    """Copy source[start : start + count] (uint8)."""
    for i in range(count):
        target[place + i] = source[start + i]
    return place + count


@compiled(inline=False)
def put_integer(target, place, value):
    """Write int64 `value` ≥ 0 in decimal."""
    digits = 1
    rest = value
    for _ in range(18):
        rest //= 10
        if rest == 0:
            break
        digits += 1
    rest = value
    for i in range(digits):
        target[place + digits - 1 - i] = _ZERO + rest % 10
        rest //= 10
    return place + digits


@compiled(inline=False)
def put_decimal(target, place, value, decimals):
    """Write value · 10^-decimals with exactly `decimals` digits after the point (no point for 0). value : int64 ≥ 0."""
    if decimals <= 0:
        return put_integer(target, place, value)
    whole = value
    for _ in range(min(decimals, 19)):
        whole //= 10
    place = put_integer(target, place, whole)
    target[place] = _POINT
    rest = value
    for i in range(decimals):
        target[place + decimals - i] = _ZERO + rest % 10
        rest //= 10
    return place + decimals + 1


@compiled
def _hex_digit(nibble):
    return _ZERO + nibble if nibble < 10 else _LETTER_A + nibble


@compiled(inline=False)
def put_hex(target, place, value, digits):
    """Write the low `digits` (≤ 16) hexadecimal digits of int64 `value`, lower case."""
    for i in range(digits):
        target[place + i] = _hex_digit((value >> (4 * (digits - 1 - i))) & 15)
    return place + digits


@compiled(inline=False)
def put_hex_word(target, place, high, low):
    """Write the 256-bit number high · 2^64 + low as 64 hexadecimal digits (high, low : int64 as raw bits)."""
    for i in range(32):
        target[place + i] = _ZERO
    return put_hex(target, put_hex(target, place + 32, high, 16), low, 16)


@compiled(inline=False)
def put_hex_bytes(target, place, source):
    """Write every byte of `source` (uint8 array) as two lower-case hexadecimal digits."""
    for i in range(source.shape[0]):
        value = int(source[i])
        target[place + 2 * i] = _hex_digit(value >> 4)
        target[place + 2 * i + 1] = _hex_digit(value & 15)
    return place + 2 * source.shape[0]
