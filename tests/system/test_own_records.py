"""Graphs of records of one's own: the example as its user runs it, what it leaves, what a generator may do wrong, how it ends."""

from __future__ import annotations

import itertools
import json
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hydraflow
from tests.reference.engine_process import ROOT, all_gone, hfx_process

CLIMATE = str(ROOT / "examples/climate/climate.yaml")
TRADING = re.compile(r"frame|message|book|order|journal|fill|PnL|BBO", re.IGNORECASE)
SOURCES = '''
import time
from pathlib import Path
import numpy as np
from disruptor import handler
from disruptor.single_producer import claim

ROW = [("key", "i8"), ("value", "f8"), ("small", "u1"), ("pad", "u1", (7,))]


def rows(kind: str, count: int = 10):
    try:
        for number in range(count):
            if kind == "raises" and number == 7:
                raise ConnectionError("the line is dead")
            if kind == "lossy" and number == 7:
                yield {"key": 1.5}
            if kind == "strange" and number == 7:
                yield np.zeros(3, [("key", "i8")])
            yield {"key": number, "small": number % 3}
            if kind == "endless":
                Path("begun").touch()
                while True:
                    yield None
            if kind == "silent":
                Path("begun").touch()
                while True:
                    time.sleep(0.01)
    finally:
        Path("closed").touch()


def mixed():
    yield (1, 0.5, 2, (0,) * 7)
    yield {"key": 2}
    yield [(3, 0.5, 0, (0,) * 7), {"key": 4, "value": 0.25}]
    yield None
    block = np.zeros(5_000, np.dtype(ROW))
    block["key"] = np.arange(5, 5_005)
    yield block
    yield block[::1_000][0]


@handler(max_out={"lost": 1})
def drop(event, lost):
    claim(lost)["key"] = event["key"]


@handler(state=[("sum", "i8"), ("seen", "i8")], counters=[("wrong", "i8")])
def add(event, state, counters):
    state["sum"] += event["key"]
    state["seen"] += 1
    if state["seen"] <= 5_004 and event["key"] != state["seen"]:
        counters["wrong"] += 1
'''
_numbers = itertools.count()


@pytest.fixture(scope="module")
def climate(hfx):
    folder = hfx.folder / "climate"
    result = run(hfx, CLIMATE, "--results", str(folder), "--set", "sources.sensors.with.seconds=2_000")
    return result, folder


def run(hfx: Any, file: str, *options: str, code: int = 0) -> dict[str, Any]:
    return hfx.command("run", file, "--name", f"own-{next(_numbers)}", "--quiet", "--hiccups", "0", "--stall", "120", *options, code=code)


def topology(folder: Path, source: str, **parameters: Any) -> str:
    """Write a graph of one source and one handler; return its path."""
    (folder / "own.py").write_text(SOURCES)
    path = folder / f"{source}-{next(_numbers)}.yaml"
    path.write_text(json.dumps({
        "version": 1, "name": "own", "rings": {"rows": {"record": "./own.py:ROW", "slots": 256}},
        "sources": [{"name": "feed", "use": f"./own.py:{source}", "into": "rows", "with": parameters}],
        "handlers": [{"name": "add", "use": "./own.py:add", "on": "rows"}],
    }))
    return str(path)


def test_two_graphs_that_have_nothing_to_do_with_each_other_end_the_same_on_one_thread_and_on_two(hfx, tmp_path):
    (tmp_path / "own.py").write_text(SOURCES)
    file = tmp_path / "two.yaml"
    file.write_text(json.dumps({
        "version": 1, "name": "two", "rings": {name: {"record": "./own.py:ROW", "slots": 256} for name in ("left", "right")},
        "sources": [{"name": "one", "use": "./own.py:mixed", "into": "left"}, {"name": "two", "use": "./own.py:mixed", "into": "right"}],
        "handlers": [{"name": "sum", "use": "./own.py:add", "on": "left"}, {"name": "total", "use": "./own.py:add", "on": "right"}],
    }))
    apart = "core=sum;core-2=total;one=one;two=two"  # as `auto` does it where there are four cores
    ran = [run(hfx, str(file), "--placement", placement) for placement in ("auto", "fused", apart)]
    assert len({one["state_hash"] for one in ran}) == 1
    assert ran[0]["state_hashes"]["sum"] == ran[0]["state_hashes"]["total"]
    said = hfx.start("plan", str(file)).stdout
    assert "2 parts of the graph have nothing to do with each other" in said or "one thread: " in said


def test_the_example_counts_records_and_its_report_speaks_of_nothing_else(hfx, climate):
    result, _ = climate
    assert (result["status"], result["records"]["readings"]) == ("completed", 24_000)
    assert result["records"]["alarms"] == result["counters"]["alarm"]["raised"] > 0
    assert result["sources"]["sensors"]["records"] == 24_000
    assert (result["frames"], result["messages"], result["journal"], result["instruments"]) == (0, 0, None, [])
    for name in ("calibrate", "average", "alarm", "page", "page.age", "average.age", "sensors"):
        assert result["latency_ns"][name]["count"] > 0, name
    shown = hfx.start("run", CLIMATE, "--name", "shown", "--quiet", "--hiccups", "0", "--stall", "120", "--set",
                      "sources.sensors.with.seconds=2_000").stdout
    assert not TRADING.search(shown)
    assert "readings               24,000 records" in shown


