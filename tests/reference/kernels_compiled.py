"""Functions that show what the decorators of disruptor.compiled allow and refuse."""

import numba
import numpy as np

from disruptor.atomics import load_acquire, pause, store_release
from disruptor.compiled import compiled, entry, loop_options


def plain(value):
    return 2 * value


@entry(cache=False)
def allocates(count):
    return np.zeros(count).sum()


@entry(cache=False)
def copies(target, source):
    target[0:4] = source[2:6]


@compiled
def _wait(cells, wanted):
    while load_acquire(cells, 0) < wanted:
        pause()
    return cells[0]


@entry(cache=False)
def waits_in_a_helper(cells, wanted):
    result = 0
    for _ in range(2):
        result = _wait(cells, wanted)
    return result


@entry(cache=False)
def hands_over(cells):
    value = load_acquire(cells, 0)
    store_release(cells, 16, value)
    return value


@numba.njit(nogil=True)
def _wait_counted(cells, wanted):
    while load_acquire(cells, 0) < wanted:
        pause()
    return cells[0]


@numba.njit(nogil=True)
def waits_with_references(cells, wanted):
    result = 0
    for _ in range(2):
        result = _wait_counted(cells, wanted)
    return result


@entry(cache=False)
def divides(a, b):
    return a // b


@numba.njit(**loop_options(cache=False, boundscheck=True))
def reads_checked(values, index):
    return values[index]
