"""Cells to characters: lines meet where they belong together, and pass behind one another where they do not.

A cell has arms (up, right, down, left). Arms of one net make a corner or a junction; two nets in one cell cross, and the
one that runs across is interrupted: `─│─`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from itertools import repeat

import attrs

from hydraflow.picture.label import columns

__all__ = ["ASCII", "BOX", "Canvas", "Glyphs"]

UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8
_ALL = UP | RIGHT | DOWN | LEFT
_JUNCTION, _DASHED = 16, 32  # beside the arms: they are of one line; the line is dashed
_SHOWN = bytes.maketrans(bytes((_ALL, _JUNCTION)), bytes((UP | DOWN, _ALL)))


@attrs.frozen
class Glyphs:
    """Characters. lines, dashed : by the sum of arms. arrows, hollow, derived : by the arm from which the line comes.

    frames : per kind of box: corners from the upper left clockwise, across, down, then what a line makes of the border
    (by its arm). pill, bar : ends of a ring and of an "all", in one line.
    """

    lines: str
    dashed: str
    arrows: dict[int, str]
    hollow: dict[int, str]
    derived: dict[int, str]
    frames: dict[str, tuple[str, str, str, dict[int, str]]]
    pill: str
    bar: str
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
        "all": ("┌┐┘└", "─", "│", _LIGHT),
    },
    pill="()",
    bar="[]",
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
        "all": ("++++", "-", "|", _PLUS),
    },
    pill="()",
    bar="[]",
    ellipsis="...",
)


class Canvas:
    """A drawing under way. Positions are (row, column); every line keeps to its cells, and shares one only to cross another there.

    Arms are kept apart by direction, a byte per cell: so a stretch of a line is one slice, and two lines that cross show as a
    cell with four arms in which none of them turns.
    """

    def __init__(self, rows: int, columns: int, glyphs: Glyphs) -> None:
        self._glyphs, self._rows, self._columns = glyphs, rows, columns
        self._solid, self._dashed = _Arms(rows, columns), _Arms(rows, columns)
        self._pieces: list[list[tuple[int, str, str]]] = [[] for _ in range(rows)]  # column, text of one cell each, style
        self._frames: dict[tuple[int, int], tuple[dict[int, str], str]] = {}

    def put(self, row: int, column: int, text: str, style: str = "") -> None:
        """Write a text; a wide character takes two cells."""
        if columns(text) == len(text):
            self._pieces[row].append((column, text, style))
            return
        for character in text:
            self._pieces[row].append((column, character, style))
            column += columns(character)

    def frame(self, row: int, column: int, rows: int, columns: int, kind: str, style: str = "") -> None:
        """Draw the border of a box."""
        corners, across, down, joints = self._glyphs.frames[kind]
        last_row, last = row + rows - 1, column + columns - 1
        self._pieces[row].append((column, corners[0] + across * (columns - 2) + corners[1], style))
        self._pieces[last_row].append((column, corners[3] + across * (columns - 2) + corners[2], style))
        for between in range(row + 1, last_row):
            self._pieces[between] += [(column, down, style), (last, down, style)]
        for side in (row, last_row):
            self._frames.update(dict.fromkeys(zip(repeat(side), range(column, last + 1)), (joints, style)))
        for side in (column, last):
            self._frames.update(dict.fromkeys(zip(range(row, last_row + 1), repeat(side)), (joints, style)))

    def line(self, points: Sequence[tuple[int, int]], begin: int, end: int, *, dashed: bool = False) -> None:
        """Draw a way, straight from point to point. begin, end : the arms by which it comes and goes on."""
        arms = self._dashed if dashed else self._solid
        drawn = len(points) - 1  # from here back the line is one that has been drawn: edges of one net share their beginning
        while drawn and arms.stretch(points[drawn - 1], points[drawn]):
            drawn -= 1
        for (row, column), (next_row, _), arm in ((points[0], points[min(1, len(points) - 1)], begin), (points[-1], points[-2:][0], end)):
            arms.add(row, column, arm)
            if len(points) > 1 and (row != next_row) != bool(arm & (UP | DOWN)):
                arms.turns.add((row, column))
        arms.turns.update(points[max(drawn, 1) : -1])

    def joint(self, row: int, column: int, arm: int) -> None:
        """Let a line begin at the border of a box that stands at this cell; elsewhere nothing happens."""
        if (row, column) in self._frames:
            joints, style = self._frames[row, column]
            self._pieces[row].append((column, joints[arm], style))

    def lines(self) -> list[str]:
        """Return the rows, blanks at the end left out."""
        return ["".join(text).rstrip(" ") for text in self._texts(self._settled())]

    def runs(self) -> list[list[tuple[str, str]]]:
        """Return the rows as runs of one style, (text, style), blanks at the end left out."""
        out = []
        cells = self._settled()
        for row, text in enumerate(self._texts(cells)):
            line = cells[row * self._columns : (row + 1) * self._columns]
            style = ["back" if arms & _DASHED else "line" if arms else "" for arms in line]
            for column, piece, kind in self._pieces[row]:
                style[column : column + columns(piece)] = [kind] * columns(piece)
            end = max((i + 1 for i, c in enumerate(text) if c != " "), default=0)
            runs: list[tuple[str, str]] = []
            for character, kind in zip(text[:end], style[:end], strict=True):
                if runs and (runs[-1][1] == kind or character == " "):
                    runs[-1] = (runs[-1][0] + character, runs[-1][1])
                else:
                    runs.append((character, kind))
            out.append(runs)
        return out

    def _texts(self, cells: bytes) -> list[list[str]]:
        """Return the rows, a text per cell; beside a wide character stands an empty one."""
        signs = self._glyphs.lines + " " * (_DASHED - 16) + self._glyphs.dashed
        lines = codecs.charmap_decode(cells, "strict", signs)[0]
        out = []
        for row, pieces in enumerate(self._pieces):
            text = list(lines[row * self._columns : (row + 1) * self._columns])
            for column, piece, _ in pieces:
                wide = columns(piece)
                text[column : column + wide] = piece if wide == len(piece) else (piece, *[""] * (wide - 1))
            out.append(text)
        return out

    def _settled(self) -> bytes:
        """Return the arms of each cell as they are shown: of two lines that cross, the upright one's."""
        cells, dashed = bytearray(self._solid.shown()), self._dashed.shown()
        for found in re.finditer(rb"[^\0]+", dashed):
            for place in range(*found.span()):
                if not cells[place] or dashed[place] & (UP | DOWN):
                    cells[place] = dashed[place] | _DASHED
        return bytes(cells)


