"""pytest collects the tests of topologies: `test_*.yaml`, `*.hfx.yaml`, and files named on the command line that declare
`tests:`. Nothing else is looked at, and nothing is imported until such a file is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

__all__ = ["TopologyFile", "TopologyTest"]

_NAMES = ("test_*.yaml", "test_*.yml", "*.hfx.yaml", "*.hfx.yml")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hydraflow", "tests of HydraFlow-X topologies")
    group.addoption("--hfx-budgets", action="store_true", help="a latency over its budget fails the test of a topology")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    if not any(fnmatch(file_path.name, pattern) for pattern in _NAMES) and not parent.session.isinitpath(file_path):
        return None
    from hydraflow.testing.files import declares_tests

    return TopologyFile.from_parent(parent, path=file_path) if declares_tests(file_path) else None


class TopologyFile(pytest.File):
    """A topology file; its mistakes are errors of the collection."""

    def collect(self) -> Iterator[TopologyTest]:
        from hydraflow.topology import render, summary
        from hydraflow.topology.load import examine, read_file

        path = os.path.relpath(self.path)
        topology, findings = examine(read_file(self.path), path, os.environ)
        if topology is None or findings.failed:
            errors = [d for d in findings.diagnostics if d.severity == "error"]
            raise self.CollectError("\n\n".join([*(render(d, findings.texts) for d in errors), summary(errors, path)]))
        for case in topology.tests:
            item = TopologyTest.from_parent(self, name=case.name)
            item.topology, item.case = topology, case
            yield item


class TopologyTest(pytest.Item):
    """One test of a topology."""

    topology: Any
    case: Any

    def runtest(self) -> None:
        from hydraflow.testing.report import complaints
        from hydraflow.testing.runner import run_case

        judge = bool(self.config.getoption("--hfx-budgets"))
        verdict = run_case(self.topology, self.case)
        if not verdict.passed(judge_budgets=judge):
            raise _Failed("\n".join(complaints(verdict, judge_budgets=judge)))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, _Failed) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        span = self.case.where("name")
        return self.path, span.line - 1 if span else 0, self.name


class _Failed(Exception):
    """What a test failed by."""
