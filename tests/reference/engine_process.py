"""`hfx` as a process that a test watches, signals and kills; nothing that it started outlives the test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from disruptor.counters_reader import CounterReader
from disruptor.errors import CounterFileError

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 500  # the first time the graph is compiled, and the machine may be busy


class Process:
    """`hfx ARGUMENTS` in a process group of its own, its files under `folder`. out, err : what it printed, once `end` has
    returned."""

    def __init__(self, folder: Path, *arguments: str, environment: dict[str, str] | None = None, **options: Any) -> None:
        self.folder = folder
        (folder / "run").mkdir(mode=0o700, exist_ok=True)
        self.out = self.err = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hydraflow_x_entry", *arguments], cwd=folder, text=True, start_new_session=True,
            env=environment_of(folder, environment or {}),
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options},
        )

    def send(self, number: int, *, group: bool = False) -> None:
        """Send a signal to the parent process alone, or to its whole process group as a terminal does."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def end(self) -> int:
        """Wait for the end; return the exit code, -N for signal N."""
        self.out, self.err = (text or "" for text in self.process.communicate(timeout=PATIENCE_SECONDS))
        assert "Traceback" not in self.err, self.err
        return self.process.returncode

    def cnc(self, name: str) -> dict[str, Any] | None:
        """Return what the engine `name` shows in its file, None when it has none."""
        try:
            reader = CounterReader(self.folder / "run" / "hydraflow" / f"{name}.cnc")
        except (OSError, CounterFileError):
            return None
        try:
            return reader.snapshot()
        finally:
            reader.close()

    def wait_until(self, holds: Callable[[], Any]) -> Any:
        """Wait until `holds()` is true and return what it returned; the process must live until then."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not (value := holds()):
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.process.communicate()}"
            assert time.monotonic() < until, "it does not come"
            time.sleep(0.02)
        return value

    def engine_at(self, name: str, messages: int) -> int:
        """Wait until the engine has sequenced so many messages; return its process id."""

        def there() -> int:
            shown = self.cnc(name)
            return shown["pid"] if shown and shown["alive"] and shown["counters"]["sequencer"]["messages"] >= messages else 0

        return self.wait_until(there)


@contextlib.contextmanager
def hfx_process(folder: Path, *arguments: str, **options: Any) -> Iterator[Process]:
    """Run `hfx ARGUMENTS` beside the test; whatever is left of it at the end is killed."""
    process = Process(folder, *arguments, **options)
    try:
        yield process
    finally:
        for pid in [process.process.pid, *started_by(folder)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.process.wait()
        for stream in (process.process.stdout, process.process.stderr):
            if stream is not None:
                stream.close()


def environment_of(folder: Path, more: dict[str, str]) -> dict[str, str]:
    """Return the environment in which every file of hfx but its compile cache lies under `folder`."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state"),
            "XDG_RUNTIME_DIR": str(folder / "run"), **more}


def started_by(folder: Path) -> list[int]:
    """Return the processes alive that work in `folder`: parents, engines and what compiles for them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX" and os.readlink(entry / "cwd") == str(folder.resolve()):
                    found.append(int(entry.name))
    return found


def all_gone(folder: Path, seconds: float = 60.0) -> bool:
    """Return whether, within `seconds`, no process works in `folder` any more."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not started_by(folder):
            return True
        time.sleep(0.05)
    return False


def pending(pid: int, number: int) -> bool:
    """Return whether a process has been sent a signal that it has not taken yet."""
    found = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("ShdPnd:"))
    return bool(int(next(found).split()[1], 16) >> (number - 1) & 1)


def stopped(pid: int) -> bool:
    """Return whether every thread of a process has stopped: until then it may take signals that come after the SIGSTOP."""
    states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in Path(f"/proc/{pid}/task").iterdir()]
    return all(state == "T" for state in states)


def left_behind(folder: Path) -> list[str]:
    """Return what lies where engines keep their files and journals."""
    places = (folder / "run" / "hydraflow", folder / "state" / "hydraflow-x" / "journals")
    return sorted(path.name for place in places if place.is_dir() for path in place.iterdir() if not path.name.startswith("."))


def width_of(report: str) -> int:
    """Return the columns of a report's longest line; a path is not broken, so that it can be copied."""
    return max(len(line) for line in report.splitlines() if not line.startswith("  path "))
