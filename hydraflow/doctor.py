"""What this machine offers a low-latency engine, and what to do where it falls short.

Each `look_at_*` is a function of plain values or of a folder that looks like `/` and returns one Finding; `examine` reads
the values of this machine and calls them all. Nothing is changed; the cache folder is probed with one temporary file.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs

from hydraflow.placement.cpus import Machine, read_machine

__all__ = ["Finding", "examine"]

MIB = 1 << 20
SHM_NEEDED = 16 * MIB  # CnC file and rings of clients
LOCK_WANTED = 256 * MIB  # all rings of the demo topology
_FUTEX = {"x86_64": 202, "aarch64": 98}  # system call numbers
_FUTEX_WAKE = 1


@attrs.frozen
class Finding:
    """One look. status : "ok", "warn" (it runs, worse than it could) or "fail" (it does not run); fix : what to do."""

    name: str
    status: str
    text: str
    fix: str = ""


def examine(root: str | Path = "/", environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Look at everything. root : folder with the pseudo files of proc and sys."""
    base = Path(root)
    machine = read_machine(base)
    return [
        look_at_python(sys.version_info[:3], platform.machine()),
        look_at_numba(),
        look_at_cores(machine),
        look_at_isolation(machine),
        look_at_governor(base, machine),
        look_at_clock(base),
        look_at_shared_memory(Path(environment.get("XDG_RUNTIME_DIR") or base / "dev/shm")),
        look_at_locking(resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]),
        look_at_huge_pages(base),
        look_at_cache(environment),
        look_at_memory_files(),
        look_at_futex(platform.machine()),
    ]


def look_at_python(version: tuple[int, int, int], architecture: str) -> Finding:
    text = f"{'.'.join(str(v) for v in version)} on {architecture}"
    if version < (3, 11, 0):
        return Finding("python", "fail", text, "install Python 3.11 or later")
    if architecture not in _FUTEX:
        return Finding("python", "fail", f"{text}: atomics, futex and clock are known for x86_64 and aarch64 only",
                       "use a machine of one of the two")
    if architecture != "x86_64":
        return Finding("python", "warn", f"{text}: written for it, never run on it; x86_64 is what is tested",
                       "run the tests before you rely on it: make test")
    return Finding("python", "ok", text)


def look_at_numba() -> Finding:
    try:
        import llvmlite
        import numba
    except Exception as error:  # a broken wheel raises whatever it likes
        return Finding("numba", "fail", f"cannot be imported: {error}", "reinstall it: pip install --force-reinstall numba")
    text = f"numba {numba.__version__}, llvmlite {llvmlite.__version__}"
    if getattr(numba.config, "DISABLE_JIT", 0):
        return Finding("numba", "warn", f"{text}; NUMBA_DISABLE_JIT is set, so handlers run as Python",
                       "unset NUMBA_DISABLE_JIT")
    return Finding("numba", "ok", text)


def look_at_cores(machine: Machine) -> Finding:
    quota = f", quota {machine.quota:g}" if machine.quota is not None else ", no quota"
    text = f"{len(machine.cpus)} of {len(machine.online)} cpus usable ({len(machine.cores)} cores){quota}"
    if machine.capacity < 1.5:
        return Finding("cores", "warn", f"{text}: everything shares one thread that yields",
                       "give the process two cores (taskset, docker --cpus=2, Kubernetes limits)")
    if machine.quota is not None and machine.quota < 2:
        return Finding("cores", "warn", f"{text}: spinning threads would be throttled", "raise the cgroup's cpu quota to 2")
    if len(machine.cores) < 2:
        return Finding("cores", "warn", f"{text}: the two threads are hyper-threads of one core", "add a core to the mask")
    return Finding("cores", "ok", text)


def look_at_isolation(machine: Machine) -> Finding:
    if machine.isolated:
        return Finding("isolation", "ok", f"isolated: {', '.join(str(c) for c in machine.isolated)}")
    hint = f"isolcpus={machine.cpus[-1]} nohz_full={machine.cpus[-1]}" if len(machine.cpus) > 2 else "isolcpus=…"
    return Finding("isolation", "ok", "no isolated core; the kernel may put other tasks beside a handler",
                   f"for less jitter boot with {hint}")


def look_at_governor(root: Path, machine: Machine) -> Finding:
    files = [root / f"sys/devices/system/cpu/cpu{c}/cpufreq/scaling_governor" for c in machine.cpus]
    governors = {text for text in (_text(f) for f in files) if text}
    if not governors:
        return Finding("governor", "ok", "no frequency control visible (usual in virtual machines)")
    slow = sorted(governors - {"performance"})
    if slow:
        return Finding("governor", "warn", f"frequency governor {', '.join(slow)}", "cpupower frequency-set -g performance")
    return Finding("governor", "ok", "performance")


