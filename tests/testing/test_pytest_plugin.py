"""pytest collects the tests of topologies: which files, what a failure says. The engine is replaced."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = "tests.reference.topology_stubs"
TEXT = (f"version: 1\nsources: [{{name: s, use: '{HERE}:simulator'}}]\nhandlers:\n"
        f"  - {{name: d, use: '{HERE}:deserialize', on: frames, into: decoded}}\n  - {{name: r, use: '{HERE}:risk'}}\n"
        "instruments: [{symbol: X, tick: 1, lot: 1}]\ntests:\n"
        "  - {name: well, input: '1 {}'}\n  - {name: badly, input: '1 {}', expect: {budgets: {r: {p99: 1us}}}}\n")
CONFTEST = """\
from hydraflow.testing import runner
from hydraflow.testing.judge import Budget, Difference
from hydraflow.topology.diagnose import Span

def run_case(topology, case, progress=None):
    found = (Difference("fills", "1", "0", Span(9, 5)),) if case.name == "badly" else ()
    late = (Budget("r", "p99", 1000, 2000.0, Span(9, 7)),) if case.name == "well" else ()
    return runner.Verdict(path=topology.path, name=case.name, span=None, seconds=0.1, differences=found, budgets=late)

runner.run_case = run_case
"""


@pytest.fixture
def collect(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "hydraflow.pytest_plugin", "-p", "no:cacheprovider", "-q", *arguments], cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True, text=True,
            timeout=120, check=False,
        )

    return run


def test_files_of_the_known_names_are_collected_and_no_others(collect, tmp_path):
    for name in ("test_one.yaml", "two.hfx.yaml", "other.yaml"):
        (tmp_path / name).write_text(TEXT)
    (tmp_path / "test_none.yaml").write_text("a: 1\n")
    ran = collect("--collect-only")
    assert [line for line in ran.stdout.splitlines() if "::" in line] == [
        "test_one.yaml::well", "test_one.yaml::badly", "two.hfx.yaml::well", "two.hfx.yaml::badly"]


def test_a_file_named_on_the_command_line_is_collected_and_a_failure_says_what_and_where(collect, tmp_path):
    (tmp_path / "topology.yaml").write_text(TEXT)
    assert "no tests collected" in collect("--collect-only").stdout
    ran = collect("topology.yaml")
    assert ran.returncode == 1
    assert "topology.yaml:9:5: fills: expected 1, got 0\n" in ran.stdout
    assert "1 failed, 1 passed" in ran.stdout and "Traceback" not in ran.stdout
    ran = collect("topology.yaml", "-k", "well", "--hfx-budgets")
    assert "topology.yaml:9:7: r p99: 2 us, over its budget of 1 us" in ran.stdout


def test_mistakes_of_a_file_are_errors_of_the_collection(collect, tmp_path):
    (tmp_path / "test_wrong.yaml").write_text(TEXT.replace("budgets:", "budget:"))
    ran = collect()
    assert ran.returncode == 2
    assert "error[HF007]: expectation has no key 'budget'" in ran.stdout and "1 error in test_wrong.yaml" in ran.stdout


def test_the_plugin_is_declared_and_imports_nothing_but_pytest():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert declared == {"hydraflow": "hydraflow.pytest_plugin"}
    code = "import sys, pytest; before = set(sys.modules); import hydraflow.pytest_plugin; print(*set(sys.modules) - before)"
    ran = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) <= {"hydraflow", "hydraflow.pytest_plugin", "fnmatch"}
