import os
import time

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
from tests.reference.two_threads import side_by_side

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
    play(wait, (20_000 if wait.strategy < 3 else 2_000) if JIT_ENABLED else 200)


@needs_jit
def test_blocking_loses_no_wake_up_when_both_sides_park():
    calibration = calibrate()
    rounds = 1000
    took = play(BLOCKING, rounds, calibration.ticks(60_000))
    mean_ns = calibration.duration_ns(int(took[1])) / rounds
    assert mean_ns < PARK_NS / 4  # lost wake-ups would each cost the 10 ms of the timeout


@needs_jit
def test_blocking_idles_on_a_fraction_of_a_core():
    shared = cells()
    shared[0] = 1
    kernels.wait_until(shared, NUMBERS)  # compiled before it is measured
    shared[0] = 0
    thread = PinnedThread(kernels.wait_until, (shared, NUMBERS), name="idle")
    thread.start()
    before, started = thread.usage(), time.monotonic_ns()
    time.sleep(0.3)
    used = (thread.usage() - before).run_ns / (time.monotonic_ns() - started)
    shared[0] = 1
    wake_all(shared, 32)
    assert thread.join(5)
    assert used < 0.05
    assert SPIN_TURNS < thread.result < SPIN_TURNS + 200


@needs_jit
def test_wake_all_ends_a_sleep_early():
    shared = cells()
    thread = PinnedThread(kernels.wait_until, (shared, NUMBERS), name="sleeper")
    thread.start()
    while not shared[32]:
        os.sched_yield()
    time.sleep(0.002)
    started = time.monotonic_ns()
    store_release(shared, 0, 1)
    wake_all(shared, 32)
    assert thread.join(5)
    assert time.monotonic_ns() - started < 5 * PARK_NS
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
