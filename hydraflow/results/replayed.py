"""Orders and books that nobody recorded: a replay of the journal decides the same again, and is recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import attrs
import numpy as np

from hydraflow.errors import HydraFlowError
from hydraflow.notes import note
from hydraflow.results.recorded import RECORDED, read_npy

__all__ = ["Replayed", "replay"]


@attrs.frozen
class Replayed:
    """Rows by table, and what makes them doubtful ("": nothing)."""

    tables: dict[str, np.ndarray]
    doubt: str


def replay(journal: Path, messages: int) -> Replayed:
    """Replay a journal in a process of its own; the first time its loops are compiled, which a note says.

    Raises: HydraFlowError (HF652) with what the replay said, and its exit code.
    """
    note(f"hfx: replaying {messages:,} messages of {journal}, for the orders and books that nobody recorded")
    with tempfile.TemporaryDirectory(prefix="hfx-results-") as name:
        files = {stream: Path(name) / f"{stream}.npy" for stream in RECORDED}
        record = ",".join(f"{stream}={file}" for stream, file in files.items())
        ran = subprocess.run(
            [sys.executable, "-m", "hydraflow_x_entry", "replay", str(journal), "--record", record, "--json", "--quiet"],
            capture_output=True, text=True, check=False, env=_environment(name), stdin=subprocess.DEVNULL,
        )
        try:
            result = json.loads(ran.stdout)
        except ValueError:
            result = {}
        if not all(file.exists() for file in files.values()):
            said = ran.stderr.strip().removeprefix("hfx: ") or f"it ended with status {ran.returncode}"
            failure = HydraFlowError(f"the replay failed: {said}", where=f"HF652: journal {journal}",
                                     remedy="record what you need in the run itself: --record orders=FILE,book=FILE")
            failure.exit_code = ran.returncode if ran.returncode > 0 else HydraFlowError.exit_code
            raise failure
        tables = {RECORDED[stream]: np.array(read_npy(file)) for stream, file in files.items()}
    return Replayed(tables, _doubt(result))


def _doubt(result: dict) -> str:
    replayed = result.get("replay") or {}
    if not replayed.get("differences"):
        return ""
    changed = ", ".join(replayed.get("changed_handlers") or []) or "no handler"
    return (f"orders and books are those of a replay that differs from the run in {replayed['differences']:,} reports, "
            f"from message {replayed['first_difference']:,} on; changed since: {changed}")


def _environment(folder: str) -> dict[str, str]:
    """This environment, with this installation found first whatever the working directory holds; the engine's file lies in `folder`."""
    root = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, known]) if known else root, "PYTHONSAFEPATH": "1",
            "XDG_RUNTIME_DIR": folder}
