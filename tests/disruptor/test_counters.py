import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from disruptor.buckets import BUCKETS
from disruptor.clock import Calibration
from disruptor.counters import CounterFile, CounterGroup, CounterReader, HandlerEntry, counter_path, set_control
from disruptor.counters_format import HEADER
from disruptor.errors import CounterFileError, LayoutError
from disruptor.record import Record

CELLS = ("ring.main", "stage.book", "thread.core.running", "thread.core.sequence")
BOOK = CounterGroup(
    [("gaps", "i8"), ("by_kind", "i8", (3,)), ("mid", "f8")], labels={"gaps": "sequence gaps"}, units={"mid": "ticks"}
)
HANDLER = HandlerEntry(
    name="book", thread="core", ring="main", cursor="stage.book", source="ring.main", running="thread.core.running", number=0
)


def create(path, **changes) -> CounterFile:
    wanted = {
        "name": "demo", "cells": CELLS, "counters": {"book": BOOK, "wire": [("bytes", "i8")]},
        "histograms": {"book": "ticks", "journal": "ns"}, "handlers": [HANDLER],
    }
    return CounterFile.create(path, **{**wanted, **changes})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "demo.cnc"


def in_another_process(code: str, *arguments: object) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_everything_written_is_read_by_another_process(path):
    file = create(path)
    file.cells[file.cell("ring.main")] = 17
    file.cells[file.cell("stage.book")] = 12
    file.cells[file.cell("thread.core.sequence")] = 13
    file.counter("book")[0]["by_kind"][1] = 4
    file.counter("book")[0]["mid"] = 2.5
    file.histogram("book")[:3] = (100, 100, 1)
    file.set_clock(Calibration(0.5, 1, 2, 3))
    file.set_phase(2, "running: 17 frames")
    file.log_error(104, "division by zero", handler="book", sequence=12, wall_ns=5)
    file.log_error(104, "division by zero", handler="book", sequence=13, wall_ns=9)
    code = "import json, sys\nfrom disruptor.counters import CounterReader\nprint(json.dumps(CounterReader(sys.argv[1]).snapshot()))"
    shown = json.loads(in_another_process(code, path))
    assert shown["name"] == "demo"
    assert (shown["pid"], shown["alive"], shown["exit_code"], shown["generation"]) == (os.getpid(), True, None, 1)
    assert shown["phase"] == {"code": 2, "text": "running: 17 frames"}
    assert shown["cells"]["ring.main"] == 17
    assert shown["handlers"] == [
        {"name": "book", "thread": "core", "ring": "main", "cursor": 12, "lag": 5, "running": 13}
    ]
    assert shown["counters"] == {"book": {"gaps": 0, "by_kind": [0, 4, 0], "mid": 2.5}, "wire": {"bytes": 0}}
    assert shown["latency_ns"]["book"]["max"] == 50.0
    assert shown["latency_ns"]["journal"]["count"] == 0
    assert shown["control"] == {"halt": 0, "kill_switch": 0}
    assert shown["errors"] == [
        {"count": 2, "first_ns": 5, "last_ns": 9, "code": 104, "handler": "book", "sequence": 12, "text": "division by zero"}
    ]
    assert abs(shown["started_ns"] - time.time_ns()) < 60e9


def test_arrays_are_what_compiled_loops_need(path):
    file = create(path)
    assert file.cells.dtype == np.int64
    assert len(file.cells) == 16 * 6
    assert file.cells.ctypes.data % 128 == 0
    assert [file.cell(name) for name in CELLS] == [0, 16, 32, 48]
    assert file.histograms.shape == (2, BUCKETS)
    assert np.shares_memory(file.histogram("journal"), file.histograms[1])
    assert file.counter("book").dtype.type is Record
    assert path.stat().st_mode & 0o777 == 0o600


def test_descriptor_says_labels_units_and_offsets(path):
    create(path)
    reader = CounterReader(path)
    gaps, by_kind, mid = reader.descriptor["counters"][0]["fields"]
    assert gaps == {"name": "gaps", "offset": 0, "type": "<i8", "shape": [], "label": "sequence gaps", "unit": ""}
    assert by_kind["shape"] == [3]
    assert (mid["type"], mid["unit"]) == ("<f8", "ticks")
    assert reader.descriptor["counters"][1]["fields"][0]["unit"] == "bytes"
    assert all(entry["offset"] % 128 == 0 for entry in reader.descriptor["counters"])
    with pytest.raises(ValueError, match="read-only"):
        reader.cells[0] = 1


ENGINE = """import sys, time
from disruptor.counters import CounterFile
file = CounterFile.create(sys.argv[1], name="child", cells=["ring.main"], histograms=["wire"])
file.cells[0] = 4173
file.set_phase(3, "running")
print("ready", flush=True)
time.sleep(60)
"""


def test_reader_works_after_the_engine_was_killed_and_on_a_copy(path, tmp_path):
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, str(path)], stdout=subprocess.PIPE, text=True)
    with engine:
        assert engine.stdout.readline() == "ready\n"
        assert CounterReader(path).alive
        with pytest.raises(CounterFileError) as caught:
            create(path)
        assert str(caught.value) == (
            f"engine 'child' is already running (pid {engine.pid}, {path}); stop it or give this one another name"
        )
        engine.send_signal(signal.SIGKILL)
        while CounterReader(path).alive:  # a killed child that nobody has waited for counts as dead
            time.sleep(0.001)
    shutil.copy(path, tmp_path / "copy")
    for place in (path, tmp_path / "copy"):
        shown = CounterReader(place).snapshot()
        assert (shown["alive"], shown["exit_code"], shown["cells"]["ring.main"]) == (False, None, 4173)
    again = create(path)
    assert CounterReader(path).snapshot()["generation"] == 2
    again.finish(0)
    assert CounterReader(path).snapshot()["exit_code"] == 0


