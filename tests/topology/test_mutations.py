"""Single edits of the shipped topologies, as people make them: each is told at its place, changes nothing, or is legal.

What decides, for each edited file:

    rejected   one finding, in one place (RELATIONS and MISSING say where that may be when it is not the edited line)
    equal      no finding, and the topology that results equals the original's, parameters and tests included
    legal      no error; the values fit the JSON Schema, and an oracle that shares no code with the checks finds no fault in
               the graph: names, order, rings, races by brute force (tests/reference/topology_oracle.py)

HYDRAFLOW_MUTATIONS=20000 makes more of them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import attrs
import jsonschema
import pytest
import yaml

from disruptor.access import accesses
from hydraflow.plugins import installed
from hydraflow.registry import Registry
from hydraflow.topology import Diagnostic, examine, render
from hydraflow.topology.schema import schema
from tests.reference.mutations import KINDS, Edit, edits, yaml_lines
from tests.reference.topology_oracle import faults

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("config/*.yaml"), *ROOT.glob("hydraflow/templates/**/*.yaml"), *ROOT.glob("examples/**/*.yaml")])
FILES = [path for path in FILES if yaml.safe_load(path.read_text()).get("version") == 1]
COUNT = int(os.environ.get("HYDRAFLOW_MUTATIONS", "1200")) // len(FILES)
ENVIRONMENT = {"HYDRAFLOW_CAPTURE": "capture.gz"}
REGISTRY = Registry(entry_points=False)

# What is missing is told where it would belong: at the head of a block around the edit, or beside it.
MISSING = {"HF008", "HF307", "HF112", "HF115", "HF503", "HF505", "HF602"}
WHOLE = {"HF004", "HF107", "HF118"}  # a section of the file is missing: there is no line
# One end of a relation is told at the other: the message then names a word that stands, or stood, on the edited line.
RELATIONS = {"HF104", "HF105", "HF106", "HF108", "HF110", "HF111", "HF113", "HF114", "HF120", "HF401", "HF402", "HF503", "HF601", "HF603", "HF205", "HF569"}
SYNTAX = {"HF001", "HF002"}  # noticed when the parser comes to it
SEVERAL = {"swap lines", "duplicate line", "delete line"}  # may be two mistakes: what is moved is missing there and wrong here


def rejected_rightly(found: list[Diagnostic], edit: Edit, original: str) -> str:
    """Return why the findings are not what they should be, "" when they are."""
    stray = [one for one in found if not _in_place(one, edit, original)]
    if edit.kind == "swap lines" and len(stray) < len(found):
        stray = []  # two edits: what is missing where a line was is told there
    for one in stray[:1]:
        return f"{one.code} at {one.line}:{one.column} is not about the edit of lines {sorted(edit.lines)}"
    places = {one.line for one in found if one.code not in MISSING}
    if len(places) > 1 and edit.kind not in SEVERAL and not all(_touches(one, edit) for one in found):
        return f"one edit, {len(places)} places: {sorted(places)}"
    most = 6 if edit.kind == "swap lines" else 3  # two edits
    return f"one edit, {len(found)} messages" if len(found) > most else ""


def _in_place(one: Diagnostic, edit: Edit, original: str) -> bool:
    if _touches(one, edit) or one.code in WHOLE:
        return True
    if (one.code in MISSING or "missing above" in one.label) and one.line in _heads(edit):
        return True
    if one.code in RELATIONS and _said(one) & edit.words:
        return True
    named = re.search(r"\(line (\d+)\)", one.label)
    if named and int(named[1]) in edit.lines:
        return True
    return one.code in SYNTAX and _unnoticed_before(one.line, edit)


def _touches(one: Diagnostic, edit: Edit) -> bool:
    places = [one.span, *(r.span for r in one.related)]
    lines = edit.lines | {line + step for line in edit.lines for step in (-1, 1) if edit.kind == "swap lines"}
    return any(span is not None and span.line in lines for span in places)


def _said(one: Diagnostic) -> set[str]:
    return set(re.findall(r"[\w.$-]+", " ".join([one.message, one.label, *one.notes])))


def _heads(edit: Edit) -> set[int]:
    """Return the first lines of the blocks around the edit, by indentation, and the next line that says something."""
    lines = yaml_lines(edit.text)
    found: set[int] = set()
    for number in edit.lines:
        least: int | None = None
        for above in range(number, 0, -1):
            text = lines[above - 1]
            indent = len(text) - len(text.lstrip())
            if text.strip() and (least is None or indent < least):
                found.add(above)
                least = indent
        found.add(next((n for n in range(number + 1, len(lines) + 1) if lines[n - 1].strip()), number))
    return found


def _unnoticed_before(line: int, edit: Edit) -> bool:
    """Whether the text before a line can still go on well, edit included: then no parser could have told earlier."""
    if line < min(edit.lines):
        return False
    before = "\n".join(yaml_lines(edit.text)[: line - 1]) + "\n"
    try:
        for _ in yaml.parse(before, yaml.SafeLoader):
            pass
    except yaml.MarkedYAMLError as error:
        return error.problem_mark is not None and error.problem_mark.line >= line - 1  # only that it ends here
    return True


def legal(topology, edit: Edit, validator, known) -> str:
    """Return why an accepted topology should not have been, "" when it is legal."""
    wrong = next(validator.iter_errors(topology.node.plain()), None)
    if wrong is not None:
        return f"the schema refuses it: {wrong.json_path}: {wrong.message}"
    return "; ".join(faults(edit.text, known))


def same(one, other) -> bool:
    """Whether two topologies say the same, in whatever words."""
    def bare(topology):
        return attrs.evolve(topology, text="", warnings=(), overrides=())
    return bare(one) == bare(other) and {n: b.params for n, b in one.bound.items()} == {n: b.params for n, b in other.bound.items()}


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(schema(installed(REGISTRY)))


@pytest.fixture(scope="module")
def known():
    """use → (reads, writes) of every shipped handler, and of the template's own."""
    found = {}
    for use in REGISTRY.names("handler"):
        seen = accesses(REGISTRY.resolve("handler", use).handler)
        found[use] = (frozenset(seen.reads), frozenset(seen.writes))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_edit_is_told_at_its_place_or_changes_nothing_or_is_legal(path, validator, known, request):
    original = path.read_text()
    base, findings = examine(original, str(path), ENVIRONMENT, registry=REGISTRY, cpus=(0, 1))
    assert not findings.diagnostics
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    for edit in edits(original, seed=hash_of(path), count=COUNT):
        topology, findings = examine(edit.text, str(path), ENVIRONMENT, registry=REGISTRY, cpus=(0, 1))
        errors = [d for d in findings.diagnostics if d.severity == "error"]
        if errors:
            outcomes["rejected"] += 1
            why = rejected_rightly(errors, edit, original)
        elif same(topology, base):
            outcomes["equal"] += 1
            why = ""
        else:
            outcomes["legal"] += 1
            why = legal(topology, edit, validator, known)
        if why:
            shown = "\n".join(render(d, findings.texts) for d in errors)
            wrong.append(f"{edit.kind}: {edit.what}: {why}\n{shown}")
    assert not wrong, f"{len(wrong)} of {COUNT}\n\n" + "\n\n".join(wrong[:20])
    assert outcomes.total() == COUNT and min(outcomes["rejected"], outcomes["equal"], outcomes["legal"]) > 0, outcomes


