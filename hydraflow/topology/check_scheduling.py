"""Checks of what threads ask the kernel for: class and priority that fit together, a spinning real-time thread, memory nodes.

A real-time thread that never sleeps is never put aside for the kernel's own work on its core: a SCHED_FIFO thread that spun on
one of two ordinary cores stopped disks for 0.95 s at a time. So it needs a core that is kept free of everything else.
"""

from __future__ import annotations

import attrs

from hydraflow.topology.diagnose import Findings
from hydraflow.topology.graph import Node
from hydraflow.topology.shards import stage_of
from hydraflow.topology.spec import REAL_TIME, ThreadSpec, Topology

__all__ = ["Cores", "check_scheduling"]

_SPINS = ("busy-spin", "yielding")  # under fifo and rr, yielding lets only threads of the same priority in


@attrs.frozen(kw_only=True)
class Cores:
    """Of the machine: isolated cpus, NUMA nodes."""

    isolated: tuple[int, ...] = ()
    memory_nodes: tuple[int, ...] = (0,)


def check_scheduling(topology: Topology, stages: list[Node], findings: Findings, cores: Cores | None) -> None:
    """Add what is wrong with the scheduling of threads, and with their memory. cores : None when the machine is not known."""
    for thread in topology.placement.threads:
        fits = _check_class(thread, findings)
        if fits and thread.scheduler in REAL_TIME:
            _check_spinning(thread, stages, findings, cores)
        if thread.memory_node is not None and cores is not None:
            _check_node(thread, thread.memory_node, findings, cores)


def _check_class(thread: ThreadSpec, findings: Findings) -> bool:
    if thread.scheduler in REAL_TIME:
        if thread.priority is None:
            findings.error("HF420", f"thread '{thread.name}': {thread.scheduler} needs a priority", thread.where("scheduler"),
                           label="add priority: 1 … 99")
        if thread.nice is not None:
            findings.error("HF420", f"thread '{thread.name}': nice does not count under {thread.scheduler}", thread.where("nice"),
                           label="leave it out; priority: says who goes first")
        return thread.priority is not None and thread.nice is None
    if thread.priority is not None:
        findings.error("HF420", f"thread '{thread.name}': a priority counts under fifo and rr only", thread.where("priority"),
                       label="add scheduler: fifo, or write nice: …")
        return False
    return True


def _check_spinning(thread: ThreadSpec, stages: list[Node], findings: Findings, cores: Cores | None) -> None:
    asking = next((s.spec for s in stages if s.name in map(stage_of, thread.stages) and getattr(s.spec, "wait", None)), None)
    wait = thread.wait or (asking.wait if asking is not None else None)
    if wait not in _SPINS or (thread.cpu is not None and (cores is None or thread.cpu in cores.isolated)):
        return
    span = thread.where("wait") if thread.wait or asking is None else asking.where("wait")
    place = "on whatever core it gets" if thread.cpu is None else f"on cpu {thread.cpu}, which is not isolated"
    remedy = "or give it an isolated core by cpu: …" if thread.cpu is None else f"or boot with isolcpus={thread.cpu} nohz_full={thread.cpu}"
    findings.error("HF421", f"thread '{thread.name}' never sleeps under {thread.scheduler}, {place}: the kernel's own work there would starve",
                   span, label="write wait: blocking", notes=(remedy,))


def _check_node(thread: ThreadSpec, node: int, findings: Findings, cores: Cores) -> None:
    if node not in cores.memory_nodes:
        listed = ", ".join(map(str, cores.memory_nodes))
        findings.error("HF422", f"thread '{thread.name}' asks for memory of node {node}, which this machine does not have",
                       thread.where("node"), notes=(f"it has: {listed}",))
