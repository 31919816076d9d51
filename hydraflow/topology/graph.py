"""The graph of a topology: stages, the rings between them, who must come before whom. Names only, nothing imported.

A stage waits for a record of its ring from the ring's writer, for the stages in `after`, and, when it drains an inlet,
for the stage that fills it. Only the sequencer reads feedback rings, and that edge is the only one that may close a cycle.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from hydraflow.topology.closure import closure
from hydraflow.topology.spec import SEQUENCER, HandlerSpec, Topology

__all__ = ["Node", "ancestors", "before", "cycles", "gates", "islands_of", "nodes", "order", "readers", "ring_edges", "waits_for", "writers"]


@attrs.frozen(kw_only=True)
class Node:
    """A stage of the graph. kind : "source", "sequencer" or "handler" (sinks too).

    reads : rings whose records it gets; feedback : rings read by the sequencer that close the cycle; writes : rings.
    """

    name: str
    kind: str
    reads: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    on: str = ""
    spec: Any = None


def nodes(topology: Topology) -> list[Node]:
    """Return the stages: sources, sequencer, handlers, sinks."""
    out = [Node(name=s.name, kind="source", writes=(s.into,), spec=s) for s in topology.sources]
    for ring in topology.rings.values():
        if ring.sequence:
            out.append(Node(name=SEQUENCER, kind="sequencer", reads=ring.sequence, feedback=ring.feedback,
                            writes=(ring.name,), spec=ring))
    out.extend(_handler(h) for h in topology.stages)
    return out


def writers(stages: Iterable[Node]) -> dict[str, list[Node]]:
    """Return, per ring, the stages that write it."""
    return _by_ring(stages, lambda s: s.writes)


def readers(stages: Iterable[Node]) -> dict[str, list[Node]]:
    """Return, per ring, the stages that read it."""
    return _by_ring(stages, lambda s: s.reads + s.feedback)


def before(stages: Iterable[Node]) -> dict[str, list[str]]:
    """Return, per stage, the stages that it directly comes after, feedback apart."""
    stages = list(stages)
    names = {s.name for s in stages}
    writing = writers(stages)
    return {
        s.name: [a for a in s.after if a in names] + [w.name for ring in s.reads for w in writing.get(ring, [])]
        for s in stages
    }


def waits_for(stages: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    """Return, per handler, the stages that it must look at: those of `after` that no other of them comes after anyway."""
    stages = list(stages)
    reach = closure({s.name: s.after for s in stages})
    return {
        s.name: tuple(a for a in dict.fromkeys(s.after) if not any(reach.before(a, other) for other in s.after if other != a))
        for s in stages
    }


def gates(stages: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    """Return, per ring, the handlers on it that its producer waits for: those that no other handler on it comes after."""
    stages = list(stages)
    found: dict[str, tuple[str, ...]] = {}
    for ring in dict.fromkeys(s.on for s in stages if s.on):
        handlers = [s for s in stages if s.on == ring]
        followed = {a for s in handlers for a in s.after}
        found[ring] = tuple(s.name for s in handlers if s.name not in followed)
    return found


def islands_of(stages: Iterable[Node]) -> dict[str, int]:
    """Return, per stage, the number of the part of the graph that it is in; parts share no ring and wait for nobody in another."""
    stages = list(stages)
    number = {s.name: place for place, s in enumerate(stages)}
    near: dict[str, list[str]] = {s.name: [a for a in s.after if a in number] for s in stages}
    for ring in _by_ring(stages, lambda s: (*s.reads, *s.feedback, *s.writes, *((s.on,) if s.on else ()))).values():
        for one in ring[1:]:
            near[one.name].append(ring[0].name)
    for name, others in [(name, list(others)) for name, others in near.items()]:
        for other in others:
            near[other].append(name)
    islands: dict[str, int] = {}
    for name in number:
        if name not in islands:
            count = len(set(islands.values()))
            islands |= dict.fromkeys({name, *ancestors(near, name)}, count)
    return islands


def ancestors(edges: Mapping[str, Iterable[str]], name: str) -> set[str]:
    """Return everything that comes before `name` (not itself, unless it lies on a cycle)."""
    seen: set[str] = set()
    waiting = list(edges.get(name, ()))
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting.extend(e for e in edges.get(current, ()) if e not in seen)
    return seen


def order(topology: Topology) -> list[str]:
    """Return the stage names so that each comes after what it waits for; ties in the order of the file.

    Stages on a cycle (an error that `check` reports) come last.
    """
    stages = nodes(topology)
    names = list(dict.fromkeys(s.name for s in stages))
    edges = {name: {e for e in earlier if e != name} for name, earlier in before(stages).items()}
    place = {name: position for position, name in enumerate(names)}
    missing = {name: len(edges[name]) for name in names}
    later: dict[str, list[str]] = {name: [] for name in names}
    for name in names:
        for earlier in edges[name]:
            later[earlier].append(name)
    ready = [place[name] for name in names if not missing[name]]
    done: dict[str, None] = {}
    while len(done) < len(names):
        position = heapq.heappop(ready) if ready else next(p for p, n in enumerate(names) if n not in done)
        if names[position] in done:
            continue
        done[names[position]] = None
        for name in later[names[position]]:
            missing[name] -= 1
            if not missing[name]:
                heapq.heappush(ready, place[name])
    return list(done)


def ring_edges(stages: Iterable[Node]) -> dict[str, dict[str, str]]:
    """Return ring → {ring it flows into: name of the stage between}; feedback edges are left out."""
    out: dict[str, dict[str, str]] = {}
    for stage in stages:
        for source in stage.reads:
            for target in stage.writes:
                out.setdefault(source, {}).setdefault(target, stage.name)
    return out


def cycles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return one cycle per strongly connected part, each as a path that ends where it began."""
    found: list[list[str]] = []
    taken: set[str] = set()
    reach = closure(edges)
    for start in edges:
        if start in taken or not reach.before(start, start):
            continue
        part = {n for n in reach.ancestors(start) if reach.before(start, n)}
        taken |= part
        found.append(_path(edges, start, part))
    return found


def _path(edges: Mapping[str, Iterable[str]], start: str, part: set[str]) -> list[str]:
    """Shortest way from `start` back to itself inside `part`, breadth first."""
    came: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        current = waiting.popleft()
        for following in edges.get(current, ()):
            if following == start:
                path = [current]
                while path[-1] != start:
                    path.append(came[path[-1]])
                return [*reversed(path), start]
            if following in part and following not in came:
                came[following] = current
                waiting.append(following)
    return [start, start]


def _handler(spec: HandlerSpec) -> Node:
    return Node(name=spec.name, kind="handler", reads=(spec.on, *spec.inlets), writes=spec.into, after=spec.after,
                on=spec.on, spec=spec)


def _by_ring(stages: Iterable[Node], rings: Callable[[Node], Iterable[str]]) -> dict[str, list[Node]]:
    out: dict[str, list[Node]] = {}
    for stage in stages:
        for ring in rings(stage):
            out.setdefault(ring, []).append(stage)
    return out
