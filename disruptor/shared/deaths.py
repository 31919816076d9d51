"""Which of some processes have died: one look by the kernel at all of them.

Reading /proc takes a dozen system calls a process, and Python gives up the GIL in each: beside threads that want it, a look at ten
processes took a second. A pidfd refers to one process for good, whoever gets its number later, and `poll` looks at all of them at once.
Where there is none (no descriptor left, a kernel or a filter that refuses) /proc is read as before.
"""

from __future__ import annotations

import os
import select
from collections.abc import Collection

from disruptor.shared.identity import is_alive, pid_of

__all__ = ["Deaths"]


class Deaths:
    """Watches processes, by their words. For one thread."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._opened: dict[int, int] = {}  # word → pidfd

    def among(self, processes: Collection[int]) -> set[int]:
        """Return those of `processes` that are dead; who is not among them is watched no longer."""
        for process in [known for known in self._opened if known not in processes]:
            self._forget(process)
        dead = {process for process in processes if process not in self._opened and not self._begin(process)}
        ready = {fd for fd, _ in self._poll.poll(0)} if self._opened else set()
        return dead | {process for process, fd in self._opened.items() if fd in ready}

    def close(self) -> None:
        """Watch nobody any more."""
        for process in list(self._opened):
            self._forget(process)

    def _begin(self, process: int) -> bool:
        """Watch a process if that is possible; return whether it is alive."""
        try:
            fd = os.pidfd_open(pid_of(process))
        except OSError:
            return is_alive(process)
        if not is_alive(process):  # asked when it is open: it was not the number's next owner that was opened
            os.close(fd)
            return False
        self._opened[process] = fd
        self._poll.register(fd, select.POLLIN)
        return True

    def _forget(self, process: int) -> None:
        fd = self._opened.pop(process)
        self._poll.unregister(fd)
        os.close(fd)
