"""Pictures of the gallery of topologies (docs/library/pictures): boxes on a grid and arrows, light and dark.

A picture is declared by its boxes, `name: (column, row, kind, label)`, and its arrows, `(from, to[, style])`. Kinds: producer,
ring, handler (compiled), python, reader, thread (a frame around others). Styles: "" or "lossy" (dashed: nobody is held back).
"""

from __future__ import annotations

from xml.sax.saxutils import escape

import attrs

from hydraflow.picture.ink import document

__all__ = ["PICTURES", "draw"]

COLUMN, ROW, WIDTH, HEIGHT, EDGE = 158, 62, 122, 38, 20
_LIGHT = {
    ".python, .reader": "fill: #dbeafe; stroke: #2563eb;", ".handler": "fill: #dcfce7; stroke: #15803d;",
    ".ring": "fill: #fef3c7; stroke: #b45309;", ".producer": "fill: #f3f4f6; stroke: #6b7280;",
    ".thread": "fill: none; stroke: #6b7280; stroke-dasharray: 5 4;", ".lossy": "stroke-dasharray: 6 4;",
}
_DARK = {
    ".python, .reader": "fill: #10264a; stroke: #58a6ff;", ".handler": "fill: #0f2e1a; stroke: #3fb950;",
    ".ring": "fill: #3a2a08; stroke: #d29922;", ".producer": "fill: #21262d; stroke: #8b949e;", ".thread": "stroke: #8b949e;",
}


@attrs.frozen
class Box:
    """column, row : its place, halves allowed. kind : see the module. label : its text."""

    column: float
    row: float
    kind: str
    label: str


@attrs.frozen
class Picture:
    """title : for readers that do not see it. threads : (label, boxes inside)."""

    title: str
    boxes: dict[str, Box]
    arrows: tuple[tuple[str, ...], ...]
    threads: tuple[tuple[str, tuple[str, ...]], ...] = ()


def draw(picture: Picture) -> str:
    """Return the SVG of a picture."""
    boxes = picture.boxes
    top = 26 if picture.threads else 0
    width = int(2 * EDGE + max(b.column for b in boxes.values()) * COLUMN + WIDTH)
    height = int(2 * EDGE + top + max(b.row for b in boxes.values()) * ROW + HEIGHT)
    out: list[str] = []
    for label, inside in picture.threads:
        out += _thread(label, [boxes[name] for name in inside], top)
    for arrow in picture.arrows:
        out.append(_arrow(boxes[arrow[0]], boxes[arrow[1]], arrow[2] if len(arrow) > 2 else "", top))
    for box in boxes.values():
        x, y = _corner(box, top)
        rounding = HEIGHT / 2 if box.kind == "ring" else 6
        out.append(f'<rect class="{box.kind}" x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="{rounding:g}"/>')
        out.append(f'<text class="text" x="{x + WIDTH / 2:g}" y="{y + HEIGHT / 2 + 5:g}" text-anchor="middle">{escape(box.label)}</text>')
    return document(picture.title, width, height, out, _LIGHT, _DARK)


def _corner(box: Box, top: int) -> tuple[float, float]:
    return EDGE + box.column * COLUMN, EDGE + top + box.row * ROW


def _arrow(source: Box, target: Box, style: str, top: int) -> str:
    x1, y1 = _corner(source, top)
    x2, y2 = _corner(target, top)
    x1, y1, y2 = x1 + WIDTH, y1 + HEIGHT / 2, y2 + HEIGHT / 2
    if y1 == y2:
        path = f"M{x1:g} {y1:g}H{x2 - 2:g}"
    else:  # as much of the way as possible straight, so that arrows do not cross boxes
        bend = x2 - (COLUMN - WIDTH) if target.row != source.row else x1
        path = f"M{x1:g} {y1:g}H{bend:g}C{bend + 20:g} {y1:g} {x2 - 22:g} {y2:g} {x2 - 2:g} {y2:g}"
    return f'<path class="line {style}" d="{path}" marker-end="url(#tip)"/>'


def _thread(label: str, inside: list[Box], top: int) -> list[str]:
    corners = [_corner(box, top) for box in inside]
    x, y = min(c[0] for c in corners) - 9, min(c[1] for c in corners) - 9
    width, height = max(c[0] for c in corners) + WIDTH + 9 - x, max(c[1] for c in corners) + HEIGHT + 9 - y
    return [
        f'<rect class="thread" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="10"/>',
        f'<text class="soft" x="{x + 2:g}" y="{y - 7:g}">{escape(label)}</text>',
    ]


def _boxes(**places: tuple[float, float, str, str]) -> dict[str, Box]:
    return {name: Box(*place) for name, place in places.items()}


_P, _R, _H, _Y, _O = "producer", "ring", "handler", "python", "reader"

