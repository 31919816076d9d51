"""Which stages share a thread, and which core each thread gets: a pure function of the graph and the machine.

`auto`: decoding runs ahead on one core ('ingest'); everything on the sequenced ring, from the sequencer to the venue whose
reports come back, is fused on another ('core'), because a feedback cycle that crosses threads pays two hand-overs per
message. Parts of the graph that no record leads from one into the other (islands) get threads of their own ('core-2', …)
while cores are left; the cycle comes first. Where the sources set the pace (live, or paced) and the cores do not suffice for two spinning threads and what
blocks beside them (the engine's own threads do), everything is one thread that spins: it keeps up easily, and nobody takes
its core away (frame → wire at 100,000 frames/s on two cores, p90: 6 µs instead of 50). With less than one and a half cores everything is one thread
that yields. Shards get threads of their own ('shard-0', …) while cores are left: shard k of every stage is on the same one,
so that what belongs to one key stays in one core's cache. Python stages and service threads (the journal's writer, a
source's feed) block and are never pinned. No two spinning threads ever share a core.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from hydraflow.errors import UsageError
from hydraflow.placement.cpus import Machine
from hydraflow.placement.explicit import explicit
from hydraflow.placement.pseudo_files import cpu_words
from hydraflow.placement.seats import choose
from hydraflow.placement.stage import Stage, is_paced, stages_of
from hydraflow.placement.thread import Thread, cores_in_words, python_thread, service_threads
from hydraflow.topology.shards import stage_of
from hydraflow.topology.spec import WAITS, PlacementSpec, ThreadSpec

__all__ = ["Placement", "Stage", "Thread", "assign", "is_paced", "parse_placement", "stages_of"]

ONE_THREAD_BELOW = 1.5  # cores' worth of time
_THREAD = re.compile(r"\s*([A-Za-z][\w.-]*)\s*(?:@\s*(\d{1,4}))?\s*(?::\s*([a-z-]+))?\s*(?:=(.*))?", re.DOTALL)


@attrs.frozen(kw_only=True)
class Placement:
    """The threads, compiled ones first, and why they are as they are. node : NUMA node of all pinned threads, -1 for several."""

    threads: tuple[Thread, ...]
    reasons: tuple[str, ...] = ()
    node: int = -1

    def thread_of(self, stage: str) -> Thread:
        """Return the thread that runs a stage, or one shard of it."""
        return next(t for t in self.threads if stage in t.stages)

    def describe(self) -> str:
        """Return one line per thread: name, core, wait strategy, stages."""
        return "\n".join(
            f"{t.name}: {'unpinned' if t.cpu is None else f'cpu {t.cpu}'}, {t.wait}"
            + (f": {', '.join(t.stages)}" if t.stages else "") for t in self.threads
        )


def assign(stages: Sequence[Stage], machine: Machine, spec: PlacementSpec | None = None) -> Placement:
    """Return the threads for `stages` (in dependency order) on `machine`.

    spec : the file's own wish; an explicit one has been checked to name every stage once. Within a thread stages keep the
    order of `stages`.
    """
    spec = spec or PlacementSpec()
    reasons = [_machine_in_words(machine)]
    if spec.threads:
        threads = explicit(stages, spec, machine)
        return _placement(threads, machine, [*reasons, "threads as the placement says"])
    python = [python_thread(s) for s in stages if s.python]
    services = service_threads(stages)
    groups = _groups([s for s in stages if not s.python], machine, spec, bool(python or services), reasons)
    threads = _pinned(groups, machine, bool(python or services), reasons)
    return _placement(_named_apart([*threads, *python, *services]), machine, reasons)


def parse_placement(text: str) -> PlacementSpec:
    """Return the placement written on the command line.

    text : "auto", "fused", or "ingest=simulator,deserialize;core@1:busy-spin=sequencer,book,…"; a thread is
    NAME[@CPU][:WAIT]=STAGE,STAGE,…; a service thread has no stages: "journal-writer@0".
    Raises: UsageError.
    """
    text = text.strip()
    if text in ("auto", "fused"):
        return PlacementSpec(mode=text)
    threads = []
    for part in filter(None, (p.strip() for p in text.split(";"))):
        match = _THREAD.fullmatch(part)
        if match is None or (match[3] and match[3] not in WAITS):
            what = f"unknown wait strategy '{match[3]}'" if match else f"cannot read '{part}'"
            raise UsageError(what, where="--placement", remedy=f"write NAME[@CPU][:WAIT]=STAGE,STAGE;… with WAIT one of "
                             f"{', '.join(WAITS)}, or auto, or fused")
        name, cpu, wait, stages = match.groups()
        named = tuple(s for s in (s.strip() for s in (stages or "").split(",")) if s)
        threads.append(ThreadSpec(name=name, cpu=int(cpu) if cpu else None, wait=wait, stages=named))
    if not threads:
        raise UsageError("no thread is named", where="--placement", remedy="write auto, fused or NAME=STAGE,STAGE;…")
    return PlacementSpec(mode="explicit", threads=tuple(threads), option="--placement")


_Groups = list[tuple[str, list[Stage]]]


def _groups(compiled: list[Stage], machine: Machine, spec: PlacementSpec, helpers: bool, reasons: list[str]) -> _Groups:
    """Return (name, stages) of the threads that the compiled stages get, those without stages left out."""
    ordered = [s for s in compiled if s.ordered]
    ahead = [s for s in compiled if not s.ordered]
    one = [("core", ahead + ordered)]
    if spec.mode == "fused":
        reasons.append("one thread, as asked for")
        return _filled(one)
    if machine.capacity < ONE_THREAD_BELOW:
        reasons.append(f"one thread: {cores_in_words(machine.capacity)} cannot run two side by side")
        return _filled(one)
    if machine.capacity < 3 and any(s.paced for s in compiled):  # the engine's own Python runs now and then without helpers too
        reasons.append("one thread: the sources set the pace, and what blocks needs the other core")
        return _filled(one)
    if ordered:
        reasons.append("two threads: decoding runs ahead, the feedback cycle stays on one core")
        groups = [("ingest", ahead), ("core", ordered)]
    else:
        same = "" if len({s.island for s in compiled}) < 2 else " of one part"
        reasons.append(f"one thread{' each' if same else ''}: no ring is sequenced, so the compiled stages{same} follow each other in one loop")
        groups = one
    return _with_shards(_islands_apart(_filled(groups), machine, helpers, reasons), machine, helpers, reasons)


def _islands_apart(groups: _Groups, machine: Machine, helpers: bool, reasons: list[str]) -> _Groups:
    """Move what has nothing to do with the first part of the graph to threads of its own, as many as cores are left."""
    members = [s for _, some in groups for s in some]
    home = next((s.island for s in members if s.ordered), members[0].island if members else 0)
    others = list(dict.fromkeys(s.island for s in members if s.island != home))
    if not others:
        return groups
    rest = _filled([(name, [s for s in some if s.island == home]) for name, some in groups])
    left = min(int(machine.capacity) - helpers, len(machine.cores)) - len(rest)
    islands = f"{len(others) + 1} parts of the graph have nothing to do with each other"
    if left < 1:
        reasons.append(f"{islands} and share threads all the same: {_left(left)}")
        return groups
    count = min(left, len(others))
    placed: list[list[Stage]] = [[] for _ in range(count)]
    for island in sorted(others, key=lambda i: -sum(s.island == i for s in members)):
        min(placed, key=len).extend(s for s in members if s.island == island)
    short = "" if count == len(others) else f", {count} thread{'s' if count > 1 else ''} for {len(others)} of them: {_left(left)}"
    reasons.append(f"{islands} and run beside each other{short}")
    return [*rest, *((f"core-{k + 2}", [s for s in members if s in some]) for k, some in enumerate(placed))]


def _with_shards(groups: _Groups, machine: Machine, helpers: bool, reasons: list[str]) -> _Groups:
    """Move shards to threads of their own, as many as cores are left; with fewer than two they stay where they are."""
    shards = [s for _, members in groups for s in members if s.shard >= 0]
    if not shards:
        return groups
    rest = _filled([(name, [s for s in members if s.shard < 0]) for name, members in groups])
    most = 1 + max(s.shard for s in shards)
    left = min(int(machine.capacity) - helpers, len(machine.cores)) - len(rest)
    if left < 2:
        reasons.append(f"shards stay with the stages around them: {_left(left)} for threads of their own")
        return groups
    count = min(most, left)
    noun = "a thread for each number" if count == most else f"{count} threads for {most} numbers: {_left(left)}"
    reasons.append(f"shards run beside each other, {noun}; those of one number share a thread")
    return [*rest, *((f"shard-{k}", [s for s in shards if s.shard % count == k]) for k in range(count))]


def _left(cores: int) -> str:
    return f"{cores if cores > 0 else 'no'} core{'s' if cores > 1 else ''} left"


def _filled(groups: _Groups) -> _Groups:
    return [(name, members) for name, members in groups if members]


def _pinned(groups: _Groups, machine: Machine, helpers: bool, reasons: list[str]) -> list[Thread]:
    """Give each group a core of its own where there is one, and let it spin where that harms nobody."""
    if not groups:
        return []
    pin = len(groups) <= len(machine.cpus)
    seats = choose(machine, min(len(groups), len(machine.cpus)))
    spare = machine.capacity - len(groups)
    roomy = machine.capacity >= ONE_THREAD_BELOW  # on a single core even the parent process waits for a spinner
    if not pin:
        why = f"yields: {len(groups)} threads share {len(machine.cpus)} cpus"
    elif seats.shared:
        why = "yields: both are hyper-threads of one core" if len(groups) == 2 else "yields: it shares a core with a hyper-thread"
    elif not roomy:
        why = f"yields: {cores_in_words(machine.capacity)} in all"
    elif spare < 0:
        why = f"yields: the quota grants {cores_in_words(machine.capacity)}"
    elif spare < helpers:
        why = "yields: threads that block or need Python have no core of their own"
    else:
        why = "spins: its core is needed by nobody else"
    wait = "busy-spin" if why.startswith("spins") else "yielding"
    if seats.why and pin:
        reasons.append(seats.why)
    reasons.append(why)
    out = []
    for i, (name, members) in enumerate(groups):
        own, reason = _wished(members, wait, why)
        out.append(Thread(name=name, stages=tuple(s.name for s in members), cpu=seats.cpus[i] if pin else None, wait=own, reason=reason))
    return out


def _wished(members: Sequence[Stage], wait: str, why: str) -> tuple[str, str]:
    """Return what a thread does, and why, when its stages have a word in it."""
    wishes = {s.wait: stage_of(s.name) for s in reversed(members) if s.wait}
    if not wishes:
        return wait, why
    if len(wishes) == 1:
        wish, stage = next(iter(wishes.items()))
        return wish, f"as '{stage}' asks" + ("" if wish == wait else f"; left alone it {why.partition(':')[0]}")
    words = ", ".join(f"'{stage}' {wish}" for wish, stage in sorted(wishes.items()))
    return "yielding", f"few cores brought stages together that ask for different things: {words}"


def _named_apart(threads: list[Thread]) -> list[Thread]:
    """A Python stage may be called like a thread of ours; then its thread is not."""
    seen: set[str] = set()
    out = []
    for thread in threads:
        name = thread.name
        while name in seen:
            name += "-python"
        seen.add(name)
        out.append(attrs.evolve(thread, name=name))
    return out


def _placement(threads: Sequence[Thread], machine: Machine, reasons: list[str]) -> Placement:
    """Add where memory goes: all rings and states are first touched on the node of the threads that use them."""
    nodes = {machine.node_of(t.cpu) for t in threads if t.cpu is not None}
    node = next(iter(nodes)) if len(nodes) == 1 else -1
    if len({machine.node_of(c) for c in machine.cpus}) > 1:
        reasons.append(f"memory comes from NUMA node {node}, where the threads are" if node >= 0 else
                       "memory comes from where it is first touched: the threads are on several NUMA nodes, or not pinned")
    for thread in threads:
        if thread.node is not None:
            own = thread.node if thread.cpu is None else machine.node_of(thread.cpu)
            reasons.append(f"memory of '{thread.name}' comes from NUMA node {thread.node}, as the placement says"
                           + (f"; its cpu is on node {own}" if own != thread.node else ""))
    return Placement(threads=tuple(threads), reasons=tuple(reasons), node=node)


def _machine_in_words(machine: Machine) -> str:
    words = f"{len(machine.cpus)} of {max(len(machine.online), len(machine.cpus))} cpus usable"
    if len(machine.cores) < len(machine.cpus):
        words += f" ({len(machine.cores)} cores)"
    if machine.quota is not None:
        words += f", quota of {cores_in_words(machine.quota)}"
    for noun, place in (("NUMA nodes", machine.node_of), ("last-level caches", machine.cache_of)):
        count = len({place(c) for c in machine.cpus})
        words += f", {count} {noun}" if count > 1 else ""
    if machine.isolated:
        words += f", isolated: {cpu_words(machine.isolated)}"
    if machine.tickless:
        words += f", tickless: {cpu_words(machine.tickless)}"
    return words
