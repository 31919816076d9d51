"""A topology as it is once everything is in its place: includes merged, options and variables applied, defaults if wanted.

`resolved` returns nodes, written values with the place they came from, the others without; `origin` says that place in a word.
A value that came from a secret, from a variable that is named like one, or that no document can hold (bytes that are no UTF-8)
stays the reference that the file has.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Sequence
from typing import Any

import attrs

from hydraflow.topology.nodes import Node
from hydraflow.topology.spec import HandlerSpec, Located, PlacementSpec, Topology, key_of

__all__ = ["origin", "origins", "resolved"]


def resolved(topology: Topology, *, defaults: bool = False) -> Node:
    """Return the root of the topology, its sections in the order of the documents. defaults : with all that it left out.

    Defaults of parameters are known when its components have been bound.
    """
    assert topology.node is not None
    if defaults:
        return _spec(topology, topology)
    order = [key_of(field) for field in attrs.fields(Topology)]
    written = {"name": (None, Node.of(topology.name)), **topology.node.entries}  # else it would be that of another file
    written |= {key: (written[key][0], _stages(written[key][1], getattr(topology, key))) for key in ("handlers", "sinks") if key in written}
    ordered = {key: written[key] for key in order if key in written}
    return attrs.evolve(topology.node, entries={**ordered, **written})


def origin(node: Node, topology: Topology) -> str:
    """Return where a value comes from: "demo.yaml:14", a variable's name, "secret:NAME", "--set", or "default"."""
    if node.taken:
        return ", ".join(dict.fromkeys(node.taken))
    span = node.span
    if span is None:
        return "default"
    if span.line == 0:
        return span.path.partition(" ")[0]
    folder = os.path.dirname(topology.path) or "."
    path = os.path.relpath(span.path, folder) if span.path else os.path.basename(topology.path)
    return f"{path}:{span.line}"


def origins(node: Node, topology: Topology, path: str = "") -> dict[str, str]:
    """Return path → origin of every single value below `node`."""
    if node.kind == "scalar" or not (node.items or node.entries):
        return {path: origin(node, topology)}
    steps = {str(i): item for i, item in enumerate(node.items)} or {key: child for key, (_, child) in node.entries.items()}
    found: dict[str, str] = {}
    for step, child in steps.items():
        found |= origins(child, topology, f"{path}.{step}" if path else step)
    return found


def _stages(node: Node, specs: Sequence[HandlerSpec]) -> Node:
    """Return the list of stages with what `after: auto` stands for."""
    by_node = {id(spec.node): spec for spec in specs if spec.auto}
    items = []
    for item in node.items:
        spec = by_node.get(id(item))
        span = item.entries["after"][0] if "after" in item.entries else None
        items.append(item if spec is None else attrs.evolve(item, entries={**item.entries, "after": (span, _after(spec))}))
    return attrs.evolve(node, items=items)


def _after(spec: HandlerSpec) -> Node:
    """Return the names of `after`; of derived ones the origin says the reason."""
    node = Node.of(list(spec.after))
    if spec.after and not spec.derived:
        return attrs.evolve(node, span=spec.where("after"))
    why = (f"{name}: {'derived, ' + spec.derived[name] if name in spec.derived else 'as written'}" for name in spec.after)
    return attrs.evolve(node, taken=tuple(why) or ("derived: nothing to wait for",))


def _spec(spec: Located, topology: Topology) -> Node:
    """Return what the file says of an object, and the rest as the engine completed it."""
    written = spec.node.entries if spec.node is not None and spec.node.kind == "map" else {}
    node = Node("map", spec.node.span if spec.node is not None else None)
    for field in attrs.fields(type(spec)):
        if field.metadata.get("internal"):
            continue
        key, value = key_of(field), getattr(spec, field.name)
        if key == "after" and isinstance(spec, HandlerSpec) and spec.auto:
            child = _after(spec)
        elif key == "with":
            child = _parameters(spec, written.get(key, (None, None))[1], topology)
        elif isinstance(value, PlacementSpec):
            child = written[key][1] if key in written else Node.of(value.mode)
        elif isinstance(value, dict):
            child = Node("map", entries={name: (None, _spec(inner, topology)) for name, inner in value.items()})
        elif isinstance(value, tuple) and value and isinstance(value[0], Located):
            child = Node("list", items=[_spec(inner, topology) for inner in value])
        elif key in written and not (key == "into" and not value):
            child = written[key][1]
        elif value is None or (value in ((), "") and key != "after") or key == "include":
            continue
        else:
            child = Node.of(value)
        node.entries[key] = (None, child)
    return node


def _parameters(spec: Any, written: Node | None, topology: Topology) -> Node:
    params = topology.bound[spec.name].params if spec.name in topology.bound else None
    if params is None:
        return written if written is not None and written.kind == "map" else Node("map")
    return _object(params, written)


def _object(thing: Any, written: Node | None) -> Node:
    """Return an attrs object of a component: what was written as it was written, the rest by its value."""
    given = written.entries if written is not None and written.kind == "map" else {}
    entries: dict[str, tuple[Any, Node]] = dict(given)
    for field in attrs.fields(type(thing)):
        if not field.init or field.metadata.get("internal"):
            continue
        key, value = key_of(field), getattr(thing, field.name)
        short = {field.name.removesuffix("_ns"), field.name.removesuffix("_bytes"), key}
        if value is None or short & set(given):
            continue
        entries[key] = (None, _object(value, None) if attrs.has(type(value)) else Node.of(_plain(value)))
    return Node("map", written.span if written is not None else None, entries=entries)


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return {key: _plain(inner) for key, inner in value.items()} if isinstance(value, dict) else str(value)
