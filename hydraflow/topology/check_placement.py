"""Checks of an explicit placement: every stage on exactly one thread, cores that exist, no two spinners on one core.

Service threads (the journal's writer, a source's feed) are not stages; a thread may be named after one, to pin it.
"""

from __future__ import annotations

from collections.abc import Collection

from hydraflow.topology.check_scheduling import Cores, check_scheduling
from hydraflow.topology.diagnose import Findings, Related, did_you_mean
from hydraflow.topology.doubts import Doubts, doubtful
from hydraflow.topology.graph import Node
from hydraflow.topology.shards import instances, is_sharded, shard_names, stage_of
from hydraflow.topology.spec import REAL_TIME, ThreadSpec, Topology

__all__ = ["SERVICE_SUFFIXES", "check_placement"]

SERVICE_SUFFIXES = {"journal": "-writer", "source": "-feed"}


def check_placement(topology: Topology, stages: list[Node], findings: Findings, cpus: Collection[int] | None,
                    doubts: Doubts, cores: Cores | None = None) -> None:
    """Add everything that is wrong with an explicit placement. cpus : those that may be used, None: not known; cores : likewise."""
    placement = topology.placement
    findings = findings.at(placement.option) if placement.option else findings
    if placement.mode == "explicit" and not placement.threads and not doubtful(placement, "threads"):
        findings.error("HF008", "an explicit placement needs threads", placement.where(), label="add threads: […]")
    if placement.mode == "fused" and placement.threads:
        findings.error("HF403", "a fused placement has no threads of its own", placement.where_key("threads"))
        return
    if not placement.threads:
        return
    known = [name for s in stages if s.name for name in (shard_names(s.spec) if is_sharded(s.spec) else (s.name,))]
    seats: dict[str, tuple[ThreadSpec, int]] = {}
    for thread in placement.threads:
        for position, name in enumerate(thread.stages):
            _seat(thread, position, name, known, seats, findings, doubts)
    missing = [n for n in dict.fromkeys(known) if n not in seats]
    strangers = sum(not instances(name, known) for thread in placement.threads for name in thread.stages)  # each may mean one of them
    seated = {stage_of(n) for n in seats}  # of a stage that is left out as a whole, its own name
    missing = list(dict.fromkeys(n if stage_of(n) in seated else stage_of(n) for n in missing))
    if len(missing) > strangers and not (doubts.names or doubts.placed):
        findings.error("HF401", f"the placement leaves out {', '.join(repr(n) for n in missing)}",
                       placement.where_key("threads") or placement.where(), label="every stage needs a thread")
    _check_threads(topology, stages, findings, cpus, doubts)
    check_scheduling(topology, stages, findings, cores)


def _seat(thread: ThreadSpec, position: int, name: str, known: list[str], seats: dict, findings: Findings, doubts: Doubts) -> None:
    span = thread.where("stages", position)
    members = instances(name, known)
    taken = [m for m in members if m in seats]
    if not members:
        if doubts.names:
            return
        close = did_you_mean(name, known)
        findings.error("HF402", f"thread '{thread.name}' runs '{name}', which is not a stage", span,
                       label=f"did you mean '{close}'?" if close else "", notes=(f"known: {', '.join(known)}",))
    elif taken:
        other, at = seats[taken[0]]
        place = other.where("stages", at)
        findings.error("HF403", f"stage '{taken[0]}' is placed twice", span, label=f"again on '{thread.name}'",
                       related=(Related(place, f"first on '{other.name}'"),) if place else ())
    seats |= {m: (thread, position) for m in members if m not in seats}


def _check_threads(topology: Topology, stages: list[Node], findings: Findings, cpus: Collection[int] | None,
                   doubts: Doubts) -> None:
    services = {s.name + SERVICE_SUFFIXES["source"] for s in stages if s.kind == "source"}
    services |= {s.name + SERVICE_SUFFIXES["journal"] for s in stages if s.kind == "handler"}
    first: dict[str, ThreadSpec] = {}
    spinning: dict[int, ThreadSpec] = {}
    for thread in topology.placement.threads:
        if thread.name in first:
            at = first[thread.name].where("name")
            findings.error("HF101", f"two threads are called '{thread.name}'", thread.where("name"), label="again",
                           related=(Related(at, "first here"),) if at else ())
        first.setdefault(thread.name, thread)
        if not thread.stages and thread.name not in services and not doubtful(thread, "stages") and not doubts.names:
            close = did_you_mean(thread.name, services)
            findings.error("HF402", f"thread '{thread.name}' has no stages", thread.where(),
                           label=f"did you mean '{close}'?" if close else "add stages: […]")
        asking = next((s.spec for s in stages if s.name in map(stage_of, thread.stages) and getattr(s.spec, "wait", None)), None)
        wait = thread.wait or (asking.wait if asking is not None else None)
        if thread.cpu is None:
            if wait == "busy-spin" and thread.scheduler not in REAL_TIME:  # HF421 says more
                span = thread.where("wait") if thread.wait or asking is None else asking.where("wait")
                findings.warning("HF406", f"thread '{thread.name}' spins without a core of its own", span,
                                 label="add cpu: …")
            continue
        if cpus is not None and thread.cpu not in cpus:
            listed = ", ".join(str(c) for c in sorted(cpus))
            findings.error("HF404", f"thread '{thread.name}' asks for cpu {thread.cpu}, which this process may not use",
                           thread.where("cpu"), notes=(f"it may use: {listed}",))
        if wait == "busy-spin":
            if thread.cpu in spinning:
                other = spinning[thread.cpu]
                at = other.where("cpu")
                findings.error("HF405", f"threads '{other.name}' and '{thread.name}' both spin on cpu {thread.cpu}; the "
                               "kernel's time slice becomes the latency", thread.where("cpu"),
                               label="another core, or wait: yielding", related=(Related(at, "first here"),) if at else ())
            spinning.setdefault(thread.cpu, thread)
