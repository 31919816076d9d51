"""What a loop does when a turn found nothing to do.

    busy-spin       `pause` and look again. Wakes in 50–100 ns. Burns a core; never two spinners on one core (the kernel's
                    time slice becomes the latency: 3–10 times less throughput).
    yielding        a few turns of spinning, then `sched_yield` each turn. Still 100 % of a core, but shares it: for more
                    threads than cores.
    sleeping        spins, then yields, then naps of 100 ns (60 µs with the kernel's timer slack): no publisher has to wake
                    it, 1–5 % of a core.
    blocking        spins for 10–20 µs, then sleeps on a futex until woken, 10 ms at most. Idles at 0.3 % of a core; a
                    wake-up after longer idleness costs 5–50 µs. Publishers call `wake` after they publish (8 ns when
                    nobody sleeps: the fence), once per batch.
    phased backoff  spins for a time, yields for a time, then blocks or sleeps.

A blocking wait uses one wait cell (16 words): word 0 somebody is about to sleep, word 1 the futex (counts wakes). Any
number of threads may share one. `own` is the index of two words of scratch that belong to the waiting thread alone.

Order: no wake-up is lost, because the sleeper announces itself (word 0), fences, and then *looks again* before it
sleeps (the turn of its loop between the two calls of `idle`), while the publisher publishes, fences, and then looks at
word 0. One of the two sees the other. A wake between announcement and sleep changes word 1, so the futex returns.
Source: the event count of D. Vyukov; LMAX LiteBlockingWaitStrategy (the flag that spares the signal), PhasedBackoffWaitStrategy.
"""

from __future__ import annotations

from enum import IntEnum

from disruptor.atomics import fence, fetch_add, load_acquire, pause, store_release
from disruptor.compiled import compiled, entry
from disruptor.system_calls import CLOCK_MONOTONIC, clock_ns, futex_wait, futex_wake, nap_ns, yield_core

__all__ = ["PARK_NS", "SPIN_TURNS", "WaitStrategy", "idle", "idle_turn", "wake", "wake_all"]

SPIN_TURNS = 400
PARK_NS = 10_000_000
_YIELD_TURNS = 100
_PARKING = 1 << 30  # idle counts from here on: a phased wait has reached its last phase


class WaitStrategy(IntEnum):
    """How a loop waits. The number is compiled into the loop."""

    BUSY_SPIN = 0  # a core of its own
    YIELDING = 1  # more threads than cores
    BLOCKING = 2  # mostly idle
    SLEEPING = 3  # mostly idle, and publishers that must not pay for waking
    PHASED = 4  # spins, yields, then blocks
    PHASED_SLEEPING = 5  # spins, yields, then naps


@compiled
def idle(strategy, idle_count, cells, wait_cell):
    """Wait a little after a turn without work; return the new idle count. For loops whose strategy has no parameters.

    strategy : BUSY_SPIN, YIELDING or BLOCKING, constant in the loop. idle_count : what the call before returned; 0 after a
    turn that did something. cells : int64 cells; wait_cell : word index of the cell that publishers wake; its words 4
    and 5 are scratch.
    Precondition: between two calls the loop looks at everything that could give it work, and at its halt cell.
    """
    return idle_turn(strategy, _spins(strategy), 0, PARK_NS, 0, 0, idle_count, cells, wait_cell, wait_cell + 4)


@compiled
def _spins(strategy):
    return SPIN_TURNS if strategy == 2 else _YIELD_TURNS


@compiled
def idle_turn(strategy, spins, yields, park_ns, spin_ns, yield_ns, idle_count, cells, wait_cell, own):
    """Wait a little after a turn without work; return the new idle count.

    strategy : a WaitStrategy number. spins, yields : turns of either kind before yielding, sleeping or blocking.
    park_ns : length of a nap, and the longest sleep on the futex. spin_ns, yield_ns : lengths of a phased wait's phases.
    idle_count : what the call before returned; 0 after a turn that did something, and when `wait_cell` is another one.
    own : word index of two words of scratch of this thread.
    Precondition: between two calls the loop looks at everything that could give it work, and at its halt cell.
    """
    if strategy == 0:
        pause()
        pause()  # who looks less often takes the line less often from the one that is about to write it
        return 0
    if strategy == 1:
        if idle_count < spins:
            pause()
            return idle_count + 1
        yield_core()
        return idle_count
    if strategy == 3:
        return _napping(spins, yields, park_ns, idle_count, cells, own)
    if strategy == 2:
        if 0 <= idle_count < spins:
            pause()
            return idle_count + 1
        return _parking(park_ns, idle_count, spins, cells, wait_cell, own)
    if 0 <= idle_count < _PARKING:
        return _phases(spin_ns, yield_ns, idle_count, cells, own)
    if strategy == 4:
        return _parking(park_ns, idle_count, _PARKING, cells, wait_cell, own)
    nap_ns(park_ns, cells, own)
    return idle_count


@compiled
def _parking(park_ns, idle_count, again, cells, wait_cell, own):
    """Announce (in one call), then sleep unless something came (in the next)."""
    if idle_count < 0:  # announced in the call before, and still nothing to do
        futex_wait(cells, wait_cell + 1, -1 - idle_count, park_ns, own)
        return again
    ticket = load_acquire(cells, wait_cell + 1) & 0xFFFFFFFF
    store_release(cells, wait_cell, 1)
    fence()
    return -1 - ticket


@compiled
def _napping(spins, yields, park_ns, idle_count, cells, own):
    if idle_count < spins:
        pause()
        return idle_count + 1
    if idle_count < spins + yields:
        yield_core()
        return idle_count + 1
    nap_ns(park_ns, cells, own)
    return idle_count


@compiled
def _phases(spin_ns, yield_ns, idle_count, cells, own):
    """Spin, then yield, by the clock; it is read every 64th spin and at every yield. The start lies in own + 2."""
    if idle_count == 0:
        cells[own + 2] = clock_ns(CLOCK_MONOTONIC, cells, own)
        return 1
    if idle_count & 63 != 0:
        pause()
        return idle_count + 1
    waited = clock_ns(CLOCK_MONOTONIC, cells, own) - cells[own + 2]
    if waited < spin_ns:
        pause()
        return idle_count + 1
    if waited < spin_ns + yield_ns:
        yield_core()
        return idle_count  # stays a multiple of 64: the clock is read again
    return _PARKING


@compiled
def wake(cells, wait_cell):
    """Wake whoever sleeps on `wait_cell`. Call after publishing and after setting a halt cell; cheap when nobody does.

    Order: the fence keeps the look at word 0 after the store that published; pairs with the fence in `idle_turn`.
    """
    fence()
    if load_acquire(cells, wait_cell) != 0:
        store_release(cells, wait_cell, 0)
        fetch_add(cells, wait_cell + 1, 1)
        futex_wake(cells, wait_cell + 1)


@entry
def wake_all(cells, wait_cell):
    """The same, for Python callers."""
    wake(cells, wait_cell)
