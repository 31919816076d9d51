"""A writer killed at any moment leaves a valid beginning: all that was durable, and nothing that was never staged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from disruptor.log import read
from tests.reference.log_victim import body

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 20


def test_log_is_a_valid_beginning_when_its_writer_is_killed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "tests/reference/log_victim.py"), str(tmp_path), str(KILLS), "1"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr
    durable = json.loads(done.stdout)
    assert len(durable) == KILLS and sum(durable) > 0
    several = 0
    for k, seen in enumerate(durable):
        if not (tmp_path / str(k) / "000000.hfj").exists() and seen == 0:
            continue  # killed before there was a log
        log = read(tmp_path / str(k))
        assert log.verdict.end in ("open", "torn") and not log.verdict.verified
        assert log.verdict.records >= seen, f"kill {k}: {seen} were durable"
        assert all(r.sequence == n and r.body.tobytes() == body(n) for n, r in enumerate(log))
        several += len(log.segments) > 1
    assert several > 0
