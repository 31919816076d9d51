"""Run functions side by side, each in a pinned thread, as far as there are cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from disruptor.threads import PinnedThread


def side_by_side(*calls: tuple[Callable, tuple], seconds: float = 500.0) -> list[Any]:
    """Call each (function, arguments) once, all at the same time; return their results, raise the first error."""
    cores = sorted(os.sched_getaffinity(0))
    threads = [
        PinnedThread(function, arguments, name=f"side-{i}", cpus={cores[i % len(cores)]})
        for i, (function, arguments) in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        if not thread.join(seconds):
            raise TimeoutError(f"{thread} has not ended after {seconds} s")
    for thread in threads:
        if thread.error is not None:
            raise thread.error
    return [thread.result for thread in threads]
