"""Memory near the threads that use it: what is touched first by a thread of a NUMA node lies on that node.

`bind` is for threads whose `node:` says where: the state of their stages and the rings that these fill move there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from disruptor.memory import Mapping
from disruptor.numa import prefer
from hydraflow.placement.assign import Placement
from hydraflow.placement.cpus import Machine
from hydraflow.runtime.graph import Graph
from hydraflow.topology.graph import nodes, writers

__all__ = ["bind", "near"]


@contextlib.contextmanager
def near(machine: Machine, node: int) -> Iterator[None]:
    """Run the body on a NUMA node, so that rings and states, which are touched when they are made, lie there.

    node : -1 for any. Nothing is done on a machine of one node, nor where the kernel refuses.
    Source: Linux Documentation/admin-guide/mm/numa_memory_policy (local allocation is the default).
    """
    cpus = set(machine.beside(node)) if node >= 0 else set()
    if not cpus or cpus == set(machine.cpus):
        yield
        return
    before = os.sched_getaffinity(0)
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, before)


def bind(graph: Graph, placement: Placement) -> dict[str, str]:
    """Move memory to the nodes that threads ask for, each with `node:`; return thread → what the kernel refused.

    A ring that several threads fill goes where the first of them is.
    """
    asked = {stage: thread for thread in placement.threads if thread.node is not None for stage in thread.stages}
    if not asked:
        return {}
    wanted: list[tuple[str, int, Mapping]] = []
    for stage, thread in asked.items():
        member = graph.members.get(stage)
        if member is not None and member.state is not None and thread.node is not None:
            start = member.state.ctypes.data
            wanted += [(thread.name, thread.node, m) for m in graph.memory if m.address <= start < m.address + m.span]
    for ring, filling in writers(nodes(graph.topology)).items():
        first = next((asked[n.name] for n in filling if n.name in asked), None)
        if first is not None and first.node is not None and ring in graph.rings:
            wanted += [(first.name, first.node, m) for m in graph.rings[ring].ring.mappings]
    refused: dict[str, str] = {}
    for name, node, mapping in wanted:
        if not prefer(mapping, node):
            refused.setdefault(name, mapping.notes[-1])
    return refused
