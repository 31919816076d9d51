"""Checks of the rings: who writes, who reads, sizes, and that every cycle passes a feedback edge."""

from __future__ import annotations

from itertools import pairwise

import attrs

from hydraflow.topology.diagnose import Findings, Related, Span, did_you_mean, plural
from hydraflow.topology.doubts import Doubts, doubtful
from hydraflow.topology.graph import Node, cycles, nodes, readers, ring_edges, writers
from hydraflow.topology.spec import RECORDS, RingSpec, Topology, is_own

__all__ = ["check_rings", "place_of_ring"]

PAGE = 4096
_OWN_NOT_MERGED = "rings of own records are not merged: let one source yield both, in one order"
_UNIT_SIZES = {"bytes": 1, "levels": 16}


def check_rings(topology: Topology, stages: list[Node], findings: Findings, doubts: Doubts) -> None:
    """Add everything that is wrong with the rings of `topology` to `findings`."""
    known = _check_references(topology, findings)
    outputs, inputs = _misnamed(topology, known)
    unmerged = any(ring.feedback and not ring.sequence for ring in topology.rings.values())
    outputs |= findings.has("HF104") or unmerged
    inputs |= unmerged
    _check_ends(topology, stages, findings, attrs.evolve(doubts, outputs=doubts.outputs or outputs, inputs=doubts.inputs or inputs))
    _check_sequencer(topology, findings)
    if not (doubts.inputs or doubts.outputs):
        _check_cycles(topology, stages, findings)
    for ring in topology.rings.values():
        _check_sizes(ring, topology, findings)


def place_of_ring(topology: Topology, name: str) -> Span | None:
    """Return the span of the ring's declaration, or of its first mention."""
    rings = topology.node.entries.get("rings") if topology.node else None
    if rings and name in rings[1].entries:
        return rings[1].where_key(name)
    for spec in (*topology.sources, *topology.stages):
        for key in ("on", "from", "into"):
            value = spec.node.entries.get(key) if spec.node else None
            for node in ([value[1]] if value and value[1].kind == "scalar" else value[1].items if value else []):
                if node.text == name:
                    return node.span
    users = [s for s in topology.sources if s.into == name]
    users += [s for s in topology.stages if name in (s.on, *s.inlets, *s.into)]  # type: ignore[misc]
    return users[0].where() if users else topology.where_key("handlers")


def _check_references(topology: Topology, findings: Findings) -> set[str]:
    """Report names that no ring has, each once; return the names that exist."""
    known = set(topology.rings)
    strangers: dict[str, list[tuple[str, Span | None]]] = {}

    def look(owner: str, name: str, span: Span | None) -> None:
        if name and name not in known:
            strangers.setdefault(name, []).append((owner, span))

    for source in topology.sources:
        look(f"source '{source.name}' fills", source.into, source.where("into"))
    for spec in topology.stages:
        if not spec.use:
            continue
        look(f"handler '{spec.name}' reads", spec.on, spec.where("on"))
        for key, names, verb in (("from", spec.inlets, "takes from"), ("into", spec.into, "publishes into")):
            for position, name in enumerate(names):
                look(f"handler '{spec.name}' {verb}", name, spec.where(key, position))
    for ring in topology.rings.values():
        for key in ("sequence", "feedback"):
            for position, name in enumerate(getattr(ring, key)):
                look(f"ring '{ring.name}' merges", name, ring.where(key, position))
    _report_strangers(topology, known, strangers, findings)
    return known


def _report_strangers(topology: Topology, known: set[str], strangers: dict[str, list[tuple[str, Span | None]]], findings: Findings) -> None:
    """Report rings that are not there. Where the section itself is missing, that is one mistake."""
    section = topology.node.entries.get("rings") if topology.node else None
    if section is not None and section[1].repeated:
        return  # one that is given twice may be meant, which has been reported
    groups = [[one] for one in strangers] if section is not None or not topology.node else [list(strangers)] if strangers else []
    for names in groups:
        name = names[0]
        (owner, span), *others = strangers[name]
        others += [place for more in names[1:] for place in strangers[more]]
        close = did_you_mean(name, known)
        if close and not close.isidentifier():
            continue  # what is meant has a name that no ring can have, which has been reported
        findings.error("HF106", f"{owner} '{name}', which is not a ring", span,
                       label=f"did you mean '{close}'?" if close else "declare it under rings:",
                       related=tuple(Related(at, "here, too") for _, at in others[:3] if at), notes=(f"known: {', '.join(sorted(known))}",))


def _misnamed(topology: Topology, known: set[str]) -> tuple[bool, bool]:
    """Return whether a stage writes, and whether one reads, a ring that is not there: it may mean one that seems unused."""
    into = [source.into for source in topology.sources] + [ring for spec in topology.stages for ring in spec.into]
    read = [ring for spec in topology.stages for ring in (spec.on, *spec.inlets)]
    read += [name for ring in topology.rings.values() for name in (*ring.sequence, *ring.feedback)]
    return not known.issuperset(filter(None, into)), not known.issuperset(filter(None, read))


