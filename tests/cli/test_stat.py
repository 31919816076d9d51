import json
import os

import numpy as np
import pytest
from click.testing import CliRunner

from disruptor.counters import CounterFile, CounterGroup, HandlerEntry, counter_path
from hydraflow.cli.stat import stat
from hydraflow.errors import DataError, InputNotFound, UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def engine(name: str = "demo") -> CounterFile:
    file = CounterFile.create(
        counter_path(name), name=name, cells=["ring.main", "stage.book", "thread.core.running", "thread.core.sequence"],
        counters={"book": CounterGroup([("gaps", "i8"), ("far_levels", "i8"), ("by_kind", "i8", (2,))])},
        histograms={"frame to wire": "ns"},
        handlers=[HandlerEntry(
            name="book", thread="core", cursor="stage.book", source="ring.main", running="thread.core.running", number=0
        )],
    )
    file.cells[:64:16] = (4_200, 4_173, 0, 4_174)
    file.counter("book")[0]["gaps"] = 12_345
    file.counter("book")[0]["by_kind"][1] = 3
    file.histogram("frame to wire")[[0, 2 + 100]] = (1500, 7)
    file.set_phase(1, "running config/demo.yaml")
    file.log_error(104, "division by zero", handler="book", sequence=17)
    return file


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(stat, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_stat_prints_the_one_engine_within_80_columns():
    file = engine()
    output = invoke()
    assert max(map(len, output.splitlines())) <= 80
    for text in ("demo alive · pid", "running config/demo.yaml", "4,173", "27", "4,174", "book: gaps", "12,345",
                 "book: by kind[1]", "100 ns", "1.5 µs", "division by zero"):
        assert text in output
    assert "far levels" not in output  # counters that are 0 only cost lines
    file.cells[file.cell("control.kill_switch")] = 1
    assert "set from outside or by the engine: kill_switch" in invoke("demo")
    file.finish(74)
    assert "demo ended, exit code 74" in invoke(str(file.path))


def test_stat_json_has_a_schema_and_everything():
    engine()
    shown = json.loads(invoke("--json"))
    assert shown["schema"] == "hfx.stat/1"
    assert shown["latency_ns"]["frame to wire"]["count"] == 7
    assert shown["handlers"][0]["lag"] == 27


def test_stat_watch_ends_with_the_engine():
    file = engine()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    file._header[0]["pid"] = child
    assert len(invoke("--json", "--watch", "60").splitlines()) == 1
    assert "dead: it ended without saying so" in invoke("--watch", "60")


def test_stat_prefers_the_engine_that_runs():
    engine("old")._header[0]["pid"] = 0
    engine("new")
    assert json.loads(invoke("--json"))["name"] == "new"


def test_stat_asks_for_a_name_when_several_run():
    engine("first"), engine("second")
    with pytest.raises(UsageError, match="several engines; name one of: first, second"):
        invoke()


def test_stat_says_what_to_do_when_there_is_nothing(tmp_path):
    with pytest.raises(InputNotFound, match=r"no engine runs, and none has left a file in .*; start an engine with `hfx run"):
        invoke()
    engine()
    with pytest.raises(InputNotFound, match="no such file; engines here: demo; start an engine"):
        invoke("dmeo")
    with pytest.raises(UsageError, match="cannot name an engine"):
        invoke("a b")
    (tmp_path / "other").write_bytes(np.zeros(5000, np.uint8).tobytes() + b"x")
    (tmp_path / "text").write_text("hello " * 1000)
    with pytest.raises(DataError, match="not a CnC file"):
        invoke(str(tmp_path / "text"))
    with pytest.raises(DataError, match="not a CnC file: not a file"):
        invoke(str(tmp_path))


def test_stat_shows_the_counters_of_a_users_stage_and_lists_zeros_in_short():
    file = CounterFile.create(
        counter_path("mine"), name="mine", cells=["ring.main"], histograms=["none"],
        counters={
            "deserialize": CounterGroup([("frames", "i8"), ("messages", "i8"), ("errors", "i8", (16,)), ("first_error", "i8", (16,))]),
            "watchdog": CounterGroup([("alarms", "i8"), ("first_alarm", "i8"), ("barks", "i8"), ("bites", "i8")]),
        },
    )
    file.counter("deserialize")[0]["frames"] = file.counter("deserialize")[0]["messages"] = 1_000
    file.counter("watchdog")[0]["alarms"] = 3
    brief, everything = invoke(), invoke("--all")
    assert "watchdog" in brief and "alarms 3" in brief and "barks" not in brief
    assert "watchdog: alarms" in everything and "watchdog, 0 so far: barks, bites" in everything
    assert "[" not in everything  # sixteen rows for the sixteen kinds of errors that there were not
