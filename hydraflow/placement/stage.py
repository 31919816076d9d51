"""The stages of a topology as placement sees them: shards one by one, with what decides who may share a thread."""

from __future__ import annotations

from typing import Any

import attrs

from hydraflow.registry import SOURCES, Entry
from hydraflow.topology.check_placement import SERVICE_SUFFIXES
from hydraflow.topology.graph import islands_of, nodes, order
from hydraflow.topology.shards import is_sharded, shard_names
from hydraflow.topology.spec import SourceSpec, Topology

__all__ = ["Stage", "is_paced", "stages_of"]

_PACES = ("speed", "rate")  # parameters of a source that keep it to a pace


@attrs.frozen(kw_only=True)
class Stage:
    """A stage as placement sees it. kind : "source", "sequencer" or "handler".

    ordered : it reads (or is) the sequenced ring, so it belongs to the feedback cycle's thread.
    python : it needs the GIL, so it gets a thread of its own. service : name of a blocking thread that works for it.
    paced : a source that keeps to the time of day: how long a frame takes counts, not how many go through.
    wait : what its thread shall do when there is nothing to do, None when nobody said. shard : number of the instance of a
    stage that is sharded, -1 of one that is not. island : number of the part of the graph that it is in: no record of one
    gets into another.
    """

    name: str
    kind: str = "handler"
    ordered: bool = False
    python: bool = False
    service: str = ""
    paced: bool = False
    wait: str | None = None
    shard: int = -1
    island: int = 0


def stages_of(topology: Topology) -> list[Stage]:
    """Return the stages of a topology in an order in which each comes after what it waits for.

    Uses `topology.bound` for what only the components know (Python handlers, sources with a feed); without it, what the
    table of short names says.
    """
    merged = topology.sequenced
    by_name = {n.name: n for n in nodes(topology)}
    islands = islands_of(by_name.values())
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
        stage = Stage(
            name=name,
            kind=node.kind,
            ordered=node.kind == "sequencer" or (merged is not None and node.on == merged.name),
            python=handler is not None and not handler.jit,
            service=service,
            paced=node.kind == "source" and (is_paced(handler, bound.params) if bound else _seems_paced(node.spec, entry)),
            wait=getattr(node.spec, "wait", None),
            island=islands[name],
        )
        if is_sharded(node.spec):
            out += [attrs.evolve(stage, name=shard, shard=k) for k, shard in enumerate(shard_names(node.spec))]
        else:
            out.append(stage)
    return out


def is_paced(source: Any, params: Any) -> bool:
    """Return whether a source brings frames at a pace of their own: live, or by `speed` or `rate`."""
    return not getattr(source, "virtual", False) or any(getattr(params, name, 0) for name in _PACES)


def _seems_paced(spec: SourceSpec, entry: Entry | None) -> bool:
    """As `is_paced`, for a source that nobody has imported; one that is not in the table is taken to be as fast as it can."""
    return entry is not None and (entry.live or any(spec.parameters.get(name) for name in _PACES))
