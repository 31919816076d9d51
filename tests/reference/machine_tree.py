"""Builds trees of pseudo files that look like machines: what the kernel would show in /proc and /sys, from a few numbers."""

from __future__ import annotations

from pathlib import Path

import attrs

from hydraflow.placement.pseudo_files import cpu_words

CPU = "sys/devices/system/cpu"
NODE = "sys/devices/system/node"


@attrs.frozen(kw_only=True)
class Tree:
    """A machine. Cores are numbered through; the second hyper-thread of core c is cpu c + cores, as on x86.

    caches : cores that share one L3; sockets : NUMA nodes, with an equal share of the cores each. offline : cpus that exist
    and are switched off; isolated, tickless : of the boot line; mask : of the process, default all that are not isolated.
    cpuset : of its control group, version 2; quota : (µs, period µs); version : of the control group of the quota.
    """

    cores: int
    threads: int = 1
    caches: int = 0
    sockets: int = 1
    offline: tuple[int, ...] = ()
    isolated: tuple[int, ...] = ()
    tickless: tuple[int, ...] = ()
    mask: tuple[int, ...] = ()
    cpuset: tuple[int, ...] = ()
    quota: tuple[int, int] | None = None
    version: int = 2

    @property
    def online(self) -> tuple[int, ...]:
        return tuple(c for c in range(self.cores * self.threads) if c not in self.offline)

    def write(self, root: Path) -> Path:
        """Write the files below `root` and return it."""
        mask = self.mask or tuple(c for c in self.online if c not in self.isolated)
        files = {
            f"{CPU}/online": cpu_words(self.online), f"{CPU}/isolated": cpu_words(self.isolated) if self.isolated else "",
            f"{CPU}/nohz_full": cpu_words(self.tickless) if self.tickless else "(null)",
            "proc/self/status": f"Name:\tpython\nCpus_allowed_list:\t{cpu_words(mask)}\n",
            "proc/self/cgroup": "0::/user.slice/app\n" if self.version == 2 else "4:cpu,cpuacct:/app\n3:cpuset:/\n0::/\n",
            f"{NODE}/online": cpu_words(tuple(range(self.sockets))),
        }
        for node in range(self.sockets):
            files[f"{NODE}/node{node}/cpulist"] = cpu_words(tuple(c for c in self.online if self._socket(c) == node))
        for cpu in self.online:
            core = cpu % self.cores
            siblings = tuple(core + k * self.cores for k in range(self.threads) if core + k * self.cores in self.online)
            files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = cpu_words(siblings)
            files[f"{CPU}/cpu{cpu}/cache/index0/level"], files[f"{CPU}/cpu{cpu}/cache/index0/shared_cpu_list"] = "1", cpu_words(siblings)
            files[f"{CPU}/cpu{cpu}/cache/index2/level"], files[f"{CPU}/cpu{cpu}/cache/index2/shared_cpu_list"] = "2", cpu_words(siblings)
            if self.caches:
                shared = tuple(c for c in self.online if c % self.cores // self.caches == core // self.caches)
                files[f"{CPU}/cpu{cpu}/cache/index3/level"], files[f"{CPU}/cpu{cpu}/cache/index3/shared_cpu_list"] = "3", cpu_words(shared)
        group = "sys/fs/cgroup/user.slice/app" if self.version == 2 else "sys/fs/cgroup/cpu,cpuacct/app"
        if self.cpuset:
            files["sys/fs/cgroup/user.slice/app/cpuset.cpus.effective"] = cpu_words(self.cpuset)
        if self.quota and self.version == 2:
            files[f"{group}/cpu.max"] = f"{self.quota[0]} {self.quota[1]}"
        elif self.quota:
            files |= {f"{group}/cpu.cfs_quota_us": str(self.quota[0]), f"{group}/cpu.cfs_period_us": str(self.quota[1])}
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return root

    def _socket(self, cpu: int) -> int:
        return cpu % self.cores * self.sockets // self.cores


VM = Tree(cores=2, caches=2)
DESKTOP = Tree(cores=8, threads=2, caches=8)
SERVER = Tree(cores=16, threads=2, caches=8, sockets=2)
EPYC = Tree(cores=16, threads=2, caches=4)
