"""Reads a drawing back: which boxes its lines connect, found by following the characters as an eye does."""

from __future__ import annotations

import attrs

N, E, S, W = (-1, 0), (0, 1), (1, 0), (0, -1)
ARMS = {"│": (N, S), "┆": (N, S), "─": (E, W), "┄": (E, W), "┌": (E, S), "┐": (S, W), "└": (N, E), "┘": (N, W), "├": (N, E, S),
        "┤": (N, S, W), "┬": (E, S, W), "┴": (N, E, W), "┼": (N, E, S, W)}
HEADS = {"▼": S, "▽": S, "▲": N, "△": N, "▶": E, "▷": E, "◀": W, "◁": W}
JOINTS = {S: "┬┯╤", N: "┴┷╧", E: "├┠╟", W: "┤┨╢"}


@attrs.frozen
class Rectangle:
    """Cells of a box. border : a line that begins here shows it."""

    row: int
    column: int
    rows: int
    columns: int
    border: bool

    def cells(self):
        return {(r, c) for r in range(self.row, self.row + self.rows) for c in range(self.column, self.column + self.columns)}


def rectangles(layout, *, rightwards):
    """Return the rectangle of each box of a layout."""
    out = []
    for p in layout.places:
        row, column, rows, columns = (p.across, p.along, p.breadth, p.length) if rightwards else (p.along, p.across, p.length, p.breadth)
        out.append(Rectangle(row, column, rows, columns, rows > 1))
    return out


def trace(lines, boxes):
    """Return the edges {(box it leaves, box its arrow points at)} of a drawing. Raises: AssertionError for a loose end."""
    owner = {cell: number for number, box in enumerate(boxes) for cell in box.cells()}
    grid = {(r, c): ch for r, line in enumerate(lines) for c, ch in enumerate(line) if ch != " " and (r, c) not in owner}
    strange = {ch for ch in grid.values() if ch not in ARMS and ch not in HEADS}
    assert not strange, f"characters that are no lines: {strange}"
    seen: set[tuple[int, int]] = set()
    edges: set[tuple[int, int]] = set()
    for start in grid:
        if start not in seen:
            roots, heads = _follow(start, grid, owner, lines, boxes, seen)
            assert len(roots) == 1, f"a line with {len(roots)} beginnings at {start}"
            assert heads, f"a line without an arrow at {start}"
            for head in heads:
                edge = (next(iter(roots)), head)
                assert edge not in edges, f"two lines for {edge}"
                edges.add(edge)
    return edges


def _follow(start, grid, owner, lines, boxes, seen):
    roots: set[int] = set()
    heads: list[int] = []
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        character = grid[here]
        arms = ARMS.get(character, ())
        if character in HEADS:
            ahead = HEADS[character]
            target = owner.get((here[0] + ahead[0], here[1] + ahead[1]))
            assert target is not None, f"an arrow into nothing at {here}"
            heads.append(target)
            arms = ((-ahead[0], -ahead[1]),)
        for arm in arms:
            there = (here[0] + arm[0], here[1] + arm[1])
            while there in grid and not _meets(grid[there], arm):
                assert ARMS.get(grid[there]) == (N, S) and arm in (E, W), f"a line ends at {there}"
                there = (there[0] + arm[0], there[1] + arm[1])  # it passes behind an upright line
            if there in grid:
                waiting.append(there)
                continue
            assert there in owner, f"a line leads nowhere at {there}"
            box = owner[there]
            if boxes[box].border:
                shown = lines[there[0]][there[1]]
                assert shown in JOINTS[-arm[0], -arm[1]], f"the border of box {box} shows no line at {there}: {shown}"
            roots.add(box)
    return roots, heads


def _meets(character, arm):
    """Whether a character has an arm toward where `arm` comes from."""
    back = (-arm[0], -arm[1])
    return back in ARMS.get(character, ()) or (character in HEADS and HEADS[character] == arm)
