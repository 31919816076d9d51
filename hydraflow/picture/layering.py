"""In which layer each box stands: behind everything that it comes after, and no wider than asked for.

Without a limit a box stands as early as it can (the longest path to it), and what nothing comes before moves down to its
first successor. With one, a layer that is full leaves the rest to the next: what ends a line goes first, so that few lines
pass through, then what has the longest way to go.
Source: Coffman and Graham, "Optimal scheduling for two-processor systems", 1972; Sugiyama et al., 1981.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["layers_of", "orient"]


def orient(count: int, edges: Sequence[tuple[int, int, bool]]) -> list[bool]:
    """Return, per edge (from, to, feedback), whether it goes back: turned round, the graph has no cycle.

    Feedback goes back where it can; of another cycle the edge that closes it, seen from the first box, does.
    """
    back = [feedback for _, _, feedback in edges]
    out: list[list[int]] = [[] for _ in range(count)]
    for number, (source, target, feedback) in enumerate(edges):
        out[target if feedback else source].append(number)
    inner = {target if not feedback else source for source, target, feedback in edges}
    state = [0] * count  # 1: on the way, 2: done
    for start in sorted(range(count), key=lambda n: n in inner):
        if state[start]:
            continue
        state[start] = 1
        way = [(start, iter(out[start]))]
        while way:
            here, left = way[-1]
            for number in left:
                source, target, feedback = edges[number]
                following = source if feedback else target
                if state[following] == 1:
                    back[number] = not back[number]
                elif not state[following]:
                    state[following] = 1
                    way.append((following, iter(out[following])))
                    break
            else:
                state[here] = 2
                way.pop()
    return back


def layers_of(followers: Sequence[Sequence[int]], widths: Sequence[int], limit: int | None = None, passing: int = 2) -> list[int]:
    """Return the layer of each box, from 0.

    followers : per box, those that come after it. widths : with the gap beside them. limit : widest layer, None for any;
    passing : what a line that passes through a layer takes of it.
    """
    count = len(followers)
    before = [0] * count
    for following in followers:
        for box in following:
            before[box] += 1
    ways = _longest_ways(followers, before)
    layer = [0] * count
    missing = list(before)
    unplaced = [len(f) for f in followers]
    leaders: list[list[int]] = [[] for _ in range(count)]
    for box, following in enumerate(followers):
        for later in following:
            leaders[later].append(box)
    ready = [b for b in range(count) if not missing[b]]
    level, open_lines = 0, 0
    while ready:
        closing = {b: sum(unplaced[leader] == 1 for leader in leaders[b]) for b in ready} if limit is not None else {}
        ready.sort(key=lambda b: (-closing.get(b, 0), -ways[b], b))
        room = (limit or 0) - passing * open_lines
        placed: list[int] = []
        left: list[int] = []
        for box in ready:
            if limit is None or not placed or widths[box] <= room:
                placed.append(box)
                room -= widths[box]
            else:
                left.append(box)
        for box in placed:
            layer[box] = level
            for leader in leaders[box]:
                unplaced[leader] -= 1
                open_lines -= not unplaced[leader]
        for box in placed:
            open_lines += bool(unplaced[box])
            for later in followers[box]:
                missing[later] -= 1
                if not missing[later]:
                    left.append(later)
        ready, level = left, level + 1
    for box in range(count):
        if limit is None and not before[box] and followers[box]:
            layer[box] = min(layer[f] for f in followers[box]) - 1
    return layer


def _longest_ways(followers: Sequence[Sequence[int]], before: Sequence[int]) -> list[int]:
    """Return the number of boxes on the longest way from each box to an end."""
    missing = list(before)
    order = [b for b in range(len(followers)) if not missing[b]]
    for box in order:
        for following in followers[box]:
            missing[following] -= 1
            if not missing[following]:
                order.append(following)
    ways = [0] * len(followers)
    for box in reversed(order):
        ways[box] = 1 + max((ways[f] for f in followers[box]), default=0)
    return ways