def _check_ends(topology: Topology, stages: list[Node], findings: Findings, doubts: Doubts) -> None:
    writing, reading = writers(stages), readers(stages)
    crowded = [ends for name, ends in writing.items() if name in topology.rings and len(ends) > 1]
    misnamed = findings.has("HF109")  # a ring that has no name, or no use, may be meant by the other
    for name in topology.rings:
        ends = writing.get(name, [])
        if len({end.name for end in ends}) > 1:
            spans = [_output_place(stage, name) for stage in ends]
            related = tuple(Related(s, f"'{e.name}' writes it") for s, e in zip(spans[:-1], ends[:-1], strict=True) if s)
            names = " and ".join(f"'{e.name}'" for e in ends)
            findings.error("HF110", f"ring '{name}' has {len(ends)} writers: {names}; a ring has one", spans[-1],
                           label=f"'{ends[-1].name}' writes it too", related=related,
                           notes=(*(f"nothing writes '{r}'" for r in topology.rings if reading.get(r) and not writing.get(r)),
                                  _merged_by(topology.rings[name])))
        if not ends and not doubts.outputs and not crowded and not misnamed:
            _report_unfed(topology, name, reading.get(name, []), findings)
        if not reading.get(name) and not doubts.inputs and ends and topology.rings[name].record == "feedback":
            _report_unmerged(topology, name, ends[-1], findings)
        elif not reading.get(name) and not doubts.inputs and not misnamed:
            span = place_of_ring(topology, name)
            verb = "is declared, but nothing writes or reads it" if not ends else "is written, but nothing reads it"
            findings.warning("HF114", f"ring '{name}' {verb}", span)
    _check_records(topology, stages, findings)


def _report_unmerged(topology: Topology, name: str, writer: Node, findings: Findings) -> None:
    """Report answers that the sequencer never gets."""
    merged = topology.sequenced
    into = _output_place(writer, name)
    findings.error("HF120", f"handler '{writer.name}' answers into '{name}', which no ring merges: its answers are lost",
                   (merged.where() if merged and merged.node else None) or into,
                   label=f"add feedback: [{name}]" if merged and merged.node else f"under rings: main: {{sequence: [decoded], feedback: [{name}]}}",
                   related=(Related(into, "answers here"),) if into and merged and merged.node else ())


def _report_unfed(topology: Topology, name: str, stages: list[Node], findings: Findings) -> None:
    """Report, once, a ring that nothing writes, at the first stage that reads it."""
    if not stages:
        return
    stage = stages[0]
    if stage.kind == "sequencer":
        ring: RingSpec = stage.spec
        key = "sequence" if name in ring.sequence else "feedback"
        span = ring.where(key, getattr(ring, key).index(name)) if ring.node else place_of_ring(topology, ring.name)
        findings.error("HF108", f"ring '{ring.name}' merges '{name}', which nothing writes", span,
                       notes=(f"a handler with into: {name} is missing",))
        return
    span, *others = [_reading_place(one, name) for one in stages if one.kind != "sequencer"]
    related = tuple(Related(other, "read here, too") for other in others[:3] if other)
    many = f" and {plural(len(others), 'other')}" if others else ""
    findings.error("HF108", f"handler '{stage.name}'{many} read{'' if many else 's'} ring '{name}', which nothing writes", span,
                   label="it would never get a record", related=related)


def _reading_place(stage: Node, name: str) -> Span | None:
    key = "on" if stage.spec.on == name else "from"
    position = () if key == "on" else (stage.spec.inlets.index(name),)
    return stage.spec.where(key, *position)


def _check_records(topology: Topology, stages: list[Node], findings: Findings) -> None:
    for source in topology.sources:
        ring = topology.rings.get(source.into)
        if ring and ring.record in RECORDS and ring.record != "frame":
            findings.error("HF207", f"source '{source.name}' fills '{ring.name}', whose record is '{ring.record}', not "
                           "'frame'", source.where("into"))
    for ring in topology.rings.values():
        if ring.sequence and ring.record and ring.record != "message":
            findings.error("HF207", f"ring '{ring.name}' merges others, so its record must be 'message', not '{ring.record}'",
                           ring.where("record"), notes=(_OWN_NOT_MERGED,) if is_own(ring.record) else ())
            if is_own(ring.record):
                continue  # what it merges is of this kind too: one mistake
        for key, wanted in (("sequence", "message"), ("feedback", "feedback")):
            for position, name in enumerate(getattr(ring, key)):
                part = topology.rings.get(name)
                if part and part.record and part.record != wanted:
                    findings.error("HF207", f"ring '{ring.name}': {key} takes rings of '{wanted}', but '{name}' holds "
                                   f"'{part.record}'", ring.where(key, position),
                                   notes=(_OWN_NOT_MERGED,) if is_own(part.record) else ())


