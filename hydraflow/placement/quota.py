"""How much time on cores, and which cores, the control groups of this process grant; versions 1 and 2.

Source: Linux Documentation/admin-guide/cgroup-v1 (cpu.cfs_quota_us, cpuset.effective_cpus), cgroup-v2 (cpu.max,
cpuset.cpus.effective).
"""

from __future__ import annotations

from pathlib import Path

from hydraflow.placement.pseudo_files import parse_cpu_list, text

__all__ = ["cpu_set", "quota"]

_MOUNTS_V1 = ("cpu", "cpu,cpuacct", "cpuacct,cpu")


def quota(base: Path) -> float | None:
    """Return how many cores' worth of time is granted, the tightest limit on the way to the root; None without one."""
    limits = []
    for controllers, path in _groups(base):
        if not controllers:
            for mount in ("sys/fs/cgroup", "sys/fs/cgroup/unified"):
                limits += [_quota_v2(folder) for folder in _upwards(base / mount, path)]
        elif "cpu" in controllers.split(","):
            for mount in dict.fromkeys((controllers, *_MOUNTS_V1)):
                limits += [_quota_v1(folder) for folder in _upwards(base / "sys/fs/cgroup" / mount, path)]
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


def cpu_set(base: Path) -> tuple[int, ...] | None:
    """Return the cpus of the nearest cpuset that can be seen, None when there is none: then every one is granted."""
    for controllers, path in _groups(base):
        if not controllers:
            files = [f / "cpuset.cpus.effective" for m in ("sys/fs/cgroup", "sys/fs/cgroup/unified") for f in _upwards(base / m, path)]
        elif "cpuset" in controllers.split(","):
            files = [f / n for f in _upwards(base / "sys/fs/cgroup/cpuset", path) for n in ("cpuset.effective_cpus", "cpuset.cpus")]
        else:
            continue
        found = next((cpus for cpus in (parse_cpu_list(text(f)) for f in files) if cpus), None)
        if found is not None:
            return found
    return None


def _groups(base: Path) -> list[tuple[str, str]]:
    """Return (controllers, path) of each hierarchy that the process is in; version 2 has no controllers there."""
    found = []
    for line in text(base / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers or number == "0":
            found.append((controllers, path))
    return found


def _upwards(mount: Path, path: str) -> list[Path]:
    """The cgroup's own folder and every one above it: the tightest limit counts. Inside a container only the mount shows."""
    parts = [p for p in path.split("/") if p not in ("", ".", "..")]
    return [mount.joinpath(*parts[:n]) for n in range(len(parts), -1, -1)]


def _quota_v2(folder: Path) -> float | None:
    words = text(folder / "cpu.max").split()
    if not words or not words[0].isdecimal():
        return None
    period = int(words[1]) if len(words) > 1 and words[1].isdecimal() else 100_000
    return int(words[0]) / period if period else None


def _quota_v1(folder: Path) -> float | None:
    granted, period = text(folder / "cpu.cfs_quota_us").strip(), text(folder / "cpu.cfs_period_us").strip()
    if not granted.isdecimal() or not period.isdecimal() or not int(period):
        return None
    return int(granted) / int(period)
