"""The drawing in characters, over random graphs: read back, it shows every box once and exactly the edges there are."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydraflow.picture.canvas import ASCII, BOX
from hydraflow.picture.label import columns
from hydraflow.picture.model import Box, Edge, Picture
from hydraflow.picture.text import draw_text
from tests.reference.trace import rectangles, trace

KINDS = ("source", "ring", "handler", "sequencer", "sink", "missing")
EDGES = ("into", "on", "from", "after", "sequence", "feedback")


def picture(kinds, pairs, lengths=None):
    boxes = tuple(Box(id=f"b{n}", name=f"n{n}{'x' * (lengths[n] if lengths else 0)}_", kind=kind) for n, kind in enumerate(kinds))
    return Picture(name="p", boxes=boxes, edges=tuple(Edge(f"b{s}", f"b{t}", kind) for s, t, kind in pairs))


@st.composite
def pictures(draw, most=14):
    count = draw(st.integers(1, most))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=count, max_size=count))
    lengths = draw(st.lists(st.integers(0, 12), min_size=count, max_size=count))
    ends = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(ends, ends, st.sampled_from(EDGES)), max_size=2 * count))
    return picture(kinds, pairs, lengths)


def check(shown, width, **options):
    drawing = draw_text(shown, width, **options)
    boxes = rectangles(drawing.layout, rightwards=drawing.rightwards)
    cells = [cell for box in boxes for cell in box.cells()]
    assert len(cells) == len(set(cells)), "boxes overlap"
    text = "\n".join(drawing.lines)
    for box, place in zip(shown.boxes, boxes, strict=True):
        assert len(re.findall(rf"\b{box.name}", text)) == 1
        inside = "\n".join(line[place.column : place.column + place.columns] for line in drawing.lines[place.row : place.row + place.rows])
        assert box.name in inside
    number = {box.id: n for n, box in enumerate(shown.boxes)}
    assert trace(drawing.lines, boxes) == {(number[e.source], number[e.target]) for e in shown.drawn}
    assert max(columns(line) for line in drawing.lines) <= drawing.width
    return drawing


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pictures(), st.sampled_from((20, 40, 80, 160, 400)))
def test_a_drawing_shows_every_box_once_and_exactly_the_edges(shown, width):
    first = check(shown, width)
    assert draw_text(shown, width).lines == first.lines


@settings(max_examples=60, deadline=None)
@given(pictures(most=8), st.sampled_from((40, 400)))
def test_ascii_says_the_same_with_other_characters(shown, width):
    boxes, plain = draw_text(shown, width), draw_text(shown, width, ascii_only=True)
    assert all(line.isascii() for line in plain.lines)
    assert (boxes.width, boxes.rightwards, boxes.layout) == (plain.width, plain.rightwards, plain.layout)
    same = str.maketrans("│┆─┄▼▽▲△▶▷◀◁", "|:-~vo^o>o<o")
    owned = {cell for box in rectangles(boxes.layout, rightwards=boxes.rightwards) for cell in box.cells()}
    for row, (ours, theirs) in enumerate(zip(boxes.lines, plain.lines, strict=True)):
        for column, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            if (row, column) not in owned:
                assert other == ("+" if one in "┌┐└┘├┤┬┴┼" else one.translate(same))


@settings(max_examples=15, deadline=None)
@given(pictures(most=60), st.sampled_from((80, 200)))
def test_a_large_drawing_is_right_as_well(shown, width):
    check(shown, width)


def test_two_lines_that_change_places_take_a_free_column():
    """Each comes down where the other goes on: no order of two tracks serves both."""
    from hydraflow.picture.channel import Bundle, tracks_of

    one, two = Bundle(4, (8,)), Bundle(8, (4,))
    assert tracks_of([one, two]) == 3
    ways = [one.way(0), two.way(0)]
    upright = [cell for way, end in zip(ways, (8, 4), strict=True) for cell in _upright([(-1, way[0][1]), *way, (3, end)])]
    assert len(upright) == len(set(upright))
    assert [len(way) for way in ways] in ([2, 4], [4, 2])


def _upright(points):
    for (a, c), (b, d) in pairwise(points):
        if c == d:
            yield from ((row, c) for row in range(min(a, b), max(a, b) + 1))


@pytest.mark.parametrize("readers", [1, 7, 40, 200])
def test_a_ring_with_many_readers_fits_80_columns(readers):
    shown = picture(["ring"] + ["handler"] * readers, [(0, n, "on") for n in range(1, readers + 1)])
    assert check(shown, 80).width <= 80


def test_a_chain_stands_straight():
    drawing = check(picture(["source", "ring", "handler", "handler", "sink"], [(n, n + 1, "after") for n in range(4)]), 30)
    assert not drawing.rightwards
    assert len({line.index("▼") for line in drawing.lines if "▼" in line}) == 1
    assert not any(c in line for line in drawing.lines for c in "┴├┤┼")


def test_a_small_graph_is_drawn_left_to_right_and_feedback_goes_back():
    pairs = [(0, 1, "into"), (1, 2, "on"), (1, 3, "from"), (3, 4, "into"), (4, 0, "feedback")]
    assert check(picture(["source", "ring", "handler", "handler", "ring"], pairs), 80).lines == [
        "                           ┌─────┐",
        "                       ┌──▶│ n2_ │",
        "               ╭─────╮ │   └─────┘",
        "         ┌────▶│ n1_ ├─┤",
        "┏━━━━━┓  │     ╰─────╯ │   ┌─────┐",
        "┃ n0_ ┠──┘             └──▷│ n3_ ├─┐",
        "┃     ┃◀┄┄┄┐               └─────┘ │   ╭─────╮",
        "┗━━━━━┛    ┆                       └──▶│ n4_ │",
        "           └┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┤     │",
        "                                       ╰─────╯",
    ]


def test_names_cannot_move_the_cursor_or_the_picture():
    boxes = (Box(id="a", name="\x1b[31mred\nline\u0301", kind="missing"), Box(id="b", name="名前" * 40, kind="handler"),
             Box(id="c", name="", kind="handler"))
    drawing = draw_text(Picture(name="p", boxes=boxes, edges=(Edge("a", "b", "after"), Edge("b", "c", "after"))), 80)
    text = "\n".join(drawing.lines)
    assert "\x1b" not in text and "\u0301" not in text
    assert text.count("名") == 10 and "…" in text
    assert all(columns(line) <= drawing.width for line in drawing.lines)
    assert " ? " in text


def test_colours_are_all_that_they_add():
    shown = picture(KINDS, [(n, n + 1, "after") for n in range(5)] + [(4, 0, "feedback")])
    plain, coloured = draw_text(shown, 60).lines, draw_text(shown, 60, colour=True).lines
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in coloured] == plain
    assert coloured != plain


def test_every_glyph_is_there_in_both_sets():
    assert len(BOX.lines) == len(BOX.dashed) == len(ASCII.lines) == len(ASCII.dashed) == 16
    assert BOX.frames.keys() == ASCII.frames.keys() == {*KINDS, "all"}
    assert (ASCII.lines + ASCII.dashed).isascii()
