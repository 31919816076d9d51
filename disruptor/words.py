"""Many bytes at a time: unaligned 8-byte loads, masks over 32 bytes, runs of ASCII digits.

Every function is plain Python with an `@overload` of the same meaning, so it runs jitted and un-jitted. `text` is a 1-D
uint8 array, indexes count bytes. Nothing here checks bounds: the caller owns every byte that a function's first line
names. Masks are non-negative int64 whose bit k speaks of byte `index + k`; LLVM lowers them to vector compares (AVX,
SSE2, NEON), so there is one source for every processor.

Source of the eight-digit product: D. Lemire, "Quickly parsing eight digits" (2022), after J. Johnson.
"""

# ruff: noqa: PLW0108 - numba wants a function from an overload, not the intrinsic itself

from __future__ import annotations

import sys

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from disruptor.compiled import compiled

__all__ = [
    "WINDOW",
    "byte_at",
    "digits",
    "equal_mask",
    "fixed_digits",
    "leading_digits",
    "load_word",
    "nondigit_mask",
    "string_mask",
    "word",
    "zeros",
]

if sys.byteorder != "little":
    raise ImportError("disruptor.words packs text into little-endian words; this machine is big-endian")

WINDOW = 32  # bytes that a mask covers

_DIGITS = 0x3030303030303030
_ALL = 0xFFFFFFFFFFFFFFFF


def word(text: bytes) -> np.int64:
    """Return up to 8 bytes as the int64 that `load_word` gives for them, missing bytes zero. For constants.

    An np.int64, for numba compiles a function anew for each value of a plain int constant that is passed to it.
    """
    return np.int64(int.from_bytes(text.ljust(8, b"\0"), "little", signed=True))


def byte_at(text, index):
    """Return text[index] as int64."""
    return int(text[index])


def load_word(text, index):
    """Return the 8 bytes from `index` as a little-endian int64; any alignment. Reads [index, index + 8)."""
    return int.from_bytes(text[index : index + 8].tobytes(), "little", signed=True)


def equal_mask(text, index, byte):
    """Return the mask of bytes equal to the constant `byte`. Reads [index, index + 32)."""
    return _pack(text[index : index + WINDOW] == byte)


def string_mask(text, index):
    """Return the mask of bytes that end a plain JSON string or need care: quote, backslash, < 0x20, >= 0x80.

    Reads [index, index + 32).
    """
    part = text[index : index + WINDOW]
    return _pack((part == 34) | (part == 92) | (part < 32) | (part > 127))


def nondigit_mask(text, index):
    """Return the mask of bytes that are no ASCII digit. Reads [index, index + 32)."""
    part = text[index : index + WINDOW]
    return _pack((part < 48) | (part > 57))


def digits(text, stop, count):
    """Return the value of the `count` (1..8) ASCII digits before `stop`, -1 when one is no digit.

    Reads [stop - 8, stop): the caller owns 8 bytes before `stop` even for fewer digits.
    """
    part = text[stop - count : stop].tobytes()
    return int(part) if part.isdigit() else -1


def leading_digits(text, start, count):
    """Return the value of the `count` (1..8) ASCII digits from `start`, -1 when one is no digit.

    Reads [start, start + 8): where nothing before `start` may be read, as `digits` does.
    """
    part = text[start : start + count].tobytes()
    return int(part) if part.isdigit() else -1


def fixed_digits(text, stop, whole, fraction):
    """Return the value of `whole` digits, a dot and `fraction` digits before `stop`, the dot left out; -1 for no digits.

    whole >= 1, whole + fraction <= 7. Reads [stop - 8, stop). That the dot is one has been seen by the caller.
    """
    dot = stop - fraction - 1
    part = text[dot - whole : dot].tobytes() + text[dot + 1 : stop].tobytes()
    return int(part) if part.isdigit() else -1


def zeros(text, stop, count):
    """Return whether the `count` (1..8) bytes before `stop` are all "0". Reads [stop - 8, stop)."""
    return text[stop - count : stop].tobytes() == b"0" * count


def _pack(flags: np.ndarray) -> int:
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def _pointer(context, builder, array_type, array_value, index, index_type, target):
    array = context.make_array(array_type)(context, builder, array_value)
    index64 = context.cast(builder, index, index_type, types.int64)
    return builder.bitcast(builder.gep(array.data, [index64]), target.as_pointer())


def _require_text(text) -> None:
    if not (isinstance(text, types.Array) and text.ndim == 1 and text.dtype == types.uint8):
        raise TypeError(f"text must be a 1-D uint8 array, got {text}")


@intrinsic
def _load_word(typingctx, text, index):
    def codegen(context, builder, signature, args):
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1], signature.args[1], ir.IntType(64))
        return builder.load(pointer, align=1)

    return types.int64(text, index), codegen


_VECTOR = ir.VectorType(ir.IntType(8), WINDOW)


def _constant(byte: int) -> ir.Constant:
    return ir.Constant(_VECTOR, [byte] * WINDOW)


