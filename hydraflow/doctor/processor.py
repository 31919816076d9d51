"""Looks at cores: how many there really are, hyper-threads, nodes, isolation, frequency, the clock."""

from __future__ import annotations

import platform
from pathlib import Path

from hydraflow.doctor.finding import Finding, read_text
from hydraflow.placement.cpus import Machine, parse_cpu_list

__all__ = [
    "look_at_clock", "look_at_cores", "look_at_governor", "look_at_isolation", "look_at_nodes", "look_at_threads_of_a_core",
    "look_at_turbo",
]


def look_at_cores(machine: Machine) -> Finding:
    quota = f", quota {machine.quota:g}" if machine.quota is not None else ", no quota"
    text = f"{len(machine.cpus)} of {len(machine.online)} cpus usable ({len(machine.cores)} cores){quota}"
    if machine.capacity < 1.5:
        return Finding("cores", "warn", f"{text}: everything shares one thread that yields",
                       "give the process two cores (taskset, docker --cpus=2, Kubernetes limits)",
                       "decoding then no longer runs ahead, and every wake-up is the scheduler's")
    if machine.quota is not None and machine.quota < 2:
        return Finding("cores", "warn", f"{text}: spinning threads would be throttled", "raise the cgroup's cpu quota to 2",
                       "a thread that has used up its quota stands still for the rest of 100 ms")
    if len(machine.cores) < 2:
        return Finding("cores", "warn", f"{text}: the two threads are hyper-threads of one core", "add a core to the mask",
                       "two spinning threads on one core slow each other down")
    return Finding("cores", "ok", text)


def look_at_threads_of_a_core(machine: Machine) -> Finding:
    shared = [group for group in machine.cores if len(group) > 1]
    if not shared:
        return Finding("smt", "ok", "one thread per usable core")
    return Finding("smt", "ok", f"{len(shared)} cores have {max(map(len, shared))} hyper-threads each; `auto` takes one of each core first",
                   "echo off > /sys/devices/system/cpu/smt/control",
                   "whatever runs on the sibling of a spinning thread takes its execution units")


def look_at_nodes(root: Path, machine: Machine) -> Finding:
    """NUMA: memory of another node is further away."""
    nodes = {}
    for folder in sorted((root / "sys/devices/system/node").glob("node[0-9]*")):
        cpus = set(parse_cpu_list(read_text(folder / "cpulist"))) & set(machine.cpus)
        if cpus:
            nodes[folder.name.removeprefix("node")] = cpus
    if len(nodes) < 2:
        return Finding("numa", "ok", "one node")
    return Finding("numa", "warn", f"usable cpus lie on {len(nodes)} nodes ({', '.join(nodes)})",
                   f"numactl --cpunodebind={min(nodes)} --membind={min(nodes)} hfx run FILE",
                   "a ring in the memory of another node costs twice the time per cache miss")


def look_at_isolation(machine: Machine) -> Finding:
    if machine.isolated:
        return Finding("isolation", "ok", f"isolated: {', '.join(str(c) for c in machine.isolated)}")
    hint = f"isolcpus={machine.cpus[-1]} nohz_full={machine.cpus[-1]}" if len(machine.cpus) > 2 else "isolcpus=…"
    return Finding("isolation", "ok", "no isolated core; the kernel may put other tasks beside a handler",
                   f"for less jitter boot with {hint}", "an isolated core has no other task and no timer tick")


def look_at_governor(root: Path, machine: Machine) -> Finding:
    files = [root / f"sys/devices/system/cpu/cpu{c}/cpufreq/scaling_governor" for c in machine.cpus]
    governors = {text for text in (read_text(f) for f in files) if text}
    if not governors:
        return Finding("governor", "ok", "no frequency control visible (usual in virtual machines)")
    slow = sorted(governors - {"performance"})
    if slow:
        return Finding("governor", "warn", f"frequency governor {', '.join(slow)}", "cpupower frequency-set -g performance",
                       "a core that has clocked down takes milliseconds to come back")
    return Finding("governor", "ok", "performance")


def look_at_turbo(root: Path) -> Finding:
    none = read_text(root / "sys/devices/system/cpu/intel_pstate/no_turbo")
    boost = read_text(root / "sys/devices/system/cpu/cpufreq/boost")
    if not none and not boost:
        return Finding("turbo", "ok", "not visible")
    if none == "1" or boost == "0":
        return Finding("turbo", "ok", "off: the frequency is steady")
    file = "/sys/devices/system/cpu/intel_pstate/no_turbo" if none else "/sys/devices/system/cpu/cpufreq/boost"
    return Finding("turbo", "ok", "on: fastest, but the frequency depends on what the other cores do",
                   f"for measurements that can be compared: echo {1 if none else 0} > {file}",
                   "two runs of one benchmark differ by the frequency that they happened to get")


def look_at_clock(root: Path) -> Finding:
    current = read_text(root / "sys/devices/system/clocksource/clocksource0/current_clocksource")
    flags = next((line.split() for line in read_text(root / "proc/cpuinfo").splitlines() if line.startswith("flags")), [])
    steady = {"constant_tsc", "nonstop_tsc"} <= set(flags)
    if platform.machine() == "aarch64" and not flags:
        return Finding("clock", "ok", f"clock source {current or 'unknown'}")
    if current == "tsc" or steady:
        return Finding("clock", "ok", f"clock source {current or 'unknown'}, "
                       f"time-stamp counter {'constant and nonstop' if steady else 'trusted by the kernel'}")
    if not current and not flags:
        return Finding("clock", "warn", "clock source and processor flags cannot be read here", "look on the host: hfx doctor",
                       "latencies are differences of time-stamp counters")
    return Finding("clock", "warn", f"clock source {current or 'unknown'}; the time-stamp counter may drift, so latencies may",
                   "boot with tsc=reliable if the hypervisor has a steady counter",
                   "latencies are differences of time-stamp counters of two cores")
