"""What the records of a ring look like: those of the engine, and those that a topology brings.

`bind_records` imports what `record:` names and keeps its dtype in the ring; nothing else of a topology knows where a record
came from.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np

from hydraflow.records import EGRESS, FEEDBACK, FRAME, LEVEL, MESSAGE
from hydraflow.registry import ComponentError, Registry
from hydraflow.topology.diagnose import Findings, did_you_mean
from hydraflow.topology.spec import RingSpec, Topology, is_own

__all__ = ["LAYOUTS", "PAYLOAD_FIELDS", "bind_records", "layout_of", "unit_of"]

LAYOUTS: Mapping[str, np.dtype] = {"frame": FRAME, "message": MESSAGE, "egress": EGRESS, "feedback": FEEDBACK}
PAYLOAD_FIELDS = ("payload_position", "payload_count")
RECORD_BYTES_MAX = 64 << 10
RING_BYTES_MAX = 16 << 30
_UNITS = {"message": LEVEL, "feedback": None}


def layout_of(ring: RingSpec | None) -> np.dtype | None:
    """Return the dtype of a ring's records, None when it is not known."""
    if ring is None:
        return None
    return LAYOUTS.get(ring.record, ring.layout)


def unit_of(ring: RingSpec) -> np.dtype | None:
    """Return the dtype of a unit of a ring's payload, None for a ring without payload."""
    if is_own(ring.record) and not ring.payload:
        return None
    unit = _UNITS.get(ring.record, np.uint8)
    return None if unit is None else np.dtype(unit)


def bind_records(topology: Topology, registry: Registry, findings: Findings) -> Topology:
    """Return the topology with the dtype of every record of its own; what cannot be one is in `findings`."""
    folder = topology.path.rpartition("/")[0] or "."
    rings = {}
    for name, ring in topology.rings.items():
        if is_own(ring.record):
            layout = _bound(ring, registry, folder, findings)
            ring = attrs.evolve(ring, layout=layout)
            if layout is not None:
                _check_layout(ring, layout, findings)
        rings[name] = ring
    return attrs.evolve(topology, rings=rings)


def _bound(ring: RingSpec, registry: Registry, folder: str, findings: Findings) -> np.dtype | None:
    try:
        return registry.record(ring.record, folder)
    except ComponentError as error:
        close = did_you_mean(ring.record.rpartition(":")[2] if error.code == "HF560" else ring.record, error.close)
        findings.error(error.code, f"ring '{ring.name}': {error}", ring.where("record"),
                       label=f"did you mean '{close}'?" if close else "", notes=error.notes)
        return None


def _check_layout(ring: RingSpec, layout: np.dtype, findings: Findings) -> None:
    if layout.itemsize > RECORD_BYTES_MAX:
        findings.error("HF562", f"ring '{ring.name}': a record of {layout.itemsize:,} bytes is too large; at most {RECORD_BYTES_MAX:,}",
                       ring.where("record"), label="make it smaller",
                       notes=("what varies in length goes into a payload ring: payload: 1MiB",))
    elif layout.itemsize * ring.slots > RING_BYTES_MAX:
        most = 1 << ((RING_BYTES_MAX // layout.itemsize).bit_length() - 1)
        findings.error("HF562", f"ring '{ring.name}': {ring.slots:,} records of {layout.itemsize:,} bytes are "
                       f"{ring.slots * layout.itemsize >> 20:,} MiB of memory; a ring has at most {RING_BYTES_MAX >> 30} GiB",
                       ring.where("slots"), label=f"at most {most}")
    absent = [name for name in PAYLOAD_FIELDS if name not in (layout.names or ())]
    if ring.payload and absent:
        lacking = " and ".join(f"'{name}'" for name in absent)
        findings.error("HF563", f"ring '{ring.name}' has a payload, but its record has no {lacking}", ring.where_key("payload"),
                       label="remove it, or add the fields",
                       notes=('("payload_position", "i8"), ("payload_count", "i8"): where the bytes of a record begin, and how many',))
