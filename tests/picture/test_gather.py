"""A picture with very many lines is drawn with fewer that say the same: through boxes that stand for "all of them"."""

from __future__ import annotations

import random

import pytest

from hydraflow.picture.gather import gathered
from hydraflow.picture.model import Box, Edge, Picture
from hydraflow.picture.svg import draw_svg
from hydraflow.picture.text import draw_text, legend
from tests.reference.trace import rectangles, trace


def picture(count, pairs, derived=()):
    boxes = tuple(Box(id=f"b{n}", name=f"n{n}_", kind="handler") for n in range(count))
    return Picture(name="p", boxes=boxes, edges=tuple(
        Edge(f"b{s}", f"b{t}", "after", derived="reads x" if (s, t) in derived else "") for s, t in pairs))


def layers(wide, deep):
    return [(above * wide + s, (above + 1) * wide + t) for above in range(deep - 1) for s in range(wide) for t in range(wide)]


def expanded(shown):
    """Return the edges between stages: those through a box in between written out."""
    before = {}
    for edge in shown.drawn:
        before.setdefault(edge.target, set()).add(edge.source)
    kinds = {box.id: box.kind for box in shown.boxes}
    found = set()
    for edge in shown.drawn:
        if kinds[edge.target] != "all":
            sources = before[edge.source] if kinds[edge.source] == "all" else {edge.source}
            found |= {(source, edge.target) for source in sources}
    return found


def closed(pairs):
    """Return every (earlier, later) that follows, by going through all of them until nothing is new."""
    after = {}
    for source, target in pairs:
        after.setdefault(source, set()).add(target)
    while True:
        grown = {source: targets.union(*(after.get(t, set()) for t in targets)) for source, targets in after.items()}
        if grown == after:
            return {(source, target) for source, targets in after.items() for target in targets}
        after = grown


def drawn_pairs(shown):
    return {(e.source, e.target) for e in shown.drawn}


@pytest.mark.parametrize("wide", [4, 9, 20])
def test_layers_that_wait_for_all_of_the_layer_above_get_one_box_in_between(wide):
    shown = picture(3 * wide, layers(wide, 3))
    few = gathered(shown)
    assert [box.name for box in few.boxes if box.kind == "all"] == [f"all {wide}"] * 2
    assert len(few.drawn) == 4 * wide
    assert expanded(few) == drawn_pairs(shown) and not few.left_out


def test_few_lines_are_drawn_one_by_one():
    shown = picture(9, layers(3, 3))
    assert gathered(shown) is shown


def test_who_waits_for_more_than_the_others_keeps_the_rest_of_its_lines():
    pairs = [(s, t) for s in range(5) for t in range(6, 12)] + [(5, 11)]
    few = gathered(picture(12, pairs))
    assert sum(box.kind == "all" for box in few.boxes) == 1
    assert ("b5", "b11") in drawn_pairs(few) and expanded(few) == drawn_pairs(picture(12, pairs))


def test_derived_edges_are_gathered_apart_and_stay_derived():
    pairs = [(s, t) for s in range(5) for t in range(5, 11)]
    few = gathered(picture(11, pairs, derived=pairs))
    assert {bool(e.derived) for e in few.drawn if e.source.startswith("all/")} == {True}
    assert expanded(few) == drawn_pairs(picture(11, pairs))


@pytest.mark.parametrize("seed", range(30))
def test_random_graphs_say_the_same_order_and_leave_out_only_what_follows(seed):
    chance = random.Random(seed)
    count = chance.randint(5, 40)
    share = chance.choice((0.1, 0.3, 0.6, 1.0))
    pairs = [(s, t) for t in range(count) for s in range(t) if chance.random() < share]
    shown = picture(count, pairs)
    few = gathered(shown)
    kept = expanded(few)
    assert kept <= drawn_pairs(shown)
    assert closed(kept) == closed(drawn_pairs(shown))
    assert few.left_out or kept == drawn_pairs(shown)
    drawing = draw_text(few, 120)
    number = {box.id: n for n, box in enumerate(few.boxes)}
    assert trace(drawing.lines, rectangles(drawing.layout, rightwards=drawing.rightwards)) == {(number[a], number[b]) for a, b in drawn_pairs(few)}


def test_a_circle_loses_no_line():
    pairs = [(s, t) for s in range(8) for t in range(8) if s != t]
    few = gathered(picture(8, pairs))
    assert expanded(few) == drawn_pairs(picture(8, pairs)) and not few.left_out


def test_the_legend_says_what_the_box_means_and_what_is_left_out():
    few = gathered(picture(10, layers(5, 2)))
    drawing = draw_text(few, 100)
    assert "all 5" in "\n".join(drawing.lines)
    assert "[] all: who comes after it waits for every stage before it" in "\n".join(legend(few, drawing, 100))
    dense = gathered(picture(40, [(s, t) for t in range(40) for s in range(t) if (s * 7 + t * 3) % 4]))
    assert dense.left_out > 100
    words = " ".join(legend(dense, draw_text(dense, 100), 100))
    assert f"{dense.left_out:,} lines that others imply are left out: --format json has them" in words


def test_an_svg_says_it_too():
    text = draw_svg(gathered(picture(10, layers(5, 2))))
    assert "<title>all 5: who comes after it waits for every stage before it</title>" in text
    assert text.count("marker-end") == 10
