"""Where the output goes: into a reader that leaves, onto a full disk, nowhere. Never a traceback.

A reader that leaves (`| head -1`) is no error: the run goes on to its end and the exit code says how it went.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.reference.engine_process import environment_of, hfx_process
from tests.reference.faulty_handlers import topology

FULL_DISK = 74


def in_shell(folder, script: str) -> subprocess.CompletedProcess:
    """Run a bash script in which `hfx` is ours; stdout of it is what the pipeline's exit codes are printed on."""
    (folder / "run").mkdir(mode=0o700, exist_ok=True)
    whole = f'hfx() {{ "{sys.executable}" -m hydraflow_x_entry "$@"; }}\n{script}'
    done = subprocess.run(["bash", "-c", whole], cwd=folder, env=environment_of(folder, {}), capture_output=True, text=True,
                          timeout=120, check=False)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A folder with a topology, `graph.yaml`, and an engine file that a run of it has left."""
    folder = tmp_path_factory.mktemp("output")
    Path(topology(folder)).rename(folder / "graph.yaml")
    with hfx_process(folder, "run", "graph.yaml", "--name", "ended", "--hiccups", "0", "--stall", "120", "--quiet") as process:
        assert process.end() == 0
    return folder


@pytest.mark.parametrize(
    "command",
    [
        "run graph.yaml --hiccups 0",
        "run graph.yaml --hiccups 0 --json --quiet",
        "stat ended",
        "stat ended --all",
        "stat ended --json",
        "simulate --frames 50000 -o -",
        "doctor",
        "--help",
    ],
)
def test_a_reader_that_leaves_is_no_error(ended, command):
    for reader in ("head -1", "true"):
        done = in_shell(ended, f'hfx {command} | {reader} >/dev/null; echo "${{PIPESTATUS[0]}}"')
        assert done.stdout.split() in (["0"], ["1"] if command == "doctor" else ["0"]), done.stderr


def test_the_first_line_arrives(ended):
    done = in_shell(ended, "hfx run graph.yaml --hiccups 0 --quiet | head -1")
    assert done.stdout.startswith("HydraFlow-X  faulty  completed")


@pytest.mark.parametrize("command", ["run graph.yaml --hiccups 0 --quiet", "stat ended", "stat ended --json"])
def test_a_full_disk_under_stdout_is_said_in_one_line(ended, command):
    done = in_shell(ended, f"hfx {command} >/dev/full")
    assert done.returncode == FULL_DISK
    assert done.stderr == "hfx: cannot write: No space left on device; make room or write somewhere else\n"


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", ">&-", ">&- 2>&-", "<&-"])
def test_streams_that_are_closed_or_full_do_not_end_a_run(ended, redirection):
    done = in_shell(ended, f"hfx run graph.yaml --hiccups 0.3 --no-journal {redirection}")  # progress speaks of the hiccups
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["stat nobody", "run nothing.yaml", "replay nothing", "simulate --frames 10 -o /dev/null"])
def test_notes_that_find_no_room_change_no_exit_code(ended, command):
    heard = in_shell(ended, f"hfx {command}")
    assert heard.stderr
    assert in_shell(ended, f"hfx {command} 2>/dev/full").returncode == heard.returncode
    assert in_shell(ended, f"hfx {command} 2>&-").returncode == heard.returncode


def test_stat_is_one_screen_and_all_of_it_on_request(ended):
    brief = in_shell(ended, "COLUMNS=80 hfx stat ended").stdout
    assert len(brief.splitlines()) <= 24
    assert max(map(len, brief.splitlines())) <= 80
    assert "ended ended, exit code 0" in brief and "20,000 frames, 20,000 messages" in brief
    assert "-1" not in brief and "halt" not in brief
    assert [line.split()[0] for line in brief.splitlines() if " apart " in line] == ["planted"]
    everything = in_shell(ended, "COLUMNS=80 hfx stat ended --all").stdout
    assert any(" ".join(line.split()) == "relay: frames 20,000" for line in everything.splitlines())
    assert "relay, 0 so far: " in everything and "errors[0]" not in everything  # zeros in short, not a row each
    assert "p99.99" in everything and max(map(len, everything.splitlines())) <= 80
