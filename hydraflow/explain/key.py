"""Explains a key of the topology file: `handlers.after`, `rings.main.slots`, `placement`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hydraflow.topology import shards
from hydraflow.topology.explain import EXPLANATIONS
from hydraflow.topology.keys import Key, keys_of
from hydraflow.topology.spec import WELL_KNOWN_RINGS, HandlerSpec, SourceSpec, Topology

__all__ = ["explain_key", "key_names"]


def explain_key(name: str) -> dict[str, Any] | None:
    """Return the page of a key, None when the file has none of this name."""
    found = _find(name.split("."))
    if found is None:
        return None
    owner, key = found
    keys = keys_of(key.inner)
    page: dict[str, Any] = {"kind": "key", "name": name, "summary": key.description, **_facts(key)}
    ring = WELL_KNOWN_RINGS.get(name.split(".")[1]) if name.startswith("rings.") else None
    if ring is not None and key.kind != "table":
        page["default"] = getattr(ring, key.name) or None
    if key.inner is not None:
        page["text"] = " ".join((key.inner.__doc__ or "").split())
        page["keys"] = [inner.as_dict() for inner in keys]
        short = next((k for k in keys if k.name == getattr(key.inner, "SHORTHAND", "")), None)
        page["type"] = f"{short.words}, or a mapping" if short else page["type"]
    if key.name == "with":
        page["more"] = ["`hfx explain NAME`, where NAME is what stands at `use`, says which parameters there are"]
    if key.name == "use" and owner in (HandlerSpec, SourceSpec):
        page["more"] = ["`hfx explain` lists the short names, `hfx plugins` says where they are from"]
    if key.name in ("replicas", "by") and owner is HandlerSpec:
        page["more"] = [" ".join((shards.__doc__ or "").partition("\n\n")[2].partition("\n\n")[2].split())]
    if name == "rings":
        page["text"] += f" These are {', '.join(WELL_KNOWN_RINGS)}; `hfx explain main` says what one of them holds."
    page["codes"] = _codes(key.name)
    return page


def key_names(cls: type = Topology, before: str = "") -> Iterator[str]:
    """Yield every key that can be asked for, with those it is in: "handlers", "handlers.after"."""
    for key in keys_of(cls):
        yield before + key.name
        if key.inner is not None:
            yield from key_names(key.inner, f"{before}{key.name}.")


def _find(path: list[str]) -> tuple[type, Key] | None:
    """Return the class that has the key at a path, and the key. A name inside a table (`rings.main`) is passed by."""
    cls: type | None = Topology
    found: tuple[type, Key] | None = None
    for position, step in enumerate(path):
        key = next((k for k in keys_of(cls) if step in (k.name, k.other) and step), None)
        if key is None:
            named = found is not None and found[1].kind == "table" and position == 1 and step
            if not named:
                return None
            continue
        assert cls is not None
        found, cls = (cls, key), key.inner
    return found


def _facts(key: Key) -> dict[str, Any]:
    return {k: v for k, v in key.as_dict().items() if k not in ("name", "description")}


def _codes(name: str) -> dict[str, str]:
    """Return the diagnostics whose explanations name the key."""
    return {code: text for code, text in EXPLANATIONS.items() if re.search(rf"`{re.escape(name)}(:[^`]*)?`", text)}