def broken(path, change) -> str:
    create(path)
    data = bytearray(path.read_bytes())
    data = change(data)
    target = path.with_suffix(".changed")
    target.write_bytes(data)
    with pytest.raises(CounterFileError) as caught:
        CounterReader(target)
    assert str(caught.value).startswith(f"{target}: ")
    return str(caught.value)[len(f"{target}: ") :]


def put(offset: int, content: bytes):
    def change(data: bytearray) -> bytearray:
        data[offset : offset + len(content)] = content
        return data

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda data: data[:300], "not a CnC file: 300 bytes, its header alone has 1,024"),
        (lambda data: data[:0], "unfinished: its engine is starting, or died while it started"),
        (lambda data: b"PK" + data[2:], "not a CnC file: it does not begin with 'disruptor-cnc'"),
        (put(16, bytes(8)), "unfinished: its engine is starting, or died while it started"),
        (lambda data: bytes(4096), "unfinished: its engine is starting, or died while it started"),
        (put(16, b"\7"), "layout version 7, this reader knows 1; read it with the release that wrote it"),
        (lambda data: data[:8192], "truncated: 8,192 of 61,440 bytes are there"),
        (put(1024, b"{]"), "its description is broken: Expecting property name"),
        (put(32, b"\xff\xff\xff\xff"), "its description is broken: array of 4294967295"),
    ],
)
def test_reader_refuses_what_is_not_a_whole_file_of_ours(path, change, text):
    assert broken(path, change).startswith(text)


def test_reader_survives_every_damage_of_the_description(path):
    create(path)
    data = path.read_bytes()
    size = int(np.frombuffer(data, HEADER, 1)[0]["descriptor_size"])
    random = np.random.default_rng(3)
    target = path.with_suffix(".changed")
    for _ in range(300):
        changed = bytearray(data)
        changed[1024 + int(random.integers(size))] = int(random.integers(32, 127))
        target.write_bytes(changed)
        try:
            CounterReader(target).snapshot()
        except CounterFileError:
            pass


def test_reader_passes_on_that_there_is_no_file(path):
    with pytest.raises(FileNotFoundError):
        CounterReader(path)


def test_create_does_not_overwrite_a_foreign_file(path):
    path.write_bytes(b"somebody's thesis" * 1000)
    with pytest.raises(CounterFileError, match="it will not be overwritten: remove it or choose another name"):
        create(path)
    assert path.read_bytes().startswith(b"somebody's thesis")


def test_create_replaces_a_file_whose_creation_was_interrupted(path):
    path.touch()
    create(path).close()
    path.write_bytes(bytes(4096))
    create(path).close(unlink=True)
    assert not path.exists()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"cells": ["a", "b", "a"], "handlers": []}, "cell 'a' is declared twice"),
        ({"cells": ["a"]}, "handler 'book' names the cell 'stage.book', which is not declared"),
    ],
)
def test_create_refuses_cells_that_do_not_go_together(path, changes, text):
    with pytest.raises(CounterFileError, match=text):
        create(path, **changes)
    assert not path.exists()


def test_create_refuses_counters_of_other_types(path):
    with pytest.raises(LayoutError, match="counters 'x': field 'a' must be int64 or float64, got int32"):
        create(path, counters={"x": [("a", "i4"), ("b", "i4")]})


def test_unknown_names_are_errors_that_list_the_known(path):
    file = create(path)
    for find, kind, known in ((file.cell, "cell", "ring.main"), (file.counter, "counter record", "book, wire")):
        with pytest.raises(CounterFileError, match=f"no {kind} 'x'; known: {known}"):
            find("x")


def test_error_log_keeps_distinct_errors_and_counts_the_rest(path):
    file = create(path, error_slots=4)
    for number in range(6):
        for _ in range(2):
            file.log_error(number, "näher" * 60)
    errors = CounterReader(path).snapshot()["errors"]
    assert [(e["code"], e["count"]) for e in errors] == [(0, 2), (1, 2), (2, 2), (-1, 6)]
    assert errors[0]["text"].startswith("näher")
    assert len(errors[0]["text"].encode()) <= 192
    assert errors[3]["text"] == "other errors, not kept apart"


def test_set_control_reaches_the_engine_from_outside(path):
    file = create(path)
    in_another_process("import sys\nfrom disruptor.counters import set_control\nset_control(sys.argv[1], 'kill_switch', 1)", path)
    assert file.cells[file.cell("control.kill_switch")] == 1
    with pytest.raises(CounterFileError, match="no control 'brake'; known: halt, kill_switch"):
        set_control(path, "brake", 1)


def test_control_cells_keep_the_place_they_were_given(path):
    file = create(path, cells=["control.halt", *CELLS])
    assert file.cell("control.halt") == 0
    assert file.descriptor["cells"]["names"].count("control.halt") == 1


def test_cells_stay_readable_after_close(path):
    file = create(path)
    cells = file.cells
    file.close(unlink=True)
    del file
    cells[0] = 5
    assert cells[0] == 5


@pytest.mark.parametrize("name", ["", "a/b", ".hidden", "x" * 61, "a b"])
def test_counter_path_refuses_names_no_file_can_have(name):
    with pytest.raises(CounterFileError, match="cannot name an engine"):
        counter_path(name)


def test_counter_path_lies_in_the_runtime_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert counter_path("demo") == tmp_path / "hydraflow" / "demo.cnc"
