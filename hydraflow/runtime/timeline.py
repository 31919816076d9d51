"""Where the seconds before and after a run go: command → engine process → … → first message … → result."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["Timeline", "process_start"]


class Timeline:
    """Remembers when each step ended. Times are seconds of CLOCK_MONOTONIC."""

    def __init__(self) -> None:
        self._marks: list[tuple[str, float]] = []
        self._own = process_start(os.getpid())
        try:
            self._command = process_start(int(os.environ.get("HYDRAFLOW_PARENT") or os.getpid()))
        except FileNotFoundError:  # it has been killed; asked for at the end of the run, it might well have been
            self._command = self._own

    def mark(self, name: str) -> None:
        """Say that the step `name` ends now."""
        self._marks.append((name, time.monotonic()))

    def result(self, first_message_ns: int) -> dict[str, object]:
        """Return `start_seconds` (all: command to first message, and its parts), `wall_seconds` (of the run itself) and
        `end_seconds` (from the end of the run until now).
        """
        marks = dict(self._marks)
        first = first_message_ns / 1e9 or marks["sources"]
        parts = {"command": self._own - self._command}
        before = self._own
        for name, at in self._marks:
            if name != "end":
                parts[name] = at - before
                before = at
        parts["threads"] = first - before
        start = {"all": first - self._command, **parts}
        return {
            "start_seconds": {name: round(max(0.0, value), 3) for name, value in start.items()},
            "wall_seconds": round(marks["end"] - marks["sources"], 3),
            "end_seconds": round(time.monotonic() - marks["end"], 3),
        }


def process_start(pid: int) -> float:
    """Return when process `pid` started, to 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.monotonic() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)
