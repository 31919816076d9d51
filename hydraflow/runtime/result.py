"""What a run amounts to, as data: schema "hfx.run/1". Built from the CnC file alone, so that a dead engine has one too.

The engine adds what only it knows: state hashes, wall figures, the journal's verification.
"""

from __future__ import annotations

from typing import Any

from hydraflow.codes import FrameError, Reason
from hydraflow.runtime.incidents import incidents

__all__ = ["SCHEMA", "from_snapshot"]

SCHEMA = "hfx.run/1"


def from_snapshot(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a result that the CnC snapshot of an engine holds.

    Stages are recognised by the counters that they keep, not by their names, so that a graph with two books or without
    a journal reports what it has.
    """
    counters = snapshot["counters"]
    decode = _sum(counters, ("frames", "errors"))
    book = _sum(counters, ("levels_applied", "checks_passed"))
    risk = _sum(counters, ("decisions", "rejects"))
    sequencer = counters.get("sequencer", {})
    errors, firsts = _frame_errors(decode, counters)
    rejects = {Reason(i).name.lower(): n for i, n in enumerate(risk.get("rejects", [])) if n and i in _REASONS}
    wire = _sum(counters, ("orders_sent", "cancels_sent"))
    return {
        "schema": SCHEMA,
        "name": snapshot["name"],
        "frames": decode.get("frames", 0),
        "messages": sequencer.get("messages", 0),
        "records": {} if sequencer or decode or book or risk else _records(snapshot),
        "level_changes": book.get("levels_applied", 0),
        "sequence_gaps": book.get("sequence_gaps", 0),
        "book_checks": {
            "passed": book.get("checks_passed", 0),
            "failed": book.get("checks_failed", 0),
            **{k: v for k, v in book.items() if k.startswith("checks_") and k not in ("checks_passed", "checks_failed")},
        },
        "book": {k: v + 1 if k.startswith("first_") and v >= 0 else v for k, v in book.items() if not isinstance(v, list)},
        "orders": risk.get("accepted", 0),
        "decisions": risk.get("decisions", 0),
        "fills": risk.get("fills", 0),
        "rejects": sum(n for i, n in enumerate(risk.get("rejects", [])) if i != 0),
        "rejects_by_reason": {k: v for k, v in rejects.items() if k != "accepted"},
        "frame_errors": errors,
        "first_frame_errors": firsts,
        "sequencer": dict(sequencer),
        "risk": {k: v for k, v in risk.items() if not isinstance(v, list)},
        "position_lots": risk.get("position_lots", []),
        "pnl_units": risk.get("pnl_units", []),
        "pnl": risk.get("money", 0) / 1e9,
        "wire": wire,
        "sources": {n: _scalars(c) for n, c in counters.items() if ("frames" in c and "errors" not in c) or "lines" in c or "yields" in c},
        "latency_ns": snapshot["latency_ns"],
        "handlers": snapshot["handlers"],
        "errors": snapshot["errors"],
        "incidents": incidents(snapshot),
        "counters": {stage: {k: v for k, v in c.items() if not k.startswith("pad")} for stage, c in counters.items()},
    }


def _records(snapshot: dict[str, Any]) -> dict[str, int]:
    """Return how many records each ring got that a stage reads, by ring; of an engine in which nothing is traded."""
    cells = snapshot.get("cells", {})
    rings = dict.fromkeys(row["ring"] for row in snapshot["handlers"] if row.get("ring"))
    return {ring: cells[f"ring.{ring}"] + 1 for ring in rings if f"ring.{ring}" in cells}


# what a capture counts of its lines itself: counter, counter of the first line, and the kind that it is reported as
_LINE_ERRORS = (
    ("backwards", "first_backwards", "stamp_backwards"),  # used all the same: time stands still meanwhile
    ("ahead", "first_ahead", "stamp_ahead"),  # used all the same, at the time before
    ("truncated_input", "first_truncated", "truncated_input"),
)


def _frame_errors(decode: dict[str, Any], counters: dict[str, dict[str, Any]]) -> tuple[dict[str, int], dict[str, int]]:
    """Return {kind: count} and {kind: line of the first one, counted from 1 as editors do} of frames that were not used."""
    errors, firsts = {}, {}
    for number, count in enumerate(decode.get("errors", [])):
        if count and number in _FRAME_ERRORS:
            errors[FrameError(number).name.lower()] = count
            firsts[FrameError(number).name.lower()] = decode["first_error"][number] + 1
    for record in counters.values():
        for counter, first, kind in _LINE_ERRORS:
            if record.get(counter, 0) and "lines" in record:
                errors[kind] = errors.get(kind, 0) + record[counter]
                firsts[kind] = min(firsts.get(kind, record[first]), record[first])
    return errors, firsts


_FRAME_ERRORS = {int(e) for e in FrameError}
_REASONS = {int(r) for r in Reason}


def _scalars(record: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in record.items() if not isinstance(v, list)}


def _sum(counters: dict[str, dict[str, Any]], telling: tuple[str, ...]) -> dict[str, Any]:
    """Return the sum over all counter records that have the fields `telling`; `first_…` fields keep the smallest."""
    total: dict[str, Any] = {}
    for record in counters.values():
        if not all(field in record for field in telling):
            continue
        for field, value in record.items():
            if field.startswith("pad"):
                continue
            if field not in total:
                total[field] = list(value) if isinstance(value, list) else value
            elif field.startswith("first_"):
                total[field] = _earlier(total[field], value)
            elif isinstance(value, list):
                total[field] = [a + b for a, b in zip(total[field], value)]
            else:
                total[field] += value
    return total


def _earlier(a: Any, b: Any) -> Any:
    """Return the smaller of two places, element by element; -1 is none."""
    if isinstance(a, list):
        return [_earlier(x, y) for x, y in zip(a, b)]
    return max(a, b) if min(a, b) < 0 else min(a, b)
