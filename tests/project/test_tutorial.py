"""The tutorial, followed to the letter: its files written as printed, its commands run as printed, what they say compared.

In printed output `…` stands for anything within a line; a line `…` alone for any lines, also none. Of a command that ends well
standard output is compared, of one that fails standard error.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.test_docs import FOLLOWED, Block, blocks

ROOT = Path(__file__).resolve().parents[2]
ANY = "…"


def environment(home: Path) -> dict[str, str]:
    """A new user's: nothing set but a home; the machine code cache is the usual one, so that a second run is quick."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HYDRAFLOW_", "PYTEST", "NUMBA_", "XDG_"))}
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return kept | {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(home), "XDG_CACHE_HOME": cache, "XDG_RUNTIME_DIR": str(home / "run"),
                   "COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1"}


def steps(block: Block) -> list[tuple[str, list[str]]]:
    """Return the commands of a console block, each with the lines printed below it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def pattern(printed: list[str]) -> re.Pattern[str]:
    """Return what output must match as a whole, trailing blanks of lines aside."""
    parts = []
    for line in printed:
        parts.append(r"(?:[^\n]*\n)*?" if line == ANY else re.escape(line.rstrip()).replace(re.escape(ANY), "[^\n]*?") + r"\n")
    return re.compile("".join(parts))


def shown(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


@pytest.mark.slow
@pytest.mark.timeout(2400)  # the first time two loops are compiled
def test_the_tutorial_followed_to_the_letter(tmp_path):
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    (home / "run").mkdir(parents=True, mode=0o700)
    compared = 0
    for block in blocks(FOLLOWED):
        if block.mark == "file":
            (work / block.value).parent.mkdir(parents=True, exist_ok=True)
            (work / block.value).write_text(block.text)
            continue
        commands = steps(block)
        for place, (command, printed) in enumerate(commands):
            wanted = int(block.value) if block.mark == "exit" and place == len(commands) - 1 else 0
            ran = subprocess.run(command, shell=True, cwd=work, env=environment(home), capture_output=True, text=True, timeout=1200, check=False)
            said = shown(ran.stderr if wanted else ran.stdout)
            if wanted:  # a machine under load says that an import took long
                said = "".join(line for line in said.splitlines(keepends=True) if not line.startswith("hfx: "))
            assert ran.returncode in ((0, 1) if command.startswith("hfx doctor") else (wanted,)), f"$ {command}\n{ran.stdout}{ran.stderr}"
            assert printed, f"the tutorial prints nothing below: $ {command}"
            assert pattern(printed).fullmatch(said), f"$ {command}\nprinted:\n" + "\n".join(printed) + f"\nsaid:\n{said}"
            compared += 1
    assert compared >= 12
    assert sorted(p.name for p in work.iterdir() if not p.name.startswith(".")) == ["books.yaml", "first", "look.py", "spread.py", "tests", "wider.yaml"]


@pytest.mark.parametrize(
    ("printed", "said", "fits"),
    [
        (["a"], "a\n", True), (["a"], "b\n", False), (["a"], "a\nb\n", False), (["a (… ms)"], "a (12 ms)\n", True),
        (["a (… ms)"], "a (12\nms)\n", False), (["…"], "", True), (["a", "…", "z"], "a\nb\nc\nz\n", True), (["a", "…", "z"], "a\nz\n", True),
        (["a", "…", "z"], "a\nb\n", False), (["1.5 |"], "125 |\n", False),
    ],
)
def test_what_is_printed_is_compared(printed, said, fits):
    assert bool(pattern(printed).fullmatch(said)) == fits
