"""Runs one test: the real engine in a process of its own, its loops fused on one thread, in virtual time.

Recorded stamps decide what is before what, frames go out as fast as they are taken, so a test means the same on every
machine; only latencies do not.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from hydraflow.runtime.options import Options
from hydraflow.runtime.supervisor import supervise
from hydraflow.testing.coverage import exercised
from hydraflow.testing.derive import derive
from hydraflow.testing.inputs import capture_of, records_of
from hydraflow.testing.judge import Budget, Difference, budgets, differences
from hydraflow.topology.diagnose import Span
from hydraflow.topology.spec import STREAMS, CaseSpec, Topology

__all__ = ["Verdict", "run_case"]

_INTERRUPTED = 130
_STALL_SECONDS = 60.0  # tests may share a machine with much else
_numbers = itertools.count()


@attrs.frozen(kw_only=True)
class Verdict:
    """What came of a test. error : why there is no result, or why the run ended early; exercised : stages that did
    something; result : "hfx.run/1" data, {} when the engine did not come to run."""

    path: str
    name: str
    span: Span | None
    seconds: float
    differences: tuple[Difference, ...] = ()
    budgets: tuple[Budget, ...] = ()
    error: str = ""
    exercised: frozenset[str] = frozenset()
    result: dict[str, Any] = attrs.field(factory=dict, repr=False)

    def passed(self, *, judge_budgets: bool = False) -> bool:
        """Whether the test passed. judge_budgets : a budget that was not held counts."""
        return not self.error and not self.differences and not (judge_budgets and any(not b.held for b in self.budgets))


def run_case(topology: Topology, case: CaseSpec, progress: Callable[[dict[str, Any]], None] | None = None) -> Verdict:
    """Run a test of a checked topology. Main thread only. Raises: KeyboardInterrupt when SIGINT or SIGTERM ended the run."""
    began = time.monotonic()
    recorded = any(c.expect.rows for c in topology.tests)  # the same for all tests of a file: the loop differs
    with tempfile.TemporaryDirectory(prefix="hfx-test-") as name:
        folder = Path(name)
        options = _options(topology, case, folder, recorded)
        try:
            outcome = supervise(options, progress)
        finally:
            _remove_counters(options.name)
        rows = _rows(folder, case)
        rings = {ring: _read(folder / f"{ring}.npy") for ring in case.expect.rings}
    result = outcome.result
    if outcome.code == _INTERRUPTED or result.get("status") == "interrupted" or ("failure" in result and outcome.code == 0):
        raise KeyboardInterrupt
    common: dict[str, Any] = {"path": topology.path, "name": case.name, "span": case.where("name"), "seconds": time.monotonic() - began}
    if "failure" in result:
        return Verdict(error=result["failure"], **common)
    error = "" if result.get("status") == "completed" else (result.get("error") or {}).get("text") or str(result.get("status"))
    return Verdict(
        error=error, differences=tuple(differences(case.expect, result, rows, rings)) if not error else (),
        budgets=tuple(budgets(case.expect, result)), exercised=frozenset(exercised(topology, case, result)), result=result,
        **common,
    )


def _options(topology: Topology, case: CaseSpec, folder: Path, recorded: bool) -> Options:
    assert case.input is not None
    sources = folder / "sources"
    sources.mkdir()
    nothing = sources / "nothing.capture"
    nothing.touch()
    records = records_of(topology, case.input, sources)
    derived = derive(topology, case, records or capture_of(case.input, topology.path, folder), nothing)
    record = {s: str(_record(folder, s)) for s in STREAMS} if recorded and topology.sequenced else {}
    record |= {ring: str(folder / f"{ring}.npy") for c in topology.tests for ring in c.expect.rings}
    path = folder / "topology.yaml"
    path.write_text(json.dumps(derived.tree), encoding="utf-8")
    return Options(
        topology=str(path), name=f"test-{os.getpid()}-{next(_numbers)}", placement="fused", environment=derived.environment,
        record=record,
        stall_seconds=_STALL_SECONDS, hiccup_seconds=0.0,
    )


def _record(folder: Path, stream: str) -> Path:
    return folder / f"{stream}.jsonl"


def _rows(folder: Path, case: CaseSpec) -> dict[str, list[dict[str, Any]]]:
    """Return the recorded rows of the streams that the test speaks of."""
    import orjson

    out = {}
    for stream in {row.stream for row in case.expect.rows}:
        with contextlib.suppress(FileNotFoundError):
            out[stream] = [orjson.loads(line) for line in _record(folder, stream).read_bytes().splitlines()]
    return out


def _read(path: Path) -> Any:
    """Return the records of a ring, none where the run did not come to write them."""
    import numpy as np

    try:
        return np.load(path)
    except (OSError, ValueError):
        return np.zeros(0, [("nothing", "i8")])


def _remove_counters(name: str | None) -> None:
    """Remove the engine's files: tests leave nothing behind."""
    from disruptor.counters import counter_path
    from disruptor.errors import DisruptorError

    with contextlib.suppress(OSError, DisruptorError):
        path = counter_path(name or "", create_folder=False)
        for file in (path, path.with_suffix(".notes")):
            file.unlink(missing_ok=True)
