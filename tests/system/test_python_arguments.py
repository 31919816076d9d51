"""A Python handler of batches takes only the arguments that it uses, in any order behind `batch`."""

from __future__ import annotations

import pytest

PYTHON = """\
from disruptor.handler import handler

SETTINGS = {"jit": False, "counters": [("seen", "i8"), ("first", "i8")]}


@handler(**SETTINGS)
def batch_and_counters(batch, counters):
    counters["seen"] += len(batch)


@handler(**SETTINGS)
def sequence_last(batch, counters, first_sequence):
    counters["seen"] += len(batch)
    counters["first"] = max(counters["first"], first_sequence)


@handler(jit=False)
def batch_alone(batch):
    len(batch)
"""


@pytest.mark.parametrize("name", ["batch_and_counters", "sequence_last", "batch_alone"])
def test_arguments_are_matched_by_name(hfx, tmp_path, name):
    (tmp_path / "own.py").write_text(PYTHON)
    path = tmp_path / "own.yaml"
    path.write_text(f"""\
version: 1
name: own
sources: [{{use: simulator, with: {{frames: 200}}}}]
handlers:
  - {{use: deserialize.binance}}
  - {{name: mine, use: "./own.py:{name}", on: main}}
""")
    result = hfx.run(str(path), "auto", NUMBA_DISABLE_JIT="1")
    assert result["status"] == "completed"
    if name != "batch_alone":
        counters = result["counters"]["mine"]
        assert counters["seen"] == result["messages"]
        assert (counters["first"] > 0) == (name == "sequence_last")
