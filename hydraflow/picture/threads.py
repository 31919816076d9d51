"""Which thread runs which stage, without importing a handler where the file and the table of short names suffice."""

from __future__ import annotations

from hydraflow.placement.assign import Thread, assign, stages_of
from hydraflow.placement.cpus import Machine
from hydraflow.registry import HANDLERS, SOURCES
from hydraflow.topology.spec import Topology

__all__ = ["needs_components", "threads_of"]


def needs_components(topology: Topology) -> bool:
    """Whether only the handlers themselves can say which threads there will be, or which order: a user's own may be plain Python.

    An explicit placement says the threads, and of the short names they are known; `after: auto` is what the source says.
    """
    if any(spec.auto for spec in topology.stages):
        return True
    if topology.placement.threads:
        return False
    known = all(s.use in HANDLERS for s in topology.stages) and all(s.use in SOURCES for s in topology.sources)
    return not known


def threads_of(topology: Topology, machine: Machine) -> tuple[Thread, ...]:
    """Return the threads that a run on this machine would have; of a broken topology, as far as it says."""
    return assign(stages_of(topology), machine, topology.placement).threads
