"""A bounded deque of tasks: its owner pushes and takes at one end, any other thread steals from the other.

    at = deque_room(cells, place, mask)                    # owner: the slot of the next task, −1 when it is full
    tasks[first + at]["depth"] = 3
    deque_push(cells, place)                               # owner: now it can be stolen
    deque_take(cells, place, tasks, first, mask, hand)     # owner: the youngest task, copied into hand[0]
    deque_steal(cells, place, tasks, first, mask, hand)    # anyone else: the oldest

A deque is two cells of `cells` from word `place` on: top (thieves move it) and bottom (its owner moves it); its mask + 1 slots
lie in `tasks` from `first` on.
The slot of the owner's next task is never one that a thief may take, so what a thief copies is whole whenever its
compare-exchange of top succeeds, and thrown away when not.

Order: `deque_take` lowers bottom, fences, and reads top; a thief reads top, fences, and reads bottom: of the last task only
one of the two believes to have it without looking at the other, and the compare-exchange of top decides between them.
Source: D. Chase and Y. Lev, "Dynamic circular work-stealing deque", SPAA 2005; N. M. Lê et al., "Correct and efficient
work-stealing for weak memory models", PPoPP 2013 (figure 1).
"""

from __future__ import annotations

from disruptor.atomics import compare_exchange, fence, load_acquire, store_release
from disruptor.compiled import compiled
from disruptor.layout import CELL_WORDS

__all__ = ["BOTTOM", "DEQUE_WORDS", "EMPTY", "LOST", "TAKEN", "TOP", "deque_push", "deque_room", "deque_steal", "deque_take"]

TOP, BOTTOM = 0, CELL_WORDS
DEQUE_WORDS = 2 * CELL_WORDS
TAKEN, EMPTY, LOST = 1, 0, -1


@compiled
def deque_room(cells, place, mask):
    """Return the slot for the owner's next task, −1 when all slots are taken. Nothing is pushed yet.

    Order: acquire on top pairs with the thieves' compare-exchange: they have copied what lay in the slot.
    """
    bottom = cells[place + BOTTOM]
    if bottom - load_acquire(cells, place + TOP) > mask:
        return -1
    return bottom & mask


@compiled
def deque_push(cells, place, count=1):
    """Let `count` tasks be seen, written into the slots from `deque_room` on. Order: release; pairs with thieves' acquire."""
    store_release(cells, place + BOTTOM, cells[place + BOTTOM] + count)


@compiled
def deque_take(cells, place, tasks, first, mask, hand):
    """Copy the task pushed last into hand[0]; return TAKEN (1), or EMPTY (0). The owner's thread only."""
    bottom = cells[place + BOTTOM] - 1
    if bottom < load_acquire(cells, place + TOP):  # top only grows: empty for good until the owner pushes
        return EMPTY
    store_release(cells, place + BOTTOM, bottom)
    fence()
    top = load_acquire(cells, place + TOP)
    if top < bottom:
        hand[0] = tasks[first + (bottom & mask)]
        return TAKEN
    found = EMPTY
    if top == bottom:  # the last one: a thief may be at it
        hand[0] = tasks[first + (bottom & mask)]
        if compare_exchange(cells, place + TOP, top, top + 1):
            found = TAKEN
    store_release(cells, place + BOTTOM, bottom + 1)
    return found


@compiled
def deque_steal(cells, place, tasks, first, mask, hand):
    """Copy the oldest task into hand[0]; return TAKEN (1), EMPTY (0), or LOST (−1): another was faster, ask again."""
    top = load_acquire(cells, place + TOP)
    fence()
    if top >= load_acquire(cells, place + BOTTOM):
        return EMPTY
    hand[0] = tasks[first + (top & mask)]
    return TAKEN if compare_exchange(cells, place + TOP, top, top + 1) else LOST
