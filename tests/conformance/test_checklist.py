"""Every id of the checklist has a test that carries it in its name, or a documented reason why not."""

import re
from pathlib import Path

import pytest

from tests.conformance.checklist import CHECKLIST, NOT_APPLICABLE, collected, ids_of, page

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tests():
    return collected()


def test_names_are_read_as_ids():
    assert ids_of("test_k013_a_claim_of_four") == ["K13"]
    assert ids_of("test_a045_a046_translators[single]") == ["A45", "A46"]
    assert ids_of("test_n001d_partial_reads") == ["N1d"]
    assert ids_of("test_quirk_a2_a_late_consumer") == ["quirk a2"]
    assert ids_of("test_graphs_may_be_started_again") == []


def test_the_checklist_is_complete():
    numbers = {int(re.sub(r"\D", "", known)) for known in CHECKLIST if known[0] in "KAD"}
    assert numbers == set(range(1, 125))
    assert {known[:2] for known in CHECKLIST if known[0] == "N"} == {"N1", "N2", "N3", "N4", "N5"}
    assert {known for known in CHECKLIST if known.startswith("quirk")} == {
        f"quirk {q}" for q in ("a", "a2", "b", "c", "f", "h", "k", "r", "waits")
    }


def test_every_id_has_a_test_or_a_reason(tests):
    shown = {known for test in tests for known in ids_of(test.partition("::")[2])}
    assert [known for known in CHECKLIST if known not in shown and known not in NOT_APPLICABLE] == []
    assert [known for known in NOT_APPLICABLE if known in shown] == []
    assert sorted(shown - set(CHECKLIST)) == []


def test_the_page_says_what_the_tests_are(tests):
    assert (ROOT / "docs" / "conformance.md").read_text() == page(tests), "run `make docs`"
