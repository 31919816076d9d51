"""The picture in a terminal: left to right when that fits, otherwise top to bottom, with full rows continued in the next.

A ring is a pill, `( main  message × 4,096 )`; the border of a box tells sources, handlers and sinks apart. Behind a name
stands the thread that runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from hydraflow.picture.canvas import ASCII, BOX, DOWN, LEFT, RIGHT, UP, Canvas, Glyphs
from hydraflow.picture.label import clipped, columns, printable
from hydraflow.picture.layout import Layout, Metrics, Plan, lay_out, plan
from hydraflow.picture.model import Box, Picture

__all__ = ["Drawing", "draw_text", "legend"]

DOWNWARDS = Metrics(gap=3, lane=1, port=2, rim=1, track=1, head=1, channel=1)
RIGHTWARDS = Metrics(gap=1, lane=1, port=1, rim=1, track=2, head=2, channel=3, tail=1)
NAME_MOST = 40
_SHARES = (1.0, 0.75, 0.5)  # of the width, for boxes side by side: detours of lines need room as well
_HOPELESS = 1.7  # times the width: narrower boxes and layers will not make up for that
_EFFORT = 2_500  # of all attempts together, in pieces
_THREAD_COLOURS = ("36", "32", "35", "34", "96", "92", "95", "94")
_FLAT = ("ring", "all")  # one line high, from top to bottom
_COLOURS = {"ring": "33", "missing": "1;31", "line": "", "back": "33", "quiet": "2", "": ""}


@attrs.frozen
class Drawing:
    """lines : of the picture, without the legend. width : the widest. layout, rightwards : how it came about."""

    lines: list[str]
    width: int
    layout: Layout
    rightwards: bool


def draw_text(picture: Picture, width: int = 80, *, ascii_only: bool = False, colour: bool = False) -> Drawing:
    """Return the drawing in at most `width` columns if there is a way; in the narrowest that was found if there is none."""
    number = {box.id: n for n, box in enumerate(picture.boxes)}
    planned = plan(len(picture.boxes), [(number[e.source], number[e.target], e.kind == "feedback") for e in picture.drawn])
    glyphs = ASCII if ascii_only else BOX
    best = None
    effort = _EFFORT
    for attempt in _attempts(picture, planned, width, glyphs):
        drawn = attempt(effort)
        if drawn is None:
            continue
        effort -= drawn.layout.effort
        if best is None or drawn.width < best.width:
            best = drawn
        if best.width <= width or (not drawn.rightwards and drawn.width > _HOPELESS * width):
            break
    best = best or _downwards(picture, planned, None, None, glyphs, plain=True)
    assert best is not None
    return Drawing(_paint(picture, best, glyphs, colour), best.width, best.layout, best.rightwards)


@attrs.frozen
class _Draft:
    """A layout and the words in its boxes."""

    width: int
    layout: Layout
    labels: list[list[str]]
    rightwards: bool


_Attempt = Callable[[int], "_Draft | None"]


def _attempts(picture: Picture, planned: Plan, width: int, glyphs: Glyphs) -> list[_Attempt]:
    """Return the ways to draw it within an effort, best first."""
    return [
        lambda effort: _rightwards(picture, planned, width, effort, glyphs),
        *((lambda effort, share=share, plain=plain: _downwards(picture, planned, int(width * share), effort, glyphs, plain=plain))
          for plain in (False, True) for share in _SHARES),
    ]


def _rightwards(picture: Picture, planned: Plan, width: int, effort: int, glyphs: Glyphs) -> _Draft | None:
    labels = [_stacked(box, glyphs) for box in picture.boxes]
    sizes = [_size_rightwards(t, p) for t, p in zip(labels, planned.ports, strict=True)]
    if _least_length(planned, [s[0] + RIGHTWARDS.channel for s in sizes]) - RIGHTWARDS.channel > width:
        return None
    layout = lay_out(planned, sizes, RIGHTWARDS, None, effort)
    return _Draft(layout.length, layout, labels, True) if layout else None


def _downwards(picture: Picture, planned: Plan, limit: int | None, effort: int | None, glyphs: Glyphs, *,
               plain: bool) -> _Draft | None:
    labels = [[_line(box, glyphs, plain)] for box in picture.boxes]
    sizes = [_size_downwards(b, t, p) for b, t, p in zip(picture.boxes, labels, planned.ports, strict=True)]
    layout = lay_out(planned, sizes, DOWNWARDS, limit, effort)
    return _Draft(layout.breadth, layout, labels, False) if layout else None


def _least_length(planned: Plan, lengths: Sequence[int]) -> int:
    """Return the length of the longest way through the boxes, which no layout can be shorter than."""
    missing = [0] * len(lengths)
    for followers in planned.followers:
        for box in followers:
            missing[box] += 1
    longest = list(lengths)
    ready = [b for b, count in enumerate(missing) if not count]
    for box in ready:
        for following in planned.followers[box]:
            longest[following] = max(longest[following], longest[box] + lengths[following])
            missing[following] -= 1
            if not missing[following]:
                ready.append(following)
    return max(longest, default=0)


def _name(box: Box, glyphs: Glyphs) -> str:
    name = clipped(box.title, NAME_MOST).replace("…", glyphs.ellipsis).replace("×", "x" if glyphs is ASCII else "×") or "?"
    mark = " (itself!)" if box.itself else " ?" if box.kind == "missing" else ""
    return name + mark


def _detail(box: Box, glyphs: Glyphs) -> str:
    if box.kind == "ring":
        times = "x" if glyphs is ASCII else "×"
        return f"{box.record} {times} {box.slots:,}" if box.record and box.slots else box.record
    threads = len(set(filter(None, box.shards)))
    return f"{threads} threads" if threads > 1 else clipped(box.thread, NAME_MOST).replace("…", glyphs.ellipsis)


def _line(box: Box, glyphs: Glyphs, plain: bool) -> str:
    detail = "" if plain else _detail(box, glyphs)
    between = "  " if box.kind == "ring" else " - " if glyphs is ASCII else " · "
    return _name(box, glyphs) + (between + detail if detail else "")


def _stacked(box: Box, glyphs: Glyphs) -> list[str]:
    detail = _detail(box, glyphs)
    return [_name(box, glyphs)] + ([detail] if detail else [])


def _size_downwards(box: Box, text: list[str], ports: int) -> tuple[int, int]:
    room = 2 * DOWNWARDS.rim + DOWNWARDS.port * max(0, ports - 1) + 1
    return 1 if box.kind in _FLAT else 3, max(columns(text[0]) + 4, room)


def _size_rightwards(text: list[str], ports: int) -> tuple[int, int]:
    room = 2 * RIGHTWARDS.rim + RIGHTWARDS.port * max(0, ports - 1) + 1
    return max(columns(t) for t in text) + 4, max(len(text) + 2, room)


def _paint(picture: Picture, draft: _Draft, glyphs: Glyphs, colour: bool) -> list[str]:
    layout, labels, rightwards = draft.layout, draft.labels, draft.rightwards
    rows, wide = (layout.breadth, layout.length) if rightwards else (layout.length, layout.breadth)
    canvas = Canvas(rows, wide, glyphs)
    threads = [t.name for t in picture.threads]
    for box, place, text in zip(picture.boxes, layout.places, labels, strict=True):
        style = f"thread {threads.index(box.thread)}" if box.thread in threads else box.kind
        row, column, height, width = (place.across, place.along, place.breadth, place.length) if rightwards \
            else (place.along, place.across, place.length, place.breadth)
        if height == 1:
            spare = width - 4 - columns(text[0])
            inside = " " * (spare // 2) + text[0] + " " * (spare - spare // 2)
            ends = glyphs.bar if box.kind == "all" else glyphs.pill
            canvas.put(row, column, f"{ends[0]} {inside} {ends[1]}", style)
            continue
        canvas.frame(row, column, height, width, box.kind, style)
        for offset, line in enumerate(text, (height - len(text)) // 2):
            canvas.put(row + offset, column + 2 + (width - 4 - columns(line)) // 2, line, "quiet" if line != text[0] else style)
    _lines(picture, layout, canvas, rightwards, glyphs)
    return ["".join(_styled(text, style) for text, style in runs) for runs in canvas.runs()] if colour else canvas.lines()


def _lines(picture: Picture, layout: Layout, canvas: Canvas, rightwards: bool, glyphs: Glyphs) -> None:
    ahead, behind = (RIGHT, LEFT) if rightwards else (DOWN, UP)

    def cell(along: int, across: int) -> tuple[int, int]:
        return (across, along) if rightwards else (along, across)

    edges = picture.drawn
    for route in layout.routes:
        first, last = route.points[0], route.points[-1]
        canvas.line([(row, column) for column, row in route.points] if rightwards else route.points, behind, ahead, dashed=route.back)
        border = (last[0] + 1, last[1]) if route.back else (first[0] - 1, first[1])
        canvas.joint(*cell(*border), behind if route.back else ahead)
        edge = edges[route.edge]
        heads = glyphs.hollow if edge.kind == "from" else glyphs.derived if edge.derived else glyphs.arrows
        end = route.points[0] if route.back else route.points[-1]
        canvas.put(*cell(*end), heads[ahead if route.back else behind], "back" if route.back else "line")


def _styled(text: str, style: str) -> str:
    word, _, number = style.partition(" ")
    code = _THREAD_COLOURS[int(number) % len(_THREAD_COLOURS)] if word == "thread" else _COLOURS.get(style, "")
    return f"\x1b[{code}m{text}\x1b[0m" if code and text.strip() else text


def legend(picture: Picture, drawing: Drawing, width: int = 80, *, ascii_only: bool = False) -> list[str]:
    """Return the lines below the drawing: what its arrows and borders mean, as far as they occur, and the threads."""
    glyphs = ASCII if ascii_only else BOX
    kinds = {edge.kind for edge in picture.drawn}
    names = {box.kind for box in picture.boxes}
    words = []
    for kind in ("source", "ring", "handler", "sink", "missing"):
        if kind in names:
            corners, across, _, _ = glyphs.frames[kind]
            words.append(f"{glyphs.pill if kind == 'ring' else corners[0] + across + corners[1]} {kind}")
    if "all" in names:
        words.append(f"{glyphs.bar} all: who comes after it waits for every stage before it")
    if "from" in kinds:
        words.append(f"{glyphs.hollow[LEFT if drawing.rightwards else UP]} drained (from)")
    if any(edge.derived for edge in picture.drawn):
        words.append(f"{glyphs.derived[LEFT if drawing.rightwards else UP]} derived (after: auto)")
    back = {picture.drawn[route.edge].kind == "feedback" for route in drawing.layout.routes if route.back}
    arrow = glyphs.arrows[RIGHT if drawing.rightwards else DOWN]
    words += [f"{arrow} {'feedback' if feedback else 'closes a cycle'}" for feedback in sorted(back)]
    if picture.left_out:
        words.append(f"{picture.left_out:,} lines that others imply are left out: --format json has them")
    out = _wrapped([w.replace(" ", "\0") for w in words], "   ", "", width)
    for thread in picture.threads:
        core = "" if thread.cpu is None else f"@{thread.cpu}"
        head = f"thread {printable(thread.name)}{core} {thread.wait}" + (": " if thread.stages else "")
        out += _wrapped([head + printable(s) if not n else printable(s) for n, s in enumerate(thread.stages)] or [head], ", ",
                        "    ", width)
    return out


def _wrapped(words: list[str], between: str, indent: str, width: int) -> list[str]:
    """Return the words in lines of at most `width` columns, if each of them fits."""
    out, line = [], ""
    for word in words:
        if line and columns(line + between + word + between.rstrip()) > width:
            out.append((line + between).rstrip())
            line = indent + word
        else:
            line += between + word if line else word
    return [text.replace("\0", " ") for text in [*out, line] if text]
