"""What the documents say is true: their code runs as printed, their generated parts are current, their links lead somewhere.

In a document, before a block of code:

    <!-- file: NAME -->     the block is the content of that file; it is not run by itself
    <!-- exit: CODE -->     a console block whose last command ends with this status
    <!-- not run: WHY -->   a block that is shown only

The blocks of a document run in order, in one empty folder; of a console block the lines `$ hfx …` and `$ python …` run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tools.make_reference import outdated

ROOT = Path(__file__).resolve().parents[2]
FOLLOWED = ROOT / "docs/tutorial.md"  # line by line, by tests/project/test_tutorial.py
DOCUMENTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?:<!-- (file|exit|not run): (.+?) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)|<img [^>]*src=\"(?!https?://)([^\"]+)\"|srcset=\"([^\"]+)\"")


class Block(NamedTuple):
    """A block of code. mark : "file", "exit", "not run" or "", value : what the mark says."""

    mark: str
    value: str
    language: str
    text: str


def blocks(path: Path) -> list[Block]:
    found = [Block(*(part or "" for part in match)) for match in BLOCK.findall(path.read_text(encoding="utf-8"))]
    return [b for b in found if b.mark == "file" or (b.language in ("python", "console") and b.mark != "not run")]


def environment(state: Path) -> dict[str, str]:
    """Nobody's settings; journals and CnC files below `state`; the same machine-code cache as ever."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HYDRAFLOW_", "PYTEST", "NUMBA_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return kept | {"PATH": path, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(state), "XDG_RUNTIME_DIR": str(state), "COLUMNS": "100"}


def run(command: list[str] | str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder / "work", env=environment(folder / "state"), shell=isinstance(command, str),
                          capture_output=True, text=True, timeout=900, check=False)


@pytest.mark.slow
@pytest.mark.timeout(2400)  # the first run of a graph compiles it
@pytest.mark.parametrize("path", [p for p in DOCUMENTS if blocks(p) and p != FOLLOWED], ids=lambda p: str(p.relative_to(ROOT)))
def test_the_code_in_a_document_runs_as_printed(path, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "state").mkdir()
    for number, block in enumerate(blocks(path)):
        if block.mark == "file":
            (tmp_path / "work" / block.value).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "work" / block.value).write_text(block.text)
        elif block.language == "python":
            script = tmp_path / f"block_{number}.py"
            script.write_text(block.text)
            ran = run([sys.executable, str(script)], tmp_path)
            assert ran.returncode == 0, f"{block.text}\n{ran.stdout}{ran.stderr}"
        else:
            _run_console(block, tmp_path)


def _run_console(block: Block, folder: Path) -> None:
    commands = [line[2:] for line in block.text.splitlines() if line.startswith(("$ hfx ", "$ python "))]
    for place, command in enumerate(commands):
        ran = run(command, folder)
        wanted = int(block.value) if block.mark == "exit" and place == len(commands) - 1 else 0
        assert ran.returncode == wanted, f"{command}\n{ran.stdout}{ran.stderr}"


def test_generated_parts_are_current():
    assert [str(p.relative_to(ROOT)) for p in outdated()] == [], "run: make docs"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    links = ["".join(parts) for parts in LINK.findall(path.read_text(encoding="utf-8"))]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_example_of_the_readme_is_sixteen_lines():
    example = next(b for b in blocks(ROOT / "README.md") if b.language == "python" and not b.mark)
    assert example.text.count("\n") == 16


def test_tests_that_documents_name_exist():
    defined = {name for file in (ROOT / "tests").rglob("*.py") for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for name, more in re.findall(r"`(test_\w+)(…?)`", document.read_text()):
            found = any(known.startswith(name) for known in defined) if more else name in defined
            assert found, f"{document.relative_to(ROOT)} names {name}{more}"
