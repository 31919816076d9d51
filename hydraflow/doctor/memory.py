"""Looks at memory: shared, lockable, huge pages, what the cgroup grants."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from hydraflow.doctor.finding import MIB, Finding, read_text, size_text

__all__ = [
    "look_at_binding", "look_at_huge_pages", "look_at_locking", "look_at_memory_limit", "look_at_shared_memory", "look_at_transparent_pages",
    "memory_limit",
]

SHM_NEEDED = 16 * MIB  # CnC file and rings of clients
LOCK_WANTED = 256 * MIB  # all rings of the demo topology
MEMORY_NEEDED = 512 * MIB  # an engine of the demo with its code loaded
MEMORY_WANTED = 1536 * MIB  # the same while two processes compile its loops
_NO_LIMIT = 1 << 60  # version 1 says "no limit" with a huge number


def look_at_shared_memory(folder: Path) -> Finding:
    why = "the engine's file lies there; a full one would end it with SIGBUS, so it is refused before"
    try:
        status = os.statvfs(folder)
    except OSError as error:
        return Finding("shared memory", "fail", f"{folder}: {error.strerror}", f"mount -t tmpfs tmpfs {folder}", why)
    size, free = status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize
    text = f"{folder}: {free / MIB:,.0f} of {size / MIB:,.0f} MiB free"
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding("shared memory", "fail", f"{text}, not writable", f"chmod 1777 {folder}", why)
    if free < SHM_NEEDED:
        return Finding("shared memory", "fail", text, f"remove old files there (hfx clean) or enlarge it: docker --shm-size=256m, "
                       f"mount -o remount,size=256m {folder}", why)
    return Finding("shared memory", "ok", text)


def look_at_locking(limit: int) -> Finding:
    if limit == resource.RLIM_INFINITY or limit >= LOCK_WANTED:
        size = "without limit" if limit == resource.RLIM_INFINITY else f"{limit / MIB:,.0f} MiB"
        return Finding("memory lock", "ok", f"memory may be locked: {size}")
    return Finding("memory lock", "warn", f"only {limit / MIB:,.1f} MiB may be locked; rings can be paged out",
                   "ulimit -l unlimited (systemd: LimitMEMLOCK=infinity; docker: --ulimit memlock=-1)",
                   "a page that must come back from disk stops its handler for milliseconds")


def look_at_binding(refused: str, nodes: int) -> Finding:
    """refused : why memory cannot be bound to a node, "" when it can. nodes : of the machine."""
    if not refused:
        return Finding("memory nodes", "ok", f"memory can be put on a node (node: 0{f' … {nodes - 1}' if nodes > 1 else ''})")
    return Finding("memory nodes", "warn" if nodes > 1 else "ok", f"memory cannot be put on a node: {refused}",
                   "allow mbind in the seccomp profile (docker: --cap-add SYS_NICE)", "`node:` of a thread then has no effect")


def look_at_huge_pages(root: Path) -> Finding:
    lines = dict(line.split(":", 1) for line in read_text(root / "proc/meminfo").splitlines() if ":" in line)
    free, total = (lines.get(name, "0").strip() for name in ("HugePages_Free", "HugePages_Total"))
    if free.isdecimal() and int(free):
        return Finding("huge pages", "ok", f"{int(free):,} of {total} explicit pages free")
    enabled = read_text(root / "sys/kernel/mm/transparent_hugepage/enabled")
    if "[always]" in enabled or "[madvise]" in enabled:
        return Finding("huge pages", "ok", "no explicit ones; transparent ones serve")
    return Finding("huge pages", "warn", "none; large rings cost more TLB misses", "sysctl -w vm.nr_hugepages=256",
                   "a ring of 32 MiB has 8,192 small pages, or 16 huge ones")


def look_at_transparent_pages(root: Path) -> Finding:
    enabled = read_text(root / "sys/kernel/mm/transparent_hugepage/enabled")
    defrag = read_text(root / "sys/kernel/mm/transparent_hugepage/defrag")
    if not enabled:
        return Finding("transparent pages", "ok", "not visible")
    word = enabled.partition("[")[2].partition("]")[0]
    if word == "never":
        return Finding("transparent pages", "warn", "never", "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
                       "rings and journals in memory ask for huge pages and get small ones")
    if word == "always" and "[always]" in defrag:
        return Finding("transparent pages", "warn", "always, with defragmentation in the faulting thread",
                       "echo madvise > /sys/kernel/mm/transparent_hugepage/defrag",
                       "a page fault may then stop any thread while the kernel moves memory together")
    return Finding("transparent pages", "ok", word)


def look_at_memory_limit(root: Path) -> Finding:
    limit = memory_limit(root)
    lines = dict(line.split(":", 1) for line in read_text(root / "proc/meminfo").splitlines() if ":" in line)
    words = lines.get("MemAvailable", "").split()
    available = int(words[0]) * 1024 if words and words[0].isdecimal() else None
    least = min((n for n in (limit, available) if n is not None), default=None)
    if least is None:
        return Finding("memory", "ok", "no limit visible")
    text = ", ".join([*([f"{size_text(available)} available"] if available is not None else []),
                      f"cgroup limit {size_text(limit)}" if limit is not None else "no cgroup limit"])
    if least < MEMORY_NEEDED:
        return Finding("memory", "fail", text, "docker --memory=2g, or the memory limit of the pod or unit",
                       f"the kernel ends an engine that needs more; the demo takes {size_text(MEMORY_NEEDED)}")
    if least < MEMORY_WANTED:
        return Finding("memory", "warn", text, "docker --memory=2g, or the memory limit of the pod or unit",
                       f"compiling the demo's loops takes {size_text(MEMORY_WANTED)}; the kernel may end it")
    return Finding("memory", "ok", text)


def memory_limit(root: Path) -> int | None:
    """Return the bytes that the tightest cgroup of this process grants, None without a limit."""
    limits = []
    for line in read_text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        parts = [p for p in path.split("/") if p not in ("", ".", "..")]
        if number == "0" and not controllers:
            mounts, file = ["sys/fs/cgroup", "sys/fs/cgroup/unified"], "memory.max"
        elif "memory" in controllers.split(","):
            mounts, file = ["sys/fs/cgroup/memory"], "memory.limit_in_bytes"
        else:
            continue
        for mount in mounts:
            limits += [read_text(root / mount / Path(*parts[:n]) / file) for n in range(len(parts), -1, -1)]
    known = [int(text) for text in limits if text.isdecimal() and int(text) < _NO_LIMIT]
    return min(known) if known else None
