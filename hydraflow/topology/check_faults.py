"""Which stages may go on after a fault (`on_error: skip | park`), and which may not: those in whose middle an order would be lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from disruptor.access import EVERY, overlap
from hydraflow.topology.diagnose import Findings
from hydraflow.topology.spec import HandlerSpec, Topology
from hydraflow.topology.touched import access_of, word

__all__ = ["check_faults"]

_JOURNAL = {"staging"}  # the output of which the journal is known
_ORDERS = ("egress", "feedback")  # records that stand for orders and for what became of them


def check_faults(topology: Topology, bound: Mapping[str, Any], findings: Findings) -> None:
    """Add what is wrong with `on_error` of any stage."""
    for spec in topology.stages:
        if spec.on_error is None or spec.name not in bound or bound[spec.name].spec is not spec:
            continue
        handler = bound[spec.name].handler
        if bool(_JOURNAL & set(handler.max_out)) != (spec.on_error == "continue") and spec.on_error != "halt":
            _refuse_word(spec, findings, journal=bool(_JOURNAL & set(handler.max_out)))
        elif spec.on_error in ("skip", "park"):
            _check_stage(spec, handler, topology, bound, findings)


def _refuse_word(spec: HandlerSpec, findings: Findings, *, journal: bool) -> None:
    if journal:
        findings.error("HF141", f"handler '{spec.name}' is the journal, which can leave nothing out", spec.where("on_error"),
                       label="write halt or continue", notes=("continue: a disk that fails ends the journal, not the run",))
    else:
        findings.error("HF117", f"handler '{spec.name}' cannot `continue`: that is about the journal's disk",
                       spec.where("on_error"), label="write halt, skip or park")


def _check_stage(spec: HandlerSpec, handler: Any, topology: Topology, bound: Mapping[str, Any], findings: Findings) -> None:
    why = _why_not(spec, handler, topology)
    if why:
        findings.error("HF141", f"handler '{spec.name}' cannot go on after a fault: {why}", spec.where("on_error"),
                       label="write halt, or remove it")
        return
    for other in topology.stages:
        if other.on != spec.on or other.name == spec.name or other.name not in bound:
            continue
        shared = overlap(access_of(spec, handler, topology).writes, access_of(other, bound[other.name].handler, topology).writes)
        if shared:
            findings.error("HF142", f"handler '{spec.name}' cannot go on after a fault: what it wrote into {word((spec.on, min(shared)))} could not "
                           f"be told from what '{other.name}' wrote", spec.where("on_error"), label="write halt, or remove it")
            return


def _why_not(spec: HandlerSpec, handler: Any, topology: Topology) -> str:
    """Return why a stage may not pass a record by, "" when it may."""
    for ring in spec.into:
        if ring in topology.rings and topology.rings[ring].record in _ORDERS:
            return f"an order would be lost on its way into '{ring}'"
    if spec.inlets:
        return f"it drains '{spec.inlets[0]}' itself, and what it had taken would be lost"
    if (spec.replicas or 1) > 1:
        return "it has shards, and one that is parked would leave out some messages and not others"
    touched = access_of(spec, handler, topology)
    if EVERY in touched.writes:
        return "which fields it writes is not known, and those would have to be made zero again"
    if "orders" in handler.arguments and "order_count" not in touched.writes:
        return "it stands in the middle of an order: one that it had not finished with would go on as it is"
    if spec.on_error not in handler.on_error_choices:
        return f"it allows {' or '.join(handler.on_error_choices)} only, for its state would no longer be true"
    if not handler.jit and touched.writes:
        return f"it is a Python handler and writes '{min(touched.writes)}': which messages share its batch is chance"
    return ""
