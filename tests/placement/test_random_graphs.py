"""Random graphs in random placements: every state is what a plain loop over the messages, one after the other, says.

States fold what a stage read, what it published with every byte, and what it was told back, so equal states are equal
outputs. By default 60 graphs run un-jitted in three placements each, and two compiled, with eight sets of numbers each in
the same loops. HYDRAFLOW_ALL_GRAPHS=N adds the first N graphs compiled (some ten seconds of CPU each the first time).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reference.graph_runner import loaded, run
from tests.reference.random_graphs import WAITS, random_graph, random_placement

ROOT = Path(__file__).resolve().parents[2]
GRAPHS, PLACEMENTS, DATA = 60, 3, 8
FEW = {5: 0, 11: 1}  # graph: placement; shards on three threads that spin, yield and block; two sources and feedback in the latter
COMPILED = FEW | {n: n % PLACEMENTS for n in range(int(os.environ.get("HYDRAFLOW_ALL_GRAPHS", "0"))) if n not in FEW}


def said(wanted: list[list[int]]) -> dict[tuple[int, int], dict]:
    """Return by (graph, data) what a process without the compiler says of [graph, data, placements]."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.reference.graph_process", json.dumps(wanted)], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=550, env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    return {(line["graph"], line["data"]): line for line in map(json.loads, ran.stdout.splitlines())}


@pytest.fixture(scope="module")
def unjitted():
    return said([[n, 0, PLACEMENTS] for n in range(GRAPHS)])


@pytest.fixture(scope="module")
def expected():
    return said([[n, data, 0] for n in COMPILED for data in range(DATA)])


@pytest.mark.parametrize("number", range(GRAPHS))
def test_states_are_those_of_the_sequential_interpreter_unjitted(unjitted, number):
    line = unjitted[number, 0]
    assert line["wrong"] == {}
    assert line["messages"] >= 120 and line["expected"]["last" if "last" in line["expected"] else "last/0"]["n"] > 0


@pytest.mark.parametrize("number", COMPILED)
def test_states_are_those_of_the_sequential_interpreter_compiled(expected, number):
    for data in range(DATA):
        graph = random_graph(number, data)
        assert run(loaded(graph.text), random_placement(graph, COMPILED[number])) == expected[number, data]["expected"], f"numbers {data}"


def test_the_graphs_hold_what_they_are_for(unjitted):
    """Every feature occurs often enough, and placements of every width with every wait: else the tests above show little."""
    graphs = [random_graph(n) for n in range(GRAPHS)]
    texts = [random_placement(g, p) for g in graphs for p in range(PLACEMENTS)]
    sharded = [s for g in graphs for s in g.stages if "by" in s]
    assert len(sharded) >= 60
    assert len({s["by"] for s in sharded}) >= 8
    assert sum(any(s["kernel"] == "answer" for s in g.stages) for g in graphs) >= 20
    assert sum(len(g.sources) == 2 for g in graphs) >= 20
    assert {text.count("=") for text in texts} == {1, 2, 3, 4}
    assert all(sum(f":{wait}=" in text for text in texts) >= 30 for wait in WAITS)
    timers = [n for n, g in enumerate(graphs) if unjitted[n, 0]["messages"] > 120 * len(g.sources)]
    assert len(timers) >= 15, "feedback comes back into the order"
    owners = [[unjitted[n, 0]["expected"][f"{s['name']}/{k}"]["n"] for k in range(s["replicas"])]
              for n, g in enumerate(graphs) for s in g.stages if "by" in s]
    assert sum(sum(n > 0 for n in one) > 1 for one in owners) >= 40, "more than one shard has records"


def test_a_state_that_sees_something_else_is_noticed(expected):
    """The control: another salt in one stage changes what comes out."""
    lines = [expected[11, data]["expected"] for data in (0, 1)]
    assert lines[0].keys() == lines[1].keys() and all(lines[0][name] != lines[1][name] for name in lines[0] if "/" not in name)
