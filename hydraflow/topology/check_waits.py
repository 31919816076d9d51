"""Checks of `wait:`: a thread does one thing when there is nothing to do, so those who share it must ask for the same.

Which stages share a thread is said by an explicit placement. `fused` puts all compiled ones on one; `auto` keeps those on the
sequenced ring together, those in front of it, and shards; where a small machine brings these groups together, placement
finds a compromise and says so.
"""

from __future__ import annotations

from typing import Any

from hydraflow.topology.diagnose import Findings, Related
from hydraflow.topology.shards import is_sharded, stage_of
from hydraflow.topology.spec import HandlerSpec, SourceSpec, ThreadSpec, Topology

__all__ = ["check_waits"]

_Stage = SourceSpec | HandlerSpec


def check_waits(topology: Topology, bound: dict[str, Any], findings: Findings) -> None:
    """Add every contradiction. bound : stage name → hydraflow.topology.components.Bound, for what is plain Python."""
    everything: list[_Stage] = [*topology.sources, *topology.stages]
    stages = {s.name: s for s in everything}
    python = {n for n, one in bound.items() if n in stages and not one.handler.jit}
    option = topology.placement.option
    for name in python:
        _check_python(stages[name], stages[name].wait, f"{stages[name].NOUN} '{name}'", findings)
    for thread in topology.placement.threads:
        names = dict.fromkeys(stage_of(n) for n in thread.stages)
        if names and set(names) <= python:
            _check_python(thread, thread.wait, f"thread '{thread.name}', of the Python {stages[next(iter(names))].NOUN} '{next(iter(names))}',",
                          findings.at(option) if option else findings)
            continue
        members = [stages[n] for n in names if n in stages and stages[n].wait]
        _check_thread(thread, members, findings.at(option) if option else findings)
        _check_together([m for m in members if m.name not in python], f"thread '{thread.name}'", findings)
    if topology.placement.threads:
        return
    compiled = [s for s in stages.values() if s.name not in python]
    if topology.placement.mode == "fused":
        _check_together(compiled, "one thread", findings)
        return
    main = topology.sequenced
    for what, group in (
        ("the thread in front of the sequencer" if main else "the thread of the compiled stages", [s for s in compiled if not is_sharded(s) and not _ordered(s, main)]),
        ("the thread of the sequencer", [s for s in compiled if not is_sharded(s) and _ordered(s, main)]),
        ("the threads of shards", [s for s in compiled if is_sharded(s)]),
    ):
        _check_together(group, what, findings)


def _ordered(stage: _Stage, main: Any) -> bool:
    return main is not None and getattr(stage, "on", "") == main.name


def _check_python(owner: _Stage | ThreadSpec, wait: str | None, what: str, findings: Findings) -> None:
    if wait not in (None, "blocking"):
        findings.error("HF411", f"{what} cannot wait by {wait}: Python sleeps between looks, or it would keep the GIL from the others",
                       owner.where("wait"), label="remove it, or write blocking")


def _check_thread(thread: ThreadSpec, members: list[_Stage], findings: Findings) -> None:
    for stage in members:
        if thread.wait and stage.wait != thread.wait:
            at = stage.where("wait")
            findings.error("HF410", f"thread '{thread.name}' shall wait by {thread.wait}, and its stage '{stage.name}' asks for "
                           f"{stage.wait}", thread.where("wait"), label="one of the two must go",
                           related=(Related(at, f"'{stage.name}' asks for {stage.wait}"),) if at else ())


def _check_together(stages: list[_Stage], where: str, findings: Findings) -> None:
    asking = [s for s in stages if s.wait]
    for stage in asking[1:]:
        first = asking[0]
        if stage.wait != first.wait:
            at = first.where("wait")
            findings.error("HF410", f"stages '{first.name}' and '{stage.name}' share {where}, and ask it to wait by {first.wait} and "
                           f"by {stage.wait}", stage.where("wait"), label=f"write {first.wait}, or place them apart",
                           related=(Related(at, f"'{first.name}' asks for {first.wait}"),) if at else ())
