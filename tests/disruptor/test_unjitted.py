"""The same tests without the compiler: whatever runs compiled must also run as plain Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from disruptor.compiled import JIT_ENABLED

HERE = Path(__file__).parent
FILES = (
    "atomics", "ring", "single_producer", "histogram", "clock", "waiting", "threads", "counters", "byte_ring", "broadcast",
    "seqlock", "aio", "rate", "stealing", "rcu",
)


@pytest.mark.skipif(not JIT_ENABLED, reason="this is that run")
def test_the_library_passes_its_tests_unjitted():
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *(str(HERE / f"test_{f}.py") for f in FILES)],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False, timeout=300,
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
