"""Whether a topology is legal, by the plainest means: dictionaries of text and a closure by brute force.

Shares nothing with `hydraflow.topology` but the table of what short names read and write when the file does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from hydraflow.registry import HANDLERS, SOURCES

__all__ = ["faults"]

WELL_KNOWN = {"frames", "decoded", "main", "egress", "feedback"}


def faults(text: str, accesses: Mapping[str, tuple[frozenset[str], frozenset[str]]]) -> list[str]:
    """Return what is wrong with the graph of a topology file, in words; nothing when it is legal.

    accesses : use → fields that it reads, fields that it writes; those of which nothing is known are left out.
    """
    document = yaml.load(text, getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # every scalar is text: 'on' stays 'on'
    found: list[str] = []
    rings = document.get("rings") or {}
    items = [*(document.get("handlers") or []), *(document.get("sinks") or [])]
    own = _own(rings, items)
    sources = [_source(item, own) for item in document.get("sources") or []]
    stages = [_stage(item, own) for item in items]
    names = [s["name"] for s in sources + stages]
    found += [f"two stages are called {n}" for n in set(names) if names.count(n) > 1]
    by_name = {s["name"]: s for s in stages}
    for stage in stages:
        for other in stage["after"]:
            if other not in by_name or by_name[other]["on"] != stage["on"]:
                found.append(f"{stage['name']} waits for {other}, which is no stage on its ring")
    before = {s["name"]: _closure(s["name"], by_name) for s in stages}
    found += [f"{name} waits for itself" for name, earlier in before.items() if name in earlier]
    written = [s["into"] for s in sources] + [ring for s in stages for ring in s["into"]]
    merged = [] if _all_own(rings) and not any(s["on"] == "main" for s in stages) else _merged(rings, written)
    written += ["main"] if merged else []
    for ring in {r for s in stages for r in (s["on"], *s["from"])} | set(merged):
        if written.count(ring) != 1:
            found.append(f"ring {ring} has {written.count(ring)} writers")
    found += [f"ring {ring} is not known" for ring in written if ring not in WELL_KNOWN and ring not in rings]
    found += _races(stages, before, accesses)
    return found


def _all_own(rings: Mapping[str, Any]) -> bool:
    """Whether every ring holds records of the topology's own, which are named by a place: FILE:NAME."""
    return bool(rings) and all(isinstance(ring, dict) and ":" in (ring.get("record") or "") for ring in rings.values())


def _own(rings: Mapping[str, Any], items: list[dict]) -> str:
    """Return the ring that sources fill and handlers get when nothing is said: where all are own, the one that none writes into."""
    free = set(rings) - {ring for item in items for ring in _names(item.get("into", []))}
    return free.pop() if _all_own(rings) and len(free) == 1 else ""


def _merged(rings: Mapping[str, Any], written: list[str]) -> list[str]:
    for ring in rings.values():
        if isinstance(ring, dict) and ring.get("sequence"):
            return [*_names(ring["sequence"]), *_names(ring.get("feedback", []))]
    return ["decoded", *(["feedback"] if "feedback" in written else [])]


def _races(stages: list[dict], before: Mapping[str, set[str]], accesses: Mapping) -> list[str]:
    found = []
    for one in stages:
        for other in stages:
            if one is other or one["on"] != other["on"] or one["use"] not in accesses or other["use"] not in accesses:
                continue
            if one["name"] in before[other["name"]] or other["name"] in before[one["name"]]:
                continue
            reads, writes = accesses[other["use"]]
            if accesses[one["use"]][1] & (reads | writes):
                found.append(f"{one['name']} and {other['name']} race")
    return found


def _closure(name: str, by_name: Mapping[str, dict]) -> set[str]:
    earlier: set[str] = set()
    for _ in by_name:
        for one in [name, *earlier]:
            earlier |= set(by_name[one]["after"]) if one in by_name else set()
    return earlier


def _source(item: dict, own: str) -> dict:
    entry = SOURCES.get(item["use"])
    return {"name": item.get("name") or _default(item["use"]), "into": item.get("into") or own or "frames", "use": item["use"], "entry": entry}


def _stage(item: dict, own: str) -> dict:
    entry = HANDLERS.get(item["use"])
    return {
        "name": item.get("name") or _default(item["use"]), "use": item["use"], "after": _names(item.get("after", [])),
        "on": item.get("on") or (entry.on if entry else own or "main"),
        "from": _names(item.get("from", [])) or list(entry.inlets if entry else ()),
        "into": _names(item.get("into", [])) or list(entry.into if entry else ()),
    }


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) and value else list(value or [])


def _default(use: str) -> str:
    return use.rpartition(":")[2] if ":" in use else use.partition(".")[0]
