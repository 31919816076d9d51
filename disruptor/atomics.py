"""Atomic access to int64 cells, processor hints and the time-stamp counter.

Every function here is a plain Python function with an `@overload` that emits the LLVM instruction, so the same code
runs jitted and un-jitted. `cells` is a 1-D int64 array, 8-byte aligned; `index` counts words. On x86-64 an acquire load
and a release store are plain moves; what matters is that LLVM neither hoists nor reorders them (`while a[0] < n` without
them becomes an infinite loop).

Order: `store_release(cells, i, v)` pairs with `load_acquire(cells, i)`: whoever sees v sees all that was written before.
"""

# ruff: noqa: PLW0108 - numba wants a function from an overload, not the intrinsic itself

from __future__ import annotations

import ctypes
import platform
import threading
import time

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, overload, type_callable

__all__ = [
    "address_of",
    "compare_exchange",
    "crc32c_word",
    "fence",
    "fence_acquire",
    "fence_release",
    "fetch_add",
    "leading_zeros",
    "load_acquire",
    "pause",
    "prefetch_write",
    "record_at",
    "store_release",
    "timestamp",
    "words_at",
]

_MACHINE = platform.machine()
_ALIGN = 8
_mutex = threading.Lock()  # un-jitted read-modify-write only


def address_of(cells, index):
    """Return the address of cells[index], for system calls. Valid while `cells` is referenced."""
    return int(cells.ctypes.data) + 8 * int(index)


def load_acquire(cells, index):
    """Return cells[index]. Order: acquire; pairs with store_release on the same cell."""
    return int(cells[index])


def store_release(cells, index, value):
    """Store value into cells[index]. Order: release; pairs with load_acquire on the same cell."""
    cells[index] = value


def compare_exchange(cells, index, expected, desired):
    """Store desired if cells[index] == expected; return whether it did. Order: sequentially consistent."""
    with _mutex:
        if cells[index] != expected:
            return False
        cells[index] = desired
        return True


def fetch_add(cells, index, delta):
    """Add delta to cells[index] and return the value before. Order: sequentially consistent."""
    with _mutex:
        before = int(cells[index])
        cells[index] = before + delta
        return before


def fence():
    """Full fence: no load moves before it, no store after it."""


def fence_acquire():
    """No load or store after it moves before a load that precedes it. Costs nothing on x86-64.

    Order: plain loads, then fence_acquire, then a load of the counter that says whether they were whole (see broadcast).
    """


def fence_release():
    """No load or store before it moves after a store that follows it. Costs nothing on x86-64.

    Order: a store that announces, then fence_release, then the plain stores that it announces (see broadcast).
    """


def pause():
    """Tell the core that this is a spin loop. Un-jitted it gives the interpreter to another thread."""
    time.sleep(0)


def prefetch_write(records, slot):
    """Ask for the first line of records[slot], to write it soon: a hint that never faults, wherever `slot` lies."""


def timestamp():
    """Return the time-stamp counter: ticks of constant rate, int64. Un-jitted: nanoseconds of the monotonic clock."""
    return time.perf_counter_ns()


def leading_zeros(value):
    """Return how many of the 64 bits of int64 `value` above its highest set bit are zero (64 for 0, 0 for negatives)."""
    return 64 - (int(value) & 0xFFFFFFFFFFFFFFFF).bit_length()


def crc32c_word(crc, word):
    """Return the CRC-32C (Castagnoli) of `crc` continued by the 8 bytes of int64 `word`, little endian.

    crc : uint32 running value, not inverted. Source: RFC 3720 section 12.1 (polynomial 0x1EDC6F41, reflected).
    """
    crc = int(crc)
    word = int(word) & 0xFFFFFFFFFFFFFFFF
    for _ in range(8):
        crc = _CRC_TABLE_INTS[(crc ^ word) & 0xFF] ^ (crc >> 8)
        word >>= 8
    return np.uint32(crc)


def record_at(address, like):
    """Return the record at integer `address`, of the type of record `like`. Compiled code only."""
    raise NotImplementedError("record_at runs in compiled code only")


def words_at(address, count):
    """Return `count` int64 words of memory at integer `address` as an array. Valid while their owner keeps them mapped."""
    return np.frombuffer((ctypes.c_int64 * int(count)).from_address(int(address)), np.int64)


def _crc_table() -> np.ndarray:
    table = np.zeros(256, np.uint32)
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table[byte] = value
    return table


