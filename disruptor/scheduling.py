"""How the kernel schedules a thread: class and priority, as a value; asked for, never insisted on.

    PinnedThread(run, name="core", cpus={3}, scheduling=Scheduling("fifo", priority=50))

`apply` says what was refused and what would allow it; the thread then runs as it would have without. A real-time thread that
spins is never put aside for an ordinary one, the kernel's own work on that core included: only on a core that is kept free.
Threads that it starts are ordinary ones again.

Source: sched(7), setpriority(2) (both count by thread on Linux), getrlimit(2) (RLIMIT_RTPRIO, RLIMIT_NICE).
"""

from __future__ import annotations

import os
import threading

import attrs

from disruptor.errors import GraphError

__all__ = ["CLASSES", "REAL_TIME", "Scheduling", "refusal"]

CLASSES = {"other": os.SCHED_OTHER, "batch": os.SCHED_BATCH, "idle": os.SCHED_IDLE, "fifo": os.SCHED_FIFO, "rr": os.SCHED_RR}
REAL_TIME = ("fifo", "rr")
_NICE_ZERO = 20  # RLIMIT_NICE counts from 20 − nice


@attrs.frozen
class Scheduling:
    """policy : other, batch, idle (what the kernel shares out), fifo or rr (real time: until they sleep).

    priority : 1..99 of fifo and rr, 0 of the others. nice : −20..19 of the others, None: as it is.
    Raises: GraphError for what does not fit together.
    """

    policy: str = "other"
    priority: int = 0
    nice: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.policy not in CLASSES:
            raise GraphError(f"scheduling '{self.policy}' is unknown; known: {', '.join(CLASSES)}")
        if self.is_real_time != (self.priority != 0) or not 0 <= self.priority <= 99:
            raise GraphError(f"scheduling '{self.policy}': priority must be {'1..99' if self.is_real_time else '0'}, got {self.priority}")
        if self.nice is not None and (self.is_real_time or not -20 <= self.nice <= 19):
            raise GraphError(f"scheduling '{self.policy}': nice {self.nice} does not count" if self.is_real_time else
                             f"scheduling '{self.policy}': nice must be -20..19, got {self.nice}")

    @property
    def is_real_time(self) -> bool:
        return self.policy in REAL_TIME

    def apply(self) -> str:
        """Ask the kernel for it, for the calling thread; return "" or what was refused and what would allow it."""
        words = f"SCHED_{self.policy.upper()}" + (f" {self.priority}" if self.is_real_time else "")
        try:
            os.sched_setscheduler(0, CLASSES[self.policy] | os.SCHED_RESET_ON_FORK, os.sched_param(self.priority))
        except OSError as error:
            return f"{words} refused ({error.strerror}); it needs CAP_SYS_NICE or `ulimit -r {self.priority}`"
        if self.nice is not None:
            try:
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self.nice)
            except OSError as error:
                return f"nice {self.nice} refused ({error.strerror}); it needs CAP_SYS_NICE or `ulimit -e {_NICE_ZERO - self.nice}`"
        return ""

    def __str__(self) -> str:
        nice = "" if self.nice is None else f", nice {self.nice}"
        return f"SCHED_{self.policy.upper()}" + (f" {self.priority}" if self.is_real_time else nice)


def refusal(scheduling: Scheduling) -> str:
    """Return what the kernel would refuse a thread of this process, "" for nothing: tried on a thread that ends at once."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(scheduling.apply()), name="probe")
    thread.start()
    thread.join()
    return found[0]
