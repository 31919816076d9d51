"""Whether the threads of this process rest, by what the kernel counts, so that a slow machine cannot fail the test.

A thread that waits for a timer or a wake-up sleeps: looked at often enough it is found asleep, and it goes to sleep as often
as its timer says at most, less often on a busy machine. A thread that spins, also one that yields at each turn, is never
found asleep; one that naps goes to sleep too often.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection
from pathlib import Path

TASKS = Path("/proc/self/task")
PATIENCE_SECONDS = 60
LOOKS = 30


def sleeps_of(tid: int) -> int:
    """Return how often a thread of this process has given up its core to wait for something."""
    found = (line for line in (TASKS / str(tid) / "status").read_text().splitlines() if line.startswith("voluntary_ctxt_switches"))
    return int(next(found).split()[1])


def asleep(tid: int) -> bool:
    """Return whether a thread of this process sleeps at this moment."""
    return (TASKS / str(tid) / "stat").read_text().rpartition(")")[2].split()[0] == "S"


def tid_of(name: str) -> int:
    """Return the kernel's number of the thread of this process that has this name."""
    return next(int(entry.name) for entry in TASKS.iterdir() if (entry / "comm").read_text().strip() == name)


def sleeps_per_second(tids: Collection[int] | None = None) -> float:
    """Return how often that of the threads that woke up most went to sleep, per second, while each was found asleep LOOKS times.

    tids : of this process; None: all but the caller's. A thread that ends meanwhile is passed over.
    Raises: AssertionError when one is not found asleep for a minute.
    """
    mine = threading.get_native_id()
    tids = [int(entry.name) for entry in TASKS.iterdir() if int(entry.name) != mine] if tids is None else tids
    assert tids, "there is no thread to look at"
    began = time.monotonic()  # before the first count and after the last: a pause between makes the result smaller only
    before, found = {}, dict.fromkeys(tids, 0)
    for tid in tids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            before[tid] = sleeps_of(tid)
    while awake := [tid for tid, times in found.items() if times < LOOKS]:
        assert time.monotonic() < began + PATIENCE_SECONDS, f"not found asleep for a minute: {[_name(tid) for tid in awake]}"
        time.sleep(0.01)
        for tid in awake:
            try:
                found[tid] += asleep(tid)
            except (FileNotFoundError, ProcessLookupError):
                found[tid] = LOOKS
    most = 0
    for tid, earlier in before.items():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            most = max(most, sleeps_of(tid) - earlier)
    return most / (time.monotonic() - began)


def _name(tid: int) -> str:
    try:
        return f"{(TASKS / str(tid) / 'comm').read_text().strip()} ({tid})"
    except OSError:
        return f"{tid}, which has ended"
