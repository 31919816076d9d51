"""The consumers that a ring's producers may not lap, as a table of words that changes while producers read it.

A table is GATING_WORDS words of CELLS: a count, then that many entries. An entry is the word of a consumer's sequence, or
0 where one has been removed. Nothing is ever moved, so a producer that reads while others change misses nobody who stays:
`add` fills a hole or the place after the last, `remove` makes a hole.

Order: `add` stores the entry, then the count (release); `lowest_gate` loads the count, then entries (acquire).
"""

from __future__ import annotations

from disruptor.atomics import load_acquire, store_release
from disruptor.compiled import compiled, entry

__all__ = ["GATING_MOST", "GATING_WORDS", "NOBODY", "add_gate", "gates", "lowest_gate", "remove_gate"]

GATING_WORDS = 256
NOBODY = (1 << 63) - 1  # also the sequence of a consumer that has let go
GATING_MOST = GATING_WORDS - 1


@compiled
def lowest_gate(cells, table):
    """Return the lowest sequence of the consumers in the table, NOBODY when there is none. Order: acquire on each."""
    lowest = NOBODY
    for place in range(table + 1, table + 1 + load_acquire(cells, table)):
        word = load_acquire(cells, place)
        if word != 0:
            value = load_acquire(cells, word)
            if value < lowest:
                lowest = value
    return lowest


@entry(brief=True)
def add_gate(cells, table, word):
    """Put a sequence's word into the table; return whether there was room. One thread at a time."""
    count = cells[table]
    for place in range(table + 1, table + 1 + count):
        if cells[place] == 0:
            store_release(cells, place, word)
            return True
    if count == GATING_MOST:
        return False
    store_release(cells, table + 1 + count, word)
    store_release(cells, table, count + 1)
    return True


@entry(brief=True)
def remove_gate(cells, table, word):
    """Take every entry of a sequence's word out of the table; return how many there were. One thread at a time."""
    removed = 0
    for place in range(table + 1, table + 1 + cells[table]):
        if cells[place] == word:
            store_release(cells, place, 0)
            removed += 1
    return removed


def gates(cells, table) -> list[int]:
    """Return the words in the table."""
    return [int(w) for w in cells[table + 1 : table + 1 + int(cells[table])] if w]
