"""SIGINT and SIGTERM at every stage of a run: the first drains and reports, the second halts, the third kills.

Only the parent process takes them; its engine is in a session of its own, so that Ctrl-C reaches the parent alone.
"""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import struct
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.reference.engine_process import all_gone, hfx_process, left_behind, pending, stopped, width_of
from tests.reference.faulty_handlers import FOREVER, topology

INTERRUPTED = 130
OURS = re.compile(r"\| +hydraflow$", re.MULTILINE)  # before, Python itself answers a signal
OPTIONS = ("--hiccups", "0", "--stall", "120")


def running(folder: Path, *options: str, **planted):
    """Run the graph beside the test, forever unless a handler is told to fail."""
    file = topology(folder, ticks=FOREVER, **planted)
    return hfx_process(folder, "run", file, "--name", "busy", *OPTIONS, *options)


def check_verified(result: dict) -> None:
    journal = result["journal"]
    assert (journal["verified"], journal["end"], journal["messages"]) == (True, "clean", result["messages"])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, 0)])
@pytest.mark.parametrize("group", [True, False], ids=["group", "parent"])
def test_the_first_signal_drains_reports_and_leaves_a_journal_that_replays(hfx, tmp_path, number, code, group):
    with running(tmp_path, "--json", "--quiet") as process:
        process.engine_at("busy", 10_000)
        process.send(number, group=group)
        assert process.end() == code
        assert all_gone(tmp_path)
    result = json.loads(process.out)
    assert (result["status"], result["error"]) == ("interrupted", None)
    assert result["frames"] == result["messages"] >= 10_000  # drained: what was published has passed every handler
    assert {row["lag"] for row in result["handlers"]} <= {0, None}
    check_verified(result)
    replayed = hfx.replay(Path(result["journal"]["path"]))
    assert (replayed["messages"], replayed["state_hashes"]) == (result["messages"], result["state_hashes"])


@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)])
def test_the_second_signal_halts_a_drain_that_cannot_end(hfx, tmp_path, numbers):
    with running(tmp_path, "--json", "--quiet", fault="loop", at=500) as process:
        engine = process.engine_at("busy", 600)
        process.send(numbers[0], group=True)
        process.wait_until(lambda: process.cnc("busy")["control"]["stop"])
        os.kill(engine, 0)  # it drains and cannot end
        process.send(numbers[1], group=True)
        assert process.end() == INTERRUPTED
        assert all_gone(tmp_path)
    result = json.loads(process.out)
    assert (result["status"], result["error"]["code"]) == ("interrupted", INTERRUPTED)
    assert "halted by a second signal" in result["error"]["text"]
    assert result["journal"]["end"] in ("clean", "open")
    assert result["journal"]["messages"] > 500
    assert hfx.replay(Path(result["journal"]["path"]), "--until", "500")["messages"] == 500


def test_the_third_signal_kills_and_is_reported_as_what_it_is(tmp_path):
    with running(tmp_path, fault="loop", at=500) as process:
        engine = process.engine_at("busy", 600)
        os.kill(engine, signal.SIGSTOP)  # an engine that answers to nothing
        process.wait_until(lambda: stopped(engine))
        for passed_on in (signal.SIGTERM, signal.SIGUSR1):
            process.send(signal.SIGINT)  # one that comes before this one was taken would be the same one
            process.wait_until(lambda number=passed_on: pending(engine, number))
        process.send(signal.SIGINT)
        assert process.end() == INTERRUPTED
        assert all_gone(tmp_path)
    assert "INTERRUPTED: killed by a third signal" in process.out
    assert "in hand 500" in process.out


def test_a_drain_that_takes_too_long_names_the_handler(tmp_path):
    with running(tmp_path, "--json", "--quiet", fault="loop", at=500) as process:
        process.engine_at("busy", 600)
        process.send(signal.SIGTERM)
        assert process.end() == 70
        assert all_gone(tmp_path)
    result = json.loads(process.out)
    assert (result["error"]["kind"], result["error"]["handler"], result["error"]["sequence"]) == ("drain", "planted", 500)
    assert "not drained within" in result["error"]["text"]
    check_verified(result)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, 0)])
