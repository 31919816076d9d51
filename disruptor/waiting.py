"""What a loop does when a turn found nothing to do.

    busy-spin   `pause` and look again. Wakes in 50–100 ns. Burns a core; never two spinners on one core (the kernel's
                time slice becomes the latency: 3–10 times less throughput).
    yielding    100 turns of spinning, then `sched_yield` each turn. Still 100 % of a core, but shares it: for more
                threads than cores.
    blocking    SPIN_TURNS turns of spinning (10–20 µs), then sleeps on a futex until woken, 10 ms at most. Idles at
                0.3 % of a core; a wake-up after longer idleness costs 5–50 µs. Publishers must call `wake_all` after
                they publish (8 ns when nobody sleeps: the fence), once per batch.

A blocking wait uses one cell of the engine (16 words): word 0 somebody is about to sleep, word 1 the futex (counts
wakes), words 4 and 5 scratch. Any number of threads may share one.

Order: no wake-up is lost, because the sleeper announces itself (word 0), fences, and then *looks again* before it
sleeps (the turn of its loop between the two calls of `idle`), while the publisher publishes, fences, and then looks at
word 0. One of the two sees the other. A wake between announcement and sleep changes word 1, so the futex returns.
Source: the event count of D. Vyukov; LMAX LiteBlockingWaitStrategy (the flag that spares the signal).
"""

from __future__ import annotations

from enum import IntEnum

from disruptor.atomics import fence, fetch_add, load_acquire, pause, store_release
from disruptor.compiled import compiled, entry
from disruptor.system_calls import futex_wait, futex_wake, yield_core

__all__ = ["PARK_NS", "SPIN_TURNS", "WaitStrategy", "idle", "wake_all"]

SPIN_TURNS = 400
PARK_NS = 10_000_000
_YIELD_TURNS = 100


class WaitStrategy(IntEnum):
    """How a loop waits. The number is compiled into the loop."""

    BUSY_SPIN = 0  # a core of its own
    YIELDING = 1  # more threads than cores
    BLOCKING = 2  # mostly idle


@compiled
def idle(strategy, idle_count, cells, wait_cell):
    """Wait a little after a turn without work; return the new idle count.

    strategy : a WaitStrategy number, constant in the loop. idle_count : what the call before returned; 0 after a turn
    that did something. cells : int64 cells; wait_cell : word index of the cell that publishers wake.
    Precondition: between two calls the loop looks at everything that could give it work, and at its halt cell.
    """
    if strategy == 0:
        pause()
        return 0
    if strategy == 1:
        if idle_count < _YIELD_TURNS:
            pause()
            return idle_count + 1
        yield_core()
        return idle_count
    if idle_count < 0:  # announced in the call before, and still nothing to do
        futex_wait(cells, wait_cell + 1, -1 - idle_count, PARK_NS, wait_cell + 4)
        return SPIN_TURNS
    if idle_count < SPIN_TURNS:
        pause()
        return idle_count + 1
    ticket = load_acquire(cells, wait_cell + 1) & 0xFFFFFFFF
    store_release(cells, wait_cell, 1)
    fence()
    return -1 - ticket


@entry
def wake_all(cells, wait_cell):
    """Wake whoever sleeps on `wait_cell`. Call after publishing and after setting a halt cell; cheap when nobody does.

    Order: the fence keeps the look at word 0 after the store that published; pairs with the fence in `idle`.
    """
    fence()
    if load_acquire(cells, wait_cell) != 0:
        store_release(cells, wait_cell, 0)
        fetch_add(cells, wait_cell + 1, 1)
        futex_wake(cells, wait_cell + 1)
