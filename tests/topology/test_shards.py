"""What a topology with `replicas` and `by` means, short of running it: names, drawing, plan, judgement of tests."""

from __future__ import annotations

import json

import numpy as np
import pytest

from disruptor.errors import LayoutError
from disruptor.shard import Shard, check_key, owner_function, shard_of
from hydraflow.picture.build import picture_of
from hydraflow.picture.data import as_json
from hydraflow.picture.dot import draw_dot
from hydraflow.picture.mermaid import draw_mermaid
from hydraflow.picture.text import draw_text
from hydraflow.placement import Machine, assign, parse_placement, stages_of
from hydraflow.placement.plan import compare, make_plan
from hydraflow.records import FRAME, MESSAGE
from hydraflow.testing.judge import differences
from hydraflow.topology import examine
from hydraflow.topology.shards import instances, stage_of
from hydraflow.topology.spec import ExpectSpec
from tests.reference.topology_stubs import registry

TEXT = """version: 1
name: divided
sources: [{name: simulator, use: simulator}]
handlers:
  - {name: decode, use: deserialize.binance}
  - {name: book, use: book, replicas: 3, by: symbol}
  - {name: risk, use: risk, after: book, replicas: 2, by: book_status}
  - {name: last, use: risk, after: risk}
"""
EIGHT = Machine(cpus=tuple(range(8)), online=tuple(range(8)))


def topology(text=TEXT, placement=None):
    found, findings = examine(text, "t.yaml", {}, registry=registry(), cpus=EIGHT.cpus, placement=placement)
    assert not findings.diagnostics, findings.diagnostics
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 64])
def test_the_owner_of_a_key_is_the_remainder_of_whole_numbers(count):
    keys = [0, 1, 5, 63, 64, -1, -7, (1 << 63) - 1, -(1 << 63)]
    assert [int(shard_of(k, count)) for k in keys] == [k % count for k in keys]
    record = np.zeros(1, [("key", "u8")])
    record["key"] = (1 << 64) - 1
    owner = owner_function(record.dtype, Shard(field="key", index=0, count=count))
    assert int(owner(record[0]["key"], count)) == ((1 << 64) - 1) % count


@pytest.mark.parametrize(("field", "wrong"), [
    ("symbol", ""), ("first_update", ""), ("missing", "which the record does not have"), ("signal", "which holds float64, not a whole number"),
])
def test_a_key_is_a_whole_number_of_the_record(field, wrong):
    assert check_key(MESSAGE, field) == wrong


def test_a_sub_array_is_no_key():
    assert check_key(FRAME, "pad") == "which is an array of int64 (3,)"
    with pytest.raises(LayoutError, match="cannot be divided by 'pad', which is an array"):
        owner_function(FRAME, Shard(field="pad", index=0, count=2))


def test_shards_have_names_that_no_stage_can_have():
    names = ["book/0", "book/1", "bookkeeping", "book-0"]
    assert instances("book", names) == ["book/0", "book/1"]
    assert instances("book/1", names) == ["book/1"]
    assert stage_of("book/1") == stage_of("book") == "book"
    assert [(s.name, s.shard) for s in stages_of(topology())][3:] == [
        ("book/0", 0), ("book/1", 1), ("book/2", 2), ("risk/0", 0), ("risk/1", 1), ("last", -1),
    ]


def test_a_plan_says_who_owns_what_and_where(monkeypatch):
    plan = make_plan(topology(), EIGHT)
    stages = {s.name: s for s in plan.stages}
    assert [(s.name, s.thread) for s in stages["book"].shards] == [("book/0", "shard-0"), ("book/1", "shard-1"), ("book/2", "shard-2")]
    assert (stages["book"].by, stages["risk"].by, stages["last"].by) == ("symbol", "book_status", None)
    assert stages["last"].waits == ("risk",) and stages["last"].shards == () and stages["last"].thread == "core"
    assert next(r for r in plan.rings if r.name == "main").gates == ("last",)
    data = json.loads(json.dumps(plan.as_dict()))
    assert data["stages"][3]["shards"][1] == {"name": "book/1", "thread": "shard-1"}
    assert data["machine"]["cores"] == [[c] for c in range(8)]
    assert {t["name"]: t["stages"] for t in data["threads"]}["shard-1"] == ["book/1", "risk/1"]


def test_a_placement_names_a_stage_or_its_shards(monkeypatch):
    text = "a=simulator,decode,sequencer,book/1;b@2=risk,last;c=book/2,book/0"
    placed = assign(stages_of(topology(placement=parse_placement(text))), EIGHT, parse_placement(text))
    assert [t.stages for t in placed.threads] == [
        ("simulator", "decode", "sequencer", "book/1"), ("risk/0", "risk/1", "last"), ("book/0", "book/2"),
    ]


def test_more_replicas_are_a_change_of_the_stage():
    changes = [c for c in compare(topology(), topology(TEXT.replace("replicas: 3", "replicas: 4"))) if c.kind != "keep"]
    assert [(c.kind, c.name, c.values) for c in changes] == [("restart", "book", (("replicas", 3, 4),))]


def test_a_drawing_shows_how_many_and_by_what():
    found = topology()
    picture = picture_of(found, assign(stages_of(found), EIGHT).threads)
    drawing = "\n".join(draw_text(picture, 80).lines)
    assert "book ×3 by symbol · 3 threads" in drawing
    assert "risk x2 by book_status - 2 threads" in "\n".join(draw_text(picture, 80, ascii_only=True).lines)
    assert 'n6["book ×3 by symbol"]' in draw_mermaid(picture) and 'label="book ×3 by symbol"' in draw_dot(picture)
    node = next(n for n in json.loads(as_json(picture, "t.yaml", ok=True))["nodes"] if n["name"] == "risk")
    assert (node["by"], node["thread"]) == ("book_status", None)
    assert node["shards"] == [{"name": "risk/0", "thread": "shard-0"}, {"name": "risk/1", "thread": "shard-1"}]
    fused = picture_of(found, assign(stages_of(found), EIGHT, parse_placement("fused")).threads)
    assert next(b for b in fused.boxes if b.name == "risk").thread == "core"


def test_a_test_expects_of_a_sharded_stage_what_its_shards_count_together():
    result = {"frame_errors": {}, "rejects": 0, "rejects_by_reason": {}, "book_checks": {},
              "counters": {"risk/0": {"n": 3, "each": [1, 0]}, "risk/1": {"n": 4, "each": [0, 2]}, "risky": {"n": 100}}}
    assert differences(ExpectSpec(counters={"risk": {"n": 7, "each": [1, 2]}, "risky": {"n": 100}}), result, {}) == []
    assert [str(d) for d in differences(ExpectSpec(counters={"risk": {"n": 3}}), result, {})] == ["counter risk.n: expected 3, got 7"]