class _Arms:
    """The arms of lines of one kind. turns : cells in which a line turns: no other one passes there."""

    def __init__(self, rows: int, columns: int) -> None:
        self._columns = columns
        self._upright, self._across = bytearray(rows * columns), bytearray(rows * columns)
        self._drawn: set[tuple[tuple[int, int], tuple[int, int]]] = set()
        self.turns: set[tuple[int, int]] = set()

    def stretch(self, first: tuple[int, int], last: tuple[int, int]) -> bool:
        """Draw a straight piece; return False when it is there already."""
        if (first, last) in self._drawn:
            return False
        self._drawn.add((first, last))
        if first > last:
            first, last = last, first
        begin, end = first[0] * self._columns + first[1], last[0] * self._columns + last[1]
        if first[0] == last[0]:
            self._across[begin + 1 : end] = bytes((LEFT | RIGHT,)) * (end - begin - 1)
            self._across[begin] |= RIGHT
            self._across[end] |= LEFT
        else:
            self._upright[begin + self._columns : end : self._columns] = bytes((UP | DOWN,)) * (last[0] - first[0] - 1)
            self._upright[begin] |= DOWN
            self._upright[end] |= UP
        return True

    def add(self, row: int, column: int, arm: int) -> None:
        (self._upright if arm & (UP | DOWN) else self._across)[row * self._columns + column] |= arm

    def shown(self) -> bytes:
        """Return the arms of each cell; where two lines cross, those of the upright one."""
        size = len(self._across)
        both = bytearray((int.from_bytes(self._upright, "little") | int.from_bytes(self._across, "little")).to_bytes(size, "little"))
        for row, column in self.turns:
            place = row * self._columns + column
            if both[place] == _ALL:
                both[place] = _JUNCTION
        return bytes(both).translate(_SHOWN)
