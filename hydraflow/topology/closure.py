"""What comes before what, through any number of steps: one bit set per stage, all of them in one pass over the edges.

A bit set is an int whose bit *i* stands for the *i*-th name, so that joining all ancestors of a stage is one `|`. Stages on a
cycle come before themselves; the members of a strongly connected part share one set.

Source: R. Tarjan, "Depth-first search and linear graph algorithms", 1972, for the strongly connected parts, without recursion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

__all__ = ["Closure", "closure"]


@attrs.frozen
class Closure:
    """names : of every stage, in the order of the bits; sets : name → bits of all that comes before it; edges_seen : how many
    edges were looked at to know that.
    """

    names: tuple[str, ...]
    bits: Mapping[str, int]
    sets: Mapping[str, int]
    edges_seen: int

    def before(self, earlier: str, later: str) -> bool:
        """Whether `earlier` comes before `later`, directly or through others; both are names that the edges name."""
        return bool(self.sets.get(later, 0) & self.bits.get(earlier, 0))

    def ancestors(self, name: str) -> set[str]:
        """Return everything that comes before `name` (not itself, unless it lies on a cycle)."""
        found, left = set(), self.sets.get(name, 0)
        while left:
            lowest = left & -left
            found.add(self.names[lowest.bit_length() - 1])
            left ^= lowest
        return found


def closure(edges: Mapping[str, Iterable[str]]) -> Closure:
    """Return the closure of a graph. edges : name → the names that it directly comes after; those may be names of their own."""
    following = {name: tuple(earlier) for name, earlier in edges.items()}
    names = tuple(dict.fromkeys([*following, *(one for earlier in following.values() for one in earlier)]))
    bits = {name: 1 << position for position, name in enumerate(names)}
    walk = _Walk(following, bits)
    for name in names:
        if name not in walk.number:
            walk.from_(name)
    return Closure(names, bits, walk.sets, walk.edges_seen)


class _Walk:
    """Tarjan's walk. number : when a name was met; low : the earliest that it reaches; sets : what is known of those done."""

    def __init__(self, edges: Mapping[str, tuple[str, ...]], bits: Mapping[str, int]) -> None:
        self._edges, self._bits = edges, bits
        self.number: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._open: list[str] = []
        self.sets: dict[str, int] = {}
        self.edges_seen = 0

    def from_(self, start: str) -> None:
        self._meet(start)
        way = [(start, iter(self._edges.get(start, ())))]
        while way:
            name, left = way[-1]
            following = next(left, None)
            if following is None:
                way.pop()
                if way:
                    self._low[way[-1][0]] = min(self._low[way[-1][0]], self._low[name])
                if self._low[name] == self.number[name]:
                    self._close(name)
                continue
            self.edges_seen += 1
            if following not in self.number:
                self._meet(following)
                way.append((following, iter(self._edges.get(following, ()))))
            elif following not in self.sets:
                self._low[name] = min(self._low[name], self.number[following])

    def _meet(self, name: str) -> None:
        self.number[name] = self._low[name] = len(self.number)
        self._open.append(name)

    def _close(self, root: str) -> None:
        """All that was met since `root` is one strongly connected part: everything before one of it is before all."""
        part = self._open[self._open.index(root):] if self._open[-1] != root else [root]
        del self._open[-len(part):]
        inside = set(part)
        joined = 0
        for name in part:
            for earlier in self._edges.get(name, ()):
                joined |= self._bits[earlier]
                if earlier not in inside:
                    joined |= self.sets[earlier]
        for name in part:
            self.sets[name] = joined
