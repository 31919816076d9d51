"""Which handlers did something in a run: those that counted anything, or, without counters, saw a record at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hydraflow.topology.shards import instances
from hydraflow.topology.spec import CaseSpec, Topology

__all__ = ["exercised", "stages_to_exercise"]


def stages_to_exercise(topology: Topology) -> list[str]:
    """Return the stages that tests can exercise; the journal is left out of tests."""
    return [s.name for s in topology.stages if s.use != "journal"]


def exercised(topology: Topology, case: CaseSpec, result: Mapping[str, Any]) -> set[str]:
    """Return the stages that a test exercised. One whose component it replaced is not: something else ran in its place."""
    cursors = {entry["name"]: entry["cursor"] for entry in result.get("handlers", [])}
    counters = result.get("counters", {})

    def did_something(name: str) -> bool:
        return _counted(counters[name]) if name in counters else (-1 if cursors.get(name) is None else cursors[name]) >= 0

    return {
        name for name in stages_to_exercise(topology)
        if name not in case.handlers and any(map(did_something, instances(name, {**counters, **cursors})))
    }


def _counted(record: Mapping[str, Any]) -> bool:
    return any(n for field, value in record.items() if not field.startswith(("first_", "pad")) for n in _flat(value))


def _flat(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value
