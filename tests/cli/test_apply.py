"""`hfx apply` without the right engine: what a user reads who has none, one or two of them running."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from disruptor.counters import CounterFile, counter_path
from hydraflow.cli.apply import apply
from hydraflow.errors import InputNotFound, Unavailable, UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def engine():
    """Give a function that leaves the file of an engine that is alive: this process."""
    files = []

    def start(name):
        files.append(CounterFile.create(counter_path(name), name=name, cells=["ring.main"]))

    yield start
    for file in files:
        file.close()


def refused(kind, *arguments):
    with pytest.raises(kind) as error:
        CliRunner().invoke(apply, arguments, catch_exceptions=False)
    return str(error.value)


def test_an_engine_in_the_place_of_a_file_gets_the_line_that_was_meant(engine):
    engine("a")
    engine("b")
    said = refused(UsageError, "b", "--set", "risk.max_position=5", "--set", "x.text=a b")
    assert said == ("'b' stands where a FILE does, and beside --set there is none: --name says which engine; "
                    "hfx apply --name b --set risk.max_position=5 --set 'x.text=a b'")


def test_an_unknown_name_is_told_the_engines_that_run(engine):
    start = ("'nobody' stands where a FILE does, and beside --set there is none: --name says which engine; ")
    assert refused(UsageError, "nobody", "--set", "a.b=1") == start + "none runs; start one with `hfx run FILE`"
    engine("a")
    assert refused(UsageError, "nobody", "--set", "a.b=1") == start + "hfx apply --name a --set a.b=1"
    engine("b")
    assert refused(UsageError, "nobody", "--set", "a.b=1") == start + "one of those that run: a, b"


def test_a_file_and_set_exclude_each_other(folder):
    (folder / "t.yaml").write_text("version: 1\n")
    said = refused(UsageError, "t.yaml", "--set", "a.b=1")
    assert "give a FILE or --set, one of them" in said and "t.yaml" in said
    assert "give a FILE or --set, one of them" in refused(UsageError)


def test_the_name_of_an_engine_alone_is_no_file(engine):
    refused(InputNotFound, "a")
    engine("a")
    assert refused(UsageError, "a") == "'a' is an engine, and no FILE; hfx apply --name a --set STAGE.PARAMETER=VALUE"


def test_without_a_name_none_or_several_are_refused(engine):
    assert "no engine runs" in refused(Unavailable, "--set", "a.b=1")
    engine("a")
    engine("b")
    assert "name one of them with --name: a, b" in refused(UsageError, "--set", "a.b=1")
