"""bootstrap.sh: the environment is made once, renewed when it no longer fits, and every refusal is one sentence.

A stand-in for Python makes environments whose pip only notes that it was called, so nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "dirname", "cat", "cksum", "cut", "grep", "ls", "mkdir", "rm", "ln")
PYTHON = """#!/bin/sh
case "$*" in
*"import venv"*) exit {venv_status} ;;
"-m venv "*)
    "{real}" -m venv --without-pip "$3"
    pip=$(echo "$3"/lib/python*/site-packages)/pip
    mkdir "$pip"
    printf 'import sys\\nif "--editable" in sys.argv:\\n    open("calls", "a").write("x")\\n' >"$pip/__main__.py"
    exit ;;
esac
exec "{real}" "$@"
"""


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A folder with a blank in its name, with what bootstrap.sh reads in it."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for name in ("bootstrap.sh", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, folder)
    return folder


def python(folder: Path, *, venv_status: int = 0) -> str:
    path = folder / "python"
    path.write_text(PYTHON.format(real=sys.executable, venv_status=venv_status))
    path.chmod(0o755)
    return str(path)


def bootstrap(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("HYDRAFLOW_VENV", "PYTHON", "XDG_CACHE_HOME")}
    return subprocess.run(["sh", folder / "bootstrap.sh", *arguments], cwd=folder.parent, env=kept | variables,
                          capture_output=True, text=True, timeout=60, check=False)


def installs(folder: Path) -> int:
    calls = folder / "calls"
    return len(calls.read_text()) if calls.exists() else 0


@pytest.fixture
def tools_only(tmp_path) -> str:
    """A PATH without Python and uv."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        os.symlink(shutil.which(name) or name, folder / name)
    return str(folder)


def test_the_environment_is_made_once(checkout, tmp_path):
    stand_in = python(tmp_path)
    first = bootstrap(checkout, "--run", "python", "-c", "print('in it')", PYTHON=stand_in)
    assert (first.returncode, first.stdout, installs(checkout)) == (0, "in it\n", 1)
    assert first.stderr.startswith("Making the environment .venv with Python 3.")
    assert first.stderr.endswith("Ready.\n")
    second = bootstrap(checkout, "--run", "python", "-c", "print('in it')", PYTHON=stand_in)
    assert (second.returncode, second.stdout, second.stderr, installs(checkout)) == (0, "in it\n", "", 1)


def test_the_environment_is_renewed_when_the_project_has_changed(checkout, tmp_path):
    stand_in = python(tmp_path)
    bootstrap(checkout, PYTHON=stand_in)
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    again = bootstrap(checkout, PYTHON=stand_in)
    assert (again.returncode, installs(checkout)) == (0, 2)
    assert "Making" not in again.stderr


@pytest.mark.parametrize("harm", ["moved", "no python", "half made", "interrupted"])
def test_the_environment_is_mended_when_it_no_longer_works(checkout, tmp_path, harm):
    stand_in = python(tmp_path)
    bootstrap(checkout, PYTHON=stand_in)
    folder, whole = checkout, harm == "interrupted"
    if harm == "moved":
        folder = checkout.rename(tmp_path / "elsewhere")
    elif harm == "no python":
        (checkout / ".venv" / "bin" / "python").unlink()
    elif harm == "half made":
        shutil.rmtree(next((checkout / ".venv" / "lib").glob("python*")))
    if harm in ("half made", "interrupted"):
        (checkout / ".venv" / ".stamp").unlink()
    again = bootstrap(folder, "--run", "python", "-c", "", PYTHON=stand_in)
    assert (again.returncode, installs(folder)) == (0, 2)
    assert ("The environment .venv was moved, broken or left half-made: making it anew.\n" in again.stderr) is not whole


def test_the_environment_lies_where_the_variable_says(checkout, tmp_path):
    place = tmp_path / "some where" / "env"
    ran = bootstrap(checkout, PYTHON=python(tmp_path), HYDRAFLOW_VENV=str(place))
    assert ran.returncode == 0
    assert (place / "pyvenv.cfg").exists()
    assert bootstrap(checkout, "--where", HYDRAFLOW_VENV=str(place)).stdout == f"{place}\n"
    assert bootstrap(checkout, "--remove", HYDRAFLOW_VENV=str(place)).returncode == 0
    assert not place.exists()


@pytest.mark.parametrize("arguments", [[], ["--remove"]])
def test_a_folder_that_is_no_environment_is_left_alone(checkout, tmp_path, arguments):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    ran = bootstrap(checkout, *arguments, HYDRAFLOW_VENV=str(tmp_path / "mine"))
    assert ran.returncode == 69
    assert ran.stderr == (f"{tmp_path}/mine exists and is no environment of Python: remove it, or set HYDRAFLOW_VENV to another "
                          "folder.\n")
    assert (tmp_path / "mine" / "file").exists()


def test_a_missing_python_is_named(checkout, tools_only):
    ran = bootstrap(checkout, PATH=tools_only)
    assert (ran.returncode, ran.stdout) == (69, "")
    assert ran.stderr == ("Python 3.11 or later was not found: install it (Debian, Ubuntu: apt-get install python3 python3-venv) "
                          "or set PYTHON=/path/to/python.\n")


def test_a_missing_venv_module_is_named(checkout, tmp_path, tools_only):
    ran = bootstrap(checkout, PATH=tools_only, PYTHON=python(tmp_path, venv_status=1))
    assert ran.returncode == 69
    assert ran.stderr.splitlines()[1:] == [
        "This Python has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv), or install uv, and run make again."
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_checkout_has_its_environment_in_the_cache(checkout, tmp_path):
    checkout.chmod(0o555)
    try:
        ran = bootstrap(checkout, "--where", XDG_CACHE_HOME=str(tmp_path / "cache"))
        assert ran.stdout.startswith(f"{tmp_path}/cache/hydraflow-x/venv-")
        assert "set HYDRAFLOW_VENV" in bootstrap(checkout, "--where", HOME="").stderr
    finally:
        checkout.chmod(0o755)
