"""From a topology, whole or broken, to its picture. Names that lead nowhere become boxes of kind "missing"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from hydraflow.picture.model import Box, Edge, Picture
from hydraflow.placement.assign import Thread
from hydraflow.topology.graph import Node, nodes
from hydraflow.topology.shards import is_sharded, shard_names
from hydraflow.topology.spec import Topology, short_name

__all__ = ["picture_of"]


def picture_of(topology: Topology, threads: Sequence[Thread] = ()) -> Picture:
    """Return the picture of a topology. threads : of its placement, as far as it is known."""
    builder = _Builder(topology, threads)
    edges = tuple(builder.edges())  # first: it adds what is missing to the boxes
    return Picture(name=topology.name, boxes=tuple(builder.boxes.values()), edges=edges, threads=tuple(threads))


class _Builder:
    def __init__(self, topology: Topology, threads: Sequence[Thread]) -> None:
        self.boxes: dict[str, Box] = {}
        self._thread = {stage: t.name for t in reversed(threads) for stage in t.stages}
        self._sinks = {id(s) for s in topology.sinks}
        self._stages = nodes(topology)
        self._grounded = _grounded(self._stages)
        for stage in self._stages:
            if stage.kind == "source":
                self._stage(stage)
        for name, ring in topology.rings.items():
            self.boxes[f"ring/{name}"] = Box(id=f"ring/{name}", name=name, kind="ring", record=short_name(ring.record), slots=ring.slots)
        for stage in self._stages:
            if stage.kind != "source":
                self._stage(stage)

    def edges(self) -> list[Edge]:
        out = []
        for stage, own in self._places():
            if stage.kind == "sequencer":
                out += [Edge(self._ring(r), own, "sequence") for r in stage.reads]
                out += [Edge(self._ring(r), own, "feedback") for r in stage.feedback]
            elif stage.kind == "handler":
                inlets = stage.reads[1:]
                implied = any(a in self._grounded.get(stage.on, ()) for a in stage.after if a != stage.name)
                out += [Edge(self._ring(stage.on), own, "on", implied)] if stage.on else []
                out += [Edge(self._other(a), own, "after", derived=stage.spec.derived.get(a, "")) for a in stage.after if a]
                out += [Edge(self._ring(r), own, "from") for r in inlets if r]
            out += [Edge(own, self._ring(r), "into") for r in stage.writes if r]
        for edge in out:
            if edge.source == edge.target:
                self.boxes[edge.source] = attrs.evolve(self.boxes[edge.source], itself=True)
        return list(dict.fromkeys(out))

    def _stage(self, stage: Node) -> None:
        kind = "sink" if id(stage.spec) in self._sinks else stage.kind
        use = "" if stage.kind == "sequencer" else stage.spec.use
        own, count = f"stage/{stage.name}", 2
        while own in self.boxes:  # two stages of one name are a mistake, and both are there
            own, count = f"stage/{stage.name}#{count}", count + 1
        names = shard_names(stage.spec) if is_sharded(stage.spec) else (stage.name,)
        threads = tuple(self._thread.get(name, "") for name in names)
        self.boxes[own] = Box(
            id=own, name=stage.name, kind=kind, use=use, thread=threads[0] if len(set(threads)) == 1 else "", replicas=len(names),
            by=getattr(stage.spec, "by", None) or "", shards=threads if len(names) > 1 else (),
        )

    def _places(self) -> Iterable[tuple[Node, str]]:
        """Pair every stage with the id that `_stage` gave it."""
        seen: dict[str, int] = {}
        for stage in sorted(self._stages, key=lambda s: s.kind != "source"):
            seen[stage.name] = seen.get(stage.name, 0) + 1
            yield stage, f"stage/{stage.name}" + (f"#{seen[stage.name]}" if seen[stage.name] > 1 else "")

    def _ring(self, name: str) -> str:
        return self._known(f"ring/{name}", name)

    def _other(self, name: str) -> str:
        return self._known(f"stage/{name}", name)

    def _known(self, own: str, name: str) -> str:
        if own not in self.boxes:
            self.boxes[own] = Box(id=own, name=name, kind="missing")
        return own


def _grounded(stages: Iterable[Node]) -> dict[str, set[str]]:
    """Return, per ring, the handlers to which the ring's records can be followed: itself first, or behind one that is."""
    out: dict[str, set[str]] = {}
    by_ring: dict[str, list[Node]] = {}
    for stage in stages:
        if stage.kind == "handler":
            by_ring.setdefault(stage.on, []).append(stage)
    for ring, readers in by_ring.items():
        names = {r.name for r in readers}
        behind: dict[str, list[str]] = {}
        found = []
        for reader in readers:
            here = [a for a in reader.after if a in names and a != reader.name]
            for earlier in here:
                behind.setdefault(earlier, []).append(reader.name)
            if not here:
                found.append(reader.name)
        reached = set(found)
        while found:
            for name in behind.get(found.pop(), ()):
                if name not in reached:
                    reached.add(name)
                    found.append(name)
        out[ring] = reached
    return out
