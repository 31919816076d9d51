"""Memory near the threads that use it: what is touched first by a thread of a NUMA node lies on that node."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from hydraflow.placement.cpus import Machine

__all__ = ["near"]


@contextlib.contextmanager
def near(machine: Machine, node: int) -> Iterator[None]:
    """Run the body on a NUMA node, so that rings and states, which are touched when they are made, lie there.

    node : -1 for any. Nothing is done on a machine of one node, nor where the kernel refuses.
    Source: Linux Documentation/admin-guide/mm/numa_memory_policy (local allocation is the default).
    """
    cpus = set(machine.beside(node)) if node >= 0 else set()
    if not cpus or cpus == set(machine.cpus):
        yield
        return
    before = os.sched_getaffinity(0)
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, before)
