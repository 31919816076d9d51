"""Every kind of bad input that users of topologies are promised to be told about: its code, its place, what it may mean.

A row names the golden file that shows it (tests/topology/golden: the exact text is compared there), or the test that does when
no file can.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hydraflow.topology.explain import EXPLANATIONS

GOLDEN = Path(__file__).parent / "golden"
TESTS = Path(__file__).parents[1]
BAD_INPUT = [  # mistake, golden file, code, what its text also shows
    ("a cycle", "cycle", "HF102", "waits for"),
    ("a cycle of rings", "ring_cycle", "HF111", "→"),
    ("a self-edge", "self_edge", "HF103", "remove it"),
    ("feedback without its ring", "feedback_unmerged", "HF120", "answers here"),
    ("an unknown stage", "after_unknown", "HF104", "did you mean"),
    ("an unknown ring", "ring_unknown", "HF106", "did you mean"),
    ("an unknown component", "component_unknown", "HF301", "did you mean"),
    ("an unknown key", "key_unknown", "HF007", "did you mean"),
    ("an unknown parameter", "parameter_unknown", "HF304", "did you mean"),
    ("a wrong type", "types", "HF006", "must be"),
    ("a parameter of a wrong type", "parameter_wrong", "HF305", "must be"),
    ("a wrong unit", "units", "HF305", "such as 250us"),
    ("a missing unit", "unit_missing", "HF305", "write 5ms"),
    ("a parameter out of its range", "parameter_range", "HF306", "must be"),
    ("two writers of a ring", "two_writers", "HF110", "writes it"),
    ("read before write", "race", "HF112", "add after:"),
    ("an unreachable handler", "unreachable", "HF108", "never get a record"),
    ("no cores left", "cores_missing", "HF404", "it may use"),
    ("two spinners on a core", "placement_spinners", "HF405", "first here"),
    ("ring sizes", "ring_size", "HF201", "the next one is"),
    ("a ring too small for its writer", "ring_too_small", "HF206", ""),
    ("a feedback ring too small", "feedback_small", "HF205", "write slots:"),
    ("max_out missing", "max_out_missing", "HF309", "max_out"),
    ("a missing variable", "environment", "HF009", ":-default"),
    ("an unreadable include", "include_missing", "HF012", "did you mean"),
    ("an include loop", "include_loop", "HF013", "→"),
    ("a YAML bomb", "alias_bomb", "HF005", "aliases"),
    ("an anchor in itself", "alias_loop", "HF005", "contains itself"),
    ("a tab", "tab", "HF002", "use spaces"),
    ("an unknown version", "version_unknown", "HF004", "update it"),
    ("a duplicate key", "duplicate_key", "HF003", "first here"),
    ("a duplicate name", "duplicate_name", "HF101", "first here"),
    ("a lost section", "section_lost", "HF119", "is missing above"),
    ("a section in a section", "section_indented", "HF007", "indented too far"),
    ("two mappings become one", "mappings_merged", "HF003", "so is on"),
    ("a module that exits", "module_exits", "HF302", "SystemExit: 3"),
    ("a module that ends the process", "module_ends", "HF302", "os._exit: 3"),
    ("a value that no row can have", "tests_words", "HF604", "did you mean 'LIVE'"),
]
SHOWN_BY_TESTS = {
    "a module that prints": "hydraflow/test_loading.py::test_what_a_module_prints_does_not_spoil_the_data",
    "a module that sleeps": "hydraflow/test_loading.py::test_a_long_import_is_named_while_it_lasts",
    "a module that loops": "hydraflow/test_loading.py::test_a_module_that_does_not_come_back_is_stopped",
    "a wrong pair of numba and llvmlite": "cli/test_broken_installation.py::test_check_says_what_does_not_fit_together",
    "an include that nobody may read": "topology/test_includes.py::test_",
}


@pytest.mark.parametrize(("mistake", "case", "code", "shown"), BAD_INPUT, ids=[row[0] for row in BAD_INPUT])
def test_bad_input_has_a_code_a_place_and_a_remedy(mistake, case, code, shown):
    text = (GOLDEN / f"{case}.txt").read_text(encoding="utf-8")
    found = next(part for part in text.split("\n\n") if f"[{code}]" in part)
    assert re.search(rf"--> {case}\.yaml:\d+:\d+\n", found), "file:line:column"
    assert re.search(r"^ *\d+ \| .*\n *\| +\^+", found, re.MULTILINE), "an excerpt with a caret"
    assert shown in text
    assert code in EXPLANATIONS


@pytest.mark.parametrize("place", SHOWN_BY_TESTS.values(), ids=SHOWN_BY_TESTS)
def test_bad_input_that_no_file_shows_has_a_test(place):
    file, _, name = place.partition("::")
    assert f"def {name}" in (TESTS / file).read_text(encoding="utf-8")
