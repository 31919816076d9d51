"""Examples of rings that several processes share: every tick in four processes, every order once and in one order."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "name, count, says",
    [
        ("market_data_fanout", 20_000, "20,000 ticks to 4 processes, all of them whole"),
        ("order_gateways", 3_000, "9,000 orders of 3 gateways, none missing"),
    ],
)
def test_the_example_ends_with_everything_counted(name, count, says, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    command = [sys.executable, "-m", f"examples.{name}", str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(says)
    assert not list(tmp_path.glob("**/*.ring"))
