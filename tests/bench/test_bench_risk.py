"""The benchmarks of risk and strategy run, hit every reason, and do what they did when their hashes were written down."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"


def run(name: str, *arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, str(BENCH / name), "--json", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_bench_risk_hits_every_reason_and_prints_its_hash() -> None:
    result = run("bench_risk.py", "--decisions", "20000")
    assert result["schema"] == "hfx.bench.risk/1" and result["reasons_not_hit"] == []
    assert result["decisions"] == 19_968 and result["result_hash"] == "bf223bd462d2e59d"


def test_bench_strategy_prints_its_hash() -> None:
    result = run("bench_strategy.py", "--messages", "20000")
    assert result["schema"] == "hfx.bench.strategy/1"
    assert (result["lines_still"], result["lines_moving"]) == (0, 77_824)
    assert result["result_hash"] == "b700c3e4b4fa8c37"