_CRC_TABLE = _crc_table()
_CRC_TABLE_INTS = [int(v) for v in _CRC_TABLE]


def _element(context, builder, array_type, array_value, index_value):
    array = context.make_array(array_type)(context, builder, array_value)
    return builder.gep(array.data, [index_value])


def _require_cells(cells) -> None:
    if not (isinstance(cells, types.Array) and cells.ndim == 1 and cells.dtype == types.int64):
        raise TypeError(f"cells must be a 1-D int64 array, got {cells}")


@intrinsic
def _address(typingctx, cells, index):
    def codegen(context, builder, signature, args):
        index64 = context.cast(builder, args[1], signature.args[1], types.int64)
        pointer = _element(context, builder, signature.args[0], args[0], index64)
        return builder.ptrtoint(pointer, ir.IntType(64))

    return types.int64(cells, index), codegen


@intrinsic
def _load(typingctx, cells, index):
    def codegen(context, builder, signature, args):
        index64 = context.cast(builder, args[1], signature.args[1], types.int64)
        pointer = _element(context, builder, signature.args[0], args[0], index64)
        return builder.load_atomic(pointer, "acquire", _ALIGN)

    return types.int64(cells, index), codegen


@intrinsic
def _store(typingctx, cells, index, value):
    def codegen(context, builder, signature, args):
        index64 = context.cast(builder, args[1], signature.args[1], types.int64)
        pointer = _element(context, builder, signature.args[0], args[0], index64)
        value64 = context.cast(builder, args[2], signature.args[2], types.int64)
        builder.store_atomic(value64, pointer, "release", _ALIGN)
        return context.get_dummy_value()

    return types.void(cells, index, value), codegen


@intrinsic
def _exchange(typingctx, cells, index, expected, desired):
    def codegen(context, builder, signature, args):
        index64, old, new = (
            context.cast(builder, value, kind, types.int64)
            for value, kind in zip(args[1:], signature.args[1:], strict=True)
        )
        pointer = _element(context, builder, signature.args[0], args[0], index64)
        outcome = builder.cmpxchg(pointer, old, new, "seq_cst", "seq_cst")
        return builder.extract_value(outcome, 1)

    return types.boolean(cells, index, expected, desired), codegen


@intrinsic
def _add(typingctx, cells, index, delta):
    def codegen(context, builder, signature, args):
        index64 = context.cast(builder, args[1], signature.args[1], types.int64)
        delta64 = context.cast(builder, args[2], signature.args[2], types.int64)
        pointer = _element(context, builder, signature.args[0], args[0], index64)
        return builder.atomic_rmw("add", pointer, delta64, "seq_cst")

    return types.int64(cells, index, delta), codegen


@intrinsic
def _fence(typingctx):
    def codegen(context, builder, signature, args):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _fence_acquire(typingctx):
    def codegen(context, builder, signature, args):
        builder.fence("acquire")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _fence_release(typingctx):
    def codegen(context, builder, signature, args):
        builder.fence("release")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _pause(typingctx):
    def codegen(context, builder, signature, args):
        if _MACHINE in ("x86_64", "AMD64"):
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        elif _MACHINE == "aarch64":
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(32)])
            hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.hint")
            builder.call(hint, [ir.Constant(ir.IntType(32), 1)])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _prefetch_write(typingctx, records, slot):
    def codegen(context, builder, signature, args):
        array = context.make_array(signature.args[0])(context, builder, args[0])
        index = context.cast(builder, args[1], signature.args[1], types.int64)
        size = ir.Constant(ir.IntType(64), context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype)))
        address = builder.add(builder.ptrtoint(array.data, ir.IntType(64)), builder.mul(index, size))
        pointer = builder.inttoptr(address, ir.IntType(8).as_pointer())
        i32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, i32, i32, i32])
        hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(hint, [pointer, ir.Constant(i32, 1), ir.Constant(i32, 3), ir.Constant(i32, 1)])  # write, keep, data
        return context.get_dummy_value()

    return types.void(records, slot), codegen


@intrinsic
def _timestamp(typingctx):
    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(ir.IntType(64), [])
        name = "llvm.readcyclecounter" if _MACHINE in ("x86_64", "AMD64") else "llvm.readsteadycounter"
        counter = cgutils.get_or_insert_function(builder.module, kind, name)  # cycle counts of arm64 trap in user space
        return builder.call(counter, [])

    return types.int64(), codegen


