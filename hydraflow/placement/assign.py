"""Which stages share a thread, and which core each thread gets: a pure function of the graph and the machine.

`auto`: decoding runs ahead on one core ('ingest'); everything on the sequenced ring, from the sequencer to the venue whose
reports come back, is fused on another ('core'), because a feedback cycle that crosses threads pays two hand-overs per
message. Where the sources set the pace (live, or paced) and the cores do not suffice for two spinning threads and what
blocks beside them, everything is one thread that spins: it keeps up easily, and nobody takes its core away (frame → wire
at 100,000 frames/s on two cores, p90: 6 µs instead of 50). With less than one and a half cores everything is one thread
that yields. Python stages and service threads (the journal's writer, a source's feed) block and are never pinned. No two
spinning threads ever share a core.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import attrs

from hydraflow.errors import UsageError
from hydraflow.placement.cpus import Machine
from hydraflow.registry import SOURCES, Entry
from hydraflow.topology.check_placement import SERVICE_SUFFIXES
from hydraflow.topology.graph import nodes, order
from hydraflow.topology.spec import WAITS, PlacementSpec, SourceSpec, ThreadSpec, Topology

__all__ = ["Placement", "Stage", "Thread", "assign", "is_paced", "parse_placement", "stages_of"]

ONE_THREAD_BELOW = 1.5  # cores' worth of time
_PACES = ("speed", "rate")  # parameters of a source that keep it to a pace
_THREAD = re.compile(r"\s*([A-Za-z][\w.-]*)\s*(?:@\s*(\d{1,4}))?\s*(?::\s*([a-z-]+))?\s*(?:=(.*))?", re.DOTALL)


@attrs.frozen(kw_only=True)
class Stage:
    """A stage as placement sees it. kind : "source", "sequencer" or "handler".

    ordered : it reads (or is) the sequenced ring, so it belongs to the feedback cycle's thread.
    python : it needs the GIL, so it gets a thread of its own. service : name of a blocking thread that works for it.
    paced : a source that keeps to the time of day: how long a frame takes counts, not how many go through.
    """

    name: str
    kind: str = "handler"
    ordered: bool = False
    python: bool = False
    service: str = ""
    paced: bool = False


@attrs.frozen(kw_only=True)
class Thread:
    """One thread. cpu : core it is pinned to, or None; kind : "compiled", "python" or "service"; reason : why so."""

    name: str
    stages: tuple[str, ...] = ()
    cpu: int | None = None
    wait: str = "yielding"
    kind: str = "compiled"
    reason: str = ""


@attrs.frozen(kw_only=True)
class Placement:
    """The threads, compiled ones first, and why they are as they are."""

    threads: tuple[Thread, ...]
    reasons: tuple[str, ...] = ()

    def thread_of(self, stage: str) -> Thread:
        """Return the thread that runs a stage."""
        return next(t for t in self.threads if stage in t.stages)

    def describe(self) -> str:
        """Return one line per thread: name, core, wait strategy, stages."""
        return "\n".join(
            f"{t.name}: {'unpinned' if t.cpu is None else f'cpu {t.cpu}'}, {t.wait}"
            + (f": {', '.join(t.stages)}" if t.stages else "") for t in self.threads
        )


def stages_of(topology: Topology) -> list[Stage]:
    """Return the stages of a topology in an order in which each comes after what it waits for.

    Uses `topology.bound` for what only the components know (Python handlers, sources with a feed); without it, what the
    table of short names says.
    """
    merged = topology.sequenced
    by_name = {n.name: n for n in nodes(topology)}
    out = []
    for name in order(topology):
        node = by_name[name]
        bound = topology.bound.get(name)
        handler = bound.handler if bound else None
        entry = SOURCES.get(node.spec.use) if node.kind == "source" and not bound else None
        service = ""
        if node.kind == "source" and (getattr(handler, "open", None) is not None or (entry and entry.feed)):
            service = name + SERVICE_SUFFIXES["source"]
        elif node.kind == "handler" and node.spec.use == "journal":
            service = name + SERVICE_SUFFIXES["journal"]
        out.append(Stage(
            name=name,
            kind=node.kind,
            ordered=node.kind == "sequencer" or (merged is not None and node.on == merged.name),
            python=handler is not None and not handler.jit,
            service=service,
            paced=node.kind == "source" and (is_paced(handler, bound.params) if bound else _seems_paced(node.spec, entry)),
        ))
    return out


def is_paced(source: Any, params: Any) -> bool:
    """Return whether a source brings frames at a pace of their own: live, or by `speed` or `rate`."""
    return not getattr(source, "virtual", False) or any(getattr(params, name, 0) for name in _PACES)


def _seems_paced(spec: SourceSpec, entry: Entry | None) -> bool:
    """As `is_paced`, for a source that nobody has imported; one that is not in the table is taken to be as fast as it can."""
    return entry is not None and (entry.live or any(spec.parameters.get(name) for name in _PACES))


def assign(stages: Sequence[Stage], machine: Machine, spec: PlacementSpec | None = None) -> Placement:
    """Return the threads for `stages` (in dependency order) on `machine`.

    spec : the file's own wish; an explicit one has been checked to name every stage once. Within a thread stages keep the
    order of `stages`.
    """
    spec = spec or PlacementSpec()
    reasons = [_machine_in_words(machine)]
    if spec.threads:
        return _explicit(stages, spec, machine, reasons)
    compiled = [s for s in stages if not s.python]
    python = [_python_thread(s) for s in stages if s.python]
    services = _service_threads(stages, ())
    ordered = [s.name for s in compiled if s.ordered]
    ahead = [s.name for s in compiled if not s.ordered]
    groups = [("ingest", ahead), ("core", ordered)]
    if spec.mode == "fused":
        reasons.append("one thread, as asked for")
        groups = [("core", ahead + ordered)]
    elif machine.capacity < ONE_THREAD_BELOW:
        reasons.append(f"one thread: {_cores(machine.capacity)} cannot run two side by side")
        groups = [("core", ahead + ordered)]
    elif machine.capacity < 2 + bool(python or services) and any(s.paced for s in stages):
        reasons.append("one thread: the sources set the pace, and what blocks needs the other core")
        groups = [("core", ahead + ordered)]
    else:
        reasons.append("two threads: decoding runs ahead, the feedback cycle stays on one core")
    groups = [(name, names) for name, names in groups if names]
    threads = _pinned(groups, machine, bool(python or services), reasons)
    return Placement(threads=(*threads, *python, *services), reasons=tuple(reasons))


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


def _explicit(stages: Sequence[Stage], spec: PlacementSpec, machine: Machine, reasons: list[str]) -> Placement:
    reasons.append("threads as the placement says")
    rank = {s.name: i for i, s in enumerate(stages)}
    python = {s.name for s in stages if s.python}
    wishes = [t for t in spec.threads if t.stages]
    pinned = [t for t in wishes if t.cpu is not None]
    apart = len({t.cpu for t in pinned}) == len(pinned)
    helpers = len(spec.threads) - len(wishes) + sum(bool(s.service) for s in stages)
    room = machine.capacity - len(wishes) - bool(helpers)
    out = []
    for wish in wishes:
        is_python = set(wish.stages) <= python
        spinning = wish.cpu is not None and apart and room >= 0 and not is_python
        wait = wish.wait or ("blocking" if is_python else "busy-spin" if spinning else "yielding")
        out.append(Thread(name=wish.name, stages=tuple(sorted(wish.stages, key=lambda n: rank.get(n, len(rank)))),
                          cpu=wish.cpu, wait=wait, kind="python" if is_python else "compiled", reason="as the placement says"))
    services = _service_threads(stages, [t for t in spec.threads if not t.stages])
    return Placement(threads=(*out, *services), reasons=tuple(reasons))


def _pinned(groups: list[tuple[str, list[str]]], machine: Machine, helpers: bool, reasons: list[str]) -> list[Thread]:
    """Give each group a core of its own where there is one, and let it spin where that harms nobody."""
    chosen = _choose(machine, len(groups))
    alone = len(groups) <= len(machine.cores)
    spare = machine.capacity - len(groups)
    roomy = machine.capacity >= ONE_THREAD_BELOW  # on a single core even the parent process waits for a spinner
    spinning = alone and roomy and spare >= (1 if helpers else 0)
    if spinning:
        why = "spins: its core is needed by nobody else"
    elif not alone:
        why = "yields: both are hyper-threads of one core"
    elif not roomy:
        why = f"yields: {_cores(machine.capacity)} in all"
    elif spare < 0:
        why = f"yields: the quota grants {_cores(machine.capacity)}"
    else:
        why = "yields: threads that block or need Python have no core of their own"
    reasons.append(why)
    wait = "busy-spin" if spinning else "yielding"
    pin = len(groups) <= len(machine.cpus)
    return [
        Thread(name=name, stages=tuple(names), cpu=chosen[i] if pin else None, wait=wait, reason=why)
        for i, (name, names) in enumerate(groups)
    ]


def _choose(machine: Machine, count: int) -> list[int]:
    """One cpu per physical core, isolated ones first; core 0, where interrupts land, only when the others do not suffice."""
    firsts = [core[0] for core in machine.cores]
    plain = [c for c in firsts if c != 0 or c in machine.isolated]
    order_of_choice = plain if len(plain) >= count else firsts
    rest = [c for core in machine.cores for c in core[1:]]
    return (order_of_choice + [c for c in firsts + rest if c not in order_of_choice])[:count]


def _python_thread(stage: Stage) -> Thread:
    return Thread(name=stage.name, stages=(stage.name,), wait="blocking", kind="python", reason="needs the GIL, never pinned")


def _service_threads(stages: Sequence[Stage], wishes: Sequence[ThreadSpec]) -> list[Thread]:
    asked = {w.name: w for w in wishes}
    return [
        Thread(name=s.service, cpu=asked[s.service].cpu if s.service in asked else None, wait="blocking", kind="service",
               reason=f"blocks for '{s.name}'")
        for s in stages if s.service
    ]


def _machine_in_words(machine: Machine) -> str:
    words = f"{len(machine.cpus)} of {max(len(machine.online), len(machine.cpus))} cpus usable"
    if machine.quota is not None:
        words += f", quota of {_cores(machine.quota)}"
    if machine.isolated:
        words += f", isolated: {', '.join(str(c) for c in machine.isolated)}"
    return words


def _cores(value: float) -> str:
    return f"{value:g} core" if value == 1 else f"{value:.2f} cores".replace(".00", "")
