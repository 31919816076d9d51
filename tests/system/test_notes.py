"""`hfx notes`: of a run, of a replay, of an engine that was killed, of a copy, and while it runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime

import pytest

from tests.reference.engine_process import width_of
from tests.reference.faulty_handlers import topology as plain_topology
from tests.reference.guarded_handlers import topology

SEEN = [0, 5_000, 10_000, 15_000]


def notes(hfx, *arguments, code=0):
    return [json.loads(line) for line in hfx.start("notes", *arguments, "--json", code=code).stdout.splitlines()]


@pytest.fixture(scope="module")
def noted(hfx):
    file = topology(hfx.folder, on_error="skip", division=True)
    return hfx.command("run", file, "--name", "noted", "--quiet", "--hiccups", "0")


def test_notes_of_a_run_are_there_after_it_in_order_with_their_handler_and_sequence(hfx, noted):
    found = notes(hfx, "noted")
    assert {n["schema"] for n in found} == {"hfx.notes/1"}
    assert [n["sequence"] for n in found if n["code"] == "SEEN"] == SEEN
    faults = [n for n in found if n["code"] == "FAULT"]
    assert [n["sequence"] for n in faults] == [n["values"][0] for n in faults] == list(range(7, 20_000, 1_000))
    assert {n["handler"] for n in found} == {"planted"} and {n["thread"] for n in found} == {"apart"}
    assert faults[0]["text"] == "a fault of 0.5 is next at 7"
    assert abs(found[0]["time_ns"] - time.time_ns()) < 600e9
    assert [n["time_ns"] for n in found] == sorted(n["time_ns"] for n in found)


def test_notes_for_people_are_a_line_each(hfx, noted):
    lines = hfx.start("notes", "noted").stdout.splitlines()
    assert len(lines) == len(SEEN) + 20
    when, handler, sequence, text = lines[0].split(" ", 3)
    datetime.strptime(when, "%H:%M:%S.%f")
    assert (handler, sequence, text) == ("planted", "0", "SEEN: message 0")
    assert width_of("\n".join(lines)) < 80


def test_notes_are_chosen_by_handler_and_age_and_what_is_wrong_is_said(hfx, noted):
    assert len(notes(hfx, "noted", "--handler", "planted", "--since", "10min")) == len(SEEN) + 20
    assert hfx.start("notes", "noted", "--since", "1ns").stderr == "hfx: noted: none of its notes is that (declared by planted)\n"
    for arguments, says, code in (
        (("noted", "--handler", "watcher"), "hfx: --handler: no handler 'watcher' declares notes; those that do: planted\n", 2),
        (("noted", "--since", "soon"), "hfx: --since: cannot read 'soon'; write 30s, 5min or 2h\n", 2),
        (("nobody",), "nobody.notes: no such file; engines with notes here: ", 66),
    ):
        assert says in hfx.start("notes", *arguments, code=code).stderr


def test_replay_writes_the_same_notes_into_a_file_of_its_own(hfx, noted):
    hfx.replay(noted["journal"]["path"])
    again = notes(hfx, "noted.replay")
    assert [(n["sequence"], n["text"]) for n in again] == [(n["sequence"], n["text"]) for n in notes(hfx, "noted")]


def test_copy_of_the_file_is_read_by_its_path(hfx, noted):
    original = next((hfx.folder / "run").glob("*/noted.notes"))
    copy = hfx.folder / "copied.notes"
    shutil.copy(original, copy)
    assert notes(hfx, str(copy)) == notes(hfx, "noted") == notes(hfx, str(original.with_suffix(".cnc")))
    copy.write_bytes(copy.read_bytes()[:5_000])
    assert "truncated" in hfx.start("notes", str(copy), code=65).stderr


def test_engine_whose_handlers_declare_none_says_so(hfx):
    hfx.command("run", plain_topology(hfx.folder), "--name", "mute", "--quiet", "--hiccups", "0")
    assert "hfx: no handler of 'mute' declares notes; declare them:" in hfx.start("notes", "mute", code=66).stderr


def test_notes_are_followed_while_an_engine_runs_and_are_there_when_it_was_killed(hfx):
    environment = {**os.environ, "XDG_STATE_HOME": str(hfx.folder / "state"), "XDG_RUNTIME_DIR": str(hfx.folder / "run")}
    file = topology(hfx.folder, on_error="skip", rest=-1, ticks={"frames": 1 << 40, "gap": 2_000_000})
    command = [sys.executable, "-m", "hydraflow_x_entry"]
    engine = subprocess.Popen([*command, "run", file, "--name", "followed", "--quiet", "--hiccups", "0"], env=environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not list((hfx.folder / "run").glob("*/followed.notes")):
            assert engine.poll() is None
            time.sleep(0.05)
        follower = subprocess.Popen([*command, "notes", "followed", "--follow", "--json"], env=environment, stdout=subprocess.PIPE, text=True)
        first, second = (json.loads(follower.stdout.readline()) for _ in range(2))
        assert [first["text"], second["text"]] == ["message 0", "message 5,000"]
        os.kill(hfx.stat("followed")["pid"], signal.SIGKILL)
        with follower.stdout:
            rest = follower.stdout.read().splitlines()  # not communicate: it passes by what readline has read ahead
        assert follower.wait(60) == 0
        assert len(notes(hfx, "followed")) == 2 + len(rest)
    finally:
        engine.kill()
        engine.wait()
