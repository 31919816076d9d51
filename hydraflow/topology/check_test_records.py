"""Checks of what tests say of own records: literal ones and files that come in, rows of rings that must come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hydraflow.topology.comparison import FORMS, comparison
from hydraflow.topology.convert import describe
from hydraflow.topology.diagnose import Findings, Span, did_you_mean
from hydraflow.topology.layouts import layout_of
from hydraflow.topology.nodes import Node, is_unknown
from hydraflow.topology.spec import CaseSpec, ExpectSpec, InputSpec, RingSpec, Topology, is_own

__all__ = ["check_expected_rings", "check_records", "fed_ring", "literal_rows"]


def fed_ring(topology: Topology, given: InputSpec) -> RingSpec | None:
    """Return the ring that an input's source fills, None where no such source is there."""
    sources = {s.name: s for s in topology.sources}
    spec = sources.get(given.source) if given.source else next(iter(topology.sources), None)
    return topology.rings.get(spec.into) if spec is not None else None


def literal_rows(records: Any) -> list[Any]:
    """Return literal records as generators yield them: dicts, and tuples for lists."""
    return [tuple(row) if isinstance(row, list) else row for row in records]


def check_records(topology: Topology, case: CaseSpec, ring: RingSpec, findings: Findings) -> None:
    """Add what is wrong with the input of a test whose source fills a ring of own records."""
    from hydraflow.errors import HydraFlowError
    from hydraflow.ingress.generator import RecordError, Rows
    from hydraflow.ingress.playback import load_records

    given, layout = case.input, layout_of(ring)
    assert given is not None
    if layout is None:
        return
    if given.file is not None:
        try:
            load_records(str(Path(topology.path).parent / given.file), layout)
        except HydraFlowError as error:
            findings.error("HF568", f"test '{case.name}': {error}", given.where("file"))
        return
    node = given.node.entries["records"][1] if given.node else Node.of(given.records)
    if is_unknown(node):
        return
    if node.kind != "list":
        findings.error("HF568", f"test '{case.name}': records must be a list, got {describe(node)}", node.span,
                       label="write [{field: value, …}, …]")
        return
    rows, place = Rows(layout), np.zeros(1, layout)
    for item in node.items:
        try:
            rows.store(place, 0, *literal_rows([item.plain()]))
        except RecordError as error:
            findings.error("HF568", f"test '{case.name}': no record of ring '{ring.name}': {error}", item.span)


def check_expected_rings(topology: Topology, case: CaseSpec, expect: ExpectSpec, findings: Findings, *, known: bool = True) -> None:
    """Add what is wrong with the rows that a test expects on rings. known : which rings there are is certain."""
    own = [name for name, ring in topology.rings.items() if is_own(ring.record)]
    written = expect.node.entries["rings"][1] if expect.node and "rings" in expect.node.entries else Node.of(expect.rings)
    for name, (span, node) in written.entries.items() if written.kind == "map" else ():
        if name not in own:
            if not known:
                continue
            what = "holds messages of the engine" if name in topology.rings else "is not there"
            close = did_you_mean(name, own)
            findings.error("HF569", f"test '{case.name}': ring '{name}' {what}; rows are expected on rings of own records", span,
                           label=f"did you mean '{close}'?" if close else "", notes=(f"known: {', '.join(own)}",) if own else ())
        elif node.kind == "list":
            for item in node.items:
                _check_row(case, topology.rings[name], item, findings)
        elif not is_unknown(node) and (node.kind != "scalar" or comparison(node.value) is None):
            _wrong(case, f"ring '{name}' must be a list of records, or how many there are, got {describe(node)}", node.span, findings)


def _check_row(case: CaseSpec, ring: RingSpec, item: Node, findings: Findings) -> None:
    layout = layout_of(ring)
    names = list(layout.names or ()) if layout is not None else []
    if item.kind != "map":
        if not is_unknown(item):
            _wrong(case, f"a record of ring '{ring.name}' must be a mapping of fields, got {describe(item)}", item.span, findings)
        return
    for field, (span, node) in item.entries.items():
        if layout is None:
            return
        if field not in names:
            close = did_you_mean(field, names)
            findings.error("HF569", f"test '{case.name}': a record of ring '{ring.name}' has no field '{field}'", span,
                           label=f"did you mean '{close}'?" if close else "", notes=(f"fields: {', '.join(names)}",))
        elif node.kind == "scalar" and layout[field].kind in "iuf" and comparison(node.value) is None and not is_unknown(node):
            _wrong(case, f"{field} must be a number or a comparison, got {describe(node)}", node.span, findings, notes=(f"write {FORMS}",))


def _wrong(case: CaseSpec, message: str, span: Span | None, findings: Findings, **more: Any) -> None:
    findings.error("HF604", f"test '{case.name}': {message}", span, **more)
