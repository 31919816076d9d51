"""What running a topology would do: which thread runs what and why, who waits for whom, what the rings take.

And what a change of the file means: `compare` says of every stage, ring and instrument whether it stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from hydraflow.placement.assign import Placement, Thread, assign, stages_of
from hydraflow.placement.cpus import Machine
from hydraflow.topology.check_live import live_fields
from hydraflow.topology.graph import Node, gates, nodes, waits_for, writers
from hydraflow.topology.layouts import layout_of, unit_of
from hydraflow.topology.shards import is_sharded, shard_names
from hydraflow.topology.spec import Located, RingSpec, Topology
from hydraflow.topology.values import duration_text

__all__ = ["Change", "Plan", "RingPlan", "StagePlan", "compare", "make_plan"]

_SECTIONS = (("instrument", "instruments"), ("source", "sources"), ("handler", "handlers"), ("sink", "sinks"))


@attrs.frozen(kw_only=True)
class StagePlan:
    """A stage. on : ring that it reads; waits : stages whose progress it looks at, none: the ring's.

    thread : that runs it; of a sharded one, of its first shard. by : the field that says which of `shards` owns a record;
    shards : name and thread of each, none of a stage that is one.
    derived : of `waits`, those that after: auto stands for, and why. every_ns : period of its timer, None for none.
    """

    name: str
    kind: str
    use: str
    thread: str
    on: str = ""
    waits: tuple[str, ...] = ()
    every_ns: int | None = None
    by: str | None = None
    shards: tuple[ShardPlan, ...] = ()
    derived: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ShardPlan:
    """One instance of a sharded stage, and the thread that runs it."""

    name: str
    thread: str


@attrs.frozen(kw_only=True)
class RingPlan:
    """A ring. bytes : of its records and payload; writers, gates : stages that fill it, and those that writers wait for."""

    name: str
    record: str
    slots: int
    bytes: int
    writers: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Plan:
    """A topology on a machine."""

    placement: Placement
    stages: tuple[StagePlan, ...]
    rings: tuple[RingPlan, ...]
    machine: Machine

    @property
    def threads(self) -> tuple[Thread, ...]:
        return self.placement.threads

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as JSON data."""
        return {
            "reasons": list(self.placement.reasons),
            "machine": self.machine.as_dict(),
            "threads": [attrs.asdict(t) for t in self.threads],
            "stages": [attrs.asdict(s) for s in self.stages],
            "rings": [attrs.asdict(r) for r in self.rings],
            "ring_bytes": sum(r.bytes for r in self.rings),
        }


@attrs.frozen(kw_only=True)
class Change:
    """What becomes of something. kind : "keep", "live" (its parameters change while it runs), "restart" (it runs again, with
    other values), "add" or "remove".

    values : what differs, as (key path, before, after) in the file's words.
    """

    kind: str
    what: str
    name: str
    values: tuple[tuple[str, Any, Any], ...] = ()


def make_plan(topology: Topology, machine: Machine) -> Plan:
    """Return what `hfx run` would do with a topology that has been checked and bound."""
    placement = assign(stages_of(topology), machine, topology.placement)
    found = nodes(topology)
    waits, gating, writing = waits_for(found), gates(found), writers(found)
    readers: dict[str, list[str]] = {}
    for node in found:
        for ring in (*node.reads, *node.feedback):
            if ring != node.on:
                readers.setdefault(ring, []).append(node.name)
    stages = tuple(_stage(n, placement, waits[n.name]) for n in found)
    rings = tuple(
        RingPlan(
            name=ring.name, record=ring.record, slots=ring.slots, bytes=_bytes(ring),
            writers=tuple(n.name for n in writing.get(ring.name, ())),
            gates=(*gating.get(ring.name, ()), *readers.get(ring.name, ())),
        )
        for ring in topology.rings.values()
    )
    return Plan(placement=placement, stages=stages, rings=rings, machine=machine)


