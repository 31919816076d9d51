"""Who a process is, in one word, and whether it is still alive.

The word holds pid and start time (field 22 of /proc/PID/stat), so that a later process of the same pid is another one. It
is taken and given up by one compare-exchange, and no clock has a say in who is alive: a stopped process lives, a clock that
jumps kills nobody.
"""

from __future__ import annotations

import os
from pathlib import Path

from disruptor.sequence import generation

__all__ = ["boot_id", "condition", "is_alive", "me", "pid_of", "pid_space"]

_PID_BITS = 22  # the kernel's limit of pid_max is 2^22
_known: dict[int, int] = {}


def me() -> int:
    """Return the word of this process."""
    known = _known.get(generation())
    if known is None or pid_of(known) != os.getpid():
        known = _known[generation()] = _word(os.getpid(), _stat(os.getpid())[0])
    return known


def pid_of(word: int) -> int:
    """Return the pid in a process's word."""
    return word & ((1 << _PID_BITS) - 1)


def is_alive(word: int) -> bool:
    """Return whether that very process still runs, or could: no zombie without threads, no later process of the same pid.

    One that cannot be looked at (no file descriptor left, no memory) counts as alive: nothing is taken from it.
    """
    try:
        started, state, threads = _stat(pid_of(word))
    except OSError:
        return True
    return _word(pid_of(word), started) == word and not (state in "ZX" and threads <= 1)


def condition(word: int) -> str:
    """Return "running", "stopped" (SIGSTOP, a debugger) or "dead"."""
    if not is_alive(word):
        return "dead"
    try:
        return "stopped" if _stat(pid_of(word))[1] in "Tt" else "running"
    except OSError:
        return "running"


def boot_id() -> bytes:
    """Return what tells this start of the machine from others: start times count from there."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    except OSError:
        return b""


def pid_space() -> int:
    """Return the number of the pid namespace: pids of another one mean nothing here."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _word(pid: int, started: int) -> int:
    return started << _PID_BITS | pid


def _stat(pid: int) -> tuple[int, str, int]:
    """Return (start time in ticks, state, threads) of a process; (0, "X", 0) when there is none. Raises: OSError."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return 0, "X", 0
    fields = text.rpartition(b")")[2].split()  # the command name may hold blanks and brackets
    return int(fields[19]), fields[0].decode(), int(fields[17])
