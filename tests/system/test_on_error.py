"""`on_error: skip | park`: what is passed by, what others see of it, and that every placement and replay agrees."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.reference.engine_process import width_of
from tests.reference.guarded_handlers import topology

FRAMES = 20_000
FAULTS = 20  # at 7, 1,007, …
DIVISION = "ZeroDivisionError: integer division by zero at guarded_handlers.py:"
_numbers = itertools.count()


def run(hfx: Any, file: str, *options: str, code: int = 0, **environment: str) -> dict[str, Any]:
    return hfx.command("run", file, "--name", f"guard-{next(_numbers)}", "--quiet", "--hiccups", "0", *options, code=code, **environment)


@pytest.fixture(scope="module")
def skipped(hfx):
    return run(hfx, topology(hfx.folder, on_error="skip", division=True))


def test_messages_at_which_a_handler_fails_are_passed_by_and_counted(skipped):
    assert (skipped["status"], skipped["error"]) == ("completed", None)
    (incident,) = skipped["incidents"]
    assert (incident["handler"], incident["skipped"], incident["first"], incident["parked_at"]) == ("planted", FAULTS, 7, None)
    assert incident["texts"][0].startswith(DIVISION) and len(incident["texts"]) == 1
    (error,) = skipped["errors"]
    assert (error["handler"], error["count"], error["sequence"], error["code"]) == ("planted", FAULTS, 7, 4)
    watcher = skipped["counters"]["watcher"]
    assert (watcher["signals"], watcher["parked"]) == (FRAMES - FAULTS, 0)  # what it had written at those was undone


def test_replay_and_other_placements_pass_the_same_messages_by(hfx, skipped):
    replayed = hfx.replay(Path(skipped["journal"]["path"]))
    assert replayed["state_hashes"] == skipped["state_hashes"]
    assert replayed["incidents"] == skipped["incidents"]
    fused = run(hfx, topology(hfx.folder, on_error="skip", division=True), "--placement", "fused")
    assert fused["state_hashes"] == skipped["state_hashes"]
    assert fused["incidents"] == skipped["incidents"]


def test_status_below_zero_is_a_fault_like_an_exception(hfx):
    result = run(hfx, topology(hfx.folder, on_error="skip", status=-3))
    assert result["incidents"][0]["texts"] == ["returned the status -3"]
    assert result["incidents"][0]["skipped"] == FAULTS
    ended = run(hfx, topology(hfx.folder, status=-3), code=70)
    assert (ended["error"]["handler"], ended["error"]["sequence"]) == ("planted", 7)
    assert ended["error"]["text"] == "handler 'planted' failed at sequence 7 (DEPTH): returned the status -3"


def test_parked_handler_handles_nothing_more_and_the_rest_goes_on(hfx):
    result = run(hfx, topology(hfx.folder, on_error="park", division=True), code=1)
    assert (result["status"], result["error"]["kind"], result["error"]["sequence"]) == ("parked", "parked", 7)
    assert result["error"]["text"].startswith(f"handler 'planted' handled nothing from message 7 on: {DIVISION}")
    assert result["messages"] == FRAMES and result["journal"]["verified"]
    watcher = result["counters"]["watcher"]
    assert (watcher["signals"], watcher["parked"]) == (7, FRAMES - 7)
    replayed = hfx.replay(Path(result["journal"]["path"]), code=1)
    assert replayed["state_hashes"] == result["state_hashes"] and replayed["status"] == "parked"


def test_report_for_people_says_what_was_passed_by_and_ends_with_who_is_parked(hfx):
    skip = hfx.start("run", topology(hfx.folder, on_error="skip", division=True), "--hiccups", "0")
    assert f"passed by {FAULTS} messages, the first at 7:" in skip.stdout
    park = hfx.start("run", topology(hfx.folder, on_error="park", division=True), "--hiccups", "0", code=1)
    assert "parked from message 7 on:" in park.stdout
    assert park.stdout.splitlines()[0].startswith("HydraFlow-X  faulty  parked")
    assert "PARKED: handler 'planted' handled nothing from message 7 on: ZeroDivisionError:" in park.stdout
    assert park.stderr.splitlines()[-1].startswith("hfx: parked: handler 'planted' handled nothing from message 7 on")
    assert width_of(skip.stdout) < 80 and width_of(park.stdout) < 80


@pytest.mark.parametrize("fault, says", [
    ("index", "IndexError: index is out of bounds at guarded_handlers.py:"),
    ("overflow", "OverflowError: product of int64 out of range at guarded_handlers.py:"),
])
def test_checked_run_finds_what_an_unchecked_one_cannot_see(hfx, fault, says):
    file = topology(hfx.folder, on_error="skip", rest=8, **{fault: True})
    checked = run(hfx, file, "--checked")
    (incident,) = checked["incidents"]
    assert (incident["first"], incident["skipped"]) == (8, FAULTS) and incident["texts"][0].startswith(says)
    assert checked["checked"] is True
    replayed = hfx.replay(Path(checked["journal"]["path"]))  # as the run was: it meets the same faults
    assert replayed["checked"] is True
    assert replayed["state_hashes"] == checked["state_hashes"] and replayed["incidents"] == checked["incidents"]
    if fault == "overflow":  # a store behind the array would be into somebody's memory
        assert run(hfx, file)["incidents"] == []
        journal = checked["journal"]["path"]
        bare = hfx.start("replay", journal, "--unchecked", "--json", "--quiet")
        assert "its run was checked, this replay is not" in bare.stderr
        assert json.loads(bare.stdout)["incidents"] == [] and json.loads(bare.stdout)["state_hashes"] != checked["state_hashes"]


@pytest.mark.parametrize("policy, code", [("skip", 0), ("park", 1)])
def test_python_handler_passes_its_whole_batch_by(hfx, policy, code):
    result = run(hfx, topology(hfx.folder, on_error=policy, handler="raising"), code=code)
    (incident,) = result["incidents"]
    assert incident["texts"][0].startswith("ValueError: planted at guarded_handlers.py:")
    assert incident["first"] <= 10_000 < incident["first"] + incident["skipped"]
    assert (incident["parked_at"] is not None) == (policy == "park")
    assert result["counters"]["watcher"]["parked"] == (FRAMES - incident["first"] if policy == "park" else 0)


def test_unjitted_the_same_status_is_passed_by(hfx):
    file = topology(hfx.folder, on_error="skip", status=-3, every=100, ticks={"frames": 1_000})
    plain = run(hfx, file, NUMBA_DISABLE_JIT="1")
    assert plain["state_hashes"] == run(hfx, file)["state_hashes"]
    assert plain["incidents"][0]["skipped"] == 10


def test_dead_engine_still_shows_what_was_passed_by(hfx, skipped):
    cells = hfx.stat(skipped["name"])["cells"]
    assert cells["stage.planted.skipped"] == FAULTS
    assert json.dumps(cells)
