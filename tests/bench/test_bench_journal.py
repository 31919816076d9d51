"""The journal's benchmark runs, and journals what it says it does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench" / "bench_journal.py"


def test_bench_journal_prints_figures_and_its_hash(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH), "--json", "--messages", "3000", "--seconds", "0.02", "--rate", "50000", "--folder", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["schema"] == "hfx.bench.journal/1" and result["read"]["verified"]
    assert result["read"]["hash"] == "0ac76465cb408d5d"
    assert result["durable"]["count"] == 900
    assert list(tmp_path.iterdir()) == []
