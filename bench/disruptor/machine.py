"""What this machine is, and the share of it that others took while something ran.

Others = busy and stolen time of the cores used (/proc/stat, steps of 10 ms) − CPU time of this process and of the processes
that a contender runs. A run is noisy when others took more than NOISY_SHARE of those cores, or when its own threads were
runnable without a core for longer than that (schedstat; only where there are no more threads than cores).
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import attrs

__all__ = ["NOISY_SHARE", "Meter", "cores", "describe", "process_cpu_ns"]

NOISY_SHARE = 0.05
_LEAST_TICKS = 5  # /proc/stat says nothing about anything shorter
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def cores() -> tuple[int, ...]:
    """Return the two cores that are used. Raises: SystemExit when this process may use only one."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SystemExit(f"two cores are needed for a producer and a consumer, this process may use {allowed}")
    return tuple(allowed[:2])


def describe() -> dict[str, Any]:
    """Return processor, cores, kernel, versions and the load average."""
    model = next((line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    return {
        "processor": model or platform.machine(), "cpus": os.cpu_count(), "cores_used": list(cores()),
        "kernel": platform.release(), "python": platform.python_version(), "loadavg": list(os.getloadavg()),
    }


@attrs.define
class Meter:
    """Measures others over one run. processes : ids whose CPU counts as our own.

    After `stop`: share : others' part of the cores (0…1), None where /proc/stat is not there or too coarse (runs under 50 ms); wall_ns; own_ns.
    """

    processes: tuple[int, ...] = ()
    share: float | None = None
    wall_ns: int = 0
    own_ns: int = 0
    _begin: tuple[int, int | None, int] = (0, None, 0)

    def start(self) -> None:
        self._begin = self._read()

    def stop(self) -> None:
        now = self._read()
        self.wall_ns = now[0] - self._begin[0]
        self.own_ns = now[2] - self._begin[2]
        if now[1] is not None and self._begin[1] is not None and self.wall_ns >= _LEAST_TICKS * _TICK_NS:
            busy = now[1] - self._begin[1]
            self.share = max(0.0, busy - self.own_ns) / (self.wall_ns * len(cores()))

    def _read(self) -> tuple[int, int | None, int]:
        own = time.process_time_ns() + sum(process_cpu_ns(pid) for pid in self.processes)
        return time.monotonic_ns(), _busy_ns(), own


def _busy_ns() -> int | None:
    """Return the time that the cores used were not idle: user, nice, system, irq, softirq, steal."""
    wanted = {f"cpu{n}" for n in cores()}
    total, seen = 0, False
    for line in _lines("/proc/stat"):
        name, *fields = line.split()
        if name in wanted:
            seen = True
            total += sum(int(fields[i]) for i in (0, 1, 2, 5, 6, 7))
    return total * _TICK_NS if seen else None


def process_cpu_ns(pid: int) -> int:
    """Return the CPU time that process `pid` has used; 0 when it is gone."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)  # the CPU-time clock of another process
    except OSError:
        return 0


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
