"""The report of an engine that died: what its CnC file says, which handler it died in, what its journal holds."""

from __future__ import annotations

import signal
from typing import Any

from hydraflow.errors import HydraFlowError
from hydraflow.runtime.result import from_snapshot

__all__ = ["post_mortem"]

_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}
_NO_MEMORY = "if nobody did that, the kernel may have been short of memory: see dmesg"
_CHECKED = "run it again with --checked: an index out of range is then named instead"


def post_mortem(
    snapshot: dict[str, Any] | None, status: int, journal: str, thread: str, *, asked: bool = False
) -> dict[str, Any]:
    """Return a result of schema "hfx.run/1", or {"failure": text} when the engine never came to life.

    snapshot : of its CnC file. status : of the process, negative: the signal. journal : its folder, "" for none.
    thread : in which it crashed, "" when unknown. asked : a third signal to the parent killed it.
    """
    number = signal.Signals(-status) if status < 0 else None
    how = f"was killed by {number.name}" if number else f"ended with status {status} and without a result"
    if snapshot is None:
        more = f"; {_NO_MEMORY}" if number == signal.SIGKILL else ""
        return {"failure": f"the engine {how} before it was ready{more}"}
    result = from_snapshot(snapshot)
    handler, sequence = _in_hand(snapshot, thread) if number in _CRASHES else ("", -1)
    text = f"the engine {how}"
    if handler:
        text += f" while handler '{handler}' had sequence {sequence:,}; {_CHECKED}"
    elif asked:
        text = "killed by a third signal before it had halted"
    elif number == signal.SIGKILL:
        text += f"; {_NO_MEMORY}"
    kind, code = ("interrupted", 130) if asked else ("killed", 70)
    result["error"] = {"kind": kind, "text": text, "handler": handler, "sequence": sequence, "code": code}
    return result | {
        "status": "interrupted" if asked else "failed", "seconds": None, "frames_per_second": None, "mode": None, "placement": [],
        "journal": _journal(journal) if journal else None, "state_hash": None, "state_hashes": {}, "checkpoints": [],
    }


def _in_hand(snapshot: dict[str, Any], thread: str) -> tuple[str, int]:
    """Return the stage that had a record in hand, on the thread that crashed if that is known."""
    running = [h for h in snapshot["handlers"] if h["running"] is not None and thread in ("", h["thread"])]
    busy = [h for h in running if h["cursor"] is not None and h["cursor"] < h["running"]] or running
    return (busy[0]["name"], int(busy[0]["running"])) if busy else ("", -1)


def _journal(folder: str) -> dict[str, Any]:
    """Verify what the dead engine left; an engine that was killed leaves a journal without its end record."""
    from hydraflow.journal.reader import JournalReader
    from hydraflow.runtime.journaling import unverified

    try:
        reader = JournalReader(folder)
    except HydraFlowError as error:
        return unverified(folder, str(error))
    verdict = reader.verdict
    return {
        "path": folder, "messages": int(verdict.records), "bytes": int(verdict.bytes), "verified": bool(verdict.verified),
        "end": verdict.end, "error": verdict.error, "segments": reader.segments,
    }
