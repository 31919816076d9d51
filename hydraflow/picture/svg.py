"""The picture as an SVG that stands alone: the terminal's layout, colours by thread, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from hydraflow.picture.ink import document
from hydraflow.picture.label import clipped, columns
from hydraflow.picture.layout import Layout, Metrics, Plan, Route, lay_out, plan
from hydraflow.picture.model import Box, Picture

__all__ = ["draw_svg"]

CELL = 8  # pixels
EDGE, ROUNDING = 20, 6
WIDEST = 1200 // CELL
METRICS = Metrics(gap=3, lane=2, port=3, rim=2, track=2, head=3, channel=5, tail=1)
_EFFORT = 6_000
_HEIGHT = 5
_NAME_MOST = 40
_HUES = (("#dbeafe", "#2563eb", "#10264a", "#58a6ff"), ("#dcfce7", "#15803d", "#0f2e1a", "#3fb950"),
         ("#f3e8ff", "#7e22ce", "#2a1745", "#bc8cff"), ("#fee2e2", "#b91c1c", "#3d1418", "#ff7b72"),
         ("#cffafe", "#0e7490", "#0b2f36", "#39c5cf"), ("#fce7f3", "#be185d", "#3a1428", "#f778ba"))
_LIGHT = {
    ".ring": "fill: #fef3c7; stroke: #b45309;", ".plain": "fill: #f3f4f6; stroke: #6b7280;",
    ".missing": "fill: none; stroke: #cf222e; stroke-dasharray: 4 3;", ".sink": "stroke-width: 3;",
    ".halo": "stroke: #ffffff; fill: none; stroke-width: 6;", ".back": "stroke: #b45309; stroke-dasharray: 6 4;",
    ".hollow": "fill: #ffffff; stroke: #57606a;",
} | {f".t{n}": f"fill: {h[0]}; stroke: {h[1]};" for n, h in enumerate(_HUES)}
_DARK = {
    ".ring": "fill: #3a2a08; stroke: #d29922;", ".plain": "fill: #21262d; stroke: #8b949e;",
    ".missing": "stroke: #ff7b72;", ".halo": "stroke: #0d1117;", ".back": "stroke: #d29922;",
    ".hollow": "fill: #0d1117; stroke: #9da7b1;",
} | {f".t{n}": f"fill: {h[2]}; stroke: {h[3]};" for n, h in enumerate(_HUES)}
_HOLLOW = ('<marker id="hollow" viewBox="-1 -1 10 10" refX="7" refY="4" markerWidth="8" markerHeight="8" '
           'orient="auto-start-reverse"><path class="hollow" d="M0 0 8 4 0 8z"/></marker>')


def draw_svg(picture: Picture) -> str:
    """Return the SVG: left to right when that is not wider than 1,200 pixels, else top to bottom."""
    number = {box.id: n for n, box in enumerate(picture.boxes)}
    planned = plan(len(picture.boxes), [(number[e.source], number[e.target], e.kind == "feedback") for e in picture.drawn])
    words = [_words(box) for box in picture.boxes]
    layout, rightwards = _layout(planned, words)
    threads = [t.name for t in picture.threads if t.stages]
    body = _edges(picture, layout, rightwards)
    for box, place, text in zip(picture.boxes, layout.places, words, strict=True):
        x, y, width, height = (place.along, place.across, place.length, place.breadth) if rightwards \
            else (place.across, place.along, place.breadth, place.length)
        body += _box(box, text, threads, EDGE + x * CELL, EDGE + y * CELL, width * CELL, height * CELL)
    across, down = (layout.length, layout.breadth) if rightwards else (layout.breadth, layout.length)
    width, height = across * CELL + 2 * EDGE, down * CELL + 2 * EDGE
    legend, width = _legend(picture, threads, height + 4, width)
    return document(f"The graph of {picture.name}", width, height + (24 if legend else 0), [*body, *legend], _LIGHT, _DARK, _HOLLOW)


def _words(box: Box) -> list[str]:
    name = (clipped(box.title, _NAME_MOST) or "?") + (" ?" if box.kind == "missing" else "")
    if box.kind == "ring":
        detail = f"{box.record} × {box.slots:,}" if box.record and box.slots else box.record
    else:
        detail = "waits for itself" if box.itself else clipped(box.thread, _NAME_MOST)
    return [name, detail] if detail else [name]


def _layout(planned: Plan, words: Sequence[Sequence[str]]) -> tuple[Layout, bool]:
    widths = [max(columns(t) for t in text) + 3 for text in words]
    room = [2 * METRICS.rim + METRICS.port * max(0, ports - 1) + 1 for ports in planned.ports]
    layout = lay_out(planned, [(w, max(_HEIGHT, r)) for w, r in zip(widths, room, strict=True)], METRICS, None, _EFFORT)
    if layout is not None and layout.length <= WIDEST:
        return layout, True
    sizes = [(_HEIGHT, max(w, r)) for w, r in zip(widths, room, strict=True)]
    layout = lay_out(planned, sizes, METRICS, WIDEST, _EFFORT) or lay_out(planned, sizes, METRICS)
    assert layout is not None
    return layout, False


def _box(box: Box, text: Sequence[str], threads: Sequence[str], x: int, y: int, width: int, height: int) -> list[str]:
    colour = f"t{threads.index(box.thread) % len(_HUES)}" if box.thread in threads else "plain"
    kind = box.kind if box.kind in ("ring", "missing") else f"{colour} sink" if box.kind == "sink" else colour
    rounding = {"ring": height // 2, "source": 12, "all": 0}.get(box.kind, 4)
    out = [f"<g><title>{escape(_about(box))}</title>",
           f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{rounding}"/>']
    first = y + height / 2 + (5 if len(text) == 1 else -2)
    for line, (words, style) in enumerate(zip(text, ("text", "soft"), strict=False)):
        out.append(f'<text class="{style}" x="{x + width / 2:g}" y="{first + 16 * line:g}" text-anchor="middle">{escape(words)}</text>')
    return [*out, "</g>"]


def _about(box: Box) -> str:
    name = clipped(box.title, 200)
    if box.kind == "missing":
        return f"{name}: nothing in the file has this name"
    if box.kind == "all":
        return f"{name}: who comes after it waits for every stage before it"
    return f"{box.kind} {name}" + (f": {clipped(box.use, 200)}" if box.use else "")


def _edges(picture: Picture, layout: Layout, rightwards: bool) -> list[str]:
    """Draw net by net, each on a halo, so that one line passes visibly over another."""
    edges = picture.drawn
    nets: dict[int, list[Route]] = {}
    for route in layout.routes:
        nets.setdefault(route.net, []).append(route)
    out = []
    for routes in nets.values():
        paths = [_path(route, rightwards) for route in routes]
        out += [f'<path class="halo" d="{path}"/>' for path in paths]
        for route, path in zip(routes, paths, strict=True):
            tip = "hollow" if edges[route.edge].kind == "from" else "tip"
            end, style = ("start", "line back") if route.back else ("end", "line")
            dots = ' stroke-dasharray="2 3"' if edges[route.edge].derived else ""
            out.append(f'<path class="{style}" d="{path}"{dots} marker-{end}="url(#{tip})"/>')
    return out


def _path(route: Route, rightwards: bool) -> str:
    """Return the way with rounded corners, from border to border."""
    points = [(a * CELL + CELL / 2, c * CELL + CELL / 2) for a, c in route.points]
    points[0] = points[0][0] - CELL / 2 + (2 if route.back else 0), points[0][1]
    points[-1] = points[-1][0] + CELL / 2 - (0 if route.back else 2), points[-1][1]
    at = [(EDGE + a, EDGE + c) if rightwards else (EDGE + c, EDGE + a) for a, c in points]
    out = [f"M{at[0][0]:g} {at[0][1]:g}"]
    for before, here, after in zip(at, at[1:], at[2:]):
        start, end = _toward(here, before), _toward(here, after)
        out.append(f"L{start[0]:g} {start[1]:g}Q{here[0]:g} {here[1]:g} {end[0]:g} {end[1]:g}")
    return "".join([*out, f"L{at[-1][0]:g} {at[-1][1]:g}"])


def _toward(here: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    way = abs(other[0] - here[0]) + abs(other[1] - here[1])
    share = min(ROUNDING, way / 2) / way if way else 0
    return here[0] + (other[0] - here[0]) * share, here[1] + (other[1] - here[1]) * share


def _legend(picture: Picture, threads: Sequence[str], y: int, width: int) -> tuple[list[str], int]:
    """Return the line that names the threads, and the width that it needs."""
    out, x = [], EDGE
    for position, name in enumerate(threads):
        cpu = next(t.cpu for t in picture.threads if t.name == name)
        words = clipped(name, _NAME_MOST) + ("" if cpu is None else f" (cpu {cpu})")
        out.append(f'<rect class="t{position % len(_HUES)}" x="{x}" y="{y - 10}" width="12" height="12" rx="3"/>')
        out.append(f'<text class="soft" x="{x + 18}" y="{y}">{escape(words)}</text>')
        x += 18 + CELL * columns(words) + 16
    return out, max(width, x + EDGE)
