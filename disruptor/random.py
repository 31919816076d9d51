"""A counter-based generator of random words: the n-th word depends on (key, n) alone.

The key lies in the parameters and the counter in the state of whoever draws, so a replay draws the same numbers; the
words are the same jitted, un-jitted and on every machine. Not for secrets.

Source: SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014): the word is the
mix of key + (counter + 1) × golden ratio; reference values by S. Vigna, https://prng.di.unimi.it/splitmix64.c.
"""

from __future__ import annotations

import numpy as np
from numba.extending import overload

__all__ = ["random_below", "random_word"]

_GOLDEN = 0x9E3779B97F4A7C15
_M1 = 0xBF58476D1CE4E5B9
_M2 = 0x94D049BB133111EB
_MASK = (1 << 64) - 1


def random_word(key, counter):
    """Return word number `counter` (int64, from 0) of the sequence `key` (int64), as int64: all 64 bits are random."""
    z = ((int(key) & _MASK) + (int(counter) + 1) * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * _M1) & _MASK
    z = ((z ^ (z >> 27)) * _M2) & _MASK
    z ^= z >> 31
    return z - (1 << 64) if z >> 63 else z


def random_below(key, counter, limit):
    """Return a number of 0 .. limit − 1 (1 <= limit <= 2^31) drawn from word `counter`.

    It scales the word's high 32 bits; a bias of limit / 2^32 remains.
    """
    return (((random_word(key, counter) >> 32) & 0xFFFFFFFF) * int(limit)) >> 32


@overload(random_word, jit_options={"forceinline": True})
def _random_word_overload(key, counter):
    golden, m1, m2 = np.uint64(_GOLDEN), np.uint64(_M1), np.uint64(_M2)
    one, s30, s27, s31 = np.uint64(1), np.uint64(30), np.uint64(27), np.uint64(31)

    def mix(key, counter):
        z = np.uint64(np.int64(key)) + (np.uint64(np.int64(counter)) + one) * golden
        z = (z ^ (z >> s30)) * m1
        z = (z ^ (z >> s27)) * m2
        z ^= z >> s31
        return np.int64(z)

    return mix


@overload(random_below, jit_options={"forceinline": True})
def _random_below_overload(key, counter, limit):
    def scale(key, counter, limit):
        return (((random_word(key, counter) >> 32) & 0xFFFFFFFF) * np.int64(limit)) >> 32

    return scale
