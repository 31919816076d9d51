"""The topology that runs for a test, and which handlers a test exercised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hydraflow.testing.coverage import exercised, stages_to_exercise
from hydraflow.testing.derive import derive
from hydraflow.testing.inputs import capture_of
from hydraflow.topology import examine
from tests.reference.topology_stubs import registry

TEXT = """\
version: 1
name: traded
x-own: {a: 1}
sources:
  - {name: first, use: simulator, with: {seed: 3}}
  - {name: second, use: simulator, into: frames2}
instruments: [{symbol: "A$$B", tick: 0.10, lot: "${LOT}"}]
rings:
  frames2: {record: frame, slots: 64, payload: 32MiB}
  decoded2: {record: message, slots: 4096, payload: 262144}
  main: {record: message, slots: 4096, payload: 262144, sequence: [decoded, decoded2]}
handlers:
  - {use: deserialize.binance}
  - {name: two, use: deserialize.binance, on: frames2, into: decoded2}
  - {use: journal}
  - {use: book, after: journal, with: {share: 0.1, low: 1}}
  - {use: risk, after: [journal, book]}
placement: {mode: explicit, threads: [{name: t, stages: [first, second, deserialize, two, sequencer, journal, book, risk]}]}
tests:
  - {name: plain, input: "1 {}"}
  - {name: changed, input: {lines: ["1 {}", "2 {}"], source: second}, parameters: {book: {low: 2}}, handlers: {risk: "./own.py:mine"}}
"""


@pytest.fixture
def topology(tmp_path):
    (tmp_path / "own.py").write_text("def mine(event, sequence):\n    pass\n")
    path = tmp_path / "traded.yaml"
    path.write_text(TEXT)
    made, findings = examine(TEXT, str(path), {"LOT": "1e-3"}, registry=registry())
    assert made is not None and not findings.failed, findings.diagnostics
    return made


def test_sources_become_captures_and_journal_placement_and_tests_are_left_out(topology):
    tree = derive(topology, topology.tests[0], Path("/in"), Path("/none")).tree
    assert tree["sources"] == [
        {"name": "first", "use": "capture", "into": "frames", "with": {"path": "/in"}},
        {"name": "second", "use": "capture", "into": "frames2", "with": {"path": "/none"}},
    ]
    assert sorted(tree) == ["handlers", "instruments", "name", "rings", "sinks", "sources", "version"]
    assert [h["name"] for h in tree["handlers"]] == ["deserialize", "two", "book", "risk"]
    assert [h["after"] for h in tree["handlers"]] == [[], [], [], ["book"]]


def test_overrides_stand_in_the_place_of_what_the_topology_says(topology):
    derived = derive(topology, topology.tests[1], Path("/in"), Path("/none"))
    assert [s["with"]["path"] for s in derived.tree["sources"]] == ["/none", "/in"]
    book, risk = derived.tree["handlers"][2:]
    assert book["with"] == {"share": 0.1, "low": 2}
    assert risk["use"] == f"{Path(topology.path).parent.resolve()}/own.py:mine"


def test_the_derived_topology_reads_back_with_dollars_and_variables_as_they_were(topology):
    derived = derive(topology, topology.tests[1], Path("/in"), Path("/none"))
    again, findings = examine(json.dumps(derived.tree), "/elsewhere/t.yaml", derived.environment, registry=registry())
    assert again is not None and not findings.failed, findings.diagnostics
    assert (again.instruments[0].symbol, again.instruments[0].lot) == ("A$B", "0.001")
    assert again.bound["book"].params.low == 2
    assert again.bound["risk"].component.attribute == "mine"


def test_lines_are_written_one_a_line_and_files_are_taken_from_beside_the_topology(topology, tmp_path):
    assert capture_of(topology.tests[1].input, topology.path, tmp_path).read_text() == "1 {}\n2 {}\n"
    given = topology.tests[0].input.__class__(file="captures/x.gz")
    assert capture_of(given, topology.path, Path("/unused")) == tmp_path.resolve() / "captures/x.gz"


def test_a_stage_is_exercised_by_what_it_counted_or_without_counters_by_a_record(topology):
    handlers = [{"name": n, "cursor": c} for n, c in (("deserialize", 3), ("two", -1), ("book", None), ("risk", 9))]
    result = {"handlers": handlers, "counters": {"risk": {"accepted": 0, "first_refused": -1, "by": [[0, 0], [0, 1]]}}}
    assert stages_to_exercise(topology) == ["deserialize", "two", "book", "risk"]
    assert exercised(topology, topology.tests[0], result) == {"deserialize", "risk"}
    assert exercised(topology, topology.tests[1], result) == {"deserialize"}  # in the place of risk something else ran
    result["counters"]["risk"]["by"] = [[0, 0], [0, 0]]
    assert exercised(topology, topology.tests[0], result) == {"deserialize"}
