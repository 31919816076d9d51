"""The picture as a Mermaid flowchart, which GitHub and many editors draw: shapes by kind, one subgraph per thread."""

from __future__ import annotations

from hydraflow.picture.label import printable
from hydraflow.picture.model import Box, Edge, Picture

__all__ = ["draw_mermaid"]

_SHAPES = {"source": ("([", "])"), "ring": ("[(", ")]"), "handler": ("[", "]"), "sequencer": ("{{", "}}"),
           "sink": ("[[", "]]"), "missing": ("[/", "/]")}
_ARROWS = {"into": "-->", "on": "-->", "sequence": "-->", "after": "-->|after|", "from": "-->|from|",
           "feedback": "-.->|feedback|"}


def draw_mermaid(picture: Picture) -> str:
    """Return the flowchart; boxes are n0, n1, … in the order of `picture.boxes`."""
    number = {box.id: f"n{n}" for n, box in enumerate(picture.boxes)}
    out = ["flowchart LR"]
    for box in picture.boxes:
        if not box.thread:
            out.append(f"    {_node(number[box.id], box)}")
    for position, thread in enumerate(t for t in picture.threads if t.stages):
        inside = [box for box in picture.boxes if box.thread == thread.name]
        if inside:
            out.append(f'    subgraph t{position}["{_quoted(thread.name)}"]')
            out += [f"        {_node(number[box.id], box)}" for box in inside]
            out.append("    end")
    out += [f"    {_edge(edge, number)}" for edge in picture.drawn]
    missing = [number[box.id] for box in picture.boxes if box.kind == "missing"]
    if missing:
        out.append("    classDef missing stroke:#cf222e,stroke-dasharray:4 3")
        out.append(f"    class {','.join(missing)} missing")
    return "\n".join(out) + "\n"


def _node(own: str, box: Box) -> str:
    opening, closing = _SHAPES[box.kind]
    words = _quoted(box.title or "?")
    if box.kind == "ring" and box.record:
        words += f"<br/>{_quoted(box.record)}" + (f" × {box.slots:,}" if box.slots else "")
    elif box.kind == "missing":
        words += " ?"
    elif box.itself:
        words += "<br/>waits for itself"
    return f'{own}{opening}"{words}"{closing}'


def _edge(edge: Edge, number: dict[str, str]) -> str:
    arrow = "-->|after, derived|" if edge.derived else _ARROWS[edge.kind]
    return f"{number[edge.source]} {arrow} {number[edge.target]}"


def _quoted(text: str) -> str:
    text = printable(text).replace("#", "#35;")
    for character, word in (('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("&", "#amp;"), ("`", "#96;")):
        text = text.replace(character, word)
    return text
