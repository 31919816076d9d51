"""The journal of one run: its folder, its writer's thread, its verification at the end."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from disruptor.errors import LogError
from disruptor.log.writer import LogWords, LogWriter
from disruptor.ring import Ring
from hydraflow.errors import HydraFlowError, InputOutputError, OutputError
from hydraflow.journal.folder import create_journal, hold, journal_root, prune_journals
from hydraflow.journal.header import encode_header, source_hash
from hydraflow.journal.reader import verify
from hydraflow.runtime.graph import Graph
from hydraflow.runtime.hooks import stage_table
from hydraflow.scrubber import SECRETS, is_secret
from hydraflow.topology.shards import shard_names
from hydraflow.topology.spec import HandlerSpec, SourceSpec, Topology

__all__ = ["DISK_FULL", "KEPT", "Journaling", "journal_header", "unverified"]

DISK_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
KEPT = 3  # journals of one name kept in the default folder
SEGMENT_BYTES = 64 << 20
_REMEDY = "name a folder with --journal FOLDER, or run with --no-journal"
_SCRATCH_REMEDY = "set TMPDIR to a folder with room: a replay writes a journal of its own there"


@attrs.define
class Journaling:
    """An open journal. scratch : a replay's own, thrown away at the end. on_error : "halt" or "continue". held : keeps it from being pruned."""

    writer: LogWriter
    scratch: Path | None = None
    on_error: str = "halt"
    held: int = -1
    thread_name: str = "journal-writer"

    @classmethod
    def open(
        cls,
        name: str,
        header: bytes,
        cells: np.ndarray,
        words: LogWords,
        staging: Ring,
        *,
        parent: str | None = None,
        scratch: bool = False,
        on_error: str = "halt",
    ) -> Journaling:
        """Create the folder and its first segment.

        parent : folder under which it is made; default: the state folder, where older journals of this name are removed.
        on_error : what a failed write does to the run: ends it, or only the journal.
        Raises: OutputError, InputOutputError (no room), each with the remedy.
        """
        try:
            place = Path(tempfile.mkdtemp(prefix="hfx-replay-")) if scratch else Path(parent) if parent else journal_root()
        except HydraFlowError as error:
            raise OutputError(error.what, remedy=_REMEDY) from error
        except OSError as error:
            raise OutputError(f"no temporary folder: {error.strerror}", remedy="set TMPDIR") from error
        options: dict[str, Any] = {
            "cells": cells, "words": words, "staging": staging, "segment_bytes": SEGMENT_BYTES, "durable": False,
            "on_error": on_error,
        }
        try:
            journaling = cls(create_journal(place, name, header, **options), place if scratch else None, on_error)
        except (LogError, OutputError) as error:
            if scratch:
                shutil.rmtree(place, ignore_errors=True)
            raise _refused(error, scratch) from error
        journaling.held = hold(journaling.writer.folder)
        if not scratch and parent is None:
            prune_journals(place, name, KEPT)
        return journaling

    def failed(self, cells: np.ndarray) -> bool:
        """Return whether a write has failed that must end the run: with `on_error: continue` none does."""
        return self.on_error == "halt" and bool(cells[self.writer.words.error])

    def error_text(self) -> str:
        """Return what failed and what to do, or "" while all is well."""
        text = self.writer.error_text()
        return f"{text}; make room, or name another folder with --journal" if text else ""

    def finish(self, ns_per_tick: float) -> dict[str, Any]:
        """Close the files and verify what is on disk; return the journal's part of the result."""
        path = str(self.writer.folder)
        try:
            status = self.writer.close()
            verdict = verify(self.writer.folder)
        except (LogError, HydraFlowError, OSError) as error:  # its thread hangs in the kernel, or the disk has gone
            return unverified(path, str(error))
        return {
            "path": path, "messages": int(verdict.records), "bytes": int(verdict.bytes),
            "verified": bool(verdict.verified), "end": verdict.end, "error": self.error_text() or verdict.error,
            "direct": bool(status.direct), "commits": int(status.commits), "segments": int(status.segments),
            "dropped": int(status.dropped_records), "slowest_write_ms": round(status.slowest_ticks * ns_per_tick / 1e6, 3),
        }

    def discard(self) -> None:
        """Give up a journal into which nothing was written: no folder is left."""
        with contextlib.suppress(LogError):
            self.writer.abandon()
        self.close()
        shutil.rmtree(self.writer.folder, ignore_errors=True)

    def close(self) -> None:
        """Give everything up; a scratch journal's folder is removed."""
        with contextlib.suppress(LogError, OSError):  # its thread is stuck in the kernel: the process ends anyway
            self.writer.close()
        if self.held >= 0:
            os.close(self.held)
            self.held = -1
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)


def unverified(path: str, error: str) -> dict[str, Any]:
    """Return the journal's part of the result where nothing could be verified."""
    return {"path": path, "messages": 0, "bytes": 0, "verified": False, "end": "unknown", "error": error}


def journal_header(topology: Topology, graph: Graph, name: str, *, checked: bool = False) -> bytes:
    """Return the header: everything needed to rebuild this engine and to see whether its code has changed.

    checked : the run is. Secrets, variables named like secrets, and parameters that hold either are left out; a replay reads them from its own
    environment.
    """
    handlers = {}
    variables = dict(topology.lookup.variables) if topology.lookup is not None else {}
    files = dict(topology.lookup.files) if topology.lookup is not None else {}
    secrets = {value for name, value in variables.items() if value and is_secret(name)}
    everything: list[SourceSpec | HandlerSpec] = [*topology.sources, *topology.stages]
    for spec in everything:
        member = graph.members[shard_names(spec)[0]]
        parameters = attrs.asdict(member.params) if attrs.has(type(member.params)) else {}
        parameters = {key: value for key, value in parameters.items() if not any(s in str(value) for s in secrets) and not SECRETS.holds(value)}
        handlers[spec.name] = {"use": spec.use, "source": source_hash(member.declared.function), "parameters": parameters}
    rings = {n: {"slots": end.ring.slots, "payload": end.ring.payload_capacity} for n, end in graph.rings.items()
             if hasattr(end.ring, "payload_capacity")}
    return encode_header(topology=topology.text, handlers=handlers, instruments=graph.instruments, rings=rings, name=name,
                         path=os.path.abspath(topology.path), stages=stage_table(topology), environment={n: v for n, v in variables.items() if not is_secret(n)},
                         files=SECRETS.data(files), set=SECRETS.data(list(topology.overrides)), checked=checked)


def _refused(error: LogError | OutputError, scratch: bool) -> HydraFlowError:
    """Return the user's error for a journal that cannot be made: no room (74) or no permission (73)."""
    cause = error if isinstance(error, LogError) else error.__cause__
    full = getattr(cause, "errno", 0) in DISK_FULL
    what = str(cause or error).partition("; ")[0]
    remedy = _SCRATCH_REMEDY if scratch else f"make room, {_REMEDY}" if full else _REMEDY
    return (InputOutputError if full else OutputError)(what, where="journal", remedy=remedy)
