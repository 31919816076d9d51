"""What a run went on after: stages that passed messages by, or were parked. From the CnC file alone; numba is not loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from disruptor.layout import NOT_PARKED

__all__ = ["PARKED", "SKIPPED", "incidents", "parked_fault"]

SKIPPED, PARKED = 4, 5  # codes in the distinct-error log


def incidents(snapshot: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, of a CnC snapshot, each stage whose faults did not end the run and that had some.

    Keys: handler, skipped (records), parked_at (sequence, None), first (sequence, -1 when not known), texts.
    """
    found = []
    for name, count in snapshot.get("cells", {}).items():
        if not (name.startswith("stage.") and name.endswith(".skipped") and count):
            continue
        handler = name.removeprefix("stage.").removesuffix(".skipped")
        said = [e for e in snapshot["errors"] if e["handler"] == handler and e["code"] in (SKIPPED, PARKED)]
        parked = snapshot["cells"][f"stage.{handler}.parked"]
        found.append({
            "handler": handler, "skipped": count, "parked_at": None if parked == NOT_PARKED else parked,
            "first": min((e["sequence"] for e in said), default=-1), "texts": [e["text"].partition(": ")[2] for e in said],
        })
    return found


def parked_fault(found: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the `error` of a result whose run went on with parked handlers, None when none is parked."""
    parked = [one for one in found if one["parked_at"] is not None]
    if not parked:
        return None
    text = "; ".join(f"handler '{one['handler']}' handled nothing from message {one['parked_at']:,} on: {', '.join(one['texts'])}"
                     for one in parked)
    return {"kind": "parked", "text": text, "handler": parked[0]["handler"], "sequence": parked[0]["parked_at"], "code": 1, "number": 0}
