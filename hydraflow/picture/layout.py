"""The layered layout: boxes of given sizes and edges → rectangles and polylines, in whole cells.

Two axes: *along* runs from layer to layer, *across* runs within one. Top to bottom, along is the row; left to right, it is
the column. Every drawing uses this one layout; they differ in sizes and `Metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from hydraflow.picture.channel import Bundle, tracks_of
from hydraflow.picture.coordinates import settle
from hydraflow.picture.layering import layers_of, orient
from hydraflow.picture.mesh import Mesh, Net, mesh_of, nets_of
from hydraflow.picture.ordering import sort_layers

__all__ = ["Layout", "Metrics", "Place", "Plan", "Route", "lay_out", "plan"]


@attrs.frozen(kw_only=True)
class Metrics:
    """Distances, in cells.

    gap : across, between two boxes; lane : beside a line that passes. port, rim : across, between two ports of a box and
    from its corner to the first. track : along, between two lines that run across. head : along, before a box, for the
    arrow; tail : behind one, where a line may not turn yet. channel : along, least distance of two layers.
    """

    gap: int
    lane: int
    port: int
    rim: int
    track: int
    head: int
    channel: int
    tail: int = 0


@attrs.frozen
class Place:
    """Where a box stands: first cell and extent on both axes."""

    along: int
    across: int
    length: int
    breadth: int


@attrs.frozen
class Route:
    """An edge's way, from its upper end to its lower one, as the cells (along, across) in which it turns, ends included.

    edge : its number. net : edges of one net may share cells, others only cross. back : it leads upwards.
    """

    edge: int
    net: int
    back: bool
    points: tuple[tuple[int, int], ...]


@attrs.frozen
class Layout:
    """The result. length, breadth : of the whole, in cells. effort : boxes and pieces of lines that were placed."""

    places: list[Place]
    routes: list[Route]
    length: int
    breadth: int
    effort: int = 0


@attrs.frozen
class Plan:
    """What does not depend on sizes: which edges go back, which make up a net, how many ports each box needs."""

    back: list[bool]
    nets: list[Net]
    followers: list[list[int]]
    ports: list[int]


def plan(count: int, edges: Sequence[tuple[int, int, bool]]) -> Plan:
    """Return the plan of `count` boxes and edges (from, to, feedback) between different ones, each pair once."""
    back = orient(count, edges)
    nets = nets_of([(s, t) for s, t, _ in edges], back)
    followers: list[list[int]] = [[] for _ in range(count)]
    above, below = [0] * count, [0] * count
    for net in nets:
        below[net.root] += 1
        for end, _ in net.ends:
            above[end] += 1
            if end not in followers[net.root]:
                followers[net.root].append(end)
    return Plan(back, nets, followers, [max(a, b) for a, b in zip(above, below, strict=True)])


def lay_out(plan: Plan, sizes: Sequence[tuple[int, int]], metrics: Metrics, limit: int | None = None,
            effort: int | None = None) -> Layout | None:
    """Return the layout; None when it would take more than `effort`.

    sizes : (length, breadth) of each box; limit : breadth to keep to as far as possible, None: no matter.
    """
    if not sizes:
        return Layout([], [], 0, 0)
    layer = layers_of(plan.followers, [b + metrics.gap for _, b in sizes], limit, 1 + metrics.lane)
    lines = sum(max(layer[end] for end, _ in net.ends) - layer[net.root] for net in plan.nets)
    if effort is not None and lines + len(sizes) > effort:
        return None
    mesh = mesh_of(layer, plan.nets)
    sort_layers(mesh)
    widths = [sizes[item.box][1] if item.box >= 0 else 1 for item in mesh.items]
    ins, outs = _ports(mesh, widths, metrics)
    left = settle(mesh, widths, ins, outs, metrics.gap, metrics.lane, limit)
    return _Drawing(plan, mesh, sizes, metrics, left, ins, outs).layout()


def _ports(mesh: Mesh, widths: Sequence[int], metrics: Metrics) -> tuple[list[dict[int, int]], list[dict[int, int]]]:
    """Return, per item, where lines come in and go out: net → distance from the left edge, in the order of the other ends."""
    place = [0] * len(mesh.items)
    for row in mesh.layers:
        for position, index in enumerate(row):
            place[index] = position
    ins: list[dict[int, int]] = []
    outs: list[dict[int, int]] = []
    for index, item in enumerate(mesh.items):
        ends: dict[int, list[int]] = {}
        for lower, net in item.downs:
            ends.setdefault(net, []).append(place[lower])
        nets = sorted(ends, key=lambda n: (sum(ends[n]) / len(ends[n]), n))
        outs.append(dict(zip(nets, _spread(len(nets), widths[index], metrics), strict=True)))
    for index, item in enumerate(mesh.items):
        nets = [net for upper, net in sorted(item.ups, key=lambda u: (place[u[0]], outs[u[0]][u[1]]))]
        ins.append(dict(zip(nets, _spread(len(nets), widths[index], metrics), strict=True)))
    return ins, outs


def _spread(count: int, width: int, metrics: Metrics) -> list[int]:
    """Return `count` ports around the middle, no closer than they must be."""
    if count < 2:
        return [(width - 1) // 2] * count
    step = max(metrics.port, min(2 * metrics.port, (width - 1 - 2 * metrics.rim) // (count - 1)))
    first = max(0, (width - 1 - step * (count - 1)) // 2)
    return [first + step * k for k in range(count)]


class _Drawing:
    """Puts rows, tracks and ways together."""

    def __init__(self, plan: Plan, mesh: Mesh, sizes: Sequence[tuple[int, int]], metrics: Metrics, left: list[int],
                 ins: list[dict[int, int]], outs: list[dict[int, int]]) -> None:
        self._plan, self._mesh, self._sizes, self._metrics = plan, mesh, sizes, metrics
        self._left, self._ins, self._outs = left, ins, outs
        self._bundles = [self._bundles_below(row) for row in mesh.layers]

    def layout(self) -> Layout:
        mesh, sizes, metrics = self._mesh, self._sizes, self._metrics
        tops: list[int] = []
        starts: list[int] = []  # the first track below each layer
        heights: list[int] = []
        here = 0
        for row, bundles in zip(mesh.layers, self._bundles, strict=True):
            height = max((sizes[i][0] for i in row if mesh.items[i].box >= 0), default=1)
            arrows = any(mesh.nets[net].back and mesh.items[index].box >= 0 for index, net in bundles)
            tail = metrics.tail + arrows
            tracks = tracks_of([b for b, _ in bundles.values()], max(1, metrics.lane - 1))
            tops.append(here)
            heights.append(height)
            starts.append(here + height + tail)
            here += height + max(metrics.channel, tail + tracks * metrics.track + metrics.head)
        places = []
        for box, (length, breadth) in enumerate(sizes):
            level = mesh.items[box].layer
            places.append(Place(tops[level] + (heights[level] - length) // 2, self._left[box], length, breadth))
        routes = self._routes(places, starts)
        least = min([p.across for p in places] + [c for r in routes for _, c in r.points])
        if least:  # a line has left the boxes behind
            places = [attrs.evolve(p, across=p.across - least) for p in places]
            routes = [attrs.evolve(r, points=tuple((a, c - least) for a, c in r.points)) for r in routes]
        breadth = max([p.across + p.breadth for p in places] + [c + 1 for r in routes for _, c in r.points])
        return Layout(places, routes, max(p.along + p.length for p in places), breadth, len(mesh.items))

    def _bundles_below(self, row: list[int]) -> dict[tuple[int, int], tuple[Bundle, list[int]]]:
        """Return {(upper item, net): (its bundle, the lower items)} of the channel below a layer."""
        out = {}
        for index in row:
            lowers: dict[int, list[int]] = {}
            for lower, net in self._mesh.items[index].downs:
                lowers.setdefault(net, []).append(lower)
            for net, ends in lowers.items():
                columns = tuple(self._left[e] + self._ins[e][net] for e in ends)
                out[index, net] = Bundle(self._left[index] + self._outs[index][net], columns), ends
        return out

    def _routes(self, places: list[Place], starts: list[int]) -> list[Route]:
        mesh, track = self._mesh, self._metrics.track
        out = []
        for number, net in enumerate(mesh.nets):
            trunk = mesh.trunks[number]
            root = places[net.root]
            level = mesh.items[net.root].layer
            below = root.along + root.length
            way = [(below, root.across + self._outs[net.root][number])]
            ways = {level: way}
            for depth in range(level, max(mesh.items[end].layer for end, _ in net.ends)):
                bundle, ends = self._bundles[depth][trunk[depth], number]
                for position, end in enumerate(ends):
                    turns = [(starts[depth] + t * track, c) for t, c in bundle.way(position)]
                    if mesh.items[end].box < 0:
                        ways[depth + 1] = ways[depth] + turns
                    else:
                        edge = next(e for b, e in net.ends if b == end)
                        place = places[end]
                        last = (place.along - 1, place.across + self._ins[end][number])
                        out.append(Route(edge, number, net.back, _simplified([*ways[depth], *turns, last])))
        return sorted(out, key=lambda r: r.edge)


def _simplified(points: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Leave out points that repeat the one before or lie on the line between their neighbours."""
    out: list[tuple[int, int]] = []
    for point in points:
        if out and out[-1] == point:
            continue
        if len(out) > 1 and (out[-2][0] == out[-1][0] == point[0] or out[-2][1] == out[-1][1] == point[1]):
            out[-1] = point
        else:
            out.append(point)
    return tuple(out)
