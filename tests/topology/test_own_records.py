"""Records and sources of one's own in a topology: what is accepted, and every mistake at its place."""

from __future__ import annotations

import importlib.metadata
from types import SimpleNamespace

import numpy as np
import pytest

from hydraflow.placement.cpus import Machine
from hydraflow.placement.plan import compare, make_plan
from hydraflow.registry import Registry
from hydraflow.topology import examine
from hydraflow.topology.layouts import layout_of

MODULE = '''
import numpy as np
from disruptor import handler
from disruptor.single_producer import claim
from hydraflow.ingress.base import source

ROW = [("key", "i8"), ("value", "f8"), ("double", "f8")]
DTYPE = np.dtype(ROW)
MAPPING = {"key": "i8", "value": "f8", "double": "f8"}
LOUD = [("key", "i8")]
GAPS = [("small", "u1"), ("key", "i8")]
OBJECTS = [("thing", "O")]
EMPTY = []
LARGE = [("bytes", "u1", (65_537,))]
PAYLOAD = [("key", "i8"), ("payload_position", "i8"), ("payload_count", "i8")]

class Thing: pass

def rows(count: int = 3):
    yield from ({"key": n} for n in range(count))

def nothing(): return 1

@source
def step(frames, room): return -1

@source(max_out={"rows": 512})
def many(rows, room): return -1

def double(event): event["double"] = 2 * event["value"]
def again(event): event["double"] += event["value"]
def reads(event, state=None): event["double"]
def wrong(event): event["dubble"] = event["value"]
def traded(event, instruments): event["double"] = instruments[0]["tick"]

@handler(max_out={"loud": 1})
def loud(event, loud): claim(loud)["key"] = event["key"]

@handler(state=[("n", "i8")], on_timer=nothing)
def timed(event, state): state["n"] += 1

@handler(state=[("n", "i8")])
def count(event, state): state["n"] += 1
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def text(record="./own.py:ROW", source="{use: './own.py:rows', into: rows}", handlers="- {use: './own.py:double', on: rows}", ring="slots: 64", more=""):
    return f"version: 1\nname: own\nrings:\n  rows: {{record: '{record}', {ring}}}\n{more}sources: [{source}]\nhandlers:\n  {handlers}\n"


def found(document, *codes):
    topology, findings = examine(document, "own.yaml", {}, registry=Registry(entry_points=False), cpus=(0, 1))
    problems = [d for d in findings.diagnostics if d.severity == "error"]
    assert [d.code for d in problems] == list(codes), [f"{d.code} {d.message}" for d in findings.diagnostics]
    return problems if codes else topology


@pytest.mark.parametrize("record", ["./own.py:ROW", "./own.py:DTYPE", "./own.py:MAPPING"])
def test_a_record_is_whatever_the_library_takes_for_one(folder, record):
    topology = found(text(record))
    assert layout_of(topology.rings["rows"]).names == ("key", "value", "double")


@pytest.mark.parametrize(("record", "code", "message"), [
    ("./own.py:ROWS", "HF560", "ring 'rows': './own.py' has no 'ROWS'"),
    ("./gone.py:ROW", "HF302", "ring 'rows': cannot read 'gone.py': No such file or directory"),
    ("./own.py:rows", "HF561", "ring 'rows': './own.py:rows' is no record: a function"),
    ("./own.py:Thing", "HF561", "ring 'rows': './own.py:Thing' is no record: a class, Thing"),
    ("./own.py:MODULE_", "HF560", "ring 'rows': './own.py' has no 'MODULE_'"),
    ("./own.py:GAPS", "HF561", "ring 'rows': no record of a ring: './own.py:GAPS': field 'key' follows a gap of 7 bytes"),
    ("./own.py:OBJECTS", "HF561", "ring 'rows': no record of a ring: './own.py:OBJECTS': Python objects cannot live"),
    ("./own.py:EMPTY", "HF561", "ring 'rows': no record of a ring: './own.py:EMPTY': a record needs at least one named field"),
    ("./own.py:LARGE", "HF562", "ring 'rows': a record of 65,537 bytes is too large; at most 65,536"),
    ("massage", "HF011", "ring 'rows': record must be one of frame, message, egress, feedback, got 'massage'"),
])
def test_what_is_no_record_is_told_at_its_place(folder, record, code, message):
    document = text(record, handlers="- {use: './own.py:count', on: rows}")
    problems = found(document, code)
    assert problems[0].message.startswith(message)
    assert problems[0].span.line == 4
    assert document.splitlines()[3][problems[0].span.column - 1 :].startswith(f"'{record}'")


@pytest.mark.parametrize(("options", "code", "message"), [
    ({"ring": "slots: 100"}, "HF201", "ring 'rows': slots must be a power of two, got 100"),
    ({"ring": "payload: 64KiB, slots: 64"}, "HF563", "ring 'rows' has a payload, but its record has no 'payload_position' and 'payload_count'"),
    ({"record": "./own.py:PAYLOAD", "ring": "payload: 64KiB, slots: 64", "handlers": "- {use: './own.py:count', on: rows}"}, "HF564",
     "source 'rows' is a Python generator, which brings no payload; ring 'rows' has one"),
    ({"source": "{use: './own.py:step', into: rows}"}, "HF565", "source 'step' cannot fill ring 'rows': it brings frames"),
    ({"source": "{use: './own.py:many', into: rows}"}, "HF206", "ring 'rows' has 64 slots; source 'many' needs 512"),
    ({"source": "{use: './own.py:nothing', into: rows}"}, "HF303", "source 'nothing': './own.py:nothing' is not a source"),
    ({"source": "{use: './own.py:rows', into: rows, with: {count: many}}"}, "HF305", "source 'rows': count must be a whole number"),
    ({"source": "{use: './own.py:rows', into: rows, with: {cuont: 3}}"}, "HF304", "source 'rows' has no parameter 'cuont'"),
    ({"handlers": "- {use: './own.py:wrong', on: rows}"}, "HF342", "handler 'wrong' writes 'dubble', which a record of 'rows' does not have"),
    ({"handlers": "- {use: './own.py:traded', on: rows}"}, "HF566", "handler 'traded' asks for 'instruments', which ring 'rows' does not have"),
    ({"handlers": "- {use: journal, on: rows}"}, "HF566", "handler 'journal' is the journal, which holds messages"),
    ({"handlers": "- {use: './own.py:timed', on: rows, every: 1s}"}, "HF132", "handler 'timed' cannot have a timer: no ring of the topology has a sequence"),
    ({"handlers": "- {use: './own.py:count', on: rows, replicas: 2, by: value}"}, "HF415", "handler 'count' cannot divide records of 'rows' by 'value'"),
    ({"handlers": "- {use: './own.py:double', on: rows}\n  - {use: './own.py:again', on: rows}"}, "HF112",
     "handler 'again' writes 'double', which 'double' writes, and nothing orders the two"),
    ({"ring": "slots: 64, sequence: [rows]"}, "HF207", "ring 'rows' merges others, so its record must be 'message'"),
])
def test_every_mistake_has_a_code_and_says_what_is_wrong(folder, options, code, message):
    document = text(**options)
    _, findings = examine(document, "own.yaml", {}, registry=Registry(entry_points=False), cpus=(0, 1))
    assert (code, True) in [(d.code, d.message.startswith(message)) for d in findings.diagnostics], [
        f"{d.code} {d.message}" for d in findings.diagnostics]


def test_a_field_of_the_source_may_be_read_before_a_handler_changes_it(folder):
    topology, findings = examine(text(handlers="- {use: './own.py:reads', on: rows}\n  - {use: './own.py:double', on: rows, after: reads}"),
                                 "own.yaml", {}, registry=Registry(entry_points=False), cpus=(0, 1))
    assert topology is not None and "HF331" not in [d.code for d in findings.diagnostics]


def test_after_auto_orders_readers_behind_the_writer(folder):
    topology = found(text(handlers="- {use: './own.py:reads', on: rows, after: auto}\n  - {use: './own.py:double', on: rows}"))
    assert topology.handlers[0].after == ("double",)


def test_a_plan_counts_bytes_and_names_a_change_of_the_fields(folder):
    machine = Machine(cpus=(0, 1), online=(0, 1))
    before = found(text())
    plan = make_plan(before, machine)
    assert [(r.name, r.record, r.bytes) for r in plan.rings] == [("rows", "./own.py:ROW", 64 * 24)]
    assert [t.stages for t in plan.threads] == [("double",), ("rows",)]
    (folder / "own.py").write_text(MODULE.replace('("double", "f8")]', '("double", "f8"), ("more", "f8")]'))
    changes = {c.name: c for c in compare(before, found(text())) if c.what == "ring"}
    assert changes["rows"].kind == "restart" and changes["rows"].values[0][0] == "fields"


def test_a_package_offers_records_by_short_names(folder, monkeypatch):
    point = SimpleNamespace(name="row", value="own:ROW", group="hydraflow.records", dist=SimpleNamespace(name="stations", version="1.2"))
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point] if group == "hydraflow.records" else [])
    monkeypatch.syspath_prepend(str(folder))
    assert Registry().record("row") == np.dtype([("key", "i8"), ("value", "f8"), ("double", "f8")])
    topology, findings = examine(text("row"), "own.yaml", {}, registry=Registry(), cpus=(0, 1))
    assert not findings.failed and layout_of(topology.rings["rows"]).itemsize == 24


def test_an_included_file_s_record_lies_beside_that_file(folder):
    (folder / "parts").mkdir()
    (folder / "parts/rows.yaml").write_text("rings: {rows: {record: './rows.py:ROW', slots: 64}}\n")
    (folder / "parts/rows.py").write_text(MODULE)
    topology = found(text().replace("rings:\n  rows: {record: './own.py:ROW', slots: 64}\n", "include: parts/rows.yaml\n"))
    assert topology.rings["rows"].record == "./parts/rows.py:ROW" and layout_of(topology.rings["rows"]) is not None


def test_the_only_ring_that_no_handler_fills_needs_no_naming(folder):
    more = "  loud: {record: './own.py:LOUD', slots: 64}\n"
    topology = found(text(source="{use: './own.py:rows'}", handlers="- {use: './own.py:double'}\n  - {use: './own.py:loud', into: loud}\n"
                          "  - {use: './own.py:count', on: loud}", more=more))
    assert (topology.sources[0].into, [h.on for h in topology.handlers]) == ("rows", ["rows", "rows", "loud"])
