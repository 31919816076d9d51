"""Where each item of a layer stands: as near as possible to where its lines would be straight, in order, not overlapping.

For one layer that is an isotonic regression, which pools neighbours that want to overlap at their common mean. Layers are
settled downwards and upwards in turn; lines that pass through weigh more than boxes, so that long lines are straight.
Source: Ayer et al., 1955 (pool adjacent violators).
"""

from __future__ import annotations

from collections.abc import Sequence

from hydraflow.picture.blocks import straighten
from hydraflow.picture.mesh import Mesh

__all__ = ["settle"]

_PASSES = ("down", "up", "down", "up", "down")
_LINE_WEIGHT = 6.0


def settle(mesh: Mesh, widths: Sequence[int], ins: Sequence[dict[int, int]], outs: Sequence[dict[int, int]],
           gap: int, lane: int, limit: int | None = None) -> list[int]:
    """Return the left edge of every item, from 0.

    widths : per item. ins, outs : per item, net → distance of its port from the left edge. gap : between two boxes,
    lane : beside a line. limit : where the last one should end, None: no matter.
    """
    items = mesh.items
    left = [0] * len(items)
    starts = [_starts([widths[i] for i in row], [items[i].box < 0 for i in row], gap, lane) for row in mesh.layers]
    for row, begins in zip(mesh.layers, starts, strict=True):
        for index, start in zip(row, begins, strict=True):
            left[index] = start
    for turn in _PASSES:
        down = turn == "down"
        layers = range(len(mesh.layers)) if down else reversed(range(len(mesh.layers)))
        for number in layers:
            row, begins = mesh.layers[number], starts[number]
            wanted, weights = [], []
            for index, start in zip(row, begins, strict=True):
                item = items[index]
                if down:
                    aims = [left[o] + outs[o][net] - ins[index][net] for o, net in item.ups]
                else:
                    aims = [left[o] + ins[o][net] - outs[index][net] for o, net in item.downs]
                wanted.append((sum(aims) / len(aims) if aims else left[index]) - start)
                weights.append((_LINE_WEIGHT if item.box < 0 else 1.0) if aims else 0.01)
            for index, start, value in zip(row, begins, _isotonic(wanted, weights), strict=True):
                left[index] = start + value
    return straighten(mesh, left, starts, ins, outs, widths, limit)


def _starts(widths: list[int], is_line: list[bool], gap: int, lane: int) -> list[int]:
    """Return where items begin that stand as close as they may."""
    out, here = [], 0
    for position, width in enumerate(widths):
        out.append(here)
        near = is_line[position] or (position + 1 < len(widths) and is_line[position + 1])
        here += width + (lane if near else gap)
    return out


def _isotonic(wanted: list[float], weights: list[float]) -> list[int]:
    """Return the nearest whole numbers that never fall."""
    blocks: list[tuple[float, float, int]] = []  # sum, weight, members
    for value, weight in zip(wanted, weights, strict=True):
        total, heavy, members = value * weight, weight, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / heavy:
            other = blocks.pop()
            total, heavy, members = total + other[0], heavy + other[1], members + other[2]
        blocks.append((total, heavy, members))
    out: list[int] = []
    for total, heavy, members in blocks:
        out += [round(total / heavy)] * members
    return out