def hash_of(path: Path) -> int:
    """Return a seed of a file's own, the same on every machine."""
    return sum(path.name.encode())


def test_the_oracle_refuses_what_is_wrong(known):
    """The judge must be able to say no: each fault that it looks for is planted once."""
    good = (ROOT / "config/demo.yaml").read_text()
    assert faults(good, known) == []
    planted = {
        "after: book}": "after: bok}", "name: risk,": "name: book,", "on: frames": "on: frame", ", after: strategy}": "}",
        "into: decoded": "into: main", "name: book, use: book, on: main": "name: book, use: book, on: main, after: mev",
    }
    for old, new in planted.items():
        assert old in good
        assert faults(good.replace(old, new, 1), known), new


def test_the_judge_of_places_refuses_a_wrong_place():
    path = ROOT / "config/demo.yaml"
    text = path.read_text()
    edit = next(e for e in edits(text, 1, 400) if e.kind == "misspell key")
    _, findings = examine(edit.text, str(path), {}, registry=REGISTRY, cpus=(0, 1))
    (right,) = findings.diagnostics
    assert rejected_rightly([right], edit, text) == ""
    elsewhere = attrs.evolve(right, span=attrs.evolve(right.span, line=right.line + 3), related=(), label="")
    assert rejected_rightly([elsewhere], edit, text)
    assert rejected_rightly([right, elsewhere], edit, text)


def test_edits_are_of_every_kind_and_repeatable():
    text = (ROOT / "config/demo.yaml").read_text()
    made = list(edits(text, 5, 3 * len(KINDS)))
    assert {e.kind for e in made} == set(KINDS)
    assert made == list(edits(text, 5, 3 * len(KINDS)))
    assert all(e.text != text and e.lines for e in made)