def test_what_a_run_recorded_is_read_by_numpy_and_pandas_and_played_again(hfx, climate, tmp_path):
    result, folder = climate
    opened = hydraflow.open_run(folder)
    assert opened.complete, opened.missing
    readings, alarms = opened.records["readings"], opened.records["alarms"]
    assert len(readings) == 24_000 and len(alarms) == result["records"]["alarms"]
    assert np.array_equal(readings["celsius"], readings["measured"] + 0.25)
    frame = alarms.to_pandas()
    assert list(frame.columns) == ["station", "second", "celsius", "mean"] and (abs(frame["celsius"] - frame["mean"]) > 8.0).all()
    played = tmp_path / "played.yaml"
    played.write_text(json.dumps({
        "version": 1, "name": "climate", "include": [CLIMATE],
    }))
    again = run(hfx, str(played), "--set", "sources.sensors.use=recording", "--set", f"sources.sensors.with={{path: {folder / 'readings.npy'}}}",
                "--record", f"alarms={tmp_path / 'alarms.npy'}")
    assert again["state_hash"] == result["state_hash"]
    assert np.load(tmp_path / "alarms.npy").tobytes() == alarms.array.tobytes()


def test_the_example_passes_its_own_tests(hfx):
    shown = hfx.start("test", CLIMATE).stdout
    assert "2 tests: 2 passed" in shown and "exercised" not in shown


@pytest.mark.parametrize(("kind", "text"), [
    ("raises", "source 'feed' failed at record 8: ConnectionError: the line is dead at own.py:15"),
    ("lossy", "field 'key' is a whole number, int64, and gets 1.5, yielded at own.py:17"),
    ("strange", "an array that does not fit: field 'value' is not in it (it has key), yielded at own.py:19"),
])
def test_what_a_generator_does_wrong_names_record_and_line_and_closes_it(hfx, tmp_path, kind, text):
    result = run(hfx, topology(tmp_path, "rows", kind=kind), code=70)
    error = result["error"]
    assert (error["kind"], error["handler"], error["sequence"]) == ("handler", "feed", 7)
    assert text in error["text"] and error["text"].startswith("source 'feed' failed at record 8: ")
    assert result["records"] == {"rows": 7}  # what came before has been published
    assert (hfx.folder / "closed").exists()
    (hfx.folder / "closed").unlink()


def test_every_form_of_a_record_arrives_in_order_through_a_ring_that_is_too_small_for_it(hfx, tmp_path):
    result = run(hfx, topology(tmp_path, "mixed"))
    assert result["records"] == {"rows": 5_005}
    assert result["counters"]["add"]["wrong"] == 0
    assert result["counters"]["feed"]["yields"] == 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_stop_closes_the_generator_and_drains(tmp_path, number, code):
    file = topology(tmp_path, "rows", kind="endless")
    with hfx_process(tmp_path, "run", file, "--name", "endless", "--json", "--quiet", "--hiccups", "0", "--stall", "120") as process:
        process.wait_until((tmp_path / "begun").exists)
        process.send(number)
        assert process.end() == code
        assert all_gone(tmp_path)
    result = json.loads(process.out)
    assert (result["status"], result["error"], result["records"]) == ("interrupted", None, {"rows": 1})
    assert (tmp_path / "closed").exists()


def test_a_generator_that_never_yields_again_is_named_when_the_drain_has_taken_too_long(tmp_path):
    file = topology(tmp_path, "rows", kind="silent")
    with hfx_process(tmp_path, "run", file, "--name", "silent", "--json", "--quiet", "--hiccups", "0", "--stall", "120") as process:
        process.wait_until((tmp_path / "begun").exists)
        process.send(signal.SIGTERM)
        assert process.end() == 70
    error = json.loads(process.out)["error"]
    assert (error["kind"], error["handler"]) == ("drain", "feed")
    assert "the generator of source 'feed' has not yielded" in error["text"]


def test_options_that_need_messages_say_so(hfx, tmp_path):
    file = topology(tmp_path, "mixed")
    refused = hfx.start("run", file, "--name", "hashes", "--quiet", "--hiccups", "0", "--hash-every", "10", code=2)
    assert "--hash-every: no ring is sequenced" in refused.stderr
    refused = hfx.start("run", file, "--name", "books", "--quiet", "--hiccups", "0", "--record", "book=b.npy", code=2)
    assert "--record: cannot record 'book'" in refused.stderr and "rings: rows" in refused.stderr
    refused = hfx.start("run", file, "--name", "lines", "--quiet", "--hiccups", "0", "--record", "rows=rows.jsonl", code=2)
    assert "--record: ring 'rows' is recorded as a .npy file" in refused.stderr


def test_records_of_a_ring_that_nobody_reads_are_dropped(hfx, tmp_path):
    path = Path(topology(tmp_path, "mixed"))
    tree = json.loads(path.read_text())
    tree["rings"]["lost"] = {"record": "./own.py:ROW", "slots": 16}
    tree["handlers"] += [{"name": "drop", "use": "./own.py:drop", "on": "rows", "into": "lost"}]
    path.write_text(json.dumps(tree))
    assert run(hfx, str(path))["records"] == {"rows": 5_005, "lost": 5_005}
