"""Processes that are killed, and engines that meet: the parent reports, the files stay readable, no process is left."""

from __future__ import annotations

import functools
import json
import os
import signal
from pathlib import Path

import pytest

from tests.reference.engine_process import Process, all_gone, hfx_process, left_behind, started_by, width_of
from tests.reference.faulty_handlers import FOREVER, topology

OPTIONS = ("--hiccups", "0", "--stall", "120")


@pytest.fixture
def busy(tmp_path):
    """A graph that runs until it is ended, and how to run `hfx` where its files are."""
    file = topology(tmp_path, ticks=FOREVER)

    def start(*arguments: str, **options):
        return hfx_process(tmp_path, *arguments, **options)

    start.process = functools.partial(Process, tmp_path)
    start.run = ("run", file, "--name", "busy", *OPTIONS)
    return start


def ran(start, *arguments: str) -> tuple[int, str, str]:
    """Run `hfx ARGUMENTS` to its end: (exit code, stdout, stderr)."""
    process = start.process(*arguments)
    return process.end(), process.out, process.err


def test_kill_9_of_the_engine(hfx, busy, tmp_path):
    with busy(*busy.run, "--json") as process:
        engine = process.engine_at("busy", 100_000)
        os.kill(engine, signal.SIGKILL)
        assert process.end() == 70
        assert all_gone(tmp_path)

    result = json.loads(process.out)
    assert (result["status"], result["error"]["kind"], result["error"]["code"]) == ("failed", "killed", 70)
    assert "the engine was killed by SIGKILL" in result["error"]["text"]
    assert result["messages"] >= 100_000
    assert {row["name"]: row["cursor"] for row in result["handlers"]}["planted"] >= 99_000
    assert result["journal"]["end"] in ("open", "torn")

    code, text, _ = ran(busy, "stat", "busy")
    assert (code, "busy dead: it ended without saying so" in text, str(engine) in text) == (0, True, True)
    code, text, _ = ran(busy, "stat", "busy", "--json")
    shown = json.loads(text)
    assert (code, shown["alive"], shown["exit_code"], shown["pid"]) == (0, False, None, engine)
    assert shown["counters"]["sequencer"]["messages"] == result["messages"]

    journal = Path(result["journal"]["path"])
    whole = hfx.replay(journal)
    assert whole["replay"]["end"] == result["journal"]["end"]
    assert 0 < whole["messages"] == result["journal"]["messages"] <= result["messages"]
    same = hfx.replay(journal, "--until", str(whole["messages"]))
    assert same["state_hashes"] == whole["state_hashes"]
    fewer = hfx.replay(journal, "--until", str(whole["messages"] // 2))
    assert fewer["messages"] == whole["messages"] // 2
    assert fewer["state_hashes"] != whole["state_hashes"]

    with busy(*busy.run, "--json", "--quiet") as process:  # the name is free again
        assert process.engine_at("busy", 1_000) != engine
        process.send(signal.SIGTERM)
        assert process.end() == 0
    assert json.loads(process.out)["journal"]["path"] != str(journal)
    assert journal.is_dir()


def test_the_report_of_a_killed_engine_says_where_each_handler_was(busy, tmp_path):
    with busy(*busy.run) as process:
        os.kill(process.engine_at("busy", 10_000), signal.SIGKILL)
        assert process.end() == 70
    died = process.out.partition("when it died")[2]
    for name in ("relay", "journal", "planted"):
        assert f"\n  {name:<22} done to " in died
    assert "FAILED: the engine was killed by SIGKILL" in died
    assert width_of(process.out) < 80


def test_kill_9_of_the_parent_ends_the_engine_in_order(busy, tmp_path):
    with busy(*busy.run, "--quiet") as process:
        process.engine_at("busy", 10_000)
        process.send(signal.SIGKILL)
        assert process.process.wait(60) == -signal.SIGKILL
        assert all_gone(tmp_path)
        shown = process.cnc("busy")
    assert (shown["alive"], shown["exit_code"]) == (False, 0)  # it has drained, as after SIGTERM
    (journal,) = (name for name in left_behind(tmp_path) if not name.endswith(".cnc"))
    code, text, _ = ran(busy, "journal", "verify", str(tmp_path / "state" / "hydraflow-x" / "journals" / journal), "--json")
    assert (code, json.loads(text)["end"]) == (0, "clean")


def test_kill_9_of_either_while_compiling_leaves_no_process(busy, tmp_path):
    for victim in ("engine", "parent"):
        empty = {"XDG_CACHE_HOME": str(tmp_path / f"cache-{victim}")}
        with busy(*busy.run, "--quiet", environment=empty) as process:
            shown = process.wait_until(
                lambda: (s := process.cnc("busy")) and s["alive"] and "loops" in s["phase"]["text"] and s
            )
            process.wait_until(lambda: len(started_by(tmp_path)) > 2)  # those that compile
            os.kill(shown["pid"] if victim == "engine" else process.process.pid, signal.SIGKILL)
            if victim == "engine":
                assert process.end() == 70
                assert "SIGKILL" in process.out + process.err
            assert all_gone(tmp_path), victim


def test_two_engines_with_one_name(busy, tmp_path):
    with busy(*busy.run, "--json", "--quiet") as first:
        engine = first.engine_at("busy", 1_000)
        code, out, err = ran(busy, *busy.run, "--quiet")
        assert (code, out) == (75, "")
        assert len(err.splitlines()) == 1
        assert "busy" in err and str(engine) in err
        assert first.cnc("busy")["pid"] == engine
        first.engine_at("busy", first.cnc("busy")["counters"]["sequencer"]["messages"] + 1_000)  # it runs on
        first.send(signal.SIGTERM)
        assert first.end() == 0
    result = json.loads(first.out)
    assert (result["error"], result["journal"]["verified"]) == (None, True)
    assert len(left_behind(tmp_path)) == 2  # one engine file, one journal


def test_two_engines_with_two_names_do_not_meet(busy, tmp_path):
    with busy(*busy.run, "--json", "--quiet") as first:
        first.engine_at("busy", 1_000)
        code, _, _ = ran(busy, "run", topology(tmp_path), "--name", "other", *OPTIONS, "--quiet")
        assert code == 0
        first.send(signal.SIGTERM)
        assert first.end() == 0
