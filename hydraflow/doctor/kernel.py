"""Looks at what the kernel allows: memory files, futexes, real-time priority, nice, open files, the time of day."""

from __future__ import annotations

import ctypes
import os
import resource
from pathlib import Path

from hydraflow.doctor.finding import Finding, read_text
from hydraflow.doctor.software import FUTEX

__all__ = [
    "look_at_files", "look_at_futex", "look_at_memory_files", "look_at_nice", "look_at_priority", "look_at_throttling", "look_at_time",
    "time_status",
]

FILES_NEEDED = 256
_FUTEX_WAKE = 1
_NICE_ZERO = 20
_UNSYNCHRONISED = 0x40  # STA_UNSYNC of adjtimex(2)
_TIMEX_BYTES = 256  # the structure has 208
_TIMEX_WORDS = {"maxerror": 3, "status": 5}  # its first fields are 8 bytes apart on 64-bit Linux
_ERROR_MOST_US = 100_000


def look_at_memory_files() -> Finding:
    try:
        os.close(os.memfd_create("doctor"))
    except (AttributeError, OSError) as error:
        return Finding("memory files", "fail", f"memfd_create: {error}", "use Linux 3.17 or later; allow it in seccomp",
                       "a byte ring is a memory file, mapped twice")
    return Finding("memory files", "ok", "memfd_create works")


def look_at_futex(architecture: str) -> Finding:
    number = FUTEX.get(architecture)
    if number is None:
        return Finding("futex", "warn", f"not known for {architecture}; threads that block will yield instead")
    libc = ctypes.CDLL(None, use_errno=True)
    word = ctypes.c_uint32(0)
    if libc.syscall(number, ctypes.byref(word), _FUTEX_WAKE, 1, None, None, 0) < 0:
        return Finding("futex", "fail", f"futex: {os.strerror(ctypes.get_errno())}", "allow it in the seccomp profile",
                       "threads that wait for a ring sleep on it")
    return Finding("futex", "ok", "futex works")


def look_at_priority(limit: int, *, root: bool) -> Finding:
    """limit : of RLIMIT_RTPRIO."""
    if root or limit == resource.RLIM_INFINITY or limit >= 1:
        most = "99" if root or limit == resource.RLIM_INFINITY else str(limit)
        return Finding("real-time priority", "ok", f"SCHED_FIFO up to {most} may be asked for")
    return Finding("real-time priority", "ok", "not allowed; nothing here needs it",
                   "for threads that ask for it (scheduler: fifo): ulimit -r 50 (systemd: LimitRTPRIO=50)",
                   "a thread with SCHED_FIFO is never put aside for an ordinary one")


def look_at_nice(limit: int, *, root: bool) -> Finding:
    """limit : of RLIMIT_NICE, which is 20 − the lowest nice that may be asked for."""
    if root or limit == resource.RLIM_INFINITY or limit > _NICE_ZERO:
        lowest = -20 if root or limit == resource.RLIM_INFINITY else max(-20, _NICE_ZERO - limit)
        return Finding("nice", "ok", f"down to {lowest} may be asked for")
    return Finding("nice", "ok", "below 0 is not allowed; nothing here needs it",
                   "for threads that ask for it (nice: -5): ulimit -e 25 (systemd: LimitNICE=25)",
                   "of two ordinary threads on one core, the one with the lower number gets more of it")


def look_at_throttling(root: Path) -> Finding:
    runtime, period = (read_text(root / f"proc/sys/kernel/sched_rt_{what}_us") for what in ("runtime", "period"))
    if runtime == "-1":
        return Finding("real-time throttling", "warn", "off: a real-time thread that never sleeps takes its core for good",
                       "sysctl -w kernel.sched_rt_runtime_us=950000", "on a core that is not isolated the kernel's own work stands still then")
    if not (runtime.isdecimal() and period.isdecimal() and int(period)):
        return Finding("real-time throttling", "ok", "not visible")
    share = 100 * int(runtime) / int(period)
    return Finding("real-time throttling", "ok", f"real-time threads get {share:.0f} % of a core at most, {int(period) / 1e6:g} s at a time")


def look_at_files(limit: int) -> Finding:
    """limit : of RLIMIT_NOFILE."""
    if limit == resource.RLIM_INFINITY or limit >= FILES_NEEDED:
        return Finding("open files", "ok", "without limit" if limit == resource.RLIM_INFINITY else f"{limit:,} at once")
    return Finding("open files", "fail" if limit < 32 else "warn", f"{limit:,} at once", f"ulimit -n {FILES_NEEDED * 4}",
                   "an engine opens a file per thread, segment, socket and record")


def look_at_time(status: tuple[bool, int] | None) -> Finding:
    """status : (synchronised, largest error in µs), None: the kernel does not say."""
    why = "stamps of a live source are compared with the venue's own; a capture or a simulation does not mind"
    if status is None:
        return Finding("time", "ok", "the kernel does not say whether its clock is synchronised")
    synchronised, error_us = status
    if not synchronised:
        return Finding("time", "warn", "the clock is not synchronised, or not by this kernel", "timedatectl set-ntp true (or run chronyd)", why)
    if error_us > _ERROR_MOST_US:
        return Finding("time", "warn", f"synchronised, but up to {error_us / 1000:,.0f} ms wrong", "chronyc sources", why)
    return Finding("time", "ok", f"synchronised, at most {error_us / 1000:,.1f} ms wrong")


def time_status() -> tuple[bool, int] | None:
    """Return what adjtimex(2) says, without changing anything; None where it may not be asked."""
    words = (ctypes.c_long * (_TIMEX_BYTES // 8))()
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(words)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return not (words[_TIMEX_WORDS["status"]] & 0xFFFFFFFF) & _UNSYNCHRONISED, int(words[_TIMEX_WORDS["maxerror"]])
