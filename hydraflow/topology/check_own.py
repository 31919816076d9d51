"""Checks of handlers on rings of own records: what they ask for must be there without messages, orders and instruments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydraflow.topology.diagnose import Findings
from hydraflow.topology.graph import ancestors, nodes, writers
from hydraflow.topology.spec import HandlerSpec, Topology, is_own, trades

__all__ = ["check_own"]

_JOURNAL = "staging"  # the output of which the journal is known


def check_own(topology: Topology, bound: Mapping[str, Any], findings: Findings) -> None:
    """Add what is wrong. bound : stage name → hydraflow.topology.components.Bound."""
    for spec in topology.stages:
        one, ring = bound.get(spec.name), topology.rings.get(spec.on)
        if one is None or one.spec is not spec:
            continue
        if ring is not None and is_own(ring.record):
            _check_offers(spec, one.handler, topology, findings)
        for position, name in enumerate(spec.inlets):
            drained = topology.rings.get(name)
            if drained is not None and is_own(drained.record) and name not in one.handler.arguments:
                findings.error("HF567", f"handler '{spec.name}' takes from ring '{name}', but has no argument of that name",
                               spec.where("from", position), label=f"def {one.handler.name}(event, {name}, …)")
    if not findings.failed:
        _check_apart(topology, findings)


def _check_apart(topology: Topology, findings: Findings) -> None:
    """A ring is drained when a record of the stage's own ring comes. Of another source it has an order, and an end, of its own."""
    stages = nodes(topology)
    filled = writers(stages)
    edges = {stage.name: [writer.name for ring in stage.reads for writer in filled.get(ring, ())] for stage in stages}
    sources = {stage.name for stage in stages if stage.kind == "source"}

    def origins(ring: str) -> set[str]:
        names = {writer.name for writer in filled.get(ring, ())}
        return sources & names.union(*(ancestors(edges, name) for name in names))

    for spec in topology.stages:
        for position, name in enumerate(spec.inlets):
            if apart := sorted(origins(name) - origins(spec.on)):
                whose = " and ".join(f"'{source}'" for source in apart)
                findings.warning("HF860", f"handler '{spec.name}' takes from '{name}', which {whose} fills apart from '{spec.on}': what it "
                                 "finds there depends on timing", spec.where("from", position),
                                 label=f"taken only when '{spec.on}' brings a record",
                                 notes=(f"when '{spec.on}' ends first, {whose} waits for room in '{name}' and the run does not end",
                                        "let one source yield both, in one ring: heapq.merge puts two streams into one order"))


def _check_offers(spec: HandlerSpec, handler: Any, topology: Topology, findings: Findings) -> None:
    if _JOURNAL in handler.max_out:
        findings.error("HF566", f"handler '{spec.name}' is the journal, which holds messages; ring '{spec.on}' holds records of its own",
                       spec.where("on") or spec.where("use"), label="remove the stage",
                       notes=(f"hfx run FILE --record {spec.on}={spec.on}.npy writes its records; use: recording plays them again",))
        return
    for name, there, why in (
        ("orders", False, "order lines lie beside the messages of the sequenced ring"),
        ("instruments", trades(topology) or bool(topology.instruments), "nothing is traded in this topology"),
    ):
        if name in handler.arguments and name not in handler.max_out and not there:
            findings.error("HF566", f"handler '{spec.name}' asks for '{name}', which ring '{spec.on}' does not have: {why}",
                           spec.where("use"), label="give the argument another name" if name == "orders" else "list instruments:, or do without")
