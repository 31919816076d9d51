"""The picture for programs: schema hfx.graph/1."""

from __future__ import annotations

import json
from typing import Any

from hydraflow.picture.model import Box, Edge, Picture

__all__ = ["SCHEMA", "as_json"]

SCHEMA = "hfx.graph/1"


def as_json(picture: Picture, path: str, *, ok: bool) -> str:
    """Return every box and every edge, implied ones too; one that is derived says why. ok : the file has no mistake that was looked for."""
    report = {
        "schema": SCHEMA,
        "path": path,
        "name": picture.name,
        "ok": ok,
        "threads": [{"name": t.name, "kind": t.kind, "cpu": t.cpu, "wait": t.wait, "stages": list(t.stages)}
                    for t in picture.threads],
        "nodes": [_node(box) for box in picture.boxes],
        "edges": [_edge(edge) for edge in picture.edges],
    }
    return json.dumps(report, ensure_ascii=False, indent=2)


def _edge(edge: Edge) -> dict[str, Any]:
    out: dict[str, Any] = {"from": edge.source, "to": edge.target, "kind": edge.kind, "implied": edge.implied}
    return out | {"derived": edge.derived} if edge.derived else out


def _node(box: Box) -> dict[str, Any]:
    out: dict[str, Any] = {"id": box.id, "name": box.name, "kind": box.kind}
    if box.kind == "ring":
        return out | {"record": box.record or None, "slots": box.slots or None}
    out |= {"use": box.use or None, "thread": box.thread or None}
    if box.replicas > 1:
        names = zip(range(box.replicas), box.shards or ("",) * box.replicas, strict=True)
        out |= {"by": box.by or None, "shards": [{"name": f"{box.name}/{k}", "thread": thread or None} for k, thread in names]}
    return out