PICTURES: dict[str, Picture] = {
    "unicast": Picture(
        "A producer, a ring, one handler",
        _boxes(p=(0, 0, _P, "producer"), r=(1, 0, _R, "ring"), a=(2, 0, _H, "total")), (("p", "r"), ("r", "a")),
    ),
    "pipeline": Picture(
        "Three handlers, one after the other",
        _boxes(p=(0, 0, _P, "producer"), r=(1, 0, _R, "ring"), a=(2, 0, _H, "scale"), b=(3, 0, _H, "limit"), c=(4, 0, _Y, "report")),
        (("p", "r"), ("r", "a"), ("a", "b"), ("b", "c")),
    ),
    "multicast": Picture(
        "Every handler sees every record, at its own speed",
        _boxes(p=(0, 1, _P, "producer"), r=(1, 1, _R, "ring"), a=(2, 0, _H, "total"), b=(2, 1, _H, "highest"), c=(2, 2, _Y, "report")),
        (("p", "r"), ("r", "a"), ("r", "b"), ("r", "c")),
    ),
    "diamond": Picture(
        "Two handlers side by side, a third behind both",
        _boxes(p=(0, 0.5, _P, "producer"), r=(1, 0.5, _R, "ring"), a=(2, 0, _H, "price"), b=(2, 1, _H, "weigh"), c=(3, 0.5, _H, "total")),
        (("p", "r"), ("r", "a"), ("r", "b"), ("a", "c"), ("b", "c")),
    ),
    "dag": Picture(
        "A branch for the journal, joined again by the handler that answers",
        _boxes(p=(0, 0.5, _P, "producer"), r=(1, 0.5, _R, "ring"), j=(2, 1, _Y, "journal"), a=(2, 0, _H, "decode"),
               b=(3, 0, _H, "decide"), c=(4, 0.5, _Y, "answer")),
        (("p", "r"), ("r", "j"), ("r", "a"), ("a", "b"), ("b", "c"), ("j", "c")),
    ),
    "pool": Picture(
        "Each record goes to exactly one worker",
        _boxes(p=(0, 1, _P, "producer"), r=(1, 1, _R, "ring"), a=(2, 0, _Y, "worker 1"), b=(2, 1, _Y, "worker 2"), c=(2, 2, _Y, "worker 3"),
               d=(3, 1, _H, "count")),
        (("p", "r"), ("r", "a"), ("r", "b"), ("r", "c"), ("a", "d"), ("b", "d"), ("c", "d")),
    ),
    "sharding": Picture(
        "Every shard sees every record, and takes those of its keys",
        _boxes(p=(0, 0.5, _P, "producer"), r=(1, 0.5, _R, "ring"), a=(2, 0, _H, "even keys"), b=(2, 1, _H, "odd keys")),
        (("p", "r"), ("r", "a"), ("r", "b")),
    ),
    "fan-in": Picture(
        "Several producers, one order",
        _boxes(a=(0, 0, _P, "producer 1"), b=(0, 1, _P, "producer 2"), c=(0, 2, _P, "producer 3"), r=(1, 1, _R, "ring (multi)"),
               h=(2, 1, _H, "total")),
        (("a", "r"), ("b", "r"), ("c", "r"), ("r", "h")),
    ),
    "ring-to-ring": Picture(
        "A handler publishes into another ring, as many records as it likes",
        _boxes(p=(0, 0, _P, "producer"), r=(1, 0, _R, "orders"), a=(2, 0, _H, "split"), s=(3, 0, _R, "parts"), b=(4, 0, _H, "total")),
        (("p", "r"), ("r", "a"), ("a", "s"), ("s", "b")),
    ),
    "poller": Picture(
        "A poller takes records when it likes; producers wait for it",
        _boxes(p=(0, 0, _P, "producer"), r=(1, 0, _R, "ring"), a=(2, 0, _O, "poller")), (("p", "r"), ("r", "a")),
    ),
    "observer": Picture(
        "An observer misses what it is too slow for; nobody waits for it",
        _boxes(p=(0, 0, _P, "producer"), r=(1, 0, _R, "ring"), a=(2, 0, _H, "total"), o=(2, 1, _O, "observer")),
        (("p", "r"), ("r", "a"), ("r", "o", "lossy")),
    ),
    "dynamic": Picture(
        "Consumers come and go while the graph runs",
        _boxes(p=(0, 0, _P, "producer"), r=(1, 0, _R, "ring"), a=(2, 0, _H, "total"), b=(3, 0, _Y, "late")),
        (("p", "r"), ("r", "a"), ("a", "b", "lossy")),
    ),
    "placement": Picture(
        "Two handlers fused into one loop on a pinned thread, the third on a thread of its own",
        _boxes(p=(0, 0, _P, "producer"), r=(1, 0, _R, "ring"), a=(2, 0, _H, "scale"), b=(3, 0, _H, "limit"), c=(4.2, 0, _H, "total")),
        (("p", "r"), ("r", "a"), ("a", "b"), ("b", "c")),
        (("thread 1, core 0: one loop", ("a", "b")), ("thread 2", ("c",))),
    ),
}
