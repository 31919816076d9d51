"""`--debug HANDLER[@SEQUENCE]`: pdb on one handler, in a real terminal (a pty), with the state hash of a run without it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from tests.reference.guarded_handlers import topology

SECONDS = 400


class Terminal:
    """A command on a terminal of 80 columns."""

    def __init__(self, hfx, *arguments):
        ours, theirs = pty.openpty()
        environment = {**os.environ, "COLUMNS": "80", "XDG_STATE_HOME": str(hfx.folder / "state"), "XDG_RUNTIME_DIR": str(hfx.folder / "run")}
        self.process = subprocess.Popen([sys.executable, "-m", "hydraflow_x_entry", *arguments], env=environment, stdin=theirs, stdout=theirs,
                                        stderr=theirs, start_new_session=True)
        os.close(theirs)
        self._ours, self.shown = ours, ""

    def read(self, until: str | None = None) -> str:
        """Return what is shown up to a pattern (None: to the end), that pattern included."""
        start, deadline = len(self.shown), time.monotonic() + SECONDS
        while until is None or not re.search(until, self.shown[start:]):
            ready = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))[0]
            assert ready, f"waited for {until!r} in vain: {self.shown[-2000:]}"
            try:
                some = os.read(self._ours, 65_536)
            except OSError:  # the other end is closed
                some = b""
            if not some:
                assert until is None, f"ended before {until!r}: {self.shown[-2000:]}"
                break
            self.shown += some.decode(errors="replace").replace("\r\n", "\n")
        return self.shown[start:]

    def say(self, line: str) -> None:
        os.write(self._ours, line.encode() + b"\n")

    def end(self) -> int:
        self.read()
        return self.process.wait(60)


@pytest.fixture(scope="module")
def plain(hfx):
    file = topology(hfx.folder, on_error="skip", division=True, ticks={"frames": 2_000})
    return file, hfx.command("run", file, "--name", "not-debugged", "--quiet", "--hiccups", "0")


def test_debugger_stops_at_the_event_shows_it_and_the_run_ends_with_the_same_hash(hfx, plain):
    file, expected = plain
    terminal = Terminal(hfx, "run", file, "--name", "debugged", "--debug", "planted@1,007", "--json")
    first = terminal.read(r"\(planted\) $")
    assert "handler 'planted', event 1,007; `event [SEQUENCE]` stops again, `continue` runs on" in first
    assert '-> number = event["number"]' in first
    for command, shows in (("p sequence", "1007"), ("n", '-> event["signal"] = 1.0'), ("p int(number)", "1007"),
                           ("event 1500", r"event 1,500; "), ("p sequence", "1500"), ("event soon", r"\*\*\* event takes the sequence")):
        terminal.say(command)
        assert re.search(shows.replace("(", r"\(").replace("[", r"\[") if "->" in shows else shows, terminal.read(r"\(planted\) $"))
    terminal.say("continue")
    assert terminal.end() == 0
    result = json.loads(terminal.shown[terminal.shown.index('\n{\n  "schema": "hfx.run/1"') :])
    assert result["state_hashes"] == expected["state_hashes"]
    assert [i["skipped"] for i in result["incidents"]] == [i["skipped"] for i in expected["incidents"]] == [2]
    assert [t["stages"] for t in result["placement"] if t["thread"] == "debug"] == [["planted"]]


def test_breakpoint_in_a_helper_stops_a_later_event_and_quit_halts_the_run(hfx, plain):
    terminal = Terminal(hfx, "run", plain[0], "--name", "debugged", "--debug", "planted", "--json")
    assert "handler 'planted', event 0;" in terminal.read(r"\(planted\) $")
    terminal.say("tbreak divided, number == 12")
    terminal.read(r"\(planted\) $")
    terminal.say("continue")
    assert "-> return number // divisor" in terminal.read(r"\(planted\) $")
    terminal.say("up")
    terminal.read(r"\(planted\) $")
    terminal.say("p sequence")
    assert "12" in terminal.read(r"\(planted\) $")
    terminal.say("quit")
    assert terminal.end() == 130
    result = json.loads(terminal.shown[terminal.shown.index('\n{\n  "schema": "hfx.run/1"') : terminal.shown.rindex("}") + 1])
    assert (result["status"], result["error"]["text"]) == ("interrupted", "the debugger was left with `quit` at event 12")


def test_replay_is_debugged_too(hfx, plain):
    terminal = Terminal(hfx, "replay", plain[1]["journal"]["path"], "--debug", "planted@7", "--json")
    terminal.read(r"\(planted\) $")
    terminal.say("continue")
    assert terminal.end() == 0
    assert f'"state_hash": "{plain[1]["state_hash"]}"' in terminal.shown


def test_what_cannot_be_debugged_is_refused(hfx, plain):
    file = plain[0]
    without = hfx.start("run", file, "--debug", "planted", code=2).stderr
    assert without == "hfx: --debug: the debugger needs a terminal, and standard input or output is none; run it in a terminal, without pipes\n"
    assert "hfx: --debug: 'x' is no sequence; write HANDLER or HANDLER@SEQUENCE: strategy@4173" in hfx.start("run", file, "--debug", "planted@x", code=2).stderr
    for name, says in (("plant", "'plant' is no handler; handlers: relay, journal, planted, watcher"),
                       ("ticks", "'ticks' is a source or the sequencer, which handle no records; handlers: relay")):
        terminal = Terminal(hfx, "run", file, "--name", "debugged", "--debug", name)
        assert terminal.end() == 2
        assert says in " ".join(terminal.shown.split())
