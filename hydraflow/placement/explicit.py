"""The threads that a placement names, with what it leaves open: how each of them waits, and why.

A thread spins only where it was told to, or where it has a core to itself: pinned, to a cpu that nobody else is pinned to
and whose hyper-threads are free, with a core left for what blocks or needs Python. Otherwise it yields. A real-time thread
spins on an isolated core only; elsewhere it blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from hydraflow.placement.cpus import Machine
from hydraflow.placement.stage import Stage
from hydraflow.placement.thread import Thread, cores_in_words, scheduling, service_threads
from hydraflow.topology.shards import instances, stage_of
from hydraflow.topology.spec import REAL_TIME, PlacementSpec, ThreadSpec

__all__ = ["explicit"]


def explicit(stages: Sequence[Stage], spec: PlacementSpec, machine: Machine) -> list[Thread]:
    """Return the threads of an explicit placement, in its order; a stage's name stands for all of its shards."""
    by_name = {s.name: s for s in stages}
    rank = {name: i for i, name in enumerate(by_name)}
    wishes = [t for t in spec.threads if t.stages]
    services = service_threads(stages, [t for t in spec.threads if not t.stages])
    out = []
    for wish in wishes:
        named = dict.fromkeys(i for name in wish.stages for i in instances(name, by_name) or [name])
        members = [by_name[n] for n in named if n in by_name]
        is_python = bool(members) and all(s.python for s in members)
        wait, reason = ("blocking", "needs the GIL") if is_python else _wait(wish, members, wishes, machine, len(services))
        out.append(Thread(name=wish.name, stages=tuple(sorted(named, key=lambda n: rank.get(n, len(rank)))), cpu=wish.cpu, wait=wait,
                          kind="python" if is_python else "compiled", reason=reason, scheduling=scheduling(wish), node=wish.memory_node))
    return [*out, *services]


def _wait(wish: ThreadSpec, members: Sequence[Stage], wishes: Sequence[ThreadSpec], machine: Machine, services: int) -> tuple[str, str]:
    if wish.wait:
        return wish.wait, "as the placement says"
    asked = next((s for s in members if s.wait), None)
    if asked is not None:
        assert asked.wait is not None
        return asked.wait, f"as '{stage_of(asked.name)}' asks"
    if wish.scheduler in REAL_TIME and wish.cpu not in machine.isolated:
        return "blocking", f"{wish.scheduler} on a core that is not isolated must sleep, or the kernel's own work starves"
    against = _needed_by_others(wish, wishes, machine, services)
    return ("yielding", against) if against else ("busy-spin", "its core is needed by nobody else")


def _needed_by_others(wish: ThreadSpec, wishes: Sequence[ThreadSpec], machine: Machine, services: int) -> str:
    """Return who else needs the core of a thread, "" for nobody."""
    if wish.cpu is None:
        return "not pinned"
    core = machine.siblings.get(wish.cpu, (wish.cpu,))
    for other in wishes:
        if other is not wish and other.cpu == wish.cpu:
            return f"thread '{other.name}' is on cpu {wish.cpu} too"
        if other is not wish and other.cpu in core:
            return f"cpus {wish.cpu} and {other.cpu} of thread '{other.name}' are hyper-threads of one core"
    if machine.capacity - len(wishes) < (1 if services else 0):
        if machine.quota is not None and machine.quota < len(machine.cpus):
            return f"the quota grants {cores_in_words(machine.quota)}"
        return f"{len(wishes)} threads{' and what blocks beside them' if services else ''} want more than {cores_in_words(machine.capacity)}"
    return ""
