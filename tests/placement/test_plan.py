"""What a run would do, and what becomes of what runs when the file changes."""

from pathlib import Path

import pytest

from hydraflow.placement import parse_placement
from hydraflow.placement.cpus import Machine
from hydraflow.placement.plan import compare, make_plan
from hydraflow.records import LEVEL, MESSAGE
from hydraflow.topology.load import load

ROOT = Path(__file__).resolve().parents[2]
TEXT = """version: 1
name: small
instruments: [{symbol: BTCUSDT, tick: 0.1, lot: 0.001}]
sources: [{use: simulator, with: {frames: 1000}}]
rings: {main: {record: message, slots: 1024, payload: 131072, sequence: [decoded]}}
handlers:
  - {use: deserialize.binance, name: decode}
  - {use: book, with: {window_ticks: 1024}}
  - {use: probe, after: book}
  - {use: probe, name: last, after: [probe, book]}
  - {use: probe, name: aside}
"""
TWO = Machine(cpus=(0, 1), online=(0, 1))


@pytest.fixture
def topology(tmp_path):
    """Loads the text with changes: old, new, old, new, …"""

    def made(*changes, placement=None):
        text = TEXT
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "t.yaml"
        path.write_text(text)
        return load(path, cpus=(0, 1), placement=placement)

    return made


def test_plan_says_who_runs_where_and_waits_for_whom(topology):
    plan = make_plan(topology(), TWO)
    assert {s.name: (s.thread, s.on, s.waits) for s in plan.stages} == {
        "simulator": ("ingest", "", ()), "sequencer": ("core", "", ()), "decode": ("ingest", "frames", ()), "book": ("core", "main", ()),
        "probe": ("core", "main", ("book",)), "last": ("core", "main", ("probe",)), "aside": ("core", "main", ()),
    }
    main = next(r for r in plan.rings if r.name == "main")
    assert (main.writers, main.gates) == (("sequencer",), ("last", "aside"))
    assert main.bytes == 1024 * MESSAGE.itemsize + 131_072 * LEVEL.itemsize
    frames = next(r for r in plan.rings if r.name == "frames")
    assert (frames.writers, frames.gates) == (("simulator",), ("decode",))
    assert plan.as_dict()["ring_bytes"] == sum(r.bytes for r in plan.rings)


def test_plan_follows_the_placement_that_is_asked_for(topology):
    plan = make_plan(topology(placement=parse_placement("fused")), TWO)
    assert {s.thread for s in plan.stages} == {"core"}


def test_nothing_changes_between_a_file_and_itself(topology):
    assert {c.kind for c in compare(topology(), topology())} == {"keep"}
    demo = load(ROOT / "config/demo.yaml")
    assert {c.kind for c in compare(demo, demo)} == {"keep"}


@pytest.mark.parametrize(("changes", "expected"), [
    (("window_ticks: 1024", "window_ticks: 2048"), [("restart", "handler", "book", (("with.window_ticks", 1024, 2048),))]),
    (("with: {window_ticks: 1024}", "with: {window_ticks: 1024, far_levels: 32768}"), []),  # the default, written out
    (("after: [probe, book]", "after: [book]"), [("restart", "handler", "last", (("after", ["probe", "book"], ["book"]),))]),
    (("  - {use: probe, name: aside}\n", ""), [("remove", "handler", "aside", ())]),
    (("name: aside", "name: apart"), [("add", "handler", "apart", ()), ("remove", "handler", "aside", ())]),
    (("slots: 1024", "slots: 2048"), [("restart", "ring", "main", (("slots", 1024, 2048),))]),
    (("tick: 0.1", "tick: 0.01"), [("restart", "instrument", "BTCUSDT", (("tick", "0.1", "0.01"),))]),
    (("frames: 1000", "frames: 2000"), [("restart", "source", "simulator", (("with.frames", 1000, 2000),))]),
    (("handlers:\n", "placement: fused\nhandlers:\n"), [("restart", "placement", "placement", (("mode", "auto", "fused"),))]),
])
def test_changes_are_named_one_by_one(topology, changes, expected):
    found = compare(topology(), topology(*changes))
    assert [(c.kind, c.what, c.name, c.values) for c in found if c.kind != "keep"] == expected
