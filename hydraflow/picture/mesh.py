"""The layered graph as the layout sees it: lines that cross a layer have an item there, and edges of one box share a trunk.

A *net* begins at one box and leads to one or more further down. All edges that leave a box are one net; an edge that goes
back is a net of its own, drawn from its upper end (which is its target) to its lower one.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

__all__ = ["Item", "Mesh", "Net", "mesh_of"]


@attrs.frozen
class Net:
    """root : the upper box. ends : (lower box, number of the edge). back : it is drawn against its direction."""

    root: int
    ends: tuple[tuple[int, int], ...]
    back: bool


@attrs.define
class Item:
    """What stands in a layer. box : its number, or -1 for a line that passes. ups, downs : (item, net) it is linked to."""

    layer: int
    box: int
    ups: list[tuple[int, int]] = attrs.field(factory=list)
    downs: list[tuple[int, int]] = attrs.field(factory=list)


@attrs.frozen
class Mesh:
    """items : boxes first, by number. layers : items from left to right. trunks : per net, its item in each layer."""

    items: list[Item]
    layers: list[list[int]]
    nets: list[Net]
    trunks: list[dict[int, int]]


def nets_of(edges: Sequence[tuple[int, int]], back: Sequence[bool]) -> list[Net]:
    """Return the nets of edges (from, to)."""
    forward: dict[int, list[tuple[int, int]]] = {}
    out = []
    for number, (source, target) in enumerate(edges):
        if not back[number]:
            forward.setdefault(source, []).append((target, number))
    out = [Net(root, tuple(ends), False) for root, ends in forward.items()]
    out += [Net(target, ((source, n),), True) for n, (source, target) in enumerate(edges) if back[n]]
    return out


def mesh_of(layer: Sequence[int], nets: list[Net]) -> Mesh:
    """Return the mesh of boxes in their layers."""
    items = [Item(level, box) for box, level in enumerate(layer)]
    rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    trunks: list[dict[int, int]] = []
    for number, net in enumerate(nets):
        trunk = {layer[net.root]: net.root}
        for level in range(layer[net.root] + 1, max(layer[end] for end, _ in net.ends)):
            trunk[level] = len(items)
            items.append(Item(level, -1))
            _link(items, trunk[level - 1], trunk[level], number)
        for end, _ in net.ends:
            _link(items, trunk[layer[end] - 1], end, number)
        trunks.append(trunk)
    for index in _walk(items):
        rows[items[index].layer].append(index)
    return Mesh(items, rows, nets, trunks)


def _link(items: list[Item], upper: int, lower: int, net: int) -> None:
    items[upper].downs.append((lower, net))
    items[lower].ups.append((upper, net))


def _walk(items: list[Item]) -> list[int]:
    """Return the items as they are met from the first one down, so that what belongs together begins side by side."""
    seen: set[int] = set()
    out = []
    for start in sorted(range(len(items)), key=lambda i: bool(items[i].ups)):
        waiting = [start]
        while waiting:
            here = waiting.pop()
            if here not in seen:
                seen.add(here)
                out.append(here)
                waiting.extend(lower for lower, _ in reversed(items[here].downs))
    return out
