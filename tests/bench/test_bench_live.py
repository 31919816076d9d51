"""The benchmark of live parameters runs at its smoke size: every change reaches its handler, in order, and is in the report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_smoke_size_runs():
    ran = subprocess.run([sys.executable, "-m", "bench.bench_live", "--json", "--smoke"], cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["changes"] == 9
    for figures in (found["in_engine_us"], found["round_trip_us"]):
        assert 0 < figures["p50"] <= figures["p99"] <= figures["p100"]
    assert found["in_engine_us"]["p50"] <= found["round_trip_us"]["p50"]