def _bytes(ring: RingSpec) -> int:
    layout, unit = layout_of(ring), unit_of(ring)
    assert layout is not None  # it has been checked
    return ring.slots * layout.itemsize + (ring.payload * unit.itemsize if unit is not None else 0)


def _stage(node: Node, placement: Placement, waits: tuple[str, ...]) -> StagePlan:
    names = shard_names(node.spec) if is_sharded(node.spec) else ()
    shards = tuple(ShardPlan(name=name, thread=placement.thread_of(name).name) for name in names)
    return StagePlan(
        name=node.name, kind=node.kind, use=getattr(node.spec, "use", ""), on=node.on, waits=waits, shards=shards,
        thread=shards[0].thread if shards else placement.thread_of(node.name).name, by=node.spec.by if shards else None,
        derived={a: why for a, why in getattr(node.spec, "derived", {}).items() if a in waits},
        every_ns=getattr(node.spec, "every_ns", None),
    )


def compare(before: Topology, after: Topology) -> list[Change]:
    """Return what becomes of everything in `before` when `after` runs in its stead; both complete, in the order of `after`."""
    changes = []
    for what, section in _SECTIONS:
        key = "symbol" if what == "instrument" else "name"
        changes += _section(what, {getattr(o, key): _values(o, before) for o in getattr(before, section)},
                            {getattr(o, key): _values(o, after) for o in getattr(after, section)}, _live(after))
    changes += _section("ring", {n: _values(r, before) for n, r in before.rings.items()},
                        {n: _values(r, after) for n, r in after.rings.items()})
    changes += _section("placement", {"placement": _values(before.placement, before)}, {"placement": _values(after.placement, after)})
    return changes


def _live(topology: Topology) -> dict[str, set[str]]:
    """Return, by stage, the keys of parameters that a running engine changes: live ones, on the sequenced ring."""
    ring = topology.sequenced
    return {s.name: {f"with.{f}" for f in live_fields(topology.bound[s.name].component.params)}
            for s in topology.stages if ring is not None and s.on == ring.name and s.name in topology.bound}


def _section(
    what: str, before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]], live: Mapping[str, set[str]] | None = None
) -> list[Change]:
    changes = []
    for name, values in after.items():
        if name not in before:
            changes.append(Change(kind="add", what=what, name=name))
            continue
        differ = tuple(
            (key, before[name].get(key), values.get(key))
            for key in dict.fromkeys([*before[name], *values]) if before[name].get(key) != values.get(key)
        )
        running = {key for key, *_ in differ} <= (live or {}).get(name, set())
        changes.append(Change(kind=("live" if running else "restart") if differ else "keep", what=what, name=name, values=differ))
    return changes + [Change(kind="remove", what=what, name=name) for name in before if name not in after]


def _values(one: Located, topology: Topology) -> dict[str, Any]:
    """Return what a part of the file says, defaults included, by key path."""
    values: dict[str, Any] = {}
    for field in attrs.fields(type(one)):
        value = getattr(one, field.name)
        key = field.metadata.get("key", field.name)
        if field.metadata.get("internal") or key == "name":
            continue
        if key == "with":
            bound = topology.bound.get(getattr(one, "name", ""))
            params = bound.params if bound is not None else None
            given = attrs.asdict(params) if params is not None else dict(value)
            values.update({f"with.{name}": v for name, v in given.items()})
        elif isinstance(value, tuple) and value and isinstance(value[0], Located):
            values[key] = [attrs.asdict(v, filter=lambda a, _: not a.metadata.get("internal")) for v in value]
        elif value and key != field.name and field.name.endswith("_ns"):
            values[key] = duration_text(value)
        else:
            values[key] = list(value) if isinstance(value, tuple) else value
    if isinstance(one, RingSpec) and one.layout is not None:  # the name may stay and what it stands for change
        values["fields"] = [f"{name} {one.layout[name]}" for name in one.layout.names]
    return values
