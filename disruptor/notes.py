"""Notes: what a handler has to say while it runs, written without waiting and read outside.

    @handler(notes={"WIDE": "spread {a} ticks is above {b}"})
    def on_event(event, sequence, params):
        if event["spread"] > params["limit"]:
            note("WIDE", event["spread"], params["limit"])

`note` takes a code that the handler declares and up to four numbers. It writes one record of 128 bytes (time, handler,
sequence, code, numbers) into the lane of its thread in the engine's note file and returns; the oldest note is overwritten when
the lane is full, and readers count what they have lost. It runs compiled, in plain Python and in a Python handler, in helpers
of any depth; where no note file is open it does nothing. A note is no part of any state: it changes no hash.

The file is made and read by disruptor.note_file; texts are filled in there.
"""

# ruff: noqa: PLW0108 - numba wants a function from an overload, not the intrinsic itself

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

from disruptor.atomics import fence_release, load_acquire, store_release, timestamp, words_at
from disruptor.compiled import JIT_ENABLED, compiled, entry
from disruptor.note_board import IDENT, LANE, MASK, NUMBER, ROW_WORDS, ROWS, SEQUENCE, board_address, own_ident
from disruptor.note_format import ARGUMENTS, HEAD_SIZE, NOTE, code_number

__all__ = ["note", "prepare"]

_BOARD_WORDS = (ROWS + 1) * ROW_WORDS
_HEAD = HEAD_SIZE // 8
_WORDS = NOTE.itemsize // 8
_AT = {name: NOTE.fields[name][1] // 8 for name in NOTE.names}  # type: ignore[index, union-attr]
_TICKS, _HANDLER, _SEQ, _CODE, _SHAPE, _VALUES = (_AT[n] for n in ("ticks", "handler", "sequence", "code", "count", "values"))
_FLOATS_SHIFT = 32  # `floats` is the upper half of the word that begins with `count`


def note(code: str, a: Any = None, b: Any = None, c: Any = None, d: Any = None) -> None:
    """Write a note: `code` as the handler declares it (a constant), and up to four numbers, integers or floats.

    Raises: TypeError for a code that is no text and for more than numbers; in compiled code both are compile errors.
    """
    if not isinstance(code, str):
        raise TypeError(f"note: the code must be a text that the handler declares, got {code!r}")
    given = [value for value in (a, b, c, d) if value is not None]
    floats = sum(1 << i for i, value in enumerate(given) if isinstance(value, (float, np.floating)))
    bits = [_plain_bits(value) for value in given] + [0] * (len(ARGUMENTS) - len(given))
    _enter(code_number(code), len(given) | floats << _FLOATS_SHIFT, *bits)


def _plain_bits(value: Any) -> int:
    if isinstance(value, (float, np.floating)):
        return int(np.float64(value).view(np.int64))
    if isinstance(value, (int, np.integer, np.bool_)):
        return (int(value) + (1 << 63)) % (1 << 64) - (1 << 63)
    raise TypeError(f"note: only numbers can be written down, got {type(value).__name__}")


@compiled(inline=False)
def _write(code, shape, a, b, c, d):
    """Write a record into the lane of the calling thread, if it has one.

    Order: the mark is −1 before the first field is stored (release fence) and the note's number after the last (release).
    """
    board = words_at(board_address(), _BOARD_WORDS)
    ident = own_ident()
    rows = load_acquire(board, 0)
    for row in range(1, rows + 1):
        start = row * ROW_WORDS
        if load_acquire(board, start + IDENT) != ident:
            continue
        mask = board[start + MASK]
        lane = words_at(board[start + LANE], _HEAD + (mask + 1) * _WORDS)
        number = lane[0]
        at = _HEAD + (number & mask) * _WORDS
        store_release(lane, at, -1)
        fence_release()
        lane[at + _TICKS] = timestamp()
        lane[at + _HANDLER] = load_acquire(words_at(board[start + NUMBER], 1), 0)
        lane[at + _SEQ] = load_acquire(words_at(board[start + SEQUENCE], 1), 0)
        lane[at + _CODE] = code
        lane[at + _SHAPE] = shape
        lane[at + _VALUES] = a
        lane[at + _VALUES + 1] = b
        lane[at + _VALUES + 2] = c
        lane[at + _VALUES + 3] = d
        store_release(lane, at, number)
        store_release(lane, 0, number + 1)
        return


@entry
def _enter(code, shape, a, b, c, d):
    _write(code, shape, a, b, c, d)


def prepare() -> None:
    """Compile, or load, what plain Python enters, so that the first note of a Python handler takes no longer than others."""
    if JIT_ENABLED:
        _enter.compile((types.int64,) * 6)


def _bits(value):
    return _plain_bits(value)


@overload(_bits, jit_options={"forceinline": True})
def _bits_overload(value):
    if isinstance(value, types.Float):
        return lambda value: np.float64(value).view(np.int64)
    if isinstance(value, (types.NoneType, types.Omitted)):
        return lambda value: np.int64(0)
    if isinstance(value, types.Integer) and not value.signed and value.bitwidth == 64:
        return lambda value: np.uint64(value).view(np.int64)
    return lambda value: np.int64(value)


@overload(note, prefer_literal=True, jit_options={"forceinline": True})
def _note_overload(code, a=None, b=None, c=None, d=None):
    if not isinstance(code, types.StringLiteral):
        raise TypingError("note: the code must be a constant text that the handler declares")
    given = [types.unliteral(v) for v in (a, b, c, d) if v is not None and not isinstance(v, (types.NoneType, types.Omitted))]
    for kind in given:
        if not isinstance(kind, (types.Integer, types.Float, types.Boolean)):
            raise TypingError(f"note: only numbers can be written down, got {kind}")
    number = code_number(code.literal_value)
    shape = len(given) | sum(1 << i for i, k in enumerate(given) if isinstance(k, types.Float)) << _FLOATS_SHIFT

    def write(code, a=None, b=None, c=None, d=None):
        _write(number, shape, _bits(a), _bits(b), _bits(c), _bits(d))

    return write
