"""The consumers that a ring's producers may not lap, as a table of words that changes while producers read it.

A table is GATING_WORDS words of CELLS: a head, then entries. The head is how often somebody was added, × 256, + how many entries
there are. An entry is the word of a consumer's sequence, or 0 where one has been removed. Nothing is ever moved, so a producer
that reads while others change misses nobody who stays: `add` fills a hole or the place after the last, `remove` makes a hole.

Order: `add` stores the entry, then the head (release), then fences; after that the newcomer looks where it is to stand.
`lowest_gate` loads the head, the entries, their sequences (acquire), then fences and loads the head again. If the head is still the
same, the newcomer's look comes later and finds all that was found here, so it stands at or before nothing that may be overwritten;
else it is looked anew. Without the fences both may miss the other; without the second load a newcomer and a step of a consumer may
come in the middle of a look (both found by tools.verify.explore).
"""

from __future__ import annotations

from disruptor.atomics import fence, load_acquire, store_release
from disruptor.compiled import compiled, entry

__all__ = ["GATING_MOST", "GATING_WORDS", "NOBODY", "add_gate", "gates", "lowest_gate", "remove_gate"]

GATING_WORDS = 256
NOBODY = (1 << 63) - 1  # also the sequence of a consumer that has let go
GATING_MOST = GATING_WORDS - 1
_COUNT = 255  # of the head
_ADDED = 256


@compiled
def lowest_gate(cells, table):
    """Return the lowest sequence of the consumers in the table, NOBODY when there is none. Order: acquire on each."""
    while True:  # each turn after the first means that somebody was added meanwhile
        head = load_acquire(cells, table)
        lowest = NOBODY
        for place in range(table + 1, table + 1 + (head & _COUNT)):
            word = load_acquire(cells, place)
            if word != 0:
                value = load_acquire(cells, word)
                if value < lowest:
                    lowest = value
        fence()
        if load_acquire(cells, table) == head:
            return lowest


@entry(brief=True)
def add_gate(cells, table, word):
    """Put a sequence's word into the table; return whether there was room. One thread at a time."""
    head = cells[table]
    count = head & _COUNT
    free = table + 1
    while free < table + 1 + count and cells[free] != 0:
        free += 1
    if free > table + GATING_MOST:
        return False
    store_release(cells, free, word)
    store_release(cells, table, head + _ADDED + (1 if free == table + 1 + count else 0))
    fence()  # whoever looks from now on sees it, or has looked before; pairs with the fence in `lowest_gate`
    return True


@entry(brief=True)
def remove_gate(cells, table, word):
    """Take every entry of a sequence's word out of the table; return how many there were. One thread at a time."""
    removed = 0
    for place in range(table + 1, table + 1 + (cells[table] & _COUNT)):
        if cells[place] == word:
            store_release(cells, place, 0)
            removed += 1
    return removed


def gates(cells, table) -> list[int]:
    """Return the words in the table."""
    return [int(w) for w in cells[table + 1 : table + 1 + (int(cells[table]) & _COUNT)] if w]
