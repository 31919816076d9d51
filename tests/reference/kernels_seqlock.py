"""A writer and readers of one seqlock cell, as compiled threads run them."""

from __future__ import annotations

from disruptor.atomics import load_acquire, store_release
from disruptor.compiled import entry
from disruptor.seqlock import seqlock_read, seqlock_write


@entry
def write_many(cells, place, source, halt, writes):
    """Store n, n, n, … for n = 1 .. writes, then set halt[0]. Returns the last version."""
    version = 0
    for n in range(1, writes + 1):
        for i in range(source.shape[0]):
            source[i] = n
        version = seqlock_write(cells, place, source)
    store_release(halt, 0, 1)
    return version


@entry
def read_many(cells, place, target, halt, counts):
    """Read until halt[0] is set and once more; counts[0]: reads, counts[1]: torn at every try. Returns what was wrong: 0."""
    broken = 0
    before = 0
    while True:
        last = load_acquire(halt, 0)
        version = seqlock_read(cells, place, target, 50)
        if version < 0:
            counts[1] += 1
        else:
            counts[0] += 1
            n = target[0]
            if 2 * n != version or n < before:
                broken += 1
            for i in range(target.shape[0]):
                if target[i] != n:
                    broken += 1
            before = n
        if last != 0:
            return broken


@entry
def read_naively(cells, place, target, halt):
    """Read the words without looking at the version. Returns how often they did not belong together."""
    torn = 0
    while load_acquire(halt, 0) == 0:
        for i in range(target.shape[0]):
            target[i] = load_acquire(cells, place + 1 + i)
        for i in range(target.shape[0]):
            if target[i] != target[0]:
                torn += 1
    return torn


@entry
def read_once(cells, place, target):
    """Read with the ordinary number of tries."""
    return seqlock_read(cells, place, target)
