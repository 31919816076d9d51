"""Which cores this process really has: affinity mask, cgroup quota, hyper-threads, isolated cores.

`read_machine(root)` is a function of a folder that looks like `/`: the pseudo files of proc and sys below it. A file that
is absent or unreadable means the least surprising answer (every online core, no quota, no siblings, nothing isolated).

Source: Linux Documentation/admin-guide/cgroup-v1 (cpu.cfs_quota_us), cgroup-v2 (cpu.max), admin-guide/cputopology.
"""

from __future__ import annotations

from pathlib import Path

import attrs

__all__ = ["Machine", "parse_cpu_list", "read_machine"]


@attrs.frozen(kw_only=True)
class Machine:
    """The cores at hand. cpus : those this process may use, ascending; online : those the machine runs.

    quota : cores' worth of time that the cgroup grants, None without a limit; isolated : kept free of other tasks.
    siblings : cpu → the hyper-threads of the same core, itself included.
    """

    cpus: tuple[int, ...]
    online: tuple[int, ...] = ()
    quota: float | None = None
    isolated: tuple[int, ...] = ()
    siblings: dict[int, tuple[int, ...]] = attrs.field(factory=dict)

    @property
    def capacity(self) -> float:
        """Cores' worth of time that can really be used."""
        return min(float(len(self.cpus)), self.quota) if self.quota is not None else float(len(self.cpus))

    @property
    def cores(self) -> list[tuple[int, ...]]:
        """Usable cpus grouped by physical core, each group ascending; isolated cores first, then by number."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for cpu in self.cpus:
            groups.setdefault(self.siblings.get(cpu, (cpu,)), []).append(cpu)
        return sorted((tuple(g) for g in groups.values()), key=lambda g: (g[0] not in self.isolated, g[0]))


def read_machine(root: str | Path = "/") -> Machine:
    """Return what the pseudo files below `root` say about cores."""
    base = Path(root)
    devices = base / "sys/devices/system/cpu"
    online = parse_cpu_list(_text(devices / "online"))
    allowed = parse_cpu_list(_status_field(base, "Cpus_allowed_list"))
    cpus = tuple(c for c in allowed if c in online or not online) or online or (0,)
    siblings = {}
    for cpu in cpus:
        group = parse_cpu_list(_text(devices / f"cpu{cpu}/topology/thread_siblings_list"))
        siblings[cpu] = group if cpu in group else (cpu,)
    return Machine(
        cpus=cpus,
        online=online or cpus,
        quota=_quota(base),
        isolated=tuple(c for c in parse_cpu_list(_text(devices / "isolated")) if c in cpus),
        siblings=siblings,
    )


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """Return the cpus of a kernel list such as "0-3,8,10-11"; what cannot be read is skipped."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, dash, last = part.strip().partition("-")
        if first.isdecimal() and (not dash or last.isdecimal()):
            found.update(range(int(first), min(int(last or first), 65_535) + 1))
    return tuple(sorted(found))


def _quota(base: Path) -> float | None:
    limits = []
    for line in _text(base / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            for mount in ("sys/fs/cgroup", "sys/fs/cgroup/unified"):
                limits += [_quota_v2(folder) for folder in _upwards(base / mount, path)]
        elif "cpu" in controllers.split(","):
            for mount in dict.fromkeys((controllers, "cpu", "cpu,cpuacct", "cpuacct,cpu")):
                limits += [_quota_v1(folder) for folder in _upwards(base / "sys/fs/cgroup" / mount, path)]
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


def _upwards(mount: Path, path: str) -> list[Path]:
    """The cgroup's own folder and every one above it: the tightest limit counts. Inside a container only the mount shows."""
    parts = [p for p in path.split("/") if p not in ("", ".", "..")]
    return [mount.joinpath(*parts[:n]) for n in range(len(parts), -1, -1)]


def _quota_v2(folder: Path) -> float | None:
    words = _text(folder / "cpu.max").split()
    if not words or not words[0].isdecimal():
        return None
    period = int(words[1]) if len(words) > 1 and words[1].isdecimal() else 100_000
    return int(words[0]) / period if period else None


def _quota_v1(folder: Path) -> float | None:
    quota, period = _text(folder / "cpu.cfs_quota_us").strip(), _text(folder / "cpu.cfs_period_us").strip()
    if not quota.isdecimal() or not period.isdecimal() or not int(period):
        return None
    return int(quota) / int(period)


def _status_field(base: Path, name: str) -> str:
    for line in _text(base / "proc/self/status").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
