"""Read-copy-update: a table that one handler changes, read as it was after one of its messages, by readers outside the order.

    slot = rcu_edit(cells, place, rows, 7)          # a private copy of row 7, the same one until it is published
    rows[slot]["price"] = 2.5
    rcu_publish(cells, place, sequence)             # all rows edited since the last time, at once

An *edition* is a map from row to slot. The writer edits copies, publishes a new map by one store, and never changes what an
edition that is current or held shows. A reader pins the current edition (one store, one fence, two loads) and takes as long as
it likes. The writer asks who holds what only when it begins an edition and when its free slots are used up; it never waits: with
`readers` + 2 slots per row, each reader can hold one whole old edition, and there is room for the current and the next.

What the words from `place` on hold stands in the table below; the writer writes all of them but the readers' cells.

Order: a reader stores its pin, fences, and looks whether the edition is still current; the writer makes another one current,
fences, and looks at the pins. One of the two sees the other, so nothing that a reader reads is ever reused under it. Rows are
written before the release of `current`, read after its acquire.
Source: P. E. McKenney and J. D. Slingwine, "Read-copy update", PDCS 1998; the pins are M. Michael's hazard pointers (2004).
"""

from __future__ import annotations

from disruptor.atomics import fence, load_acquire, store_release
from disruptor.compiled import compiled
from disruptor.layout import CELL_WORDS

__all__ = [
    "BIRTH", "CURRENT", "DRAFT", "EDITION", "FREE", "FREE_COUNT", "HELD", "MAPS", "PIN", "READERS", "READER_CELLS", "RETIRE", "RETIRED",
    "RETIRED_COUNT", "ROOT_EDITION", "ROOT_SEQUENCE", "ROWS", "rcu_edit", "rcu_pin", "rcu_publish", "rcu_slot", "rcu_slots",
    "rcu_unpin", "rcu_words",
]

CURRENT = 0  # the root of the current edition; a root is a map and what it is the map of
# The writer's own cell: the number of the current edition; the root that is being made, −1 none; rows; readers; lengths of
# the two lists; and where the parts below begin, in words from `place`.
EDITION, DRAFT, ROWS, READERS, FREE_COUNT, RETIRED_COUNT = (CELL_WORDS + n for n in range(6))
ROOT_EDITION, ROOT_SEQUENCE, MAPS, BIRTH, RETIRE, FREE, RETIRED, HELD = (CELL_WORDS + 6 + n for n in range(8))
READER_CELLS = 2 * CELL_WORDS  # one cell each; word 0:
PIN = 0  # 1 + the root that it reads, 0 none


def rcu_slots(rows: int, readers: int) -> int:
    """Return how many records the table takes."""
    return rows * (readers + 2)


