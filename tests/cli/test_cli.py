"""The command as a whole: help without weight, unknown verbs, errors in one line, readers that go away."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hydraflow import __version__
from hydraflow.cli import _VERBS

HFX = [sys.executable, "-m", "hydraflow_x_entry"]
HEAVY = {"numpy", "numba", "llvmlite", "cffi", "yaml", "orjson", "rich", "asyncio"}


def hfx(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HFX, *arguments], capture_output=True, text=True, timeout=120, check=False,
                          env=os.environ | variables)


def loaded_by(*arguments: str) -> set[str]:
    """Return the top-level modules that the command has loaded when it ends."""
    code = (
        "import sys, hydraflow_x_entry\n"
        f"sys.argv = ['hfx', *{list(arguments)!r}]\n"
        "hydraflow_x_entry.main()\n"
        "print('\\0' + ' '.join({m.partition('.')[0] for m in sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.rpartition("\0")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    assert not loaded_by(*arguments) & HEAVY


@pytest.mark.parametrize("verb", sorted(_VERBS))
def test_every_verb_explains_itself_and_loads_nothing_heavy(verb):
    if verb == "record":
        pytest.importorskip("hydraflow.cli.record")
    ran = hfx(verb, "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"Usage: hfx {verb} ")
    assert not loaded_by(verb, "--help") & (HEAVY - {"asyncio"})


def test_help_lists_every_verb_with_its_sentence():
    ran = hfx("--help", COLUMNS="200")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("Usage: hfx [OPTIONS] COMMAND [ARGS]...\n")
    for verb, (_, sentence) in _VERBS.items():
        assert any(line.split()[:1] == [verb] for line in ran.stdout.splitlines())
        assert " ".join(sentence.split()) in " ".join(ran.stdout.split())


def test_version_names_the_command():
    ran = hfx("--version")
    assert (ran.returncode, ran.stdout) == (0, f"hfx, version {__version__}\n")


@pytest.mark.parametrize(
    ("verb", "hint"),
    [
        ("rnu", "Did you mean 'run'?"),
        ("simulat", "Did you mean 'simulate'?"),
        ("zzz", f"Verbs: {', '.join(sorted(_VERBS))}."),
    ],
)
def test_an_unknown_verb_is_a_usage_error_when_it_is_near_to_one(verb, hint):
    ran = hfx(verb)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.endswith(f"Error: hfx has no verb '{verb}'. {hint}\n")


def test_an_unknown_option_is_a_usage_error():
    ran = hfx("check", "--nonsense")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "No such option" in ran.stderr


def test_no_verb_shows_the_help():
    ran = hfx()
    assert "Usage: hfx" in ran.stdout + ran.stderr
    assert ran.returncode in (0, 2)  # click changed its mind about this


def test_an_error_is_one_line_with_its_exit_code(tmp_path):
    missing = tmp_path / "none.yaml"
    ran = hfx("check", str(missing))
    assert (ran.returncode, ran.stdout) == (66, "")
    assert ran.stderr.startswith(f"hfx: {missing}: ")
    assert ran.stderr.count("\n") == 1


def test_an_error_has_its_traceback_when_that_is_asked_for(tmp_path):
    ran = hfx("check", str(tmp_path / "none.yaml"), HYDRAFLOW_TRACEBACK="1")
    assert ran.returncode == 1
    assert ran.stderr.startswith("Traceback")


@pytest.mark.parametrize("arguments", [["doctor"], ["--help"], ["run", "--help"]])
def test_a_reader_that_goes_away_is_no_error(arguments):
    read, write = os.pipe()
    os.close(read)  # the reader has gone before the first line
    ran = subprocess.run([*HFX, *arguments], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(write)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["run", "dmeo"], 66, "no topology is called 'dmeo'; did you mean 'demo'?"),
        (["check", "zzz"], 66, "no topology is called 'zzz'; give a YAML file, or one of capture, demo, paper-live"),
        (["run", "demo", "--no-journal", "--journal", "x"], 2,
         "--journal and --no-journal contradict each other; leave one of them out"),
    ],
)
def test_a_mistake_on_the_command_line_is_named_with_its_remedy(arguments, code, error):
    ran = hfx(*arguments)
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", f"hfx: {error}\n")


def test_the_verbs_of_journal_are_explained_in_whole_sentences():
    assert "..." not in hfx("journal", "--help", COLUMNS="80").stdout.partition("Commands:")[2]