def look_at_clock(root: Path) -> Finding:
    current = _text(root / "sys/devices/system/clocksource/clocksource0/current_clocksource")
    flags = next((line.split() for line in _text(root / "proc/cpuinfo").splitlines() if line.startswith("flags")), [])
    steady = {"constant_tsc", "nonstop_tsc"} <= set(flags)
    if platform.machine() == "aarch64" and not flags:
        return Finding("clock", "ok", f"clock source {current or 'unknown'}")
    if current == "tsc" or steady:
        return Finding("clock", "ok", f"clock source {current or 'unknown'}, "
                       f"time-stamp counter {'constant and nonstop' if steady else 'trusted by the kernel'}")
    return Finding("clock", "warn", f"clock source {current or 'unknown'}; the time-stamp counter may drift, so latencies may",
                   "boot with tsc=reliable if the hypervisor has a steady counter")


def look_at_shared_memory(folder: Path) -> Finding:
    try:
        status = os.statvfs(folder)
    except OSError as error:
        return Finding("shared memory", "fail", f"{folder}: {error.strerror}", f"mount -t tmpfs tmpfs {folder}")
    size, free = status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize
    text = f"{folder}: {free / MIB:,.0f} of {size / MIB:,.0f} MiB free"
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding("shared memory", "fail", f"{text}, not writable", f"chmod 1777 {folder}")
    if free < SHM_NEEDED:
        return Finding("shared memory", "fail", text, f"remove old files there or enlarge it: docker --shm-size=256m, "
                       f"mount -o remount,size=256m {folder}")
    return Finding("shared memory", "ok", text)


def look_at_locking(limit: int) -> Finding:
    if limit == resource.RLIM_INFINITY or limit >= LOCK_WANTED:
        size = "without limit" if limit == resource.RLIM_INFINITY else f"{limit / MIB:,.0f} MiB"
        return Finding("memory lock", "ok", f"memory may be locked: {size}")
    return Finding("memory lock", "warn", f"only {limit / MIB:,.1f} MiB may be locked; rings can be paged out",
                   "ulimit -l unlimited (systemd: LimitMEMLOCK=infinity; docker: --ulimit memlock=-1)")


def look_at_huge_pages(root: Path) -> Finding:
    enabled = _text(root / "sys/kernel/mm/transparent_hugepage/enabled")
    lines = dict(line.split(":", 1) for line in _text(root / "proc/meminfo").splitlines() if ":" in line)
    free = lines.get("HugePages_Free", "0").strip()
    if free.isdecimal() and int(free):
        return Finding("huge pages", "ok", f"{int(free):,} explicit pages free")
    if "[always]" in enabled or "[madvise]" in enabled:
        return Finding("huge pages", "ok", f"transparent: {enabled.partition('[')[2].partition(']')[0]}")
    return Finding("huge pages", "warn", "none; large rings cost more TLB misses",
                   "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, or sysctl vm.nr_hugepages=256")


def look_at_cache(environment: Mapping[str, str]) -> Finding:
    base = environment.get("XDG_CACHE_HOME") or (
        os.path.join(environment["HOME"], ".cache") if environment.get("HOME") else "")
    if not base:
        return Finding("code cache", "warn", "HOME and XDG_CACHE_HOME are unset: every start compiles again",
                       "set XDG_CACHE_HOME to a writable folder")
    folder = Path(base) / "hydraflow-x"
    existing = next((p for p in (folder, *folder.parents) if p.exists()), Path("/"))
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Finding("code cache", "warn", f"{existing} cannot be written ({error.strerror}): every start compiles again",
                       "set XDG_CACHE_HOME to a writable folder")
    return Finding("code cache", "ok", str(folder))


def look_at_memory_files() -> Finding:
    try:
        os.close(os.memfd_create("doctor"))
    except (AttributeError, OSError) as error:
        return Finding("memory files", "fail", f"memfd_create: {error}", "use Linux 3.17 or later; allow it in seccomp")
    return Finding("memory files", "ok", "memfd_create works")


def look_at_futex(architecture: str) -> Finding:
    import ctypes

    number = _FUTEX.get(architecture)
    if number is None:
        return Finding("futex", "warn", f"not known for {architecture}; threads that block will yield instead")
    libc = ctypes.CDLL(None, use_errno=True)
    word = ctypes.c_uint32(0)
    if libc.syscall(number, ctypes.byref(word), _FUTEX_WAKE, 1, None, None, 0) < 0:
        return Finding("futex", "fail", f"futex: {os.strerror(ctypes.get_errno())}", "allow it in the seccomp profile")
    return Finding("futex", "ok", "futex works")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
