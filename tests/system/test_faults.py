"""Handlers that fail: each is reported with handler and sequence, the report is printed, the journal intact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.reference.engine_process import width_of
from tests.reference.faulty_handlers import topology

AT = 10_000


def failed_run(hfx: Any, file: str, *options: str, stall: int = 120) -> dict[str, Any]:
    """Run to the fault; return the result, whose journal must be whole and reach the fault at least."""
    name = f"fault-{Path(file).stem}"
    result = hfx.command("run", file, "--name", name, "--quiet", "--hiccups", "0", "--stall", str(stall), *options, code=70)
    assert result["status"] == "failed"
    assert (result["error"]["kind"], result["error"]["handler"]) != ("killed", "")
    assert hfx.stat(name)["alive"] is False
    return result


def check_journal(result: dict[str, Any]) -> None:
    journal = result["journal"]
    assert (journal["verified"], journal["end"], journal["messages"]) == (True, "clean", result["messages"])
    assert journal["messages"] > AT


def test_the_graph_runs_when_nothing_is_planted(hfx):
    result = hfx.run(topology(hfx.folder))
    assert result["frames"] == result["messages"] == 20_000
    assert result["state_hashes"].keys() == {"planted"}


@pytest.mark.parametrize(
    ("fault", "options", "says"),
    [("division", (), "ZeroDivisionError"), ("index", ("--checked",), "IndexError")],
)
def test_a_fault_names_handler_and_sequence_and_the_journal_replays_up_to_it(hfx, fault, options, says):
    result = failed_run(hfx, topology(hfx.folder, fault=fault, at=AT), *options)
    error = result["error"]
    assert (error["kind"], error["handler"], error["sequence"]) == ("handler", "planted", AT)
    assert says in error["text"] and "handler 'planted' failed at sequence 10,000 (DEPTH)" in error["text"]
    check_journal(result)
    journal = Path(result["journal"]["path"])
    before = hfx.replay(journal, *options, "--until", str(AT))
    assert before["messages"] == AT
    assert before["state_hashes"] == result["state_hashes"]
    again = hfx.replay(journal, *options, code=70)  # deterministic: the fault is in the handler, not in the day
    assert (again["error"]["handler"], again["error"]["sequence"]) == ("planted", AT)


def test_an_endless_loop_is_found_and_the_rest_is_reported(hfx):
    result = failed_run(hfx, topology(hfx.folder, fault="loop", at=AT), stall=2)
    error = result["error"]
    assert (error["kind"], error["handler"], error["sequence"]) == ("stuck", "planted", AT)
    assert "an endless loop? (--stall sets the limit)" in error["text"]
    assert result["state_hash"] is None  # its state is still being written
    check_journal(result)
    assert hfx.replay(Path(result["journal"]["path"]), "--until", str(AT))["messages"] == AT


def test_memory_that_is_not_there_is_a_crash_with_handler_and_sequence(hfx):
    file = topology(hfx.folder, fault="wild", at=AT)
    result = failed_run(hfx, file)
    error = result["error"]
    assert (error["kind"], error["handler"], error["sequence"]) == ("killed", "planted", AT)
    assert "the engine was killed by SIG" in error["text"] and "--checked" in error["text"]
    assert result["journal"]["end"] == "open"  # no end record, and nothing torn
    named = failed_run(hfx, file, "--checked")
    assert (named["error"]["kind"], named["error"]["sequence"]) == ("handler", AT)
    assert "IndexError" in named["error"]["text"]


def test_a_python_handler_that_raises_is_named_with_its_batch(hfx):
    result = failed_run(hfx, topology(hfx.folder, handler="failing", at=AT))
    error = result["error"]
    assert (error["kind"], error["handler"]) == ("handler", "planted")
    assert error["sequence"] <= AT < error["sequence"] + 1024
    assert "ValueError: planted" in error["text"]
    check_journal(result)


def test_the_report_for_people_ends_with_the_fault_within_80_columns(hfx):
    file = topology(hfx.folder, fault="division", at=AT)
    ran = hfx.start("run", file, "--name", "fault-text", "--hiccups", "0", "--stall", "120", code=70)
    assert width_of(ran.stdout) < 80
    assert ran.stdout.splitlines()[0].startswith("HydraFlow-X  fault-text  failed")
    assert "FAILED: handler 'planted' failed at sequence 10,000 (DEPTH): ZeroDivisionError:" in ran.stdout
    assert "verified" in ran.stdout
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(("fault", "says"), [("index", "IndexError"), ("division", "ZeroDivisionError")])
def test_unjitted_the_same_is_found(hfx, fault, says):
    file = topology(hfx.folder, fault=fault, at=300, ticks={"frames": 1_000})
    result = hfx.command("run", file, "--name", "fault-unjitted", "--quiet", "--stall", "120", code=70, NUMBA_DISABLE_JIT="1")
    assert (result["error"]["handler"], result["error"]["sequence"]) == ("planted", 300)
    assert says in result["error"]["text"]
    assert result["journal"]["verified"]
