"""Which cores this process really has: affinity mask, cgroup quota and cpuset, isolated cores, hyper-threads, caches, memory.

`read_machine(root)` is a function of a folder that looks like `/`: the pseudo files of proc and sys below it. A file that
is absent or unreadable means the least surprising answer (every online core, no quota, no siblings, nothing isolated, one
cache, one node).

A machine that boots with `isolcpus=` leaves the isolated cores out of every process's mask, though a thread may be pinned to
them. They count as usable unless somebody narrowed the mask further (taskset, a cpuset): what is left out then is left out
on purpose.

Source: Linux Documentation/admin-guide/cputopology, kernel-parameters (isolcpus, nohz_full), ABI/stable/sysfs-devices-node,
ABI/testing/sysfs-devices-system-cpu (cache/index*/shared_cpu_list).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from hydraflow.placement.pseudo_files import parse_cpu_list, text
from hydraflow.placement.quota import cpu_set, quota
from hydraflow.topology.check_scheduling import Cores

__all__ = ["Machine", "parse_cpu_list", "read_machine"]


@attrs.frozen(kw_only=True)
class Machine:
    """The cores at hand. cpus : those this process may use, ascending; online : those the machine runs.

    quota : cores' worth of time that the cgroup grants, None without a limit. isolated : kept free of other tasks
    (isolcpus); tickless : without the kernel's timer tick while one thread runs (nohz_full).
    siblings : cpu → the hyper-threads of the same core; caches : cpu → those that share its last-level cache; nodes : cpu →
    number of its NUMA node. Each includes the cpu itself; what a table leaves out is alone, in one cache, on node 0.
    memory_nodes : the NUMA nodes of the machine, those without a usable cpu too.
    """

    cpus: tuple[int, ...]
    online: tuple[int, ...] = ()
    quota: float | None = None
    isolated: tuple[int, ...] = ()
    tickless: tuple[int, ...] = ()
    siblings: dict[int, tuple[int, ...]] = attrs.field(factory=dict)
    caches: dict[int, tuple[int, ...]] = attrs.field(factory=dict)
    nodes: dict[int, int] = attrs.field(factory=dict)
    memory_nodes: tuple[int, ...] = (0,)

    @property
    def check(self) -> Cores:
        """What a topology's threads are held against."""
        return Cores(isolated=self.isolated, memory_nodes=self.memory_nodes)

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

    def cache_of(self, cpu: int) -> int:
        """Return the lowest cpu of those that share the last-level cache with `cpu`, which names the cache."""
        return self.caches[cpu][0] if cpu in self.caches else -1 - self.node_of(cpu)

    def node_of(self, cpu: int) -> int:
        """Return the NUMA node of a cpu, 0 when the machine does not say."""
        return self.nodes.get(cpu, 0)

    def beside(self, node: int) -> tuple[int, ...]:
        """Return the usable cpus of a NUMA node."""
        return tuple(c for c in self.cpus if self.node_of(c) == node)

    def as_dict(self) -> dict[str, Any]:
        """Return what placement looks at as JSON data: cores, caches and nodes as lists of the usable cpus in each."""
        return {
            "cpus": list(self.cpus), "online": list(self.online), "quota": self.quota, "capacity": self.capacity,
            "isolated": list(self.isolated), "tickless": list(self.tickless), "cores": [list(c) for c in self.cores],
            "caches": _grouped({c: self.cache_of(c) for c in self.cpus}), "nodes": _grouped({c: self.node_of(c) for c in self.cpus}),
        }


def read_machine(root: str | Path = "/") -> Machine:
    """Return what the pseudo files below `root` say about cores."""
    base = Path(root)
    devices = base / "sys/devices/system/cpu"
    online = parse_cpu_list(text(devices / "online"))
    mask = parse_cpu_list(_status_field(base, "Cpus_allowed_list"))
    isolated = parse_cpu_list(text(devices / "isolated"))
    cpus = tuple(c for c in mask if c in online or not online) or online or (0,)
    cpus = _with_isolated(cpus, online, isolated, cpu_set(base))
    siblings, caches = {}, {}
    for cpu in cpus:
        group = parse_cpu_list(text(devices / f"cpu{cpu}/topology/thread_siblings_list"))
        siblings[cpu] = group if cpu in group else (cpu,)
        level, shared = _last_level(devices / f"cpu{cpu}/cache")
        if cpu in shared and (level >= 3 or set(shared) > set(siblings[cpu])):  # a second level of one core is no domain
            caches[cpu] = shared
    return Machine(
        cpus=cpus,
        online=online or cpus,
        quota=quota(base),
        isolated=tuple(c for c in isolated if c in cpus),
        tickless=tuple(c for c in parse_cpu_list(text(devices / "nohz_full")) if c in cpus),
        siblings=siblings,
        caches=caches,
        nodes=_nodes(base / "sys/devices/system/node", cpus),
        memory_nodes=parse_cpu_list(text(base / "sys/devices/system/node/online")) or (0,),
    )


def _with_isolated(
    cpus: tuple[int, ...], online: tuple[int, ...], isolated: tuple[int, ...], granted: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Add the isolated cores, which a thread may be pinned to, unless the mask has been narrowed beyond them."""
    whole = set(online) if granted is None else set(online) & set(granted)
    if not whole - set(isolated) <= set(cpus):
        return cpus
    return tuple(sorted({*cpus, *(c for c in isolated if c in whole)}))


def _last_level(folder: Path) -> tuple[int, tuple[int, ...]]:
    """Return the highest level of the caches below `folder`, and the cpus that share it; (0, ()) when nothing says so."""
    found: tuple[int, tuple[int, ...]] = (0, ())
    for index in range(8):
        level = text(folder / f"index{index}/level").strip()
        if level.isdecimal() and int(level) > found[0]:
            found = (int(level), parse_cpu_list(text(folder / f"index{index}/shared_cpu_list")))
    return found


def _nodes(folder: Path, cpus: tuple[int, ...]) -> dict[int, int]:
    nodes = {}
    for number in parse_cpu_list(text(folder / "online")):
        for cpu in parse_cpu_list(text(folder / f"node{number}/cpulist")):
            if cpu in cpus:
                nodes[cpu] = number
    return nodes


def _grouped(place: Mapping[int, int]) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for cpu, group in place.items():
        groups.setdefault(group, []).append(cpu)
    return [groups[g] for g in sorted(groups, key=lambda g: groups[g][0])]


def _status_field(base: Path, name: str) -> str:
    for line in text(base / "proc/self/status").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value
    return ""
