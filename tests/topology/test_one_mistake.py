"""Single mistakes that were told twice, or at the wrong place, each as somebody makes it: one message, at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydraflow.registry import Registry
from hydraflow.topology import examine, render

ROOT = Path(__file__).parents[2]
REGISTRY = Registry(entry_points=False)
DEMO, CAPTURE, PAPER, RECORDS = (ROOT / path for path in (
    "config/demo.yaml", "config/capture.yaml", "hydraflow/templates/paper/topology.yaml", "hydraflow/templates/records/topology.yaml"))
MISTAKES = [  # (file, what stood there, what is written instead, the code, what the line of the message holds)
    (DEMO, "name: wire,", "name: wir!e,", "HF109", "wir!e"),
    (DEMO, "name: wire,", "name: 1ms,", "HF109", "1ms"),
    (DEMO, "name: wire,", "name: book,", "HF101", "use: wire"),
    (DEMO, "\n  main:", "\n  m[ain:", "HF109", "m[ain"),
    (CAPTURE, "\n    with:\n", "\nwith:\n", "HF007", "with:"),
    (PAPER, "\nsources:\n", "\nafter:\n", "HF006", "after:"),
    (RECORDS, "\nsources:\n", "\nafter:\n", "HF006", "after:"),
    (RECORDS, "into: warnings", "with: warnings", "HF006", "with: warnings"),
    (DEMO, "\nrings:\n", "\n\t\nrings:\n", "HF002", "\t"),
]


@pytest.mark.parametrize(("path", "old", "new", "code", "line"), MISTAKES, ids=lambda value: getattr(value, "stem", None))
def test_a_mistake_is_told_once_and_where_it_is(path, old, new, code, line):
    text = path.read_text()
    assert old in text
    edited = text.replace(old, new, 1)
    _, findings = examine(edited, str(path), {"HYDRAFLOW_CAPTURE": "c.gz"}, registry=REGISTRY, cpus=(0, 1))
    said = "\n".join(render(one, findings.texts) for one in findings.diagnostics)
    assert [one.code for one in findings.diagnostics] == [code], said
    assert line in edited.split("\n")[findings.diagnostics[0].line - 1], said


def test_a_key_that_is_indented_too_little_is_checked_as_it_is_meant():
    text = CAPTURE.read_text().replace("\n    with:\n", "\nwith:\n", 1).replace("path:", "paht:", 1)
    _, findings = examine(text, "c.yaml", {"HYDRAFLOW_CAPTURE": "c.gz"}, registry=REGISTRY, cpus=(0, 1))
    assert [one.code for one in findings.diagnostics] == ["HF007", "HF304"]


def test_two_mistakes_are_two_messages():
    """What is in doubt is not concluded from; what is sure is said all the same."""
    text = DEMO.read_text().replace("name: wire,", "name: wir!e,", 1).replace("after: book}", "after: book, no: 1}", 1)
    _, findings = examine(text, "d.yaml", {}, registry=REGISTRY, cpus=(0, 1))
    assert {one.code for one in findings.diagnostics} == {"HF109", "HF007"}


@pytest.mark.parametrize(("edit", "codes", "note"), [
    ({"into: bs": "into: as"}, ["HF110"], "rings of own records are not merged: let one source yield both, in one order"),
    ({"slots: 128}": "slots: 128, sequence: [as]}"}, ["HF207"], "rings of own records are not merged: let one source yield both, in one order"),
])
def test_who_wants_to_merge_rings_of_own_records_is_told_what_there_is_instead(tmp_path, edit, codes, note):
    (tmp_path / "own.py").write_text('A = [("key", "i8")]\ndef left():\n    yield (1,)\ndef right():\n    yield (2,)\ndef look(batch, first_sequence):\n    pass\n')
    text = """version: 1
rings:
  as: {record: "./own.py:A", slots: 64}
  bs: {record: "./own.py:A", slots: 128}
sources:
  - {use: "./own.py:left", into: as}
  - {use: "./own.py:right", into: bs}
sinks:
  - {use: "./own.py:look", on: as}
"""
    for old, new in edit.items():
        text = text.replace(old, new, 1)
    _, findings = examine(text, str(tmp_path / "t.yaml"), {}, registry=REGISTRY, cpus=(0, 1))
    errors = [one for one in findings.diagnostics if one.severity == "error"]
    assert [one.code for one in errors][:1] == codes
    assert note in errors[0].notes
    assert sum(one.code == codes[0] for one in errors) == 1


def test_a_ring_that_is_not_the_handlers_to_fill_is_not_said_to_be_too_small_for_it():
    text = DEMO.read_text().replace("use: journal, on: main", "use: journal, into: main", 1)
    _, findings = examine(text, "d.yaml", {}, registry=REGISTRY, cpus=(0, 1))
    codes = [one.code for one in findings.diagnostics if one.severity == "error"]
    assert "HF110" in codes and "HF206" not in codes
