"""Mermaid, Graphviz, SVG and JSON tell the same graph, whatever the names."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.picture.data import as_json
from hydraflow.picture.dot import draw_dot
from hydraflow.picture.label import printable
from hydraflow.picture.mermaid import draw_mermaid
from hydraflow.picture.model import Box, Picture
from hydraflow.picture.svg import draw_svg
from hydraflow.placement.assign import Thread
from tests.picture.test_drawing import pictures

SVG = "{http://www.w3.org/2000/svg}"
NASTY = ("a", 'say "hi"', "x --> y", "]", "a\nb", "<b>&amp;</b>", "back\\slash\\", "#35;", "名前", "\x1b[0m", "`;`", "")
MERMAID_NODE = re.compile(r'(n\d+)(?:\(\["|\[\("|\["|\{\{"|\[\["|\[/")([^"]*)(?:"\]\)|"\)\]|"\]|"\}\}|"\]\]|"/\])')
MERMAID_EDGE = re.compile(r"(n\d+) (?:-->|-->\|(after|from)\||-\.->\|(feedback)\|) (n\d+)")
DOT_TOKEN = re.compile(r'\s*("(?:[^"\\\n]|\\.)*"|->|[{}\[\];=,]|[A-Za-z_]\w*|\d+)')


def placed(shown, names=None):
    """The picture with its stages on two threads, and other names."""
    boxes = [attrs.evolve(b, thread="" if b.kind in ("ring", "missing") else ("one", "two")[n % 2], record="message", slots=4096)
             for n, b in enumerate(shown.boxes)]
    boxes = [attrs.evolve(b, name=names[n % len(names)]) if names else b for n, b in enumerate(boxes)]
    threads = tuple(Thread(name=t, stages=tuple(b.name for b in boxes if b.thread == t)) for t in ("one", "two"))
    return attrs.evolve(shown, boxes=tuple(boxes), threads=threads)


def wanted(shown):
    number = {b.id: f"n{n}" for n, b in enumerate(shown.boxes)}
    labels = {"after": "after", "from": "from", "feedback": "feedback"}
    return set(number.values()), {(number[e.source], labels.get(e.kind, ""), number[e.target]) for e in shown.drawn}


@settings(max_examples=60, deadline=None)
@given(pictures(), st.permutations(NASTY))
def test_mermaid_is_read_back(shown, names):
    shown = placed(shown, names)
    first, *lines = draw_mermaid(shown).splitlines()
    assert first == "flowchart LR"
    nodes, edges, depth, groups = [], set(), 0, {}
    for line in (line.strip() for line in lines):
        if match := re.fullmatch(r't\d+\["(\w+)"\]', line.removeprefix("subgraph ")):
            depth, group = depth + 1, match[1]
        elif line == "end":
            depth -= 1
        elif match := MERMAID_EDGE.fullmatch(line):
            edges.add((match[1], match[2] or match[3] or "", match[4]))
        elif not line.startswith("class"):
            match = MERMAID_NODE.fullmatch(line)
            assert match, line
            nodes.append(match[1])
            groups[match[1]] = group if depth else ""
        assert depth in (0, 1)
    assert depth == 0
    assert (set(nodes), edges) == wanted(shown)
    assert len(nodes) == len(shown.boxes)
    assert groups == {f"n{n}": b.thread for n, b in enumerate(shown.boxes)}


@settings(max_examples=60, deadline=None)
@given(pictures(), st.permutations(NASTY))
def test_dot_is_read_back(shown, names):
    shown = placed(shown, names)
    labels, edges = _read_dot(draw_dot(shown))
    assert (set(labels), edges) == wanted(shown)
    for n, box in enumerate(shown.boxes):
        assert labels[f"n{n}"].startswith(printable(box.name) or "?")


def _read_dot(text):
    """The grammar of Graphviz, as much of it as is written: statements, attributes, clusters."""
    tokens, at = [], 0
    while text[at:].strip():
        match = DOT_TOKEN.match(text, at)
        assert match, text[at : at + 40]
        tokens.append(match[1])
        at = match.end()
    assert tokens[0] == "digraph" and tokens[1].startswith('"') and tokens[2] == "{"
    nodes, edges, depth, position = {}, set(), 1, 3
    while position < len(tokens):
        if tokens[position] == "}":
            depth, position = depth - 1, position + 1
            continue
        if tokens[position] == "subgraph":
            assert tokens[position + 2] == "{"
            depth, position = depth + 1, position + 3
            continue
        end = tokens.index(";", position)
        statement, position = tokens[position:end], end + 1
        attributes = dict(zip(statement[statement.index("[") + 1 :: 4], statement[statement.index("[") + 3 :: 4])) if "[" in statement else {}
        if len(statement) > 1 and statement[1] == "->":
            edges.add((statement[0], attributes.get("label", "").strip('"'), statement[2]))
        elif re.fullmatch(r"n\d+", statement[0]):
            assert statement[0] not in nodes
            nodes[statement[0]] = re.sub(r"\\(.)", r"\1", attributes["label"][1:-1])
    assert depth == 0
    return nodes, edges


@settings(max_examples=60, deadline=None)
@given(pictures(), st.permutations(NASTY))
def test_svg_is_xml_whose_lines_end_at_their_boxes(shown, names):
    shown = placed(shown, names)
    root = ElementTree.fromstring(draw_svg(shown))
    width, height = float(root.get("width")), float(root.get("height"))
    boxes = [_corners(group.find(f"{SVG}rect")) for group in root.findall(f"{SVG}g")]
    assert len(boxes) == len(shown.boxes)
    assert all(0 < x0 < x1 < width and 0 < y0 < y1 < height for x0, y0, x1, y1 in boxes)
    for n, (x0, y0, x1, y1) in enumerate(boxes):
        assert not any(x0 < b[2] and b[0] < x1 and y0 < b[3] and b[1] < y1 for b in boxes[n + 1 :]), "boxes overlap"
    found = set()
    for path in root.findall(f"{SVG}path"):
        if "halo" not in path.get("class"):
            numbers = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d"))]
            ends = _at(boxes, *numbers[:2]), _at(boxes, *numbers[-2:])
            found.add(ends if path.get("marker-end") else ends[::-1])
    number = {b.id: n for n, b in enumerate(shown.boxes)}
    assert found == {(number[e.source], number[e.target]) for e in shown.drawn}


def _corners(rect):
    x, y = float(rect.get("x")), float(rect.get("y"))
    return x, y, x + float(rect.get("width")), y + float(rect.get("height"))


def _at(boxes, x, y):
    near = [n for n, (x0, y0, x1, y1) in enumerate(boxes) if x0 - 3 <= x <= x1 + 3 and y0 - 3 <= y <= y1 + 3]
    assert len(near) == 1, f"a line that ends at {x}, {y}"
    return near[0]


@settings(max_examples=20, deadline=None)
@given(pictures())
def test_json_holds_every_edge(shown):
    report = json.loads(as_json(shown, "p.yaml", ok=True))
    assert (report["schema"], report["path"], report["ok"]) == ("hfx.graph/1", "p.yaml", True)
    assert [node["id"] for node in report["nodes"]] == [box.id for box in shown.boxes]
    assert [(e["from"], e["to"], e["kind"]) for e in report["edges"]] == [(e.source, e.target, e.kind) for e in shown.edges]
    assert all(("record" in node) == (node["kind"] == "ring") != ("use" in node) for node in report["nodes"])


def test_an_empty_picture_is_drawn_in_every_format():
    from hydraflow.picture.text import draw_text

    nothing = Picture(name="p", boxes=(), edges=())
    assert draw_text(nothing).lines == []
    ElementTree.fromstring(draw_svg(nothing))
    assert draw_mermaid(nothing) == "flowchart LR\n"
    assert _read_dot(draw_dot(nothing)) == ({}, set())


def test_colours_of_svg_follow_the_reader():
    text = draw_svg(Picture(name="p", boxes=(Box(id="a", name="a", kind="ring"),), edges=()))
    assert "@media (prefers-color-scheme: dark)" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