def test_while_compiling_it_ends_at_once_and_leaves_nothing(tmp_path, number, code):
    file = topology(tmp_path, ticks=FOREVER)
    empty = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with hfx_process(tmp_path, "run", file, "--name", "busy", *OPTIONS, "--quiet", environment=empty) as process:
        process.wait_until(lambda: (shown := process.cnc("busy")) and "loops" in shown["phase"]["text"])
        process.send(number, group=True)
        assert process.end() == code
        assert all_gone(tmp_path)
    assert "stopped before the run began; nothing has run" in process.err
    assert left_behind(tmp_path) == []


def test_whenever_it_comes_it_is_answered_and_nothing_is_left_half_made(tmp_path):
    """Across the start: imports, engine file, journal's folder, loops from the cache, first messages."""
    codes = set()
    for step in range(14):
        folder = tmp_path / str(step)
        folder.mkdir()
        arguments = ("run", topology(folder, ticks=FOREVER), "--name", "busy", *OPTIONS, "--json", "--quiet")
        imported = folder / "stderr"
        environment = {"PYTHONPROFILEIMPORTTIME": "1"}
        with imported.open("w") as stream, hfx_process(folder, *arguments, environment=environment, stderr=stream) as process:
            process.wait_until(lambda shown=imported: OURS.search(shown.read_text()))
            time.sleep(0.08 * step)
            process.send(signal.SIGINT, group=True)
            codes.add(process.end())
            assert all_gone(folder)
        assert "Traceback" not in imported.read_text()
        if process.out:
            assert json.loads(process.out)["status"] == "interrupted"
            check_verified(json.loads(process.out))
        else:
            assert left_behind(folder) == [], f"at step {step}"
    assert codes == {INTERRUPTED}


@pytest.fixture
def terminal():
    """A pseudo-terminal of 80 × 24: (our end, the program's end)."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    yield ours, theirs
    os.close(ours)


def read_all(terminal: int) -> str:
    """Read until no program holds the other end."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()


def own_terminal() -> None:
    ioctl(0, termios.TIOCSCTTY, 0)


def test_ctrl_c_in_a_terminal(tmp_path, terminal):
    ours, theirs = terminal
    file = topology(tmp_path, ticks=FOREVER)
    environment = {"TERM": "xterm"}
    arguments = ("run", file, "--name", "busy", *OPTIONS)
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "preexec_fn": own_terminal}
    with hfx_process(tmp_path, *arguments, environment=environment, **ends) as process:
        os.close(theirs)
        process.engine_at("busy", 100_000)
        os.write(ours, b"\x03")
        shown = read_all(ours)
        assert process.end() == INTERRUPTED
        assert all_gone(tmp_path)
    progress, title, report = shown.partition("HydraFlow-X  busy  interrupted")
    assert title
    assert "\n" not in progress.replace("^C", "")  # refreshed in place, nothing scrolls
    assert re.search(r"\r[\d,]+ frames, [\d,]+/s, 0 orders", progress)
    assert max(map(len, progress.split("\r"))) < 80
    assert width_of(report.partition("\n")[2]) < 80
    assert "verified" in report


def test_elsewhere_than_in_a_terminal_there_is_a_line_a_second(tmp_path):
    shown = tmp_path / "stderr"

    def lines() -> list[str]:
        return [line for line in shown.read_text().splitlines() if re.match(r"hfx: [\d,]+ frames, [\d,]+/s", line)]

    before_the_first = 0.0

    def there_is_one() -> bool:
        nonlocal before_the_first
        now = time.monotonic()
        if lines():
            return True
        before_the_first = now
        return False

    arguments = ("run", topology(tmp_path, ticks=FOREVER), "--name", "busy", *OPTIONS)
    with shown.open("w") as stream, hfx_process(tmp_path, *arguments, stderr=stream) as process:
        process.wait_until(there_is_one)
        process.wait_until(lambda: len(lines()) >= 3)
        process.send(signal.SIGTERM)
        assert process.end() == 0
        seconds = time.monotonic() - before_the_first
    assert len(lines()) <= seconds + 1  # all of them are of that time, however late they were seen
    assert "\r" not in shown.read_text()
