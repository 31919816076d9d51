"""The place where a thread finds its note lane: a page of this process whose address compiled code knows by a symbol.

A handler writes `note("WIDE", spread)` and passes nothing about where to: a helper four calls deep may do it. Compiled code
cannot hold an address (numba's cache would freeze it), and an argument would have to go through every helper. So the board is
an external symbol, resolved by LLVM's linker each time code is loaded, and each thread that may write notes has a row on it,
found by its pthread id:

    word 0                 rows in use so far; a row that was given up has ident 0
    from word ROW_WORDS    rows of eight words: ident, address of the lane, mask of its slots, address of the cell that holds the
                           number of the handler at work, address of the cell that holds its sequence

A row is written by its own thread, ident last, and cleared by it before the lane is unmapped.
"""

# ruff: noqa: PLW0108 - numba wants a function from an overload, not the intrinsic itself

from __future__ import annotations

import threading

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic, overload

from disruptor.atomics import store_release
from disruptor.layout import PAGE
from disruptor.memory import anonymous

__all__ = ["BOARD", "IDENT", "LANE", "MASK", "NUMBER", "ROWS", "ROW_WORDS", "SEQUENCE", "board_address", "own_ident", "put_up", "take_down"]

ROW_WORDS = 8
ROWS = PAGE // 64 - 1  # 63 threads of a process may write notes at a time
IDENT, LANE, MASK, NUMBER, SEQUENCE = range(5)

_SYMBOL = "disruptor_note_board"
_mapping = anonymous(PAGE)
BOARD = _mapping.array(np.int64)
_mutex = threading.Lock()
binding.add_symbol(_SYMBOL, _mapping.address)

_pthread_self = types.ExternalFunction("pthread_self", types.int64())


def board_address():
    """Return the address of the board."""
    return _mapping.address


def own_ident():
    """Return the identifier of the calling thread, that of `threading.get_ident`."""
    return threading.get_ident()


def put_up(lane: int, mask: int, number: int, sequence: int) -> bool:
    """Give the calling thread a row; return False when all are taken.

    lane : address of its lane. mask : of the lane's slots. number, sequence : addresses of the cells that say what is in hand.
    """
    with _mutex:
        for row in range(ROWS):
            start = (row + 1) * ROW_WORDS
            if BOARD[start + IDENT] == 0:
                BOARD[start + LANE : start + SEQUENCE + 1] = lane, mask, number, sequence
                store_release(BOARD, start + IDENT, threading.get_ident())
                BOARD[0] = max(int(BOARD[0]), row + 1)
                return True
    return False


def take_down() -> None:
    """Take the calling thread's row away."""
    with _mutex:
        starts = ROW_WORDS * np.arange(1, ROWS + 1)
        BOARD[starts[BOARD[starts] == threading.get_ident()]] = 0


@intrinsic
def _board_address(typingctx):
    def codegen(context, builder, signature, args):
        module = builder.module
        symbol = module.globals.get(_SYMBOL) or ir.GlobalVariable(module, ir.IntType(64), _SYMBOL)
        return builder.ptrtoint(symbol, ir.IntType(64))

    return types.int64(), codegen


@overload(board_address, jit_options={"forceinline": True})
def _address_overload():
    return lambda: _board_address()


@overload(own_ident, jit_options={"forceinline": True})
def _ident_overload():
    return lambda: _pthread_self()
