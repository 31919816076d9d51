"""The benchmark of notes runs, and its readers find what its writers wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"


def test_benchmark_of_notes_gives_its_hash():
    done = subprocess.run([sys.executable, str(BENCH / "bench_notes.py"), "--json", "--repeats", "1", "--notes", "5000"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["ns_per_note"].keys() == {"no lane", "Python", "compiled"}
    assert result["hash"] == "01dec89076eefea5"
