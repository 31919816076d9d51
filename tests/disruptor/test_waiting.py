import os

import numpy as np
import pytest

from disruptor.atomics import store_release
from disruptor.clock import calibrate
from disruptor.compiled import JIT_ENABLED
from disruptor.memory import anonymous
from disruptor.threads import PinnedThread
from disruptor.wait import Wait
from disruptor.waiting import PARK_NS, SPIN_TURNS, wake_all
from tests.reference import kernels_waiting as kernels
from tests.reference.rest import asleep, sleeps_of, sleeps_per_second
from tests.reference.two_threads import side_by_side

pytestmark = pytest.mark.spins
HOUR_NS = 3_600_000_000_000
NUMBERS = np.array(Wait.blocking().numbers())
needs_jit = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
BLOCKING = Wait.blocking()
STRATEGIES = {
    "busy-spin": Wait.busy_spin(), "yielding": Wait.yielding(), "sleeping": Wait.sleeping(), "blocking": BLOCKING,
    "phased to blocking": Wait.phased_backoff(1_000, 1_000), "phased to sleeping": Wait.phased_backoff(1_000, 1_000, "sleeping"),
}
each_strategy = pytest.mark.parametrize("wait", STRATEGIES.values(), ids=STRATEGIES.keys())


def cells() -> np.ndarray:
    return anonymous(4096).array(np.int64)


def play(wait: Wait, rounds: int, gap_ticks: int = 0) -> np.ndarray:
    """Play ping-pong; return [longest, sum of] round trips in ticks."""
    shared, took, numbers = cells(), np.zeros(2, np.int64), np.array(wait.numbers())
    finished = side_by_side(
        (kernels.ping, (shared, numbers, rounds, gap_ticks, took)), (kernels.pong, (shared, numbers, rounds))
    )
    assert finished == [rounds, rounds]
    return took


@each_strategy
def test_idle_loses_no_wake_up_over_many_round_trips(wait):
    play(wait, 2_000 if JIT_ENABLED else 200)


@needs_jit
def test_blocking_loses_no_wake_up_when_both_sides_park():
    play(Wait.blocking(park_ns=HOUR_NS), 1000, calibrate().ticks(60_000))  # a lost wake-up would cost an hour


@needs_jit
def test_blocking_sleeps_while_it_idles():
    shared = cells()
    shared[0] = 1
    kernels.wait_until(shared, NUMBERS)  # compiled before it is measured
    shared[0] = 0
    thread = PinnedThread(kernels.wait_until, (shared, NUMBERS), name="idle")
    thread.start()
    assert sleeps_per_second([thread.tid]) < 2e9 / PARK_NS
    slept = sleeps_of(thread.tid)
    shared[0] = 1
    wake_all(shared, 32)
    assert thread.join(60)
    assert SPIN_TURNS < thread.result < SPIN_TURNS + 3 * slept + 20  # it spins once; then some turns lead to a sleep each


@needs_jit
def test_wake_all_ends_a_sleep_early():
    shared = cells()
    thread = PinnedThread(kernels.wait_until, (shared, np.array(Wait.blocking(park_ns=HOUR_NS).numbers())), name="sleeper")
    thread.start()
    while not (shared[32] and asleep(thread.tid)):
        os.sched_yield()
    store_release(shared, 0, 1)
    wake_all(shared, 32)
    assert thread.join(60)
    assert shared[33] == 1


def test_wake_all_does_nothing_when_nobody_sleeps():
    shared = cells()
    wake_all(shared, 32)
    assert not shared.any()


@each_strategy
def test_idle_returns_at_once_when_there_is_work(wait):
    shared = cells()
    shared[0] = 1
    assert kernels.wait_until(shared, np.array(wait.numbers())) == 0
