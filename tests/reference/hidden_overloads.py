# ruff: noqa: B018 - the point is to be obscure
"""Compiled handlers that hide what they write behind code which only the compiler sees: field "x", but for those that say otherwise."""

from __future__ import annotations

import operator

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload, overload_attribute, overload_method

LAYOUT = np.dtype([("first", "i8"), ("x", "i8"), ("win", "i8", (4,))])
memset = types.ExternalFunction("memset", types.intp(types.intp, types.int32, types.intp))


def put(record):
    """Nothing, in Python."""


@overload(put)
def _put(record):
    def run(record):
        record["x"] = 1

    return run


def put_by_helper(record, number):
    return number


def _given(record, number):
    record["x"] = number


@overload(put_by_helper)
def _put_by_helper(record, number):
    return _given if isinstance(record, types.Record) else None


def put_unseen(record):
    """Nothing, in Python."""


def _made(name):
    space = {}
    exec(f"def run(record):\n    record[{name!r}] = 1\n", space)
    return space["run"]


@overload(put_unseen)
def _put_unseen(record):
    return _made("x")


@intrinsic
def _poke(typing, record):
    def generate(context, builder, signature, arguments):
        place = builder.gep(builder.bitcast(arguments[0], ir.IntType(64).as_pointer()), [ir.Constant(ir.IntType(32), 1)])
        builder.store(ir.Constant(ir.IntType(64), 1), place)
        return context.get_dummy_value()

    return types.none(record), generate


@overload(operator.invert)
def _invert(record):
    if isinstance(record, types.Record):
        def run(record):
            record["x"] = 1
            return 0

        return run
    return None


@overload_method(types.Record, "is_integer")
def _is_integer(record):
    def run(record):
        record["x"] = 1
        return True

    return run


@overload_attribute(types.Record, "itemsize")
def _itemsize(record):
    def run(record):
        record["x"] = 1
        return 8

    return run


def by_overload(event):
    put(event)


def by_overload_that_returns_a_helper(event):
    put_by_helper(event, event["first"] + 1)


def by_overload_made_of_text(event):
    put_unseen(event)


def by_intrinsic(event):
    _poke(event)


def by_operator(event):
    ~event


def by_method(event):
    event.is_integer()


def by_attribute(event):
    event.itemsize


def by_address(event):
    memset(event["win"].ctypes.data - 8, 1, 8)
