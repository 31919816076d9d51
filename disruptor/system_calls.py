"""The few libc calls that compiled loops make: yield, futex, clock.

Each is a plain Python function with an `@overload` onto the symbol in libc through `types.ExternalFunction`: unlike
cffi's function pointers these survive numba's disk cache. None allocates; none raises: their results are hints, and the
caller looks at memory again anyway.
"""

from __future__ import annotations

import os
import platform
import time

from numba import types
from numba.extending import overload

from disruptor.atomics import address_of

__all__ = ["CLOCK_MONOTONIC", "CLOCK_REALTIME", "clock_ns", "futex_wait", "futex_wake", "nap_ns", "yield_core"]

CLOCK_REALTIME = 0
CLOCK_MONOTONIC = 1

_SYS_FUTEX = {"x86_64": 202, "AMD64": 202, "aarch64": 98}.get(platform.machine(), 202)
_FUTEX_WAIT = 0  # not the PRIVATE form: cells may lie in a file that other processes map
_FUTEX_WAKE = 1
_ALL = 0x7FFFFFFF
_WORD = types.int64
_sched_yield = types.ExternalFunction("sched_yield", types.int32())
_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, _WORD))
_nanosleep = types.ExternalFunction("nanosleep", types.int32(_WORD, _WORD))
_syscall = types.ExternalFunction("syscall", _WORD(_WORD, _WORD, _WORD, _WORD, _WORD, _WORD, _WORD))


def yield_core():
    """Let another runnable thread have this core: 0.3–1 µs when there is none."""
    os.sched_yield()


def clock_ns(clock, cells, index):
    """Return CLOCK_MONOTONIC or CLOCK_REALTIME in ns. cells[index] and the next word are overwritten (timespec)."""
    return time.clock_gettime_ns(clock)


def futex_wait(cells, index, expected, timeout_ns, timeout_index):
    """Sleep while the low 32 bits of cells[index] equal those of `expected`, until woken or `timeout_ns` is over.

    timeout_index : two words of scratch (timespec). Costs a sleep and a wake-up: 5–50 µs. Un-jitted: a nap of 50 µs.
    """
    time.sleep(5e-5)


def futex_wake(cells, index):
    """Wake every thread that sleeps on cells[index]."""


def nap_ns(duration_ns, cells, index):
    """Sleep for `duration_ns` and what the kernel adds (50 µs of timer slack). cells[index] and the next word are scratch."""
    time.sleep(duration_ns * 1e-9)


@overload(yield_core, jit_options={"forceinline": True})
def _yield_overload():
    def call():
        _sched_yield()

    return call


@overload(clock_ns, jit_options={"forceinline": True})
def _clock_overload(clock, cells, index):
    def call(clock, cells, index):
        _clock_gettime(clock, address_of(cells, index))
        return cells[index] * 1_000_000_000 + cells[index + 1]

    return call


@overload(futex_wait, jit_options={"forceinline": True})
def _wait_overload(cells, index, expected, timeout_ns, timeout_index):
    def call(cells, index, expected, timeout_ns, timeout_index):
        cells[timeout_index] = timeout_ns // 1_000_000_000
        cells[timeout_index + 1] = timeout_ns % 1_000_000_000
        _syscall(_SYS_FUTEX, address_of(cells, index), _FUTEX_WAIT, expected & 0xFFFFFFFF, address_of(cells, timeout_index), 0, 0)

    return call


@overload(futex_wake, jit_options={"forceinline": True})
def _wake_overload(cells, index):
    def call(cells, index):
        _syscall(_SYS_FUTEX, address_of(cells, index), _FUTEX_WAKE, _ALL, 0, 0, 0)

    return call


@overload(nap_ns, jit_options={"forceinline": True})
def _nap_overload(duration_ns, cells, index):
    def call(duration_ns, cells, index):
        cells[index] = duration_ns // 1_000_000_000
        cells[index + 1] = duration_ns % 1_000_000_000
        _nanosleep(address_of(cells, index), 0)

    return call
