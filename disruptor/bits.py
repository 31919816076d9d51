"""Bits of int64 words: the processor's own count of leading and trailing zeros, and masks that are safe for the sign.

Every function is a plain Python function with an `@overload`, so the same code runs jitted and un-jitted. A word is an
int64 seen as 64 bits; bit 63 is its sign, which is why `1 << 63` is not written out by the callers: Python's integers do
not wrap. `index` is 0..63 and is not checked.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic, overload

__all__ = ["NO_BIT_ABOVE", "NO_BIT_BELOW", "bit", "bits_through", "highest_bit", "lowest_bit", "next_bit"]

NO_BIT_ABOVE = 64  # lowest_bit of an empty word
NO_BIT_BELOW = -1  # highest_bit of an empty word
_MASK = (1 << 64) - 1


def bit(index):
    """Return the word that has only bit `index` set."""
    return _signed(1 << int(index))


def bits_through(index):
    """Return the word that has bits 0..index set."""
    return _signed((2 << int(index)) - 1)


def lowest_bit(word):
    """Return the index of the lowest bit set in `word`, 64 when there is none."""
    value = int(word) & _MASK
    return (value & -value).bit_length() - 1 if value else NO_BIT_ABOVE


def highest_bit(word):
    """Return the index of the highest bit set in `word`, -1 when there is none."""
    return (int(word) & _MASK).bit_length() - 1


def next_bit(words, start):
    """Return the index of the lowest bit set at or above `start` in a bitmap of int64 words, -1 when there is none.

    Bit k of the bitmap is bit k & 63 of words[k >> 6]; start >= 0. The walk over a bitmap that may change on the way:

        place = next_bit(words, 0)
        while place >= 0:
            ...
            place = next_bit(words, place + 1)
    """
    index = start >> 6
    if index >= len(words):
        return -1
    word = int(words[index]) & ~(bit(start & 63) - 1)
    while lowest_bit(word) == NO_BIT_ABOVE:
        index += 1
        if index >= len(words):
            return -1
        word = int(words[index])
    return (index << 6) + lowest_bit(word)


def _signed(value: int) -> int:
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


@intrinsic
def _leading_zeros(typingctx, word):
    def codegen(context, builder, signature, args):
        value = context.cast(builder, args[0], signature.args[0], types.int64)
        return builder.ctlz(value, context.get_constant(types.boolean, False))

    return types.int64(word), codegen


@intrinsic
def _trailing_zeros(typingctx, word):
    def codegen(context, builder, signature, args):
        value = context.cast(builder, args[0], signature.args[0], types.int64)
        return builder.cttz(value, context.get_constant(types.boolean, False))

    return types.int64(word), codegen


_INLINE: Any = {"forceinline": True}


@overload(bit, jit_options=_INLINE)
def _bit_overload(index):
    return lambda index: types.int64(1) << types.int64(index)


@overload(bits_through, jit_options=_INLINE)
def _bits_through_overload(index):
    return lambda index: (types.int64(2) << types.int64(index)) - types.int64(1)


@overload(lowest_bit, jit_options=_INLINE)
def _lowest_overload(word):
    return lambda word: _trailing_zeros(word)  # noqa: PLW0108 (numba wants a function of Python)


@overload(next_bit, jit_options=_INLINE)
def _next_overload(words, start):
    return next_bit


@overload(highest_bit, jit_options=_INLINE)
def _highest_overload(word):
    return lambda word: types.int64(63) - _leading_zeros(word)
