"""The tools that run and test the conformance suite: none of them can rot unseen."""

import pytest

from disruptor.compiled import JIT_ENABLED
from tools import conformance, mutants
from tools.mutant_table import MUTANTS, QUICK


def test_every_fault_applies_to_the_sources_and_names_tests_that_exist():
    assert len(MUTANTS) >= 60 and len({m.name for m in MUTANTS}) == len(MUTANTS)
    for mutant in MUTANTS:
        assert (mutants.ROOT / mutant.file).read_text().count(mutant.old) == 1, mutant.name
        assert mutant.new != mutant.old
        for test in mutant.tests:
            file, _, name = test.partition("::")
            assert f"def {name}(" in (mutants.ROOT / file).read_text() if name else (mutants.ROOT / file).exists(), test


def test_the_core_has_faults_in_every_file_that_threads_share():
    assert {m.file.removeprefix("disruptor/").removesuffix(".py") for m in MUTANTS} >= {
        "claims", "gating", "sequencer", "barrier", "waiting", "lookout", "processor", "processor_text", "loop_processor",
        "poller", "observer", "worker_pool", "publishing", "dsl", "byte_producer", "byte_consumer", "broadcast", "seqlock",
    }


def test_three_faults_are_noticed():
    chosen = [m for m in MUTANTS if m.name in QUICK]
    assert len(chosen) == 3
    assert mutants.check(chosen, say=False) == []


def test_a_fault_that_nobody_notices_and_one_that_does_not_apply_are_reported():
    harmless = MUTANTS[0]._replace(
        name="harmless", old="CURSOR = 0 * CELL_WORDS", new="CURSOR = 0 + 0 * CELL_WORDS",
        tests=("tests/conformance/test_sequences.py::test_k007_size",),
    )
    absent = harmless._replace(name="absent", old="no such text")
    assert mutants.check([harmless, absent], say=False) == [
        "harmless (disruptor/claims.py) survives tests/conformance/test_sequences.py::test_k007_size",
        "DOES NOT APPLY: absent: the old text stands 0 times in disruptor/claims.py; renew tools/mutant_table.py",
    ]


def test_a_test_that_fails_without_a_fault_is_reported():
    mutant = MUTANTS[0]._replace(tests=("tests/conformance/test_sequences.py::test_no_such",))
    assert len(mutants.check([mutant], say=False)) == 1


@pytest.mark.skipif(not JIT_ENABLED, reason="this is that run")
def test_the_conformance_suite_passes_as_plain_python(capsys):
    outcomes = conformance.run("plain", [])
    assert len(outcomes) > 1_000
    assert [test for test, outcome in outcomes.items() if outcome == "FAILED"] == [], capsys.readouterr().out
    lines = conformance.table({"plain": outcomes})
    assert any(line.startswith("K13         a claim of four ends at 3: plain ") and line.endswith("passed") for line in lines)
