"""Stores into byte arrays: whole words at any byte, and copies between arrays of any dtype.

`array` is a contiguous array in mapped memory; positions count *bytes* and need no alignment. Words are int64, halves
are the low 32 bits of an int64; both little endian. Nothing is checked: the caller knows that the bytes are there.
disruptor.words holds the loads.

Each is a plain Python function with an `@overload` that emits the LLVM instruction, so that the same code runs jitted
and un-jitted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

__all__ = ["copy_bytes", "store_half", "store_word"]

_WORD = (1 << 64) - 1
_HALF = (1 << 32) - 1
_INLINE: Any = {"forceinline": True}


def store_word(array, position, value):
    """Store int64 `value` into the eight bytes at `position`."""
    _bytes_of(array)[position : position + 8] = np.frombuffer((int(value) & _WORD).to_bytes(8, "little"), np.uint8)


def store_half(array, position, value):
    """Store the low 32 bits of `value` into the four bytes at `position`."""
    _bytes_of(array)[position : position + 4] = np.frombuffer((int(value) & _HALF).to_bytes(4, "little"), np.uint8)


def copy_bytes(target, target_position, source, source_position, count):
    """Copy `count` bytes from `source` to `target`, arrays of any dtype. Precondition: the ranges do not overlap."""
    _bytes_of(target)[target_position : target_position + count] = _bytes_of(source)[
        source_position : source_position + count
    ]


def _bytes_of(array):
    return array if array.dtype == np.uint8 else array.view(np.uint8)


def _pointer(context, builder, kind, array, position_kind, position):
    """Return the i8 pointer to byte `position` of an array value."""
    data = context.make_array(kind)(context, builder, array).data
    start = builder.bitcast(data, ir.IntType(8).as_pointer())
    return builder.gep(start, [context.cast(builder, position, position_kind, types.int64)])


def _require_array(array) -> None:
    if not (isinstance(array, types.Array) and array.layout == "C"):
        raise TypeError(f"a contiguous array is needed, got {array}")


def _store(bits: int):
    @intrinsic
    def store(typingctx, array, position, value):
        def codegen(context, builder, signature, args):
            kind = ir.IntType(bits)
            pointer = _pointer(context, builder, signature.args[0], args[0], signature.args[1], args[1])
            word = context.cast(builder, args[2], signature.args[2], types.int64)
            word = word if bits == 64 else builder.trunc(word, kind)
            builder.store(word, builder.bitcast(pointer, kind.as_pointer()), align=1)
            return context.get_dummy_value()

        return types.void(array, position, value), codegen

    return store


_store64 = _store(64)
_store32 = _store(32)


@intrinsic
def _copy(typingctx, target, target_position, source, source_position, count):
    def codegen(context, builder, signature, args):
        to = _pointer(context, builder, signature.args[0], args[0], signature.args[1], args[1])
        start = _pointer(context, builder, signature.args[2], args[2], signature.args[3], args[3])
        size = context.cast(builder, args[4], signature.args[4], types.int64)
        cgutils.raw_memcpy(builder, to, start, size, 1)
        return context.get_dummy_value()

    return types.void(target, target_position, source, source_position, count), codegen


@overload(store_word, jit_options=_INLINE)
def _store_word_overload(array, position, value):
    _require_array(array)

    def store(array, position, value):
        _store64(array, position, value)

    return store


@overload(store_half, jit_options=_INLINE)
def _store_half_overload(array, position, value):
    _require_array(array)

    def store(array, position, value):
        _store32(array, position, value)

    return store


@overload(copy_bytes, jit_options=_INLINE)
def _copy_overload(target, target_position, source, source_position, count):
    _require_array(target)
    _require_array(source)

    def copy(target, target_position, source, source_position, count):
        _copy(target, target_position, source, source_position, count)

    return copy
