"""A 64-bit hash over logical content, the same jitted, un-jitted and on every machine.

A handler's digest folds what its state *means* (live levels in price order, orders by id), never raw bytes.

Source: the finaliser of MurmurHash3 (public domain, Austin Appleby), applied after each xor-multiply step.
"""

from __future__ import annotations

import numpy as np
from numba.extending import overload

__all__ = ["SEED", "fold", "fold_float"]

SEED = 0x9E3779B97F4A7C15 - (1 << 64)  # as int64
_MASK = (1 << 64) - 1
_M1 = 0xFF51AFD7ED558CCD
_M2 = 0xC4CEB9FE1A85EC53


def fold(digest, value):
    """Return `digest` (int64) continued by `value` (int64)."""
    h = ((int(digest) & _MASK) * _M2 ^ (int(value) & _MASK)) & _MASK
    h = ((h ^ (h >> 33)) * _M1) & _MASK
    h = ((h ^ (h >> 33)) * _M2) & _MASK
    h ^= h >> 33
    return h - (1 << 64) if h >> 63 else h


def fold_float(digest, value):
    """Return `digest` continued by the bits of a float64; -0.0 counts as 0.0 and every NaN as one."""
    number = float(value)
    if number != number:
        return fold(digest, 0x7FF8000000000000)
    return fold(digest, int(np.float64(number + 0.0).view(np.int64)))


@overload(fold, jit_options={"forceinline": True})
def _fold_overload(digest, value):
    m1, m2 = np.uint64(_M1), np.uint64(_M2)
    shift = np.uint64(33)

    def fold_words(digest, value):
        h = np.uint64(np.int64(digest)) * m2 ^ np.uint64(np.int64(value))
        h = (h ^ (h >> shift)) * m1
        h = (h ^ (h >> shift)) * m2
        h ^= h >> shift
        return np.int64(h)

    return fold_words


@overload(fold_float, jit_options={"forceinline": True})
def _fold_float_overload(digest, value):
    def fold_bits(digest, value):
        if value != value:
            return fold(digest, 0x7FF8000000000000)
        return fold(digest, np.float64(value + 0.0).view(np.int64))

    return fold_bits
