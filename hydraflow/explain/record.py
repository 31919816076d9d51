"""Explains records and rings: every field with its type, its unit, what it means and who writes it.

The meanings are the comments beside the fields in hydraflow/records.py, the one place where records are declared. A comment
that begins with a stage ("book: …") names the field's writer, a line of its own ("# route") that of the fields below it.
"""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any

import attrs
import numpy as np

from hydraflow import codes, records
from hydraflow.registry import Registry
from hydraflow.topology.spec import WELL_KNOWN_RINGS

__all__ = ["RECORDS", "explain_own", "explain_record", "explain_ring", "fields_of"]


@attrs.frozen
class _Record:
    """A record. constant : its name in hydraflow.records; writer : of fields whose comments name none."""

    constant: str
    about: str
    writer: str


RECORDS = {
    "frame": _Record("FRAME", "a slot of the ring `frames`: one frame as its source got it; payload: its bytes", "the source"),
    "message": _Record("MESSAGE", "a slot of the rings `decoded` and `main`: what every handler on `main` gets as `event`", ""),
    "level": _Record("LEVEL", "a unit of a message's payload: one price with its quantity", "deserialize"),
    "order": _Record("ORDER", "a line of the order lane beside `main`: orders[slot, k], k < event.order_count", "strategy"),
    "egress": _Record("EGRESS", "a slot of the ring `egress`: one encoded order; payload: its bytes", "wire"),
    "report": _Record("REPORT", "the payload of a message of kind REPORT: what the venue says of an order", "the venue"),
    "feedback": _Record("FEEDBACK", "a slot of the ring `feedback`: what the sequencer will put into `main` when it is due", "the venue"),
    "instrument": _Record("INSTRUMENT", "an entry of the table `instruments`, one per index in the file", "the engine, before the run"),
}
_STAGES = ("strategy", "book", "risk", "route", "mev", "wire")
_UNITS = {"_ns": "ns", "_ticks": "ticks", "_lots": "lots", "_units": "units (tick × lot)", "_ppm": "ppm"}
_ENTRY = re.compile(r'^\s*\("(\w+)", [^#]*?\),?\s*(?:#\s*(.+))?$')


def explain_record(name: str) -> dict[str, Any] | None:
    """Return the page of a record ("message") or of a field of it ("message.bid_count"); None when there is none."""
    record, _, field = name.partition(".")
    if record not in RECORDS:
        return None
    fields = fields_of(record)
    if field:
        found = next((f for f in fields if f["name"] == field), None)
        return None if found is None else {"kind": "field", **found, "name": name, "record": record, "values": _values(found)}
    about = RECORDS[record]
    dtype = getattr(records, about.constant)
    page = {"kind": "record", "name": record, "summary": about.about, "bytes": dtype.itemsize,
            "dtype": f"hydraflow.records.{about.constant}", "fields": fields}
    if record in WELL_KNOWN_RINGS:
        page["more"] = [f"the ring of this name has {WELL_KNOWN_RINGS[record].slots:,} slots unless the file says otherwise"]
    return page


def explain_own(use: str, dtype: np.dtype) -> dict[str, Any]:
    """Return the page of a record of the user's own."""
    fields = [{"name": name, "type": _type(dtype[name]), "unit": "", "offset": dtype.fields[name][1],  # type: ignore[index]
               "written_by": "whoever fills the ring, or a handler", "description": ""} for name in dtype.names or ()]
    return {"kind": "record", "name": use, "summary": "a record of your own, for rings of a topology", "bytes": dtype.itemsize,
            "dtype": use, "fields": fields}


def explain_ring(name: str) -> dict[str, Any] | None:
    """Return the page of a ring that needs no declaration, None for any other."""
    ring = WELL_KNOWN_RINGS.get(name)
    if ring is None:
        return None
    registry = Registry()
    stages = {n: registry.entry("handler", n) for n in registry.names("handler")}
    sources = [n for n in registry.names("source") if name in registry.entry("source", n).into]  # type: ignore[union-attr]
    writers = [*sources, *(n for n, e in stages.items() if e and name in e.into), *(["sequencer"] if name == "main" else [])]
    readers = [n for n, e in stages.items() if e and (e.on == name or name in e.inlets)]
    readers += ["sequencer"] if name in ("decoded", "feedback") else []
    return {"kind": "ring", "name": name, "summary": f"a ring that needs no declaration; its slots hold the record `{ring.record}`",
            "record": ring.record, "slots": ring.slots, "payload": ring.payload, "written_by": writers, "read_by": readers,
            "more": [f"`hfx explain {ring.record}` lists the fields of a slot"]}


@functools.cache
def fields_of(record: str) -> list[dict[str, Any]]:
    """Return the fields of a record, padding left out: name, type, unit, offset, writer, description."""
    about = RECORDS[record]
    dtype = getattr(records, about.constant)
    lines = inspect.getsource(records).partition(f"{about.constant} = record_dtype(")[2].partition("size=")[0].splitlines()
    section, found = about.writer, []
    for line in lines:
        if line.strip().startswith("#"):
            section = _section(line.strip("# "), about.writer)
            continue
        match = _ENTRY.match(line)
        if match is None or "pad" in match[1].split("_") or re.fullmatch(r"pad\d*", match[1]):
            continue
        writer, description = _writer(match[2] or "", section)
        kind, offset = dtype.fields[match[1]][:2]
        unit = next((unit for ending, unit in _UNITS.items() if match[1].endswith(ending)), "")
        found.append({"name": match[1], "type": _type(kind), "unit": unit, "offset": offset, "written_by": writer,
                      "description": description})
    return found


def _section(comment: str, default: str) -> str:
    if comment.startswith("input part"):
        return "the sequencer (in a decoded ring: deserialize)"
    word = re.split(r"\W", comment)[0]
    return word if word in _STAGES else default


def _writer(comment: str, section: str) -> tuple[str, str]:
    """Return the writer and what is left of a comment."""
    comment = re.sub(r"\s*\(writer: .*\)$", "", comment)
    match = re.match(rf"({'|'.join(_STAGES)})\b(?:, (?:{'|'.join(_STAGES)}))*:?\s*(.*)$", comment)
    if match:
        return match[1], match[2]
    if comment.startswith("free for"):
        return "your handlers", comment
    return section, comment


def _values(field: dict[str, Any]) -> dict[str, int]:
    """Return the numbers that may stand in a field of codes, by name."""
    named = re.search(r"codes\.([A-Z]\w+)", field["description"])
    members = getattr(codes, named[1], None) if named else None
    return {member.name: int(member) for member in members} if members else {}


def _type(dtype: np.dtype) -> str:
    base, shape = dtype.subdtype or (dtype, ())
    if base.names:
        return "record"
    words = {"i": "int", "u": "uint", "f": "float", "c": "complex"}
    text = words[base.kind] + str(8 * base.itemsize) if base.kind in words else \
        {"b": "flag", "S": f"{base.itemsize} bytes of text", "U": f"{base.itemsize // 4} characters"}.get(base.kind, str(base))
    return text + "".join(f" × {n}" for n in shape)
