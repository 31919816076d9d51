"""Lines without needless bends: what hangs together one to one is moved as one block, and blocks keep their order.

A long line down to its box, and a chain of boxes with one edge each, stand straight. Blocks never cross, so "left of" has
no cycle, and the mean of pushing everything to the right of its wish and to the left of it keeps all distances. Where
straight chains would need more room than there is, only long lines stay blocks, and at last nothing does.
Source: Brandes and Köpf, "Fast and simple horizontal coordinate assignment", 2001 (blocks).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from hydraflow.picture.mesh import Mesh

__all__ = ["straighten"]

_ROUNDS_LEAST, _ROUNDS_MOST = 3, 16
_NONE = 3  # ends of a link that are lines: more than it has
_EFFORT = 4_000  # items, over all rounds


def straighten(mesh: Mesh, left: list[int], starts: Sequence[Sequence[int]], ins: Sequence[dict[int, int]],
               outs: Sequence[dict[int, int]], widths: Sequence[int], limit: int | None) -> list[int]:
    """Return the left edges, from 0, with as many straight lines as possible; the arguments are those of `coordinates`.

    Nothing stands beyond `limit`, or beyond the widest layer.
    """
    blocks = _Blocks(mesh, starts, ins, outs, widths, lines_least=0)
    for lines_least in (2, _NONE):
        if limit is not None and blocks.breadth > limit:
            blocks = _Blocks(mesh, starts, ins, outs, widths, lines_least=lines_least)
    return blocks.settled(left, limit)


class _Blocks:
    """lines_least : of the two ends of a link, how many must be lines for it to be kept straight."""

    def __init__(self, mesh: Mesh, starts: Sequence[Sequence[int]], ins: Sequence[dict[int, int]],
                 outs: Sequence[dict[int, int]], widths: Sequence[int], *, lines_least: int) -> None:
        self._mesh, self._ins, self._outs = mesh, ins, outs
        self._block = list(range(len(mesh.items)))  # the topmost item of each item's block
        self._offset = [0] * len(mesh.items)  # from there
        if lines_least < _NONE:
            self._join(lines_least)
        self._members: dict[int, list[int]] = {}
        for index, block in enumerate(self._block):
            self._members.setdefault(block, []).append(index)
        self._order, self._after = self._neighbours(starts)
        self._extent = {b: max(self._offset[i] + widths[i] for i in own) for b, own in self._members.items()}
        self._least = {b: -min(self._offset[i] for i in own) for b, own in self._members.items()}
        for block in self._order:
            for other, apart in self._after[block]:
                self._least[other] = max(self._least[other], self._least[block] + apart)
        self.breadth = max(self._least[b] + self._extent[b] for b in self._order)

    def settled(self, left: Sequence[int], limit: int | None) -> list[int]:
        """Return where every item stands: near `left`, and near what its block is linked to."""
        most = self._rightmost(limit)
        self._pulls = self._links()
        at = {b: round(sum(left[i] - self._offset[i] for i in own) / len(own)) for b, own in self._members.items()}
        at = self._placed(at, most)
        rounds = max(_ROUNDS_LEAST, min(_ROUNDS_MOST, _EFFORT // len(self._block)))
        for _ in range(rounds):
            at = self._placed({b: self._wish(b, at) for b in at}, most)
        out = [at[block] + offset for block, offset in zip(self._block, self._offset, strict=True)]
        first = min(out)
        return [value - first for value in out]

    def _wish(self, block: int, at: dict[int, int]) -> int:
        """Return where the lines to other blocks would be straight, at their mean."""
        others, apart = self._pulls[block]
        return round((sum([at[other] for other in others]) + apart) / len(others)) if others else at[block]

    def _links(self) -> dict[int, tuple[list[int], int]]:
        """Return, per block, the other blocks that its lines lead to, and the sum of the distances at which those are straight."""
        pulls: dict[int, tuple[list[int], int]] = {}
        for block, members in self._members.items():
            others: list[int] = []
            apart = 0
            for index in members:
                item, offset = self._mesh.items[index], self._offset[index]
                for linked, here, there in ((item.ups, self._ins[index], self._outs), (item.downs, self._outs[index], self._ins)):
                    for other, net in linked:
                        if self._block[other] != block:
                            others.append(self._block[other])
                            apart += self._offset[other] + there[other][net] - here[net] - offset
            pulls[block] = others, apart
        return pulls

    def _placed(self, wish: dict[int, int], most: dict[int, int] | None) -> dict[int, int]:
        if most is not None:
            wish = {b: min(max(value, self._least[b]), most[b]) for b, value in wish.items()}
        pushed_right, pushed_left = dict(wish), dict(wish)
        for block in self._order:
            for other, apart in self._after[block]:
                pushed_right[other] = max(pushed_right[other], pushed_right[block] + apart)
        for block in reversed(self._order):
            for other, apart in self._after[block]:
                pushed_left[block] = min(pushed_left[block], pushed_left[other] - apart)
        return {b: (pushed_right[b] + pushed_left[b]) // 2 for b in self._order}

    def _rightmost(self, limit: int | None) -> dict[int, int] | None:
        """Return how far right each block may stand for all of them to keep within the limit."""
        if limit is None:
            return None
        most = {b: max(limit, self.breadth) - self._extent[b] for b in self._order}
        for block in reversed(self._order):
            for other, apart in self._after[block]:
                most[block] = min(most[block], most[other] - apart)
        return most

    def _neighbours(self, starts: Sequence[Sequence[int]]) -> tuple[list[int], dict[int, list[tuple[int, int]]]]:
        """Return the blocks from left to right, and for each those at its right with their distance."""
        after: dict[int, list[tuple[int, int]]] = {b: [] for b in self._members}
        waits = dict.fromkeys(self._members, 0)
        for row, begins in zip(self._mesh.layers, starts, strict=True):
            for here, there, begin, following in zip(row, row[1:], begins, begins[1:]):
                after[self._block[here]].append((self._block[there], following - begin + self._offset[here] - self._offset[there]))
                waits[self._block[there]] += 1
        order = [b for b in self._members if not waits[b]]
        for block in order:
            for other, _ in after[block]:
                waits[other] -= 1
                if not waits[other]:
                    order.append(other)
        return order, after

    def _join(self, lines_least: int) -> None:
        """Make blocks of links that are kept straight: none crosses another, each item has one above and one below at most."""
        items = self._mesh.items
        place = [0] * len(items)
        for row in self._mesh.layers:
            for position, index in enumerate(row):
                place[index] = position
        for row in self._mesh.layers:
            links = []
            for upper in row:
                for lower, net in items[upper].downs:
                    lines = (items[upper].box < 0) + (items[lower].box < 0)
                    alone = len(items[upper].downs) == 1 and (items[upper].box < 0 or len(items[lower].ups) == 1)
                    if lines >= lines_least and (lines == 2 or alone):
                        links.append((-lines, place[upper], place[lower], upper, lower, net))
            kept: list[tuple[int, int]] = []
            used: set[int] = set()
            for _, high, low, upper, lower, net in sorted(links):
                spot = bisect_left(kept, (high, low))
                crosses = (spot and kept[spot - 1][1] > low) or (spot < len(kept) and kept[spot][1] < low)
                if crosses or lower in used or upper in used:
                    continue
                kept.insert(spot, (high, low))
                used |= {upper, lower}
                self._block[lower] = self._block[upper]
                self._offset[lower] = self._offset[upper] + self._outs[upper][net] - self._ins[lower][net]
