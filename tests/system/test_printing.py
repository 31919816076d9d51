"""What a handler prints goes to standard error, whatever it looks like; standard output stays the command's."""

from __future__ import annotations

import json

import pytest

from tests.reference.engine_process import hfx_process

CODE = '''
import os
import numpy as np
from disruptor import handler

ROW = [("key", "i8")]


def rows():
    yield np.arange(3).view(np.dtype(ROW))


@handler(jit=False)
def show(batch, first_sequence):
    for key in batch["key"]:
        print(f"key {key}")
    print(5)
    print('{"result": {"status": "completed"}, "code": 0}')
    print('{"fact": {"file": "nowhere"}}')
    print("Grüße \\ud800")
    os.write(1, b"written past Python\\n")
'''
TOPOLOGY = """
version: 1
name: shows
rings: {rows: {record: "./shows.py:ROW", slots: 64}}
sources: [{use: "./shows.py:rows", into: rows}]
sinks: [{use: "./shows.py:show", on: rows}]
"""


@pytest.mark.parametrize("options", [("--json",), ()])
def test_what_a_handler_prints_is_seen_and_is_no_answer_of_the_engine(tmp_path, options):
    (tmp_path / "shows.py").write_text(CODE)
    (tmp_path / "shows.yaml").write_text(TOPOLOGY)
    with hfx_process(tmp_path, "run", "shows.yaml", "--hiccups", "0", *options, environment={"NUMBA_DISABLE_JIT": "1"}) as process:
        assert process.end() == 0, process.err
    lines = process.err.splitlines()
    for line in ("key 0", "key 1", "key 2", "5", '{"fact": {"file": "nowhere"}}', "Grüße \\ud800", "written past Python"):
        assert line in lines, line
    assert "key 0" not in process.out
    if options:
        assert json.loads(process.out)["records"] == {"rows": 3}
    else:
        assert "3 records" in process.out
