"""What the workers of a stealing pool share: where the next task comes from, and when there is none left.

A worker takes the youngest task of its own deque; else a share of those that the run began with, a smaller one the fewer are
left; else the oldest of another worker, found at random. Tasks that a task begins go into its worker's deque.

The end: each worker counts the tasks that it began (before they can be seen) and those that it finished (after what they
began was counted); both only grow. So when the finished are added up first, and those begun afterwards, and the two are equal,
then at the moment in between nothing was left, and nothing can begin again.

Order: a count is stored with release and loaded with acquire. Source: F. Mattern, "Algorithms for distributed termination
detection", 1987 (section 6, channel counting; one pass suffices, since nobody outside adds tasks while a run goes on).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from disruptor.atomics import fetch_add, load_acquire, pause, store_release
from disruptor.compiled import compiled
from disruptor.deque import BOTTOM, DEQUE_WORDS, LOST, TAKEN, deque_push, deque_room, deque_steal, deque_take
from disruptor.layout import CELL_WORDS

__all__ = [
    "BEGUN", "COUNT", "DONE", "FIRST", "HALT", "NEXT", "REFUSED", "SCRATCH", "SEED", "STOLEN", "Spawn", "WORKER_WORDS",
    "find_task", "finish_task", "is_quiet", "task_push", "task_room",
]

HALT, NEXT, COUNT = 0, CELL_WORDS, 2 * CELL_WORDS  # cells of a pool: stop; the next of the first tasks; how many there are
FIRST = 3 * CELL_WORDS  # the first worker's cells: its deque, then a cell of its own with
BEGUN, DONE, REFUSED, STOLEN, SEED, SCRATCH = (DEQUE_WORDS + n for n in (0, 1, 2, 3, 4, 8))
WORKER_WORDS = DEQUE_WORDS + CELL_WORDS
_SHARES = 4  # of what is left a worker takes one part in so many per worker


class Spawn(NamedTuple):
    """A worker's end for the tasks that its tasks begin. Use with `task_room` and `task_push`."""

    tasks: Any  # the deques' slots, of all workers
    cells: Any  # the pool's cells
    place: Any  # first word of the worker's cells
    first: Any  # first slot of its deque
    mask: Any


@compiled
def task_room(spawn):
    """Return the index in spawn.tasks to write a new task to, −1 when the deque is full: then do the work on the spot."""
    at = deque_room(spawn.cells, spawn.place, spawn.mask)
    if at < 0:
        spawn.cells[spawn.place + REFUSED] += 1
        return -1
    return spawn.first + at


@compiled
def task_push(spawn):
    """Begin the task that was written to the slot of `task_room`: this worker, or a thief, will do it."""
    store_release(spawn.cells, spawn.place + BEGUN, spawn.cells[spawn.place + BEGUN] + 1)
    deque_push(spawn.cells, spawn.place)


@compiled
def finish_task(cells, place):
    """Count the task in hand as finished. Order: release, after the counts of all that it began."""
    store_release(cells, place + DONE, cells[place + DONE] + 1)


@compiled
def find_task(cells, tasks, source, hand, me, workers, mask):
    """Copy the next task for worker `me` into hand[0]; return whether there was one. source : what the run began with."""
    place, first = FIRST + me * WORKER_WORDS, me * (mask + 1)
    if deque_take(cells, place, tasks, first, mask, hand) == TAKEN:
        return True
    if _take_share(cells, tasks, source, hand, place, first, workers, mask):
        return True
    seed = cells[place + SEED]
    found = False
    for _ in range(2 * workers):
        seed ^= (seed << 13) & 0x7FFFFFFF
        seed ^= seed >> 17
        seed ^= (seed << 5) & 0x7FFFFFFF
        victim = seed % workers
        if victim != me:
            stolen = deque_steal(cells, FIRST + victim * WORKER_WORDS, tasks, victim * (mask + 1), mask, hand)
            if stolen == TAKEN:
                cells[place + STOLEN] += 1
                found = True
                break
            if stolen == LOST:
                pause()
    cells[place + SEED] = seed
    return found


@compiled
def _take_share(cells, tasks, source, hand, place, first, workers, mask):
    """Take some of the tasks that the run began with: the first into hand[0], the others into the deque, which is empty."""
    count = cells[COUNT]
    left = count - load_acquire(cells, NEXT)
    if left <= 0:
        return False
    share = 1 + min((left - 1) // (_SHARES * workers), mask)
    at = fetch_add(cells, NEXT, share)
    if at >= count:
        return False
    end = min(at + share, count)
    bottom = cells[place + BOTTOM]
    for k in range(end - at - 1):
        tasks[first + ((bottom + k) & mask)] = source[end - 1 - k]  # the youngest is done first: that is their order
    if end - at > 1:
        deque_push(cells, place, end - at - 1)
    hand[0] = source[at]
    return True


@compiled
def is_quiet(cells, workers):
    """Return whether every task is finished. Order: acquire; the finished first, those begun afterwards."""
    done = 0
    for worker in range(workers):
        done += load_acquire(cells, FIRST + worker * WORKER_WORDS + DONE)
    begun = cells[COUNT]
    for worker in range(workers):
        begun += load_acquire(cells, FIRST + worker * WORKER_WORDS + BEGUN)
    return done == begun
