"""Work done in processes forked for it, several at once: compiling, which one process can do only one after another."""

from __future__ import annotations

import gc
import os
import signal
import warnings
from collections.abc import Callable, Sequence

__all__ = ["is_apart", "most_processes", "run_apart"]

_MOST_PROCESSES = 8  # each takes a few hundred megabytes
_NUMBER_BYTES = 4
_apart = False


def is_apart() -> bool:
    """Whether this process was forked to do such work."""
    return _apart


def most_processes() -> int:
    """Return how many do such work at once here."""
    return min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)


def run_apart(jobs: Sequence[Callable[[], object]]) -> None:
    """Do all jobs in forked processes, as many as there are cores for, and wait. Each takes the next job when it has done one.

    A job that raises is left; what jobs return is lost. Precondition: this process has one thread, for a lock that another
    one holds would stay locked in a child.
    """
    reader, writer = os.pipe()  # the numbers of the jobs, in order: whoever reads one does it
    os.write(writer, b"".join(number.to_bytes(_NUMBER_BYTES) for number in range(len(jobs))))
    os.close(writer)
    children = [_fork(jobs, reader) for _ in range(min(len(jobs), most_processes()))]
    os.close(reader)
    for child in children:
        os.waitpid(child, 0)


def _fork(jobs: Sequence[Callable[[], object]], reader: int) -> int:
    global _apart
    child = os.fork()
    if child == 0:
        _apart = True
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            warnings.simplefilter("ignore")
            gc.set_threshold(200_000, 20, 100)  # the compiler makes millions of objects, and nearly all of them stay
            while job := os.read(reader, _NUMBER_BYTES):
                try:
                    jobs[int.from_bytes(job)]()
                except Exception:
                    pass  # whoever needs it does it again, and reports what is wrong
        finally:
            os._exit(0)
    return child
