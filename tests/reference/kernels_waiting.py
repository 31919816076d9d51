"""Two threads that hand a number to and fro through each wait strategy."""

from disruptor.atomics import load_acquire, store_release, timestamp
from disruptor.compiled import entry
from disruptor.waiting import idle, wake_all


@entry
def pong(cells, strategy, rounds):
    """Answer `rounds` pings: waits for cells[0] to reach n, stores n into cells[16]. Sleeps on cell 32."""
    for n in range(1, rounds + 1):
        idle_count = 0
        while load_acquire(cells, 0) < n:
            idle_count = idle(strategy, idle_count, cells, 32)
        store_release(cells, 16, n)
        if strategy == 2:
            wake_all(cells, 48)
    return rounds


@entry
def ping(cells, strategy, rounds, gap_ticks, longest):
    """Send `rounds` pings, `gap_ticks` apart; longest[0] receives the longest round trip, longest[1] their sum (ticks)."""
    for n in range(1, rounds + 1):
        if gap_ticks > 0:
            until = timestamp() + gap_ticks
            while timestamp() < until:
                pass
        start = timestamp()
        store_release(cells, 0, n)
        if strategy == 2:
            wake_all(cells, 32)
        idle_count = 0
        while load_acquire(cells, 16) < n:
            idle_count = idle(strategy, idle_count, cells, 48)
        took = timestamp() - start
        longest[1] += took
        if took > longest[0]:
            longest[0] = took
    return rounds


@entry
def wait_until(cells, strategy):
    """Wait until cells[0] is not 0; return how many turns it took."""
    turns = 0
    idle_count = 0
    while load_acquire(cells, 0) == 0:
        idle_count = idle(strategy, idle_count, cells, 32)
        turns += 1
    return turns
