"""The benchmark of work stealing runs, and everyone counts the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"


def test_benchmark_of_stealing_gives_its_hash():
    done = subprocess.run([sys.executable, str(BENCH / "bench_stealing.py"), "--json", "--repeats", "1", "--tasks", "2000"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert {kind: sorted(set(row) - {"stolen"}) for kind, row in result["ms_per_run"].items()} == {
        "even": ["one thread", "pool", "stealing"], "uneven": ["one thread", "pool", "stealing"], "tree": ["one thread", "stealing"],
    }
    assert result["hash"] == "8276f7b169a06964"
