"""The sixteen lines that a newcomer reads first run as they are printed, and find the right spikes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from disruptor.compiled import JIT_ENABLED
from tests.system.conftest import ROOT

EXAMPLE = '''\
import numpy as np
from disruptor import Disruptor, handler

@handler(state=[("count", "i8"), ("mean", "f8"), ("m2", "f8")])
def spikes(event, sequence, end_of_batch, state):        # compiled; runs without the GIL
    state["count"] += 1
    delta = event["value"] - state["mean"]
    state["mean"] += delta / state["count"]
    state["m2"] += delta * (event["value"] - state["mean"])
    event["spike"] = delta * delta > 25.0 * state["m2"] / state["count"]

def report(batch, first_sequence):                       # plain Python; gets numpy views
    for i in np.flatnonzero(batch["spike"]): print(first_sequence + i, batch["value"][i])

with Disruptor([("value", "f8"), ("spike", "?")], slots=65536).then(spikes).then(report) as d:
    d.publish(value=np.random.default_rng(7).standard_normal(10_000_000))
'''


def spikes_of(values: np.ndarray) -> list[tuple[int, float]]:
    """Return (sequence, value) of the spikes, from sums instead of running moments."""
    count = np.arange(1, len(values) + 1)
    total, squares = np.cumsum(values), np.cumsum(values * values)
    before = np.concatenate([[0.0], total[:-1] / count[:-1]])
    variance = squares / count - (total / count) ** 2
    return [(int(i), float(values[i])) for i in np.flatnonzero((values - before) ** 2 > 25.0 * variance)]


def run_as_file(tmp_path: Path, text: str, **environment: str) -> list[tuple[int, float]]:
    script = tmp_path / "spikes.py"
    script.write_text(text)
    ran = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return [(int(sequence), float(value)) for sequence, value in (line.split() for line in ran.stdout.splitlines())]


@pytest.mark.skipif(not JIT_ENABLED, reason="ten million records")
def test_the_sixteen_lines_find_the_spikes_of_ten_million_records(tmp_path):
    found = run_as_file(tmp_path, EXAMPLE)
    expected = spikes_of(np.random.default_rng(7).standard_normal(10_000_000))
    assert len(expected) > 5
    assert found == expected


def test_the_sixteen_lines_run_unjitted_on_fewer_records(tmp_path):
    shortened = EXAMPLE.replace("10_000_000", "20_000").replace("25.0", "12.25")
    found = run_as_file(tmp_path, shortened, NUMBA_DISABLE_JIT="1")
    assert len(found) > 5
    assert found == run_as_file(tmp_path, shortened)


def test_readme_prints_the_sixteen_lines():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert EXAMPLE in blocks


def as_doctest(text: str, expected: str) -> str:
    """Return the example as the docstring of a module: statements after >>>, the rest of each after ...

    A blank line ends a compound statement in a doctest, as it does at the prompt.
    """
    lines, inside = [], False
    for line in text.splitlines():
        begins = (line and not line.startswith((" ", ")", "def "))) or (line.startswith("def ") and not inside)
        lines.append(f">>> {line}" if begins else f"... {line}".rstrip())
        inside = line.startswith("@")
    return '"""\n' + "\n".join(lines) + "\n" + expected + '"""\n'


SHORT = EXAMPLE.replace("10_000_000", "200_000").replace("25.0", "16.0")


def test_the_sixteen_lines_as_a_doctest(tmp_path):
    found = run_as_file(tmp_path, SHORT)
    assert len(found) > 5
    module = tmp_path / "spikes_doctest.py"
    module.write_text(as_doctest(SHORT, "".join(f"{sequence} {value}\n" for sequence, value in found) + "199999\n"))  # what publish returns
    ran = subprocess.run(
        [sys.executable, "-m", "doctest", "-v", str(module)], capture_output=True, text=True, check=False, timeout=300,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"^\d+ passed(?: and 0 failed)?\.$", ran.stdout, re.MULTILINE), ran.stdout


def test_the_sixteen_lines_in_a_notebook_cell(tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel", reason="a notebook needs a kernel: pip install ipykernel nbclient")
    found = run_as_file(tmp_path, SHORT)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SHORT), nbformat.v4.new_code_cell(SHORT)])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    for cell in notebook.cells:  # the second time the handlers are defined anew, as newcomers do
        printed = "".join(output["text"] for output in cell["outputs"] if output.get("name") == "stdout")
        assert [(int(s), float(v)) for s, v in (line.split() for line in printed.splitlines())] == found
        assert not [output for output in cell["outputs"] if output.get("name") == "stderr"], cell["outputs"]
