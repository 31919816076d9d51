"""Fewer lines for the same order, where a drawing would have more than anybody can follow.

Where many stages wait for the same others, one box stands between: *all* of those above, and then those below (edge
concentration). Of a picture that still has several lines per box, those are left out that a way through others implies.
Nothing is left out of what `--format json`, `mermaid` and `dot` say.
Source: F. Newbery, "Edge concentration", 1989; Aho, Garey, Ullman, "The transitive reduction of a directed graph", 1972.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import attrs

from hydraflow.picture.model import Box, Edge, Picture
from hydraflow.topology.closure import Closure, closure

__all__ = ["gathered"]

_GAIN_LEAST = 8  # lines that a box in between must save
_DENSE = 4  # lines per box


def gathered(picture: Picture) -> Picture:
    """Return the picture as it is best drawn: the same one, unless it has very many lines."""
    boxes, edges = list(picture.boxes), list(picture.drawn)
    for derived in (False, True):
        boxes, edges = _joined(boxes, edges, derived)
    kept = _reduced(edges) if len(edges) > _DENSE * len(boxes) else edges
    if len(boxes) == len(picture.boxes) and len(kept) == len(edges):
        return picture
    return attrs.evolve(picture, boxes=tuple(boxes), edges=tuple(kept), left_out=len(edges) - len(kept))


def _joined(boxes: list[Box], edges: list[Edge], derived: bool) -> tuple[list[Box], list[Edge]]:
    """Put boxes of kind "all" between stages and those that wait for all of them."""
    number = {box.id: n for n, box in enumerate(boxes)}
    waiting: dict[str, int] = {}  # stage → bits of those that it waits for
    for edge in edges:
        if edge.kind == "after" and bool(edge.derived) == derived:
            waiting[edge.target] = waiting.get(edge.target, 0) | 1 << number[edge.source]
    if not any(mask.bit_count() > 1 for mask in waiting.values()):
        return boxes, edges
    through: dict[str, tuple[str, int]] = {}  # stage → the box it waits for instead, and the bits that this one stands for
    added: list[Box] = []
    new: list[Edge] = []
    for mask, _ in sorted(_gains(waiting).items(), key=lambda one: -one[1]):
        targets = [stage for stage, own in waiting.items() if stage not in through and own & mask == mask]
        if _gain(mask, len(targets)) < _GAIN_LEAST:
            continue
        count = sum(box.kind == "all" for box in boxes) + len(added) + 1
        box = Box(id=f"all/{count}", name=f"all {mask.bit_count()}", kind="all")
        added.append(box)
        new += [Edge(before.id, box.id, "after") for n, before in enumerate(boxes) if mask >> n & 1]
        through.update(dict.fromkeys(targets, (box.id, mask)))
    left: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        instead, mask = through.get(edge.target, ("", 0))
        if edge.kind == "after" and bool(edge.derived) == derived and mask >> number[edge.source] & 1:
            edge = attrs.evolve(edge, source=instead)
        left.setdefault((edge.source, edge.target), edge)
    return [*boxes, *added], [*new, *left.values()]


def _gains(waiting: dict[str, int]) -> dict[int, int]:
    """Return, per set of stages that some stage waits for, how many lines a box for it would save."""
    masks = [mask for mask in waiting.values() if mask.bit_count() > 1]
    waiters = Counter(bit for mask in masks for bit in _bits(mask))
    found: dict[int, int] = {}
    for mask in set(masks):
        most = min(waiters[bit] for bit in _bits(mask))  # no more wait for all of it than for one of it
        if _gain(mask, most) >= _GAIN_LEAST:
            found[mask] = _gain(mask, sum([own & mask == mask for own in masks]))
    return {mask: gain for mask, gain in found.items() if gain >= _GAIN_LEAST}


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest
        mask ^= lowest


def _gain(mask: int, targets: int) -> int:
    sources = mask.bit_count()
    return sources * targets - sources - targets


def _reduced(edges: list[Edge]) -> list[Edge]:
    """Leave out every "after" that a longer way says as well; of a picture with a circle nothing."""
    before: dict[str, list[str]] = {}
    for edge in edges:
        if edge.kind != "feedback":
            before.setdefault(edge.target, []).append(edge.source)
    reach = closure(before)
    if any(reach.before(name, name) for name in before):
        return edges
    implied = {name: _implied(earlier, reach) for name, earlier in before.items()}
    return [e for e in edges if e.kind != "after" or not implied[e.target] & reach.bits[e.source]]


def _implied(earlier: list[str], reach: Closure) -> int:
    """Return the bits of all that comes before something that is directly waited for."""
    mask = 0
    for name in earlier:
        mask |= reach.sets.get(name, 0)
    return mask
