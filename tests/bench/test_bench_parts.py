"""The benchmark of rates and read-copy-update runs, and leaves the same tables everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"


def test_benchmark_of_parts_gives_its_hash():
    done = subprocess.run([sys.executable, str(BENCH / "bench_parts.py"), "--json", "--repeats", "1", "--count", "4000"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert len(result["ns_per_call"]) == 7
    assert result["hash"] == "8207ad7d9487c642"
