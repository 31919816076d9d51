"""K33–K37: what consumers wait at (LMAX SequenceBarrierTest); K90–K92: wait strategies."""

import threading
import time

import pytest

from disruptor.errors import Alerted, GraphError, WaitTimeout
from disruptor.sequence import Sequence
from disruptor.wait import Wait, as_wait


def publish(ring, count):
    for _ in range(count):
        ring.publish(ring.next())


def test_k033_wait_for_returns_more_than_asked_when_dependencies_are_ahead(kind, wait):
    ring = kind.ring(64)
    publish(ring, 11)
    barrier = ring.new_barrier(Sequence(10), Sequence(9), Sequence(8), wait=wait)
    assert barrier.wait_for(7) == 8
    assert barrier.cursor == 8


def test_k034_a_barrier_waits_while_dependencies_are_behind(kind, wait, spawn):
    ring = kind.ring(64)
    publish(ring, 10)
    upstream = [Sequence(8) for _ in range(3)]
    barrier = ring.new_barrier(*upstream, wait=wait)
    got = []
    waiter = spawn(lambda: got.append(barrier.wait_for(9)))
    waiter.join(0.05)
    assert waiter.is_alive()
    for sequence in upstream:
        assert not got
        sequence.set(9)
    ring.sequencer.wake_producers()
    spawn.join()
    assert got == [9]


def test_k035_an_alert_ends_a_wait(kind, wait, spawn):
    ring = kind.ring(64)
    barrier = ring.new_barrier(wait=wait)
    seen, inside = [], threading.Event()

    def waits():
        inside.set()
        with pytest.raises(Alerted):
            barrier.wait_for(0)
        seen.append(True)

    waiter = spawn(waits)
    inside.wait()
    waiter.join(0.03)
    assert not seen
    barrier.alert()
    spawn.join()
    assert seen == [True]


def test_k035_an_alert_ends_a_wait_for_slow_dependencies(kind, wait, spawn):
    ring = kind.ring(64)
    publish(ring, 4)
    barrier = ring.new_barrier(Sequence(1), wait=wait)

    def waits():
        with pytest.raises(Alerted):
            barrier.wait_for(2)

    waiter = spawn(waits)
    waiter.join(0.03)
    assert waiter.is_alive()
    barrier.alert()
    spawn.join()


def test_k036_wait_for_returns_what_dependencies_have_passed(kind):
    ring = kind.ring(64)
    publish(ring, 10)
    assert ring.new_barrier(Sequence(7), Sequence(9)).wait_for(5) == 7


def test_k037_an_alert_is_kept_until_it_is_cleared(kind):
    barrier = kind.ring(64).new_barrier()
    barrier.alert()
    assert barrier.alerted
    with pytest.raises(Alerted, match=r"^ring 'ring': the barrier was alerted$"):
        barrier.check_alert()
    with pytest.raises(Alerted):
        barrier.wait_for(-1)
    barrier.clear_alert()
    assert not barrier.alerted
    barrier.check_alert()
    assert barrier.wait_for(-1) == -1


def test_k090_every_strategy_waits_for_a_value_that_comes_later(kind, wait, spawn):
    ring = kind.ring(64)
    barrier = ring.new_barrier(wait=wait)
    go = threading.Event()

    def late():
        go.wait(60)
        time.sleep(0.05)
        publish(ring, 1)

    spawn(late)
    started = time.monotonic()
    go.set()
    assert barrier.wait_for(0) == 0
    assert time.monotonic() - started >= 0.05


def test_k091_a_timeout_is_raised_and_not_earlier(kind, wait):
    barrier = kind.ring(64).new_barrier(wait=wait.with_timeout(0.1))
    started = time.monotonic()
    with pytest.raises(WaitTimeout, match=r"^ring 'ring': sequence 0 was not to be read within 0\.1 s; the highest is -1$"):
        barrier.wait_for(0)
    assert time.monotonic() - started >= 0.1


def test_k091_a_timeout_counts_for_slow_dependencies_too(kind, wait):
    """LMAX's timeout strategies spin on dependencies without end."""
    ring = kind.ring(64)
    publish(ring, 3)
    with pytest.raises(WaitTimeout):
        ring.new_barrier(Sequence(1), wait=wait).wait_for(2, timeout=0.05)


@pytest.mark.parametrize("fallback", ["blocking", "sleeping"])
@pytest.mark.parametrize("delay_ms", [0, 1, 2, 10])
def test_k092_phased_backoff_with_each_fallback_and_delay(kind, fallback, delay_ms, spawn):
    ring = kind.ring(64)
    barrier = ring.new_barrier(wait=Wait.phased_backoff(1_000_000, 1_000_000, fallback))

    def late():
        time.sleep(delay_ms * 1e-3)
        publish(ring, 1)

    spawn(late)
    assert barrier.wait_for(0) == 0


@pytest.mark.parametrize("name", ["busy-spin", "yielding", "sleeping", "blocking", "lite_blocking", "phased-backoff"])
def test_k090_strategies_have_names(name):
    assert isinstance(as_wait(name), Wait)


def test_k090_an_unknown_strategy_is_refused():
    with pytest.raises(GraphError, match=r"^no wait strategy 'spin'; known: busy-spin, yielding, sleeping, blocking"):
        as_wait("spin")
    with pytest.raises(GraphError, match=r"^phased_backoff: the fallback must be blocking or sleeping, got yielding$"):
        Wait.phased_backoff(1, 1, "yielding")
    with pytest.raises(GraphError, match=r"^a timeout must be more than 0 seconds, got 0$"):
        Wait.blocking().with_timeout(0)
