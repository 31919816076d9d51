"""The benchmark of `check` and `graph` runs at its smoke size, and what it measures is what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_smoke_size_runs_and_finds_the_same_twice():
    runs = [subprocess.run([sys.executable, "-m", "bench.bench_check", "--json", "--smoke"], cwd=ROOT, capture_output=True, text=True,
                           timeout=300, check=False) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    first, second = (json.loads(run.stdout)["warm"] for run in runs)
    assert {name: row["handlers"] for name, row in first.items()} == {"chain": 30, "layers": 30, "demo": 9}
    assert [row["hash"] for row in first.values()] == [row["hash"] for row in second.values()]
