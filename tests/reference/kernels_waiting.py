"""Two threads that hand a number to and fro through each wait strategy. `wait` : int64[6], the numbers of a Wait."""

from disruptor.atomics import load_acquire, store_release, timestamp
from disruptor.compiled import compiled, entry
from disruptor.waiting import idle_turn, wake


@compiled
def turn(wait, idle_count, cells, cell, own):
    return idle_turn(wait[0], wait[1], wait[2], wait[3], wait[4], wait[5], idle_count, cells, cell, own)


@entry
def pong(cells, wait, rounds):
    """Answer `rounds` pings: waits for cells[0] to reach n, stores n into cells[16]. Sleeps on cell 32."""
    for n in range(1, rounds + 1):
        idle_count = 0
        while load_acquire(cells, 0) < n:
            idle_count = turn(wait, idle_count, cells, 32, 64)
        store_release(cells, 16, n)
        if wait[0] == 2 or wait[0] == 4:
            wake(cells, 48)
    return rounds


@entry
def ping(cells, wait, rounds, gap_ticks, longest):
    """Send `rounds` pings, `gap_ticks` apart; longest[0] receives the longest round trip, longest[1] their sum (ticks)."""
    for n in range(1, rounds + 1):
        if gap_ticks > 0:
            until = timestamp() + gap_ticks
            while timestamp() < until:
                pass
        start = timestamp()
        store_release(cells, 0, n)
        if wait[0] == 2 or wait[0] == 4:
            wake(cells, 32)
        idle_count = 0
        while load_acquire(cells, 16) < n:
            idle_count = turn(wait, idle_count, cells, 48, 80)
        took = timestamp() - start
        longest[1] += took
        if took > longest[0]:
            longest[0] = took
    return rounds


@entry
def wait_until(cells, wait):
    """Wait until cells[0] is not 0; return how many turns it took."""
    turns = 0
    idle_count = 0
    while load_acquire(cells, 0) == 0:
        idle_count = turn(wait, idle_count, cells, 32, 64)
        turns += 1
    return turns
