"""Checks of sources against the rings that they fill: frames go into rings of frames, own records into rings of that record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydraflow.topology.check_rings import place_of_ring
from hydraflow.topology.diagnose import Findings
from hydraflow.topology.spec import RingSpec, SourceSpec, Topology, is_own

__all__ = ["SOURCE_SLOTS", "check_sources", "source_argument"]

SOURCE_SLOTS = 64  # what a source or the sequencer may publish in one turn, unless it says otherwise
_FRAMES = "frames"


def source_argument(arguments: Sequence[str], ring: str) -> str:
    """Return the name by which a compiled step calls its port into a ring of own records."""
    return ring if ring in arguments else "records"


def check_sources(topology: Topology, bound: Mapping[str, Any], findings: Findings) -> None:
    """Add what sources bring that their rings do not hold. bound : stage name → hydraflow.topology.components.Bound."""
    for spec in topology.sources:
        one, ring = bound.get(spec.name), topology.rings.get(spec.into)
        if one is None or one.spec is not spec or ring is None or not ring.record:
            continue
        if one.handler.jit:
            _check_step(spec, ring, one.handler, topology, findings)
        else:
            _check_generator(spec, ring, findings)


def _check_generator(spec: SourceSpec, ring: RingSpec, findings: Findings) -> None:
    if ring.record == "frame":
        findings.error("HF564", f"source '{spec.name}' is a Python generator, which fills rings of your own records; '{ring.name}' "
                       "holds frames", spec.where("into") or spec.where("use"), label="name a ring of its record",
                       notes=("under rings: readings: {record: ./file.py:READING, slots: 4096}",))
    elif is_own(ring.record) and ring.payload:
        findings.error("HF564", f"source '{spec.name}' is a Python generator, which brings no payload; ring '{ring.name}' has one",
                       spec.where("into") or spec.where("use"),
                       label="a compiled step brings one", notes=("or give the record a field of bytes: (\"text\", \"u1\", (64,))",))


def _check_step(spec: SourceSpec, ring: RingSpec, source: Any, topology: Topology, findings: Findings) -> None:
    if not is_own(ring.record):
        if ring.record == "frame" and _FRAMES not in source.arguments and source.arguments:
            findings.error("HF565", f"source '{spec.name}' has no argument 'frames', through which it would fill '{ring.name}'",
                           spec.where("use"), notes=("def step(state, frames, room, payload_room, now, stamps)",))
        return
    name = source_argument(source.arguments, ring.name)
    if name not in source.arguments:
        brings = f"it brings frames, and '{ring.name}' holds records of its own" if _FRAMES in source.arguments else \
            f"none of its arguments ({', '.join(source.arguments) or 'it has none'}) is called 'records' or '{ring.name}'"
        findings.error("HF565", f"source '{spec.name}' cannot fill ring '{ring.name}': {brings}",
                       spec.where("into") or spec.where("use"),
                       label="name a ring of frames" if _FRAMES in source.arguments else "")
        return
    most = source.max_out.get(name, SOURCE_SLOTS)
    if ring.slots and not ring.slots & (ring.slots - 1) and ring.slots < most:
        findings.error("HF206", f"ring '{ring.name}' has {ring.slots:,} slots; source '{spec.name}' needs {most:,}",
                       ring.where("slots") or place_of_ring(topology, ring.name), label=f"write slots: {1 << (most - 1).bit_length()} or more")
    units = source.max_payload.get(name, 0)
    if units > ring.payload:
        findings.error("HF206", f"ring '{ring.name}' has room for {ring.payload:,} bytes of payload; source '{spec.name}' needs {units:,}",
                       ring.where("payload") or place_of_ring(topology, ring.name),
                       label=f"write payload: {max(4096, 1 << (units - 1).bit_length())} or more")
