"""A guest's thread that sees the owner go: closed in order, or dead.

It sleeps on what the owner rings when it has done something, and ten times a second looks whether the owner's process is alive.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from disruptor.sequence import Sequence
from disruptor.shared.deaths import Deaths
from disruptor.shared.keeper import TICK_NS
from disruptor.shared.places import Cells, Place, await_change, ring_bell
from disruptor.threads import PinnedThread

__all__ = ["Watch"]


class Watch:
    """Looks after one owner. places : that this process has, marked as at work. gone : called once, with whether it was in order."""

    def __init__(self, cells: Cells, owner: int, places: Callable[[], list[Place]], gone: Callable[[bool], Any]) -> None:
        self._cells, self._owner, self._places, self._gone = cells, owner, places, gone
        self._stop = False
        self._thread = PinnedThread(self._run, name="dis-watch", halt=self.stop)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End it and wait until it has ended."""
        self._stop = True
        ring_bell(self._cells.answers)
        self._thread.join()

    def _run(self) -> None:
        deaths = Deaths()
        try:
            self._look(deaths)
        finally:
            deaths.close()

    def _look(self, deaths: Deaths) -> None:
        answers = Sequence.at(self._cells.answers, self._cells)
        while not self._stop:
            seen = answers.get()
            if self._cells.closed.get():
                self._gone(True)
                return
            if deaths.among((self._owner,)):
                self._gone(bool(self._cells.closed.get()))
                return
            now = time.monotonic_ns()
            for place in self._places():
                place.beat.set(now)
            await_change(self._cells.answers, seen, TICK_NS)
