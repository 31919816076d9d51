"""Runs a topology in this process: the engine's own graph, placement and loops on threads, without its files."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from disruptor.buckets import BUCKETS
from disruptor.codegen import build_loop
from disruptor.layout import CELL_WORDS
from disruptor.loop_text import write_loop
from disruptor.stage import DriverStage, HandlerStage
from disruptor.waiting import WaitStrategy, wake_all
from hydraflow.placement import assign, parse_placement, stages_of
from hydraflow.placement.cpus import Machine
from hydraflow.records import INSTRUMENT
from hydraflow.runtime.graph import build_graph
from hydraflow.topology.load import examine
from hydraflow.topology.spec import Topology

MACHINE = Machine(cpus=(0, 1), online=(0, 1))
LOOK_SECONDS, LOOKS = 0.01, 100
GIVE_UP_SECONDS = 300.0  # a graph that does not drain is stuck; no measure of speed


def loaded(text: str) -> Topology:
    """Return the topology of a text. Raises: AssertionError with everything that is wrong with it."""
    topology, findings = examine(text, "graph.yaml", {})
    from hydraflow.topology.diagnose import render

    assert topology is not None and not findings.failed, "\n".join(render(d, findings.texts) for d in findings.diagnostics) + text
    return topology


def run(topology: Topology, placement: str) -> dict[str, dict[str, Any]]:
    """Run until everything is drained; return {instance of the main ring: {field of its state: value}}."""
    bound = topology.bound
    graph = build_graph(topology, {n: b.handler for n, b in bound.items()}, {n: b.params for n, b in bound.items()}, np.zeros(8, INSTRUMENT))
    placed = assign(stages_of(topology), MACHINE, parse_placement(placement))
    word = graph.cells.word
    halt, wait_cell = word("control.halt"), word("control.wait")
    running = {t.name: graph.cells.words(f"thread.{t.name}.running", f"thread.{t.name}.sequence") for t in placed.threads}
    progress = {t.name: word(f"thread.{t.name}.progress") for t in placed.threads}
    cells = np.zeros((len(graph.cells.names) + 1) * CELL_WORDS, np.int64)
    for ring in graph.rings.values():
        cells[ring.cursor] = -1
    for member in graph.members.values():
        if isinstance(member.stage, HandlerStage):
            cells[member.stage.cursor] = -1
        for inlet in member.stage.inlets:
            cells[inlet.cursor] = -1
    graph.attach({name: np.zeros(1, dtype) for name, dtype in graph.counters().items()})
    histograms = np.zeros((len(graph.latencies), BUCKETS), np.int64)
    order = graph.order()
    wakes = any(t.wait == "blocking" for t in placed.threads)
    loops = [
        build_loop(write_loop(
            f"graph_{t.name}", [graph.members[n].stage for n in order if n in t.stages], cells=cells, histograms=histograms, halt=halt,
            running=running[t.name], progress=progress[t.name], wait=int(WaitStrategy[t.wait.upper().replace("-", "_")]),
            wait_cell=wait_cell, wake=wakes,
        )) for t in placed.threads if t.kind == "compiled"
    ]
    results: list[Any] = []
    threads = [threading.Thread(target=lambda one=loop: results.append(one.run()), daemon=True) for loop in loops]
    stages = [m.stage for m in graph.members.values()]
    for number, thread in enumerate(threads, 1):
        thread.start()
        if number < len(threads):
            _let_it_get_ahead(stages, graph, cells)
    end = time.monotonic() + GIVE_UP_SECONDS
    while not _drained(stages, cells):
        where = {n: int(cells[m.stage.cursor]) for n, m in graph.members.items() if isinstance(m.stage, HandlerStage)}
        assert time.monotonic() < end and not results, f"stuck, or a loop has ended ({results}): {where}"
        time.sleep(0.001)
    cells[halt] = 1
    wake_all(cells, wait_cell)
    for thread in threads:
        thread.join()
    assert results == [0] * len(loops)
    return {name: {f: m.state[0][f].tolist() if m.state[0][f].ndim else m.state[0][f].item() for f in m.state.dtype.names if not f.startswith("pad")}
            for name, m in graph.members.items()
            if isinstance(m.stage, HandlerStage) and m.state is not None and m.stage.source.ring.name == "main"}


def _let_it_get_ahead(stages: list[Any], graph: Any, cells: np.ndarray) -> None:
    """Wait until what has been started can do no more for want of what has not: so far ahead gets it in no other way."""
    words = [ring.cursor for ring in graph.rings.values()] + [s.cursor for s in stages if isinstance(s, HandlerStage)]
    before = None
    for _ in range(LOOKS):
        time.sleep(LOOK_SECONDS)
        now = cells[words].tolist()
        if now == before:
            return
        before = now


def _drained(stages: list[Any], cells: np.ndarray) -> bool:
    return all(cells[s.finished] for s in stages if isinstance(s, DriverStage)) and all(
        cells[s.cursor] >= cells[s.source.cursor] for s in stages if isinstance(s, HandlerStage))
