"""The rule about real captures: used where they are, skipped where there are none, never passed over under CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = """
import pytest

def test_reads(captures):
    assert (captures / "binance" / "a.gz").read_text() == "frames"

def test_skips_itself(captures):
    pytest.skip("not today")

def test_needs_none():
    pass
"""


@pytest.fixture
def checkout(tmp_path):
    """A folder `checkout/tests` with the rule in it, and two tests that need captures."""
    tests = tmp_path / "checkout" / "tests"
    tests.mkdir(parents=True)
    shutil.copy(CONFTEST, tests)
    (tests / "test_some.py").write_text(TESTS)
    return tests


def run(tests: Path, *options: str, **variables: str) -> tuple[int, list[str]]:
    """Run the tests; return pytest's exit status and its last two lines."""
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "HYDRAFLOW_DATA", "PYTEST_ADDOPTS")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tests), str(tests), *options]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment | variables, timeout=500, check=False)
    return ran.returncode, ran.stdout.strip().splitlines()[-2:]


def captures(folder: Path) -> Path:
    (folder / "binance").mkdir(parents=True)
    (folder / "binance" / "a.gz").write_text("frames")
    return folder


def test_captures_are_used_when_they_lie_beside_the_checkout(checkout):
    captures(checkout.parents[1] / "shared" / "data")
    code, lines = run(checkout)
    assert (code, lines[0]) == (0, "captures: 1 used in 1 tests, 1 tests skipped; HYDRAFLOW_DATA names a folder of captures")
    assert lines[1].startswith("2 passed, 1 skipped")


def test_captures_are_used_when_the_variable_names_them(checkout, tmp_path):
    assert run(checkout, HYDRAFLOW_DATA=str(captures(tmp_path / "elsewhere")))[1][0].startswith("captures: 1 used in 1 tests")


def test_the_last_lines_are_the_same_when_two_processes_take_the_tests(checkout):
    folder = captures(checkout.parents[1] / "shared" / "data")
    (folder / "binance" / "b.gz").write_text("frames")
    (checkout / "test_more.py").write_text(TESTS.replace("a.gz", "b.gz"))
    alone, shared = run(checkout), run(checkout, "-n", "2", "--dist", "loadfile")
    assert (shared[0], shared[1][0]) == (alone[0], alone[1][0])
    assert shared[1][0] == "captures: 2 used in 2 tests, 2 tests skipped; HYDRAFLOW_DATA names a folder of captures"
    assert shared[1][1].startswith("4 passed, 2 skipped")


@pytest.mark.parametrize("variables", [{}, {"CI": "1"}, {"HYDRAFLOW_DATA": ""}, {"HYDRAFLOW_DATA": "", "CI": "1"}])
def test_captures_are_skipped_when_there_is_no_folder(checkout, variables):
    code, lines = run(checkout, **variables)
    assert code == 0
    assert lines[0].startswith("captures: 0 used in 0 tests, 2 tests skipped")
    assert lines[1].startswith("1 passed, 2 skipped")


def test_a_skip_is_a_failure_when_ci_is_set_and_the_folder_is_there(checkout):
    captures(checkout.parents[1] / "shared" / "data")
    code, lines = run(checkout, CI="true")
    assert code == 1
    assert lines[0] == "captures: 1 used in 2 tests, 0 tests skipped"
    assert lines[1].startswith("1 failed, 2 passed")


@pytest.mark.parametrize("variables", [{}, {"HYDRAFLOW_DATA": "nowhere"}])
def test_an_unusable_folder_is_an_error_when_ci_is_set(checkout, variables):
    (checkout.parents[1] / "shared" / "data").mkdir(parents=True)
    assert run(checkout, **variables)[0] == 0
    code, lines = run(checkout, CI="1", **variables)
    assert code == 1
    assert "2 errors" in lines[1]