def _mask_of(compare):
    """Return an intrinsic (text, index) → int64 whose bits are `compare(builder, <32 x i8>)`."""

    @intrinsic
    def mask(typingctx, text, index):
        def codegen(context, builder, signature, args):
            pointer = _pointer(context, builder, signature.args[0], args[0], args[1], signature.args[1], _VECTOR)
            flags = compare(builder, builder.load(pointer, align=1))
            return builder.zext(builder.bitcast(flags, ir.IntType(WINDOW)), ir.IntType(64))

        return types.int64(text, index), codegen

    return mask


def _string_flags(builder, part):
    low = builder.icmp_signed("<", part, _constant(32))  # signed: 0x80.. are negative
    quote = builder.icmp_unsigned("==", part, _constant(34))
    slash = builder.icmp_unsigned("==", part, _constant(92))
    return builder.or_(low, builder.or_(quote, slash))


def _nondigit_flags(builder, part):
    return builder.icmp_unsigned(">", builder.sub(part, _constant(48)), _constant(9))


_string_mask = _mask_of(_string_flags)
_nondigit_mask = _mask_of(_nondigit_flags)


@intrinsic
def _equal_mask(typingctx, text, index, byte):
    def codegen(context, builder, signature, args):
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1], signature.args[1], _VECTOR)
        wanted = context.cast(builder, args[2], signature.args[2], types.uint8)
        start = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), wanted, ir.Constant(ir.IntType(32), 0))
        order = ir.Constant(ir.VectorType(ir.IntType(32), WINDOW), [0] * WINDOW)
        every = builder.shuffle_vector(start, ir.Constant(_VECTOR, ir.Undefined), order)
        flags = builder.icmp_unsigned("==", builder.load(pointer, align=1), every)
        return builder.zext(builder.bitcast(flags, ir.IntType(WINDOW)), ir.IntType(64))

    return types.int64(text, index, byte), codegen


_INLINE = {"forceinline": True}


@overload(byte_at, jit_options=_INLINE)
def _byte_at_overload(text, index):
    _require_text(text)
    return lambda text, index: np.int64(text[index])


@overload(load_word, jit_options=_INLINE)
def _load_word_overload(text, index):
    _require_text(text)
    return lambda text, index: _load_word(text, index)


@overload(equal_mask, jit_options=_INLINE)
def _equal_mask_overload(text, index, byte):
    _require_text(text)
    return lambda text, index, byte: _equal_mask(text, index, byte)


@overload(string_mask, jit_options=_INLINE)
def _string_mask_overload(text, index):
    _require_text(text)
    return lambda text, index: _string_mask(text, index)


@overload(nondigit_mask, jit_options=_INLINE)
def _nondigit_mask_overload(text, index):
    _require_text(text)
    return lambda text, index: _nondigit_mask(text, index)


_ZEROS_WORD, _EVERY = np.uint64(_DIGITS), np.uint64(_ALL)
_ABOVE_NINE, _HIGH = np.uint64(0x7676767676767676), np.uint64(0x8080808080808080)
_PAIRS, _OUTER, _INNER = np.uint64(0x000000FF000000FF), np.uint64(0x000F424000000064), np.uint64(0x0000271000000001)
_TEN, _EIGHT, _SIXTEEN, _HALF = np.uint64(10), np.uint64(8), np.uint64(16), np.uint64(32)


@compiled
def _value_of_digits(value):
    """Return the number whose eight digits (0..9 a byte, the first one lowest) are in `value`, -1 when one is above 9."""
    if ((value + _ABOVE_NINE) | value) & _HIGH:
        return np.int64(-1)
    value = value * _TEN + (value >> _EIGHT)
    return np.int64(((value & _PAIRS) * _OUTER + ((value >> _SIXTEEN) & _PAIRS) * _INNER) >> _HALF)


@overload(digits, jit_options=_INLINE)
def _digits_overload(text, stop, count):
    _require_text(text)

    def digits_of_word(text, stop, count):
        value = np.uint64(_load_word(text, stop - 8)) ^ _ZEROS_WORD
        return _value_of_digits(value & (_EVERY << np.uint64(64 - 8 * count)))

    return digits_of_word


@overload(leading_digits, jit_options=_INLINE)
def _leading_digits_overload(text, start, count):
    _require_text(text)

    def leading_digits_of_word(text, start, count):
        value = np.uint64(_load_word(text, start)) ^ _ZEROS_WORD
        return _value_of_digits(value << np.uint64(64 - 8 * count))

    return leading_digits_of_word


@overload(fixed_digits, jit_options=_INLINE)
def _fixed_digits_overload(text, stop, whole, fraction):
    _require_text(text)

    def fixed_digits_of_word(text, stop, whole, fraction):
        value = np.uint64(_load_word(text, stop - 8)) ^ _ZEROS_WORD
        behind = (_EVERY << np.uint64(56 - 8 * fraction)) << _EIGHT  # in two steps: by 64 there is no shift
        value = (value & behind) | ((value << _EIGHT) & ~behind)  # what stands before the dot moves over it
        return _value_of_digits(value & (_EVERY << np.uint64(64 - 8 * (whole + fraction))))

    return fixed_digits_of_word


@overload(zeros, jit_options=_INLINE)
def _zeros_overload(text, stop, count):
    _require_text(text)

    def zeros_of_word(text, stop, count):
        return (np.uint64(_load_word(text, stop - 8)) ^ _ZEROS_WORD) >> np.uint64(64 - 8 * count) == np.uint64(0)

    return zeros_of_word
