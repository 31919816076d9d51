"""Tests about own records: what comes in becomes a .npy file, what comes out is compared field by field."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from disruptor.plain import plain_dtype
from hydraflow.registry import Registry
from hydraflow.testing.derive import derive
from hydraflow.testing.inputs import records_of
from hydraflow.testing.judge import differences, plain
from hydraflow.topology import examine
from hydraflow.topology.layouts import layout_of

MODULE = '''
ROW = [("key", "i8"), ("value", "f8"), ("name", "S4"), ("pad", "u1", (4,)), ("pair", "f4", (2,))]
def rows(count: int = 3):
    yield from ({"key": n} for n in range(count))
def double(event): event["value"] = 2.0 * event["key"]
'''
TEXT = """\
version: 1
name: own
rings: {rows: {record: "./own.py:ROW", slots: 64}, others: {record: "./own.py:ROW", slots: 64}}
sources: [{use: "./own.py:rows", into: rows}, {name: more, use: "./own.py:rows", into: others}]
handlers: [{use: "./own.py:double", on: rows}, {name: too, use: "./own.py:double", on: others}]
tests:
  - name: literal
    input: {records: [{key: 3, name: abc}, [4, 0.5, x, [0, 0, 0, 0], [1, 2]]], source: more}
    expect: {rings: {rows: 0, others: [{key: 3, value: 6, name: abc}, {key: "> 3", pair: [1, 2]}]}}
  - name: filed
    input: {file: rows.npy, source: rows}
"""


@pytest.fixture
def topology(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(MODULE)
    np.save(tmp_path / "rows.npy", np.zeros(3, [("key", "i8"), ("value", "f8"), ("name", "S4"), ("pad", "u1", (4,)), ("pair", "f4", (2,))]))
    topology, findings = examine(TEXT, str(tmp_path / "own.yaml"), {}, registry=Registry(entry_points=False), cpus=(0, 1))
    assert topology is not None and not findings.failed, [d.message for d in findings.diagnostics]
    return topology


def made(topology):
    return np.zeros(2, plain_dtype(layout_of(topology.rings["rows"])))


def test_literal_records_become_a_file_and_other_sources_bring_nothing(topology, tmp_path):
    case = topology.tests[0]
    (tmp_path / "in").mkdir()
    path = records_of(topology, case.input, tmp_path / "in")
    rows = np.load(path)
    assert [(int(r["key"]), float(r["value"]), r["name"], r["pair"].tolist()) for r in rows] == [(3, 0.0, b"abc", [0, 0]), (4, 0.5, b"x", [1, 2])]
    assert len(np.load(tmp_path / "in/rows.npy")) == len(np.load(tmp_path / "in/more.npy")) == 0
    tree = derive(topology, case, path, tmp_path / "in/nothing.capture").tree
    assert [(s["name"], s["use"], s["into"], Path(s["with"]["path"]).name) for s in tree["sources"]] == [
        ("rows", "recording", "rows", "rows.npy"), ("more", "recording", "others", ".input.npy")]
    assert tree["rings"]["rows"]["record"] == f"{tmp_path.resolve()}/own.py:ROW" and tree["instruments"] == []
    again, findings = examine(json.dumps(tree), "/elsewhere/t.yaml", {}, registry=Registry(entry_points=False))
    assert again is not None and not findings.failed, [d.message for d in findings.diagnostics]


def test_a_file_is_taken_from_beside_the_topology(topology, tmp_path):
    assert records_of(topology, topology.tests[1].input, tmp_path) == tmp_path.resolve() / "rows.npy"


def test_records_are_compared_one_by_one_and_counted(topology):
    expect, rows = topology.tests[0].expect, made(topology)
    rows["key"], rows["value"], rows["name"], rows["pair"][1] = [3, 4], [6.0, 8.0], [b"abc", b""], [1, 2]
    result = {"frame_errors": {}, "rejects": 0, "rejects_by_reason": {}, "counters": {}}
    assert differences(expect, result, {}, {"rows": rows[:0], "others": rows}) == []
    rows["key"][1], rows["name"][0] = 3, b"abd"
    found = differences(expect, result, {}, {"rows": rows[:1], "others": rows})
    assert [str(d) for d in found] == [
        "records of 'rows': expected 0, got 1", "'others' record 1 name: expected abc, got abd", "'others' record 2 key: expected > 3, got 3"]
    assert str(differences(expect, result, {}, {"rows": rows[:0], "others": rows[:1]})[0]) == "records of 'others': expected 2, got 1"
    assert all(d.span is not None and d.span.line == 9 for d in found)


def test_fields_are_shown_as_a_file_writes_them(topology):
    row = made(topology)[0]
    row["name"], row["pair"] = b"ab", (0.1, 2)
    assert [plain(row[n]) for n in ("key", "value", "name", "pair")] == [0, 0.0, "ab", [0.1, 2.0]]


@pytest.mark.parametrize(("case", "code", "text"), [
    ("input: {records: {key: 1}}", "HF568", "records must be a list, got a mapping"),
    ("input: {records: [{kye: 1}]}", "HF568", "the record has no field 'kye'"),
    ("input: {records: [{key: 1.5}]}", "HF568", "field 'key' is a whole number"),
    ("input: {simulator: {frames: 3}}", "HF602", "its input is simulator, and ring 'rows' holds records of its own"),
    ("input: '1 {}'", "HF602", "its input is lines, and ring 'rows' holds records of its own"),
    ("input: {file: own.py}", "HF568", "is no whole .npy file"),
    ("input: {file: gone.npy}", "HF602", "there is no file"),
    ("input: {records: []}\n    expect: {rings: {row: 1}}", "HF569", "ring 'row' is not there"),
    ("input: {records: []}\n    expect: {rings: {rows: [{kye: 1}]}}", "HF569", "a record of ring 'rows' has no field 'kye'"),
    ("input: {records: []}\n    expect: {rings: {rows: [{key: many}]}}", "HF604", "key must be a number or a comparison"),
    ("input: {records: []}\n    expect: {rings: {rows: some}}", "HF604", "ring 'rows' must be a list of records, or how many there are"),
    ("input: {records: []}\n    expect: {rings: {rows: [3]}}", "HF604", "a record of ring 'rows' must be a mapping of fields"),
])
def test_mistakes_in_tests_are_told(topology, tmp_path, case, code, text):
    document = TEXT.partition("tests:")[0] + f"tests:\n  - name: one\n    {case}\n"
    _, findings = examine(document, str(tmp_path / "own.yaml"), {}, registry=Registry(entry_points=False), cpus=(0, 1))
    assert [(d.code, text in d.message) for d in findings.diagnostics if d.severity == "error"] == [(code, True)], [
        d.message for d in findings.diagnostics]
