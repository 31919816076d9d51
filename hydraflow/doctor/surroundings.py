"""Looks at what an engine meets: the disk of its journal, the terminal, other engines."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydraflow.doctor.finding import GIB, Finding, size_text

__all__ = [
    "look_at_disk", "look_at_engines", "look_at_room", "look_at_terminal", "nearest_folder", "time_commits",
]

SEGMENT = 64 << 20
COMMIT = 4096  # bytes: the least that a group commit writes
COMMITS = 24
_SLOW_SECONDS = 0.005


def look_at_room(folder: Path, free: int) -> Finding:
    """free : bytes for us on the disk of `folder`."""
    text = f"{folder}: {size_text(free)} free"
    why = "a segment of a journal takes 64 MiB at once; three journals of each engine are kept"
    if free < SEGMENT:
        return Finding("journal room", "fail", text, "hfx clean --runs, or hfx run --journal FOLDER", why)
    if free < GIB:
        return Finding("journal room", "warn", text, "hfx clean --runs, or hfx run --journal FOLDER", why)
    return Finding("journal room", "ok", text)


def look_at_disk(folder: Path, seconds: Sequence[float]) -> Finding:
    """seconds : what each durable write of 4 KiB took, () when none could be made."""
    why = "with `after: journal.durable` an order waits that long; without it, it is how much a power cut loses"
    if not seconds:
        return Finding("journal disk", "warn", f"{folder} cannot be written", "hfx run --journal FOLDER, or --no-journal", "nothing can be replayed")
    ordered = sorted(seconds)
    median, longest = ordered[len(ordered) // 2], ordered[-1]
    text = f"a durable write takes {median * 1e3:,.2f} ms, at most {longest * 1e3:,.1f} ms ({len(ordered)} tried)"
    if median > _SLOW_SECONDS:
        return Finding("journal disk", "warn", text, "hfx run --journal FOLDER on a local SSD", why)
    return Finding("journal disk", "ok", text)


def time_commits(folder: Path, count: int = COMMITS) -> list[float]:
    """Return how long `count` durable writes of one block took, in a temporary file; [] when there is none."""
    out = []
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
            fd = os.open(file.name, os.O_WRONLY | os.O_DSYNC)
            try:
                for _ in range(count):
                    began = time.perf_counter()
                    os.pwrite(fd, bytes(COMMIT), 0)
                    out.append(time.perf_counter() - began)
            finally:
                os.close(fd)
    except OSError:
        return []
    return out


def nearest_folder(path: Path) -> Path:
    """Return a folder that is not there yet, or the nearest one above it that is."""
    return next((p for p in (path, *path.parents) if p.is_dir()), Path("/"))


def look_at_terminal(environment: Mapping[str, str], columns: int, encoding: str, *, tty: bool) -> Finding:
    """columns, encoding, tty : of standard output."""
    colour = "no colour (NO_COLOR)" if environment.get("NO_COLOR") else "no colour (TERM=dumb)" if environment.get("TERM") == "dumb" else "colour"
    text = f"{columns} columns, {encoding}, {colour}" if tty else f"standard output is no terminal, {encoding}"
    if encoding.lower().replace("-", "") not in ("utf8", "utf8sig"):
        return Finding("terminal", "warn", text, "export LC_ALL=C.UTF-8 PYTHONUTF8=1", "pictures and reports use characters beyond ASCII")
    if tty and columns < 80:
        return Finding("terminal", "warn", text, "stty cols 80, or a wider window", "reports are made for 80 columns")
    return Finding("terminal", "ok", text)


def look_at_engines(alive: Sequence[tuple[str, int]], dead: Sequence[str]) -> Finding:
    """alive : (name, pid) of engines that run; dead : names of files that dead ones left."""
    left = f"{len(dead)} left-over {'file' if len(dead) == 1 else 'files'} of dead ones ({', '.join(dead[:3])}{', …' if len(dead) > 3 else ''})" if dead else ""
    if alive:
        names = ", ".join(f"{name} (pid {pid})" for name, pid in alive[:4]) + (", …" if len(alive) > 4 else "")
        return Finding("engines", "warn", f"{len(alive)} running: {names}" + (f"; {left}" if left else ""), f"hfx stat {alive[0][0]}",
                       "an engine that spins has a core for itself; another on the same cores makes both slow")
    return Finding("engines", "ok", f"none running; {left}" if left else "none running", "hfx clean" if dead else "",
                   "they take shared memory" if dead else "")