@intrinsic
def _leading_zeros(typingctx, value):
    def codegen(context, builder, signature, args):
        value64 = context.cast(builder, args[0], signature.args[0], types.int64)
        return builder.ctlz(value64, ir.Constant(ir.IntType(1), 0))

    return types.int64(value), codegen


@intrinsic
def _crc32c_x86(typingctx, crc, word):
    def codegen(context, builder, signature, args):
        i64 = ir.IntType(64)
        kind = ir.FunctionType(i64, [i64, i64])
        instruction = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse42.crc32.64.64")
        start = context.cast(builder, args[0], signature.args[0], types.uint64)
        value = context.cast(builder, args[1], signature.args[1], types.int64)
        return builder.trunc(builder.call(instruction, [start, value]), ir.IntType(32))

    return types.uint32(crc, word), codegen


@intrinsic
def _record_at(typingctx, address, like):
    if not isinstance(like, types.Record):
        raise TypeError(f"record_at needs a record, got {like}")

    def codegen(context, builder, signature, args):
        address64 = context.cast(builder, args[0], signature.args[0], types.int64)
        return builder.inttoptr(address64, args[1].type)

    return like(address, like), codegen


@type_callable(words_at)  # not an overload: a function without reference counts may not return an array
def _type_words_at(context):
    def typer(address, count):
        return types.Array(types.int64, 1, "C")

    return typer


@lower_builtin(words_at, types.Integer, types.Integer)
def _lower_words_at(context, builder, signature, args):
    address, count = (
        context.cast(builder, value, given, types.int64) for value, given in zip(args, signature.args, strict=True)
    )
    array = context.make_array(signature.return_type)(context, builder)
    size = context.get_constant(types.intp, 8)
    context.populate_array(
        array, data=builder.inttoptr(address, array.data.type), shape=[count], strides=[size], itemsize=size, meminfo=None
    )
    return array._getvalue()


_INLINE = {"forceinline": True}


@overload(address_of, jit_options=_INLINE)
def _address_overload(cells, index):
    _require_cells(cells)
    return lambda cells, index: _address(cells, index)


@overload(load_acquire, jit_options=_INLINE)
def _load_overload(cells, index):
    _require_cells(cells)
    return lambda cells, index: _load(cells, index)


@overload(store_release, jit_options=_INLINE)
def _store_overload(cells, index, value):
    _require_cells(cells)
    return lambda cells, index, value: _store(cells, index, value)


@overload(compare_exchange, jit_options=_INLINE)
def _exchange_overload(cells, index, expected, desired):
    _require_cells(cells)
    return lambda cells, index, expected, desired: _exchange(cells, index, expected, desired)


@overload(fetch_add, jit_options=_INLINE)
def _add_overload(cells, index, delta):
    _require_cells(cells)
    return lambda cells, index, delta: _add(cells, index, delta)


@overload(fence, jit_options=_INLINE)
def _fence_overload():
    return lambda: _fence()


@overload(fence_acquire, jit_options=_INLINE)
def _fence_acquire_overload():
    return lambda: _fence_acquire()


@overload(fence_release, jit_options=_INLINE)
def _fence_release_overload():
    return lambda: _fence_release()


@overload(pause, jit_options=_INLINE)
def _pause_overload():
    return lambda: _pause()


@overload(prefetch_write, jit_options=_INLINE)
def _prefetch_write_overload(records, slot):
    return lambda records, slot: _prefetch_write(records, slot)


@overload(timestamp, jit_options=_INLINE)
def _timestamp_overload():
    return lambda: _timestamp()


@overload(leading_zeros, jit_options=_INLINE)
def _leading_zeros_overload(value):
    return lambda value: _leading_zeros(value)


@overload(crc32c_word, jit_options=_INLINE)
def _crc32c_overload(crc, word):
    if _MACHINE in ("x86_64", "AMD64"):
        return lambda crc, word: _crc32c_x86(crc, word)

    def portable(crc, word):
        value = np.uint32(crc)
        rest = np.uint64(word)
        for _ in range(8):
            value = _CRC_TABLE[(value ^ np.uint32(rest & np.uint64(0xFF))) & np.uint32(0xFF)] ^ (value >> np.uint32(8))
            rest = rest >> np.uint64(8)
        return value

    return portable


@overload(record_at, jit_options=_INLINE)
def _record_at_overload(address, like):
    return lambda address, like: _record_at(address, like)