def _merged_by(ring: RingSpec) -> str:
    """Return what to do where several want to write a ring."""
    if is_own(ring.record):
        return _OWN_NOT_MERGED
    return "give each its own ring; the sequencer merges them: sequence: [a, b]"


def _check_sequencer(topology: Topology, findings: Findings) -> None:
    merging = [ring for ring in topology.rings.values() if ring.sequence]
    if len(merging) > 1:
        at = merging[0].where("sequence")
        findings.error("HF113", f"rings '{merging[0].name}' and '{merging[1].name}' both have a sequence; a topology has one "
                       "order", merging[1].where("sequence"), related=(Related(at, "first here"),) if at else ())
    for ring in topology.rings.values():
        if ring.feedback and not ring.sequence and not doubtful(ring, "sequence"):
            findings.error("HF113", f"ring '{ring.name}' has feedback but no sequence", ring.where("feedback"),
                           label="add sequence: [decoded]")
        if len(ring.feedback) > 1:
            findings.error("HF113", f"ring '{ring.name}' has {len(ring.feedback)} feedback rings; it may have one",
                           ring.where("feedback", 1), label="remove it")
        for position, name in enumerate(ring.sequence):
            _check_distance(ring, position, name, topology, findings)


def _check_distance(ring: RingSpec, position: int, name: str, topology: Topology, findings: Findings) -> None:
    fed = {source.into for source in topology.sources}
    for spec in topology.stages:
        if name in spec.into and spec.on not in fed and any(spec.on in other.into for other in topology.stages):
            findings.error("HF116", f"ring '{ring.name}' merges '{name}', but its writer '{spec.name}' reads '{spec.on}', "
                           "which no source fills", ring.where("sequence", position),
                           label="a decoder reads a source's ring")


def _check_cycles(topology: Topology, stages: list[Node], findings: Findings) -> None:
    edges = ring_edges(stages)
    for path in cycles(edges):
        names = [edges[a][b] for a, b in pairwise(path)]
        way = path[0] + "".join(f" → ({n}) → {r}" for n, r in zip(names, path[1:], strict=True))
        closing = next((s for s in nodes(topology) if s.name == names[-1]), None)
        findings.error("HF111", f"the rings form a cycle that passes no feedback edge: {way}",
                       _output_place(closing, path[-1]) if closing else None,
                       notes=("two full rings would wait for each other for ever",
                              "publish into a ring of record feedback and name it in feedback: of the sequenced ring"))


def _check_sizes(ring: RingSpec, topology: Topology, findings: Findings) -> None:
    place = place_of_ring(topology, ring.name)
    if not ring.record and doubtful(ring, "record"):
        return
    if not ring.record:
        findings.error("HF008", f"ring '{ring.name}': key 'record' is missing", place,
                       label="add record: frame", notes=(f"one of {', '.join(RECORDS)}, or one of your own: ./file.py:NAME",))
        return
    if not ring.slots:
        if not (ring.node and "slots" in ring.node.entries) and not doubtful(ring, "slots"):
            findings.error("HF008", f"ring '{ring.name}': key 'slots' is missing", place, label="add slots: 4096")
    elif ring.slots & (ring.slots - 1):
        findings.error("HF201", f"ring '{ring.name}': slots must be a power of two, got {ring.slots:,}", ring.where("slots"),
                       label=f"the next one is {1 << ring.slots.bit_length()}")
    unit = "bytes" if is_own(ring.record) and ring.payload else RECORDS.get(ring.record)
    if unit is None:
        if ring.payload:
            findings.error("HF203", f"ring '{ring.name}': a record of kind '{ring.record}' has no payload", ring.where_key("payload"),
                           label="remove it")
        return
    if not ring.payload:
        findings.error("HF202", f"ring '{ring.name}': a record of kind '{ring.record}' needs a payload ring", place,
                       label="add payload: 1MiB" if unit == "bytes" else "add payload: 262144")
        return
    size = ring.payload * _UNIT_SIZES[unit]
    if ring.payload & (ring.payload - 1) or size % PAGE:
        following = max(1 << (ring.payload - 1).bit_length(), PAGE // _UNIT_SIZES[unit])
        findings.error("HF204", f"ring '{ring.name}': payload must be a power of two of {unit}, at least "
                       f"{PAGE // _UNIT_SIZES[unit]:,}, got {ring.payload:,}", ring.where("payload"),
                       label=f"the next one is {following}")


def _output_place(stage: Node, ring: str) -> Span | None:
    if stage.kind == "sequencer":
        return stage.spec.where("sequence")
    if stage.kind == "source":
        return stage.spec.where("into")
    into = stage.spec.node.entries.get("into") if stage.spec.node else None
    if into is None:
        return stage.spec.where()
    position = stage.spec.into.index(ring) if ring in stage.spec.into else 0
    return stage.spec.where("into", position)
