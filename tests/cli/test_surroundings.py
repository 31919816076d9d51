"""Where a command stands: a folder that is gone, a disk that is full, a file that may not be read. A message, never a traceback."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import click
import pytest

from hydraflow.cli import _VERBS
from hydraflow.errors import InputOutputError, OutputError, cannot_write
from hydraflow.results import folder as results

GONE = "hfx: the current directory has been removed; change to one that exists: cd ~\n"
TOPOLOGY = "version: 1\nsources: [{use: simulator}]\nhandlers: [{use: deserialize.binance}, {use: book}]\n"


def hfx_in_a_removed_folder(tmp_path, *arguments: str) -> subprocess.CompletedProcess:
    """Run hfx in a folder that is removed before it starts."""
    here = tmp_path / "here"
    here.mkdir()
    script = 'rmdir "$PWD" && exec "$@"'
    return subprocess.run(["bash", "-c", script, "bash", sys.executable, "-P", "-m", "hydraflow_x_entry", *arguments], cwd=here,
                          capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("arguments", [
    ("init",), ("init", "new"), ("simulate", "--frames", "1", "-o", "x"), ("run", "demo"), ("run", "x.yaml"), ("replay", "journal"),
    ("test",), ("record", "demo", "-o", "x"), ("schema", "-o", "s.json"), ("graph", "demo", "--format", "svg", "-o", "x.svg"),
], ids=" ".join)
def test_what_needs_the_current_directory_says_that_it_is_gone(tmp_path, arguments):
    ran = hfx_in_a_removed_folder(tmp_path, *arguments)
    assert (ran.returncode, ran.stdout, ran.stderr) == (66, "", GONE)


@pytest.mark.parametrize("arguments", [("check", "demo"), ("explain", "HF112"), ("config",), ("--help",), ("graph", "demo")], ids=" ".join)
def test_what_does_not_need_it_works_without(tmp_path, arguments):
    ran = hfx_in_a_removed_folder(tmp_path, *arguments)
    assert ran.returncode == 0 and ran.stdout and "Traceback" not in ran.stderr, ran.stderr


def test_a_topology_that_may_not_be_read_is_a_missing_input_not_a_wrong_command_line():
    """click's own paths are asked first whether they can be read, and answer as for a wrong option: exit code 2."""
    groups = [getattr(importlib.import_module(module), name) for module, _, name in (target.partition(":") for target, _ in _VERBS.values())]
    commands = [command for group in groups for command in (group.commands.values() if isinstance(group, click.Group) else [group])]
    paths = [(command.name, part.name) for command in commands for part in command.params if isinstance(part.type, click.Path) and part.type.readable]
    assert not paths


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_ends_with_66(tmp_path):
    (tmp_path / "t.yaml").write_text(TOPOLOGY)
    (tmp_path / "t.yaml").chmod(0)
    ran = subprocess.run([sys.executable, "-m", "hydraflow_x_entry", "check", "t.yaml"], cwd=tmp_path, capture_output=True, text=True,
                         timeout=120, check=False)
    assert ran.returncode == 66 and "Permission denied" in ran.stderr


def test_a_picture_on_a_full_disk_says_which_file(tmp_path):
    (tmp_path / "t.yaml").write_text(TOPOLOGY)
    ran = subprocess.run([sys.executable, "-m", "hydraflow_x_entry", "graph", "t.yaml", "-o", "/dev/full"], cwd=tmp_path, capture_output=True,
                         text=True, timeout=120, check=False)
    assert ran.returncode == 74
    assert ran.stderr == "hfx: output '/dev/full': cannot be written: No space left on device; make room there, or name another place\n"


def test_results_on_a_full_disk_leave_no_half_report(tmp_path):
    """A limit on the size of files stands for the disk: the kernel refuses the write half-way, as on a full one."""
    script = """
import resource, signal, sys
from pathlib import Path
from hydraflow.results.folder import keep
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    keep(Path(sys.argv[1]), {"name": "nobody-runs-this", "filling": "x" * 100_000})
except Exception as error:
    print(type(error).__name__, error.exit_code, error)
"""
    ran = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout == (f"InputOutputError 74 results '{tmp_path}/report.json': cannot be written: File too large; make room there, "
                          "or name another folder\n")
    assert list(tmp_path.iterdir()) == []


def test_results_are_kept_whole(tmp_path):
    results.keep(tmp_path, {"name": "nobody-runs-this", "status": "completed"})
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize(("number", "kind"), [(28, InputOutputError), (122, InputOutputError), (13, OutputError), (2, OutputError)])
def test_a_full_disk_and_a_wrong_place_have_codes_of_their_own(number, kind):
    error = cannot_write(OSError(number, os.strerror(number)), where="output 'x'", remedy="name another place")
    assert type(error) is kind and os.strerror(number) in str(error) and str(error).endswith("name another place")
