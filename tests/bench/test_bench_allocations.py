"""Nothing allocates while the graph runs: no call of numba's runtime, a flat heap, no page touched for the first time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.mark.skipif(os.confstr("CS_GNU_LIBC_VERSION") is None, reason="skipped: mallinfo2 is glibc's")
def test_nothing_allocates_once_the_loops_are_warm() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH / "bench_allocations.py"), "--json", "--frames", "1000000"],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    messages = result["to_message"] - result["from_message"]
    assert messages > 200_000
    assert result["nrt_allocations"] == 0
    assert result["heap_bytes"] < messages / 2  # the reader's own; one allocation a message would be 24 bytes or more
    assert result["page_faults"].keys() == {"ingest", "core"}
    assert max(result["page_faults"].values()) < 64
