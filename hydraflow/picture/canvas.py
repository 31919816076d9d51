"""Cells to characters: lines meet where they belong together, and pass behind one another where they do not.

A cell knows, per net, its arms (up, right, down, left). Arms of one net make a corner or a junction; two nets in one cell
cross, and the one that runs across is interrupted: `─│─`.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

__all__ = ["ASCII", "BOX", "Canvas", "Glyphs"]

UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8
_MOVES = {UP: (-1, 0), RIGHT: (0, 1), DOWN: (1, 0), LEFT: (0, -1)}
_OPPOSITE = {UP: DOWN, DOWN: UP, LEFT: RIGHT, RIGHT: LEFT}


@attrs.frozen
class Glyphs:
    """Characters. lines, dashed : by the sum of arms. arrows, hollow, derived : by the arm from which the line comes.

    frames : per kind of box: corners from the upper left clockwise, across, down, then what a line makes of the border
    (by its arm). pill : ends of a ring.
    """

    lines: str
    dashed: str
    arrows: dict[int, str]
    hollow: dict[int, str]
    derived: dict[int, str]
    frames: dict[str, tuple[str, str, str, dict[int, str]]]
    pill: str
    ellipsis: str = "…"


_LIGHT = {UP: "┴", RIGHT: "├", DOWN: "┬", LEFT: "┤"}
BOX = Glyphs(
    lines=" ╵╶└╷│┌├╴┘─┴┐┤┬┼",
    dashed=" ╵╶└╷┆┌├╴┘┄┴┐┤┬┼",
    arrows={UP: "▼", LEFT: "▶", DOWN: "▲", RIGHT: "◀"},
    hollow={UP: "▽", LEFT: "▷", DOWN: "△", RIGHT: "◁"},
    derived=dict.fromkeys((UP, LEFT, DOWN, RIGHT), "◆"),
    frames={
        "source": ("┏┓┛┗", "━", "┃", {UP: "┷", RIGHT: "┠", DOWN: "┯", LEFT: "┨"}),
        "ring": ("╭╮╯╰", "─", "│", _LIGHT),
        "handler": ("┌┐┘└", "─", "│", _LIGHT),
        "sequencer": ("┌┐┘└", "─", "│", _LIGHT),
        "sink": ("╔╗╝╚", "═", "║", {UP: "╧", RIGHT: "╟", DOWN: "╤", LEFT: "╢"}),
        "missing": ("┌┐┘└", "╌", "╎", _LIGHT),
    },
    pill="()",
)
_PLUS = {UP: "+", RIGHT: "+", DOWN: "+", LEFT: "+"}
ASCII = Glyphs(
    lines=" |-+||++-+-+++++",
    dashed=" :~+::++~+~+++++",
    arrows={UP: "v", LEFT: ">", DOWN: "^", RIGHT: "<"},
    hollow={UP: "o", LEFT: "o", DOWN: "o", RIGHT: "o"},
    derived={UP: "*", LEFT: "*", DOWN: "*", RIGHT: "*"},
    frames={
        "source": ("****", "=", "|", _PLUS),
        "ring": ("....", "-", "|", _PLUS),
        "handler": ("++++", "-", "|", _PLUS),
        "sequencer": ("++++", "-", "|", _PLUS),
        "sink": ("####", "=", "|", _PLUS),
        "missing": ("????", "?", "?", _PLUS),
    },
    pill="()",
    ellipsis="...",
)


class Canvas:
    """A drawing under way. Positions are (row, column)."""

    def __init__(self, rows: int, columns: int, glyphs: Glyphs) -> None:
        self._glyphs = glyphs
        self._text: list[list[str]] = [[" "] * columns for _ in range(rows)]
        self._style: list[list[str]] = [[""] * columns for _ in range(rows)]
        self._arms: dict[tuple[int, int], dict[int, int]] = {}
        self._dashed: set[int] = set()
        self._frames: dict[tuple[int, int], dict[int, str]] = {}

    def put(self, row: int, column: int, text: str, style: str = "") -> None:
        """Write a text; a wide character takes two cells."""
        from hydraflow.picture.label import columns

        for character in text:
            self._text[row][column] = character
            self._style[row][column] = style
            for extra in range(1, columns(character)):
                self._text[row][column + extra] = ""
                self._style[row][column + extra] = style
            column += columns(character)

    def frame(self, row: int, column: int, rows: int, columns: int, kind: str, style: str = "") -> None:
        """Draw the border of a box."""
        corners, across, down, joints = self._glyphs.frames[kind]
        last_row, last = row + rows - 1, column + columns - 1
        self.put(row, column, corners[0] + across * (columns - 2) + corners[1], style)
        self.put(last_row, column, corners[3] + across * (columns - 2) + corners[2], style)
        for between in range(row + 1, last_row):
            self.put(between, column, down, style)
            self.put(between, last, down, style)
        for c in range(column, last + 1):
            self._frames[row, c] = self._frames[last_row, c] = joints
        for r in range(row, last_row + 1):
            self._frames[r, column] = self._frames[r, last] = joints

    def line(self, points: Sequence[tuple[int, int]], net: int, *, dashed: bool = False) -> None:
        """Draw a way, straight from point to point, from its end back to where the net has been drawn already."""
        if dashed:
            self._dashed.add(net)
        for (row, column), (to_row, to_column) in zip(reversed(points), reversed(points[:-1])):
            arm = (DOWN if to_row > row else UP) if to_row != row else RIGHT if to_column > column else LEFT
            down, right = _MOVES[arm]
            while (row, column) != (to_row, to_column):
                self.arm(row, column, net, arm)
                row, column = row + down, column + right
                known = net in self._arms.get((row, column), ())
                self.arm(row, column, net, _OPPOSITE[arm])
                if known:
                    return

    def arm(self, row: int, column: int, net: int, arm: int) -> None:
        """Add one arm of a line to a cell."""
        arms = self._arms.setdefault((row, column), {})
        arms[net] = arms.get(net, 0) | arm

    def joint(self, row: int, column: int, arm: int) -> None:
        """Let a line begin at the border of a box that stands at this cell; elsewhere nothing happens."""
        joints = self._frames.get((row, column))
        if joints:
            self._text[row][column] = joints[arm]

    def settle(self) -> None:
        """Turn the lines into characters."""
        for (row, column), arms in self._arms.items():
            net = next(iter(arms)) if len(arms) == 1 else next(n for n, mask in arms.items() if mask & (UP | DOWN))
            dashed = net in self._dashed
            self._text[row][column] = (self._glyphs.dashed if dashed else self._glyphs.lines)[arms[net]]
            self._style[row][column] = "back" if dashed else "line"

    def lines(self) -> list[list[tuple[str, str]]]:
        """Return the rows as runs of one style, (text, style), blanks at the end left out."""
        out = []
        for text, style in zip(self._text, self._style, strict=True):
            end = max((i + 1 for i, c in enumerate(text) if c != " "), default=0)
            runs: list[tuple[str, str]] = []
            for character, kind in zip(text[:end], style[:end], strict=True):
                if runs and (runs[-1][1] == kind or character == " "):
                    runs[-1] = (runs[-1][0] + character, runs[-1][1])
                else:
                    runs.append((character, kind))
            out.append(runs)
        return out
