"""Starts the processes of tests/reference/shared_guests.py and listens to them."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Guest", "await_"]

HANG_SECONDS = 300.0


class Guest:
    """A process in a role; `hear` returns the next line that it prints."""

    def __init__(self, role: str, name: str, folder: Path, *arguments: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.reference.shared_guests", role, name, str(folder), *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )
        self.pid = self.process.pid

    def hear(self) -> dict[str, Any]:
        """Return what it says next. Raises: AssertionError when it ended without a word."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the process ended with {self.process.wait()}"
        return json.loads(line)

    def tell(self) -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        """Kill it when it still runs, and reap it."""
        if self.process.poll() is None:
            self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait()


def await_(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds; a hang ends in an error after minutes.

    A place is given back when nothing refers to it: a thread that looks at the ring just then may make that a matter of a collection.
    """
    end = time.monotonic() + HANG_SECONDS
    while not condition():
        gc.collect()
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)
