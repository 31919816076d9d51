"""Lines without needless bends: what hangs together one to one is moved as one block, and blocks keep their order.

A long line and a chain of boxes with one edge each stand straight. Blocks never cross, so "left of" has no cycle, and the
mean of pushing everything to the right of its wish and to the left of it keeps all distances.
Source: Brandes and Köpf, "Fast and simple horizontal coordinate assignment", 2001 (blocks).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from hydraflow.picture.mesh import Item, Mesh

__all__ = ["straighten"]

_ROUNDS = 3


def straighten(mesh: Mesh, left: list[int], starts: Sequence[Sequence[int]], ins: Sequence[dict[int, int]],
               outs: Sequence[dict[int, int]], widths: Sequence[int], limit: int | None) -> list[int]:
    """Return the left edges, from 0, with as many straight lines as possible; the arguments are those of `coordinates`.

    Nothing stands beyond `limit`, or beyond the least that the order and the distances allow.
    """
    items = mesh.items
    block, offset = _blocks(mesh, ins, outs)
    members: dict[int, list[int]] = {}
    for index in range(len(items)):
        members.setdefault(block[index], []).append(index)
    after: dict[int, list[tuple[int, int]]] = {b: [] for b in members}  # block → (block to its right, distance)
    waits = dict.fromkeys(members, 0)
    for row, begins in zip(mesh.layers, starts, strict=True):
        for position in range(len(row) - 1):
            here, there = row[position], row[position + 1]
            apart = begins[position + 1] - begins[position] + offset[here] - offset[there]
            after[block[here]].append((block[there], apart))
            waits[block[there]] += 1
    order = [b for b in members if not waits[b]]
    for number in order:
        for other, _ in after[number]:
            waits[other] -= 1
            if not waits[other]:
                order.append(other)
    least, most = _bounds(order, after, {b: max(offset[i] + widths[i] for i in own) for b, own in members.items()},
                          {b: min(offset[i] for i in own) for b, own in members.items()}, limit)
    at = {b: round(sum(left[i] - offset[i] for i in own) / len(own)) for b, own in members.items()}
    at = _placed(order, after, at, least, most)
    for _ in range(_ROUNDS):
        wish = dict(at)
        for number, own in members.items():
            aims = []
            for index in own:
                for other, net in items[index].ups:
                    if block[other] != number:
                        aims.append(at[block[other]] + offset[other] + outs[other][net] - ins[index][net] - offset[index])
                for other, net in items[index].downs:
                    if block[other] != number:
                        aims.append(at[block[other]] + offset[other] + ins[other][net] - outs[index][net] - offset[index])
            if aims:
                wish[number] = round(sum(aims) / len(aims))
        at = _placed(order, after, wish, least, most)
    left = [at[block[i]] + offset[i] for i in range(len(items))]
    first = min(left)
    return [value - first for value in left]


def _placed(order: list[int], after: dict[int, list[tuple[int, int]]], wish: dict[int, int], least: dict[int, int],
            most: dict[int, int] | None) -> dict[int, int]:
    if most is not None:
        wish = {b: min(max(value, least[b]), most[b]) for b, value in wish.items()}
    rightmost, leftmost = dict(wish), dict(wish)
    for number in order:
        for other, apart in after[number]:
            rightmost[other] = max(rightmost[other], rightmost[number] + apart)
    for number in reversed(order):
        for other, apart in after[number]:
            leftmost[number] = min(leftmost[number], leftmost[other] - apart)
    return {b: (rightmost[b] + leftmost[b]) // 2 for b in order}


def _bounds(order: list[int], after: dict[int, list[tuple[int, int]]], extent: dict[int, int], first: dict[int, int],
            limit: int | None) -> tuple[dict[int, int], dict[int, int] | None]:
    """Return how far left and how far right each block may stand for all of them to keep within the limit."""
    least = {b: -first[b] for b in order}
    for number in order:
        for other, apart in after[number]:
            least[other] = max(least[other], least[number] + apart)
    if limit is None:
        return least, None
    limit = max(limit, max(least[b] + extent[b] for b in order))
    most = {b: limit - extent[b] for b in order}
    for number in reversed(order):
        for other, apart in after[number]:
            most[number] = min(most[number], most[other] - apart)
    return least, most


def _blocks(mesh: Mesh, ins: Sequence[dict[int, int]], outs: Sequence[dict[int, int]]) -> tuple[list[int], list[int]]:
    """Return, per item, the topmost item of its block and where it stands relative to that one."""
    items = mesh.items
    place = [0] * len(items)
    for row in mesh.layers:
        for position, index in enumerate(row):
            place[index] = position
    block, offset = list(range(len(items))), [0] * len(items)
    for row in mesh.layers:
        links = []
        for upper in row:
            for lower, net in items[upper].downs:
                lines = (items[upper].box < 0) + (items[lower].box < 0)
                if lines == 2 or (_single(items[upper], upper=True) and _single(items[lower], upper=False)):
                    links.append((-lines, place[upper], place[lower], upper, lower, net))
        taken: list[tuple[int, int]] = []
        used: set[int] = set()
        for _, high, low, upper, lower, net in sorted(links):
            spot = bisect_left(taken, (high, low))
            crosses = (spot and taken[spot - 1][1] > low) or (spot < len(taken) and taken[spot][1] < low)
            if crosses or lower in used or upper in used:
                continue
            taken.insert(spot, (high, low))
            used |= {upper, lower}
            block[lower] = block[upper]
            offset[lower] = offset[upper] + outs[upper][net] - ins[lower][net]
    return block, offset


def _single(item: Item, *, upper: bool) -> bool:
    """Whether an item has one line on this side: below an upper one, above a lower one. A trunk may fan out beside it."""
    if item.box < 0:
        return upper is False or len(item.downs) == 1
    return len(item.downs if upper else item.ups) == 1
