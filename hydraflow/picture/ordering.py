"""The order of each layer: sweeps down and up that put every item at the mean place of what it is linked to, kept while
that makes fewer crossings. Source: Sugiyama, Tagawa, Toda, 1981 (barycentres)."""

from __future__ import annotations

from bisect import bisect_right, insort

from hydraflow.picture.mesh import Mesh

__all__ = ["sort_layers"]

_EFFORT = 12_000  # links that are looked at, at most, over all sweeps
_SWEEPS_MOST, _SWEEPS_LEAST = 16, 2
_PATIENCE = 4  # sweeps without a gain


def sort_layers(mesh: Mesh) -> None:
    """Reorder `mesh.layers` in place."""
    links = sum(len(item.downs) for item in mesh.items)
    sweeps = max(_SWEEPS_LEAST, min(_SWEEPS_MOST, _EFFORT // (links + 1)))
    counter = _Crossings(mesh)
    best, fewest, gained = [list(row) for row in mesh.layers], counter.count(), 0
    for sweep in range(sweeps):
        if not fewest or sweep - gained > _PATIENCE:
            break
        _sweep(mesh, downwards=sweep % 2 == 0)
        now = counter.count()
        if now < fewest:
            best, fewest, gained = [list(row) for row in mesh.layers], now, sweep
    mesh.layers[:] = best


def _sweep(mesh: Mesh, *, downwards: bool) -> None:
    items = mesh.items
    place = [0.0] * len(items)
    for row in mesh.layers if downwards else reversed(mesh.layers):
        for position, index in enumerate(row):
            linked = items[index].ups if downwards else items[index].downs
            place[index] = sum([place[other] for other, _ in linked]) / len(linked) if linked else position
        row.sort(key=place.__getitem__)
        for position, index in enumerate(row):
            place[index] = position


class _Crossings:
    """Counts how many pairs of links cross; again only between layers of which one has changed since."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._orders: list[list[int]] = [[] for _ in mesh.layers]
        self._counts = [0] * len(mesh.layers)

    def count(self) -> int:
        layers = self._mesh.layers
        same = [row == order for row, order in zip(layers, self._orders, strict=True)]
        for level in range(len(layers) - 1):
            if not (same[level] and same[level + 1]):
                self._counts[level] = self._between(layers[level], layers[level + 1])
        self._orders = [list(row) for row in layers]
        return sum(self._counts)

    def _between(self, upper: list[int], lower: list[int]) -> int:
        place = {index: position for position, index in enumerate(lower)}
        total = 0
        seen: list[int] = []
        for index in upper:
            ends = sorted([place[below] for below, _ in self._mesh.items[index].downs])
            for end in ends:
                total += len(seen) - bisect_right(seen, end)
            for end in ends:
                insort(seen, end)
        return total
