"""Where the real captures are, if anywhere: the fixture `captures`, and what the last lines of a run say about them; and
in which order several processes take the tests, and which of them not at the same time.

The folder is HYDRAFLOW_DATA (empty: none), else `shared/data` beside the checkout. Without one, tests that need it are
skipped. With CI set and a folder named or there, a skip of such a test is a failure: nothing is passed over in silence.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
PROOF = "binance"  # a folder of captures holds at least this

FIRST = ("system", "project", "bench")  # in this order: folders whose tests compile whole graphs, minutes in one file

_outcomes: dict[str, str] = {}
_files: set[str] = set()


class CapturePath(type(Path())):  # type: ignore[misc]
    """A path that notes which files were named through it."""

    def __truediv__(self, part: Any) -> CapturePath:
        path = super().__truediv__(part)
        if path.is_file():
            _files.add(str(path))
        return path


def captures_folder(environment: Mapping[str, str] = os.environ, beside: Path = BESIDE) -> Path | None:
    """Return the folder of real captures, or None. Raises: FileNotFoundError when it is named or there, but of no use."""
    named = environment.get("HYDRAFLOW_DATA")
    if named == "" or (named is None and not beside.is_dir()):
        return None
    folder = CapturePath(named or beside)
    if not folder.joinpath(PROOF).is_dir():
        raise FileNotFoundError(f"{folder} is no folder of captures: it holds no folder '{PROOF}'")
    return folder


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of real captures."""
    try:
        folder = captures_folder()
    except FileNotFoundError as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(f"skipped: {error}")
    if folder is None:
        pytest.skip("skipped: no captures")
    return folder


def _there() -> bool:
    try:
        return captures_folder() is not None
    except FileNotFoundError:
        return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Note what became of each test that needs captures; under CI its skip is a failure where there is a folder."""
    outcome: Any = yield
    if "captures" not in getattr(item, "fixturenames", ()):
        return
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") and _there():
        report.outcome, report.longrepr = "failed", f"skipped although captures are there: {report.longrepr}"
    if report.when == "call" or report.skipped:
        _outcomes[item.nodeid] = report.outcome


@pytest.fixture(autouse=True)
def _cores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test that spins on cores of its own waits until no other process runs such a one."""
    if request.node.get_closest_marker("spins") is None:
        yield
        return
    with (tmp_path_factory.getbasetemp().parent / "spins.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process of several (`-n 2 --dist loadfile`): long files first, so that at the end none works alone."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: next((k for k, name in enumerate(FIRST) if name in item.path.parent.parts), len(FIRST)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of several hands what it has noted to the one that reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["captures"] = _outcomes, sorted(_files)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what such a process has noted, unless it died."""
    outcomes, files = getattr(node, "workeroutput", {}).get("captures", ({}, ()))
    _outcomes.update(outcomes)
    _files.update(files)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None]:
    """Say how many captures were read and how many tests went without, directly above pytest's own last line."""
    yield
    if not _outcomes:
        return
    skipped = sum(outcome == "skipped" for outcome in _outcomes.values())
    tests = len(_outcomes) - skipped
    remedy = "" if not skipped else "; HYDRAFLOW_DATA names a folder of captures"
    terminalreporter.write_line(f"captures: {len(_files)} used in {tests} tests, {skipped} tests skipped{remedy}")
