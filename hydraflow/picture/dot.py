"""The picture in the language of Graphviz: shapes by kind, one cluster per thread, a tooltip with what a stage uses."""

from __future__ import annotations

from hydraflow.picture.label import printable
from hydraflow.picture.model import Box, Edge, Picture

__all__ = ["draw_dot"]

_SHAPES = {"source": "cds", "ring": "cylinder", "handler": "box", "sequencer": "hexagon", "sink": "box", "missing": "box"}
_MORE = {"sink": ", peripheries=2", "missing": ', style=dashed, color="#cf222e"'}
_EDGES = {"into": "", "on": "", "sequence": "", "after": ' [label="after"]', "from": ' [label="from", arrowhead=empty]',
          "feedback": ' [label="feedback", style=dashed, constraint=false]'}


def draw_dot(picture: Picture) -> str:
    """Return the digraph; boxes are n0, n1, … in the order of `picture.boxes`."""
    number = {box.id: f"n{n}" for n, box in enumerate(picture.boxes)}
    out = [f"digraph {_quoted(picture.name)} {{", "    rankdir=LR;", '    node [fontname="sans-serif"];',
           '    edge [fontname="sans-serif", fontsize=10];']
    out += [f"    {_node(number[box.id], box)}" for box in picture.boxes if not box.thread]
    for position, thread in enumerate(t for t in picture.threads if t.stages):
        inside = [box for box in picture.boxes if box.thread == thread.name]
        if inside:
            out += [f"    subgraph cluster_t{position} {{", f"        label={_quoted(thread.name)};", "        style=dashed;"]
            out += [f"        {_node(number[box.id], box)}" for box in inside]
            out.append("    }")
    out += [f"    {_edge(edge, number)}" for edge in picture.drawn]
    return "\n".join([*out, "}"]) + "\n"


def _node(own: str, box: Box) -> str:
    words = box.title or "?"
    if box.kind == "missing":
        words += " ?"
    label = _quoted(words)
    if box.kind == "ring" and box.record:
        label = f'{label[:-1]}\\n{_quoted(box.record)[1:-1]}' + (f' × {box.slots:,}"' if box.slots else '"')
    elif box.itself:
        label = f'{label[:-1]}\\nwaits for itself"'
    tooltip = f", tooltip={_quoted(box.use)}" if box.use else ""
    return f"{own} [label={label}, shape={_SHAPES[box.kind]}{_MORE.get(box.kind, '')}{tooltip}];"


def _edge(edge: Edge, number: dict[str, str]) -> str:
    words = f' [label="after (derived)", tooltip={_quoted(edge.derived)}]' if edge.derived else _EDGES[edge.kind]
    return f"{number[edge.source]} -> {number[edge.target]}{words};"


def _quoted(text: str) -> str:
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
