"""The Promela models: the small ones visited whole, a mutant of each found. Skipped where spin is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.verify.models import CHECKS, FOLDER, MUTANTS, Check, main, missing, run

ROOT = Path(__file__).parents[2]
needs_spin = pytest.mark.skipif(bool(missing()), reason=f"models are not visited: apt-get install -y {' '.join(missing())}")
SMALL = [
    Check("single", "SLOTS=2 LAST=3"),
    Check("many", "LAST=1 CONSUMERS=1"),
    Check("parking", "LAST=1"),
    Check("dynamic", "LAST=3 GUESTS=1"),
]
FOUND = [
    Check("single", "SLOTS=2 LAST=5", "GATE_ONE_TOO_FAR"),
    Check("many", "LAST=2 CONSUMERS=1", "CLAIM_NOT_COMPARED"),
    Check("parking", "LAST=1", "SLEEPER_WITHOUT_FENCE"),
    Check("dynamic", "LAST=5 STAYS=2", "PLACED_ONCE"),
]


@needs_spin
@pytest.mark.slow
@pytest.mark.parametrize("check", SMALL, ids=str)
def test_every_state_of_a_small_model_keeps_the_rules(check, tmp_path):
    outcome = run(check, tmp_path)
    assert outcome.right, outcome
    assert outcome.states > 100


@needs_spin
@pytest.mark.slow
@pytest.mark.parametrize("check", FOUND, ids=str)
def test_a_mutant_is_found(check, tmp_path):
    assert run(check, tmp_path).right


@pytest.mark.parametrize("check", MUTANTS, ids=str)
def test_each_mutant_stands_in_its_model_and_in_its_list(check):
    text = (FOLDER / f"{check.model}.pml").read_text()
    said, _, rest = text.partition("*/")
    assert check.mutant in said
    assert f"def {check.mutant}\n" in rest


def test_models_and_mutants_are_as_many_as_are_promised():
    assert len(MUTANTS) >= 12
    assert len(set(CHECKS)) == len(CHECKS)
    for model in ("single", "many", "parking", "dynamic"):
        assert any(c.model == model and c.liveness for c in CHECKS) and any(c.model == model and not c.liveness for c in CHECKS)


def test_without_spin_the_command_names_the_package():
    ran = subprocess.run(
        [sys.executable, "-m", "tools.verify.models"], cwd=ROOT, env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=60,
        check=False,
    )
    assert ran.returncode == 69
    assert ran.stderr.strip() == "models: install spin gcc cpp (apt-get install -y spin gcc cpp)"


@needs_spin
def test_a_word_that_no_model_has_is_not_a_success():
    assert main(["no such model"]) == 1
