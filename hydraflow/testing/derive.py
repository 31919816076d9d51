"""From a checked topology and one of its tests to the topology that the engine runs for it.

Every source becomes a capture under its own name, of a ring of own records a recording, so that the stages, and the compiled loop, are the same for every input:
the test's frames for one of them, an empty file for the others. The journal is left out, placement is one thread, and
files beside the topology are named by their whole path, because the derived file lies elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from hydraflow.runtime.instruments import instruments_of
from hydraflow.topology.check_tests import replaced
from hydraflow.topology.nodes import Node
from hydraflow.topology.spec import CaseSpec, HandlerSpec, InstrumentSpec, SourceSpec, Topology, is_own, trades

__all__ = ["Derived", "derive"]

_JOURNAL = "journal"
_LEFT_OUT = ("include", "tests", "placement", "sources", "handlers", "sinks", "instruments", "name")


@attrs.frozen
class Derived:
    """tree : plain data of the topology file; environment : values of the variables that stand in it."""

    tree: dict[str, Any]
    environment: dict[str, str]


def derive(topology: Topology, case: CaseSpec, capture: Path, nothing: Path) -> Derived:
    """Return the topology in which `case` runs.

    capture : its frames, or its records as .npy; nothing : an empty file; in its folder lie NAME.npy without records, for each
    source of own records.
    """
    assert topology.node is not None
    assert case.input is not None
    writer = _Writer(Path(topology.path).parent.resolve())
    tree = {key: writer.plain(node) for key, (_, node) in topology.node.entries.items() if key not in _LEFT_OUT}
    fed = case.input.source or topology.sources[0].name
    changed = replaced(topology, case)
    tree["name"] = topology.name
    tree["sources"] = [_replayed(s, topology, capture if s.name == fed else None, nothing) for s in topology.sources]
    if topology.rings and "rings" in tree:
        writer.records(tree["rings"], topology)
    journals = {s.name for s in topology.stages if s.use == _JOURNAL}
    for section, specs in (("handlers", topology.handlers), ("sinks", topology.sinks)):
        kept = [changed.get(s.name, s) for s in specs if s.name not in journals]
        tree[section] = [writer.stage(spec, journals) for spec in kept]
    tree["instruments"] = writer.instruments(topology, case)
    return Derived(tree, writer.environment)


def _replayed(spec: SourceSpec, topology: Topology, given: Path | None, nothing: Path) -> dict[str, Any]:
    own = is_own(topology.rings[spec.into].record)
    path = given or (nothing.with_name(f"{spec.name}.npy") if own else nothing)
    return {"name": spec.name, "use": "recording" if own else "capture", "into": spec.into, "with": {"path": str(path)}}


class _Writer:
    """Makes plain data of nodes. A value that came from a variable stays one: the field that takes it decides its type."""

    def __init__(self, folder: Path) -> None:
        self.environment: dict[str, str] = {}
        self._folder = folder

    def plain(self, node: Node) -> Any:
        if node.kind == "map":
            return {key: self.plain(child) for key, (_, child) in node.entries.items()}
        if node.kind == "list":
            return [self.plain(child) for child in node.items]
        if node.variables:
            name = f"HYDRAFLOW_TEST_VALUE_{len(self.environment)}"
            self.environment[name] = node.text
            return f"${{{name}}}"
        return node.value.replace("$", "$$") if isinstance(node.value, str) else node.value

    def records(self, rings: dict[str, Any], topology: Topology) -> None:
        """Name the files of own records by their whole path."""
        for name, keys in rings.items():
            ring = topology.rings.get(name)
            if isinstance(keys, dict) and ring is not None and is_own(ring.record):
                keys["record"] = self._located(ring.record)

    def _located(self, use: str) -> str:
        where, colon, attribute = use.rpartition(":")
        return (f"{self._folder / where}:{attribute}" if colon and where.endswith(".py") else use).replace("$", "$$")

    def stage(self, spec: HandlerSpec, journals: set[str]) -> dict[str, Any]:
        assert spec.node is not None
        out = {key: self.plain(node) for key, (_, node) in spec.node.entries.items()}
        out |= {"name": spec.name, "use": self._located(spec.use)}
        if journals or spec.auto:
            out["after"] = [name for name in spec.after if name not in journals]
        return out

    def instruments(self, topology: Topology, case: CaseSpec) -> list[Any]:
        """What is traded: as the file says, or as its sources know, or as the test's simulator does."""
        assert topology.node is not None
        written = topology.node.entries.get("instruments")
        if topology.instruments and written:
            return self.plain(written[1])
        if not trades(topology):
            return []
        specs = instruments_of(topology, topology.bound)
        if not specs and case.input is not None and case.input.simulator is not None:
            from hydraflow.ingress.simulator.source import simulator
            from hydraflow.testing.inputs import simulator_parameters

            specs = [InstrumentSpec(**keys) for keys in simulator.instruments(simulator_parameters(case.input))]
        return [_instrument(spec) for spec in specs]


def _instrument(spec: InstrumentSpec) -> dict[str, Any]:
    fields = [f for f in attrs.fields(InstrumentSpec) if not f.metadata.get("internal")]
    return {f.name: getattr(spec, f.name) for f in fields if getattr(spec, f.name) is not None}
