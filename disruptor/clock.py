"""The time-stamp counter in nanoseconds, and how late this machine is by itself.

Loops stamp with `atomics.timestamp`: a counter of constant rate that costs 10 ns and no system call. `calibrate` finds
its rate and its place against CLOCK_MONOTONIC and CLOCK_REALTIME; `refine` improves the rate as time passes (100 ns of
reading error over 20 ms is 5 ppm, over 10 s it is 0.01 ppm). Un-jitted the stamps are already nanoseconds: 1 tick = 1 ns.

`hiccups` measures the lateness that any program has here: the scheduler, interrupts, a hypervisor. A latency figure
means little without it. Source: jHiccup (Gil Tene), with a spinning thread in place of a sleeping one.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from disruptor.atomics import load_acquire, pause, timestamp
from disruptor.buckets import BUCKETS, summary
from disruptor.compiled import JIT_ENABLED, entry
from disruptor.histogram import record
from disruptor.memory import anonymous
from disruptor.system_calls import CLOCK_MONOTONIC, CLOCK_REALTIME, clock_ns
from disruptor.threads import PinnedThread

__all__ = ["Calibration", "calibrate", "hiccups", "tsc_notes"]

_TRIES = 25


@attrs.frozen
class Calibration:
    """How ticks of `atomics.timestamp` become nanoseconds.

    ns_per_tick : rate. base_ticks, base_monotonic_ns, base_realtime_ns : one instant on the three clocks.
    reading_ns : uncertainty of that instant. notes : why the counter may not be trusted; empty when it may.
    """

    ns_per_tick: float
    base_ticks: int
    base_monotonic_ns: int
    base_realtime_ns: int
    reading_ns: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def ticks_per_ns(self) -> float:
        """Ticks of the counter in a nanosecond."""
        return 1.0 / self.ns_per_tick

    def duration_ns(self, ticks: int) -> int:
        """Return the length of `ticks` ticks."""
        return round(ticks * self.ns_per_tick)

    def ticks(self, duration_ns: float) -> int:
        """Return how many ticks make `duration_ns`."""
        return round(duration_ns / self.ns_per_tick)

    def to_ns(self, ticks: int) -> int:
        """Return the CLOCK_MONOTONIC time of a stamp."""
        return self.base_monotonic_ns + round((ticks - self.base_ticks) * self.ns_per_tick)

    def to_realtime_ns(self, ticks: int) -> int:
        """Return the CLOCK_REALTIME time (since 1970) of a stamp, as that clock stood at the base."""
        return self.base_realtime_ns + round((ticks - self.base_ticks) * self.ns_per_tick)

    def refine(self) -> Calibration:
        """Return a calibration whose rate is taken from the base of this one until now, and whose base is unchanged."""
        now = _read()
        elapsed = now[1] - self.base_monotonic_ns
        if not JIT_ENABLED or elapsed <= 0:
            return self
        return attrs.evolve(self, ns_per_tick=elapsed / (now[0] - self.base_ticks))


def calibrate(duration_ns: int = 20_000_000) -> Calibration:
    """Measure the counter for `duration_ns` and return its calibration. Sleeps meanwhile."""
    first = _read()
    if not JIT_ENABLED:
        return Calibration(1.0, first[0], first[1], first[2])
    time.sleep(duration_ns / 1e9)
    last = _read()
    rate = (last[1] - first[1]) / (last[0] - first[0])
    return Calibration(rate, last[0], last[1], last[2], last[3] * rate / 2, tsc_notes())


def tsc_notes(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """Return what speaks against the time-stamp counter of this processor; empty when it is constant and never stops."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return ("/proc/cpuinfo cannot be read: nobody vouches for the time-stamp counter",)
    flags = next((line.split(":", 1)[1].split() for line in text.splitlines() if line.startswith("flags")), None)
    if flags is None:
        return ()  # arm64 has no such flags: its counter is constant by definition
    notes = []
    if "constant_tsc" not in flags:
        notes.append("no constant_tsc: the time-stamp counter changes its rate, latencies in ns are wrong")
    if "nonstop_tsc" not in flags:
        notes.append("no nonstop_tsc: the time-stamp counter stops while the core sleeps")
    return tuple(notes)


def hiccups(
    seconds: float = 1.0, interval_ns: int = 1_000, cpu: int | None = None, calibration: Calibration | None = None
) -> dict[str, Any]:
    """Spin on `cpu` for `seconds` and return how late each planned instant, `interval_ns` apart, was noticed.

    Returns count, mean, p50 … p9999, max in ns, and cpu, seconds, interval_ns. An interruption of 50 µs counts for
    every instant that it covers (no coordinated omission). Occupies the core meanwhile. calibration : of the counter, made
    here by default.
    """
    calibration = calibration or calibrate()
    buckets = anonymous(BUCKETS * 8, prefault=True).array(np.int64, BUCKETS)
    halt = anonymous(128).array(np.int64, 16)
    interval = max(1, calibration.ticks(interval_ns))
    count = max(1, round(seconds * 1e9 / interval_ns))
    _notice(buckets, halt, interval, 1)
    buckets[:] = 0
    thread = PinnedThread(
        _notice, (buckets, halt, interval, count), name="hiccups", cpus=None if cpu is None else {cpu},
        halt=lambda: halt.__setitem__(0, 1),
    )
    thread.start()
    try:
        thread.join()
    except BaseException:
        halt[0] = 1
        thread.join()
        raise
    return summary(buckets, calibration.ns_per_tick) | {"cpu": cpu, "seconds": seconds, "interval_ns": interval_ns}


def _read() -> tuple[int, int, int, int]:
    """Return (ticks, monotonic ns, realtime ns) of one instant and the width in ticks of the reading."""
    cells = np.zeros(6, np.int64)
    _sample(cells, _TRIES)
    return int(cells[0]), int(cells[1]), int(cells[2]), int(cells[3])


@entry
def _sample(cells, tries):
    """Read the three clocks `tries` times; keep the reading that took least: cells[0:4], see _read. cells[4:6] scratch."""
    cells[3] = 1 << 60
    for _ in range(tries):
        before = timestamp()
        monotonic = clock_ns(CLOCK_MONOTONIC, cells, 4)
        after = timestamp()
        realtime = clock_ns(CLOCK_REALTIME, cells, 4)
        if after - before < cells[3]:
            cells[0] = before + (after - before) // 2
            cells[1] = monotonic
            cells[2] = realtime
            cells[3] = after - before


@entry
def _notice(buckets, halt, interval, count):
    """Record how many ticks late each of `count` planned instants is noticed."""
    planned = timestamp() + interval
    for _ in range(count):
        now = timestamp()
        while now < planned:
            pause()
            now = timestamp()
        record(buckets, now - planned)
        planned += interval
        if load_acquire(halt, 0) != 0:
            break