def rcu_words(rows: int, readers: int) -> int:
    """Return how many int64 words `cells` needs from `place` on."""
    roots = readers + 2
    words = READER_CELLS + readers * CELL_WORDS + roots * (2 + rows) + 4 * rcu_slots(rows, readers) + readers + 1
    return -(-words // CELL_WORDS) * CELL_WORDS


@compiled
def rcu_slot(cells, place, row):
    """Return the slot of a row as the writer last left it, published or not. The writer's thread only."""
    root = cells[place + DRAFT]
    if root < 0:
        root = cells[place + CURRENT]
    return cells[place + cells[place + MAPS] + root * cells[place + ROWS] + row]


@compiled
def rcu_edit(cells, place, rows, row):
    """Return the slot of a row that may be written until the next `rcu_publish`: a copy, made at the first call of an edition."""
    root = cells[place + DRAFT]
    if root < 0:
        root = _begin(cells, place)
    at = place + cells[place + MAPS] + root * cells[place + ROWS] + row
    slot = cells[at]
    birth, following = place + cells[place + BIRTH], cells[place + EDITION] + 1
    if cells[birth + slot] == following:
        return slot
    count = cells[place + FREE_COUNT]
    if count == 0:
        count = _reclaim(cells, place)
    count -= 1
    cells[place + FREE_COUNT] = count
    copy = cells[place + cells[place + FREE] + count]
    rows[copy] = rows[slot]
    cells[birth + copy] = following
    cells[place + cells[place + RETIRE] + slot] = following
    retired = cells[place + RETIRED_COUNT]
    cells[place + cells[place + RETIRED] + retired] = slot
    cells[place + RETIRED_COUNT] = retired + 1
    cells[at] = copy
    return copy


@compiled
def rcu_publish(cells, place, sequence):
    """Make what was edited since the last time the current edition; return its number, 0 when nothing was edited.

    sequence : of the message that it is complete up to, for readers. Order: release; pairs with the acquire in `rcu_pin`.
    """
    root = cells[place + DRAFT]
    if root < 0:
        return 0
    edition = cells[place + EDITION] + 1
    cells[place + cells[place + ROOT_EDITION] + root] = edition
    cells[place + cells[place + ROOT_SEQUENCE] + root] = sequence
    cells[place + EDITION] = edition
    cells[place + DRAFT] = -1
    store_release(cells, place + CURRENT, root)
    return edition


@compiled
def rcu_pin(cells, place, reader):
    """Hold the current edition for reader number `reader`; return its root. Repeats when the writer publishes meanwhile.

    Order: the fence between the pin and the second look pairs with the fences in `_begin` and `_reclaim`.
    """
    pin = place + READER_CELLS + reader * CELL_WORDS + PIN
    root = load_acquire(cells, place + CURRENT)
    while True:
        store_release(cells, pin, root + 1)
        fence()
        seen = load_acquire(cells, place + CURRENT)
        if seen == root:
            return root
        root = seen


@compiled
def rcu_unpin(cells, place, reader):
    """Let go. Order: release; pairs with the writer's acquire on the pin: what was read is read."""
    store_release(cells, place + READER_CELLS + reader * CELL_WORDS + PIN, 0)


@compiled
def _begin(cells, place):
    """Take a root that is neither current nor held, copy the current map into it, and return it."""
    fence()
    current, count = cells[place + CURRENT], cells[place + ROWS]
    roots = cells[place + READERS] + 2
    root = 0
    while root == current or _is_held(cells, place, root):  # at most readers + 1 are not free; a pin may move while we look
        root = (root + 1) % roots
    maps = place + cells[place + MAPS]
    for row in range(count):
        cells[maps + root * count + row] = cells[maps + current * count + row]
    cells[place + DRAFT] = root
    return root


@compiled
def _is_held(cells, place, root):
    for reader in range(cells[place + READERS]):
        if load_acquire(cells, place + READER_CELLS + reader * CELL_WORDS + PIN) == root + 1:
            return True
    return False


@compiled
def _reclaim(cells, place):
    """Move retired slots that no held edition shows to the free ones; return how many are free, at least one."""
    fence()
    readers = cells[place + READERS]
    held, editions = place + cells[place + HELD], place + cells[place + ROOT_EDITION]
    cells[held] = cells[place + EDITION]
    count = 1
    for reader in range(readers):
        pin = load_acquire(cells, place + READER_CELLS + reader * CELL_WORDS + PIN)
        if pin != 0:
            cells[held + count] = cells[editions + pin - 1]
            count += 1
    birth, retire = place + cells[place + BIRTH], place + cells[place + RETIRE]
    free, retired = place + cells[place + FREE], place + cells[place + RETIRED]
    kept, freed = 0, cells[place + FREE_COUNT]
    for i in range(cells[place + RETIRED_COUNT]):
        slot = cells[retired + i]
        is_shown = False
        for k in range(count):
            is_shown |= cells[birth + slot] <= cells[held + k] and cells[held + k] < cells[retire + slot]
        if is_shown:
            cells[retired + kept] = slot
            kept += 1
        else:
            cells[free + freed] = slot
            freed += 1
    cells[place + RETIRED_COUNT] = kept
    cells[place + FREE_COUNT] = freed
    return freed
