"""Constant text into byte arrays: `at = put_text(buffer, at, '{"e":"trade"')` compiles to a few vector stores.

It is typed and lowered directly, not through `@overload`: an overload would compile one function per text, and an encoder
has dozens.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import lower_builtin, type_callable

__all__ = ["put_text"]


def put_text(buffer, at, text):
    """Write a constant str (as UTF-8) into the uint8 array at index `at`; return the index after it. Nothing is checked."""
    data = np.frombuffer(text.encode(), np.uint8)
    buffer[at : at + data.size] = data
    return at + data.size


@type_callable(put_text)
def _type_put_text(context):
    def typer(buffer, at, text):
        if (
            isinstance(buffer, types.Array)
            and buffer.layout == "C"
            and buffer.dtype == types.uint8
            and isinstance(text, types.StringLiteral)
        ):
            return signature(types.int64, buffer, types.int64, text)
        return None  # a text that is no constant, or another array: a typing error that names put_text

    return typer


@lower_builtin(put_text, types.Array, types.Integer, types.StringLiteral)
def _lower_put_text(context, builder, call, args):
    data = call.args[2].literal_value.encode()
    constant = cgutils.global_constant(
        builder.module, "put_text", ir.Constant(ir.ArrayType(ir.IntType(8), len(data)), bytearray(data))
    )
    array = context.make_array(call.args[0])(context, builder, args[0])
    target = builder.gep(builder.bitcast(array.data, ir.IntType(8).as_pointer()), [args[1]])
    source = builder.bitcast(constant, ir.IntType(8).as_pointer())
    cgutils.raw_memcpy(builder, target, source, ir.Constant(ir.IntType(64), len(data)), 1)
    return builder.add(args[1], ir.Constant(ir.IntType(64), len(data)))
