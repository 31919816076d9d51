"""The loops of a trading graph as the engine writes them, for ThreadSanitizer: simulator to paper venue, on several threads.

It is the demonstration without its journal, whose writer calls the file system, with small rings, so that all of them fill up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from disruptor.buckets import BUCKETS
from disruptor.layout import CELL_WORDS
from disruptor.loop_text import write_loop
from disruptor.memory import anonymous
from disruptor.stage import DriverStage, HandlerStage
from disruptor.waiting import WaitStrategy
from hydraflow.placement import assign, parse_placement, stages_of
from hydraflow.placement.cpus import Machine
from hydraflow.runtime.graph import build_graph
from hydraflow.runtime.instruments import instrument_table
from hydraflow.topology.load import examine
from tools.verify.race_threads import Expected, Goal, Thread, Topology

__all__ = ["engine"]

_MACHINE = Machine(cpus=(0, 1), online=(0, 1))
_PLACEMENT = "source:yielding=simulator;decode:yielding=deserialize;core:yielding=sequencer,book,strategy;out:yielding=risk,route,mev,wire,paper"
_TEXT = """
version: 1
name: races
instruments:
  - {{symbol: BTCUSDT, tick: 0.10, lot: 0.001, maker_fee_ppm: 200, taker_fee_ppm: 500}}
sources:
  - {{name: simulator, use: simulator, with: {{seed: 7, frames: {frames}, rate: 0}}}}
rings:
  frames:   {{record: frame,    slots: 256,  payload: 16MiB}}
  decoded:  {{record: message,  slots: 256,  payload: 131072}}
  main:     {{record: message,  slots: 256,  payload: 131072, sequence: [decoded], feedback: [feedback]}}
  egress:   {{record: egress,   slots: 1024, payload: 256KiB}}
  feedback: {{record: feedback, slots: 32768}}
handlers:
  - {{name: deserialize, use: deserialize.binance, on: frames, into: decoded}}
  - {{name: book, use: book, on: main, with: {{window_ticks: 65536}}}}
  - {{name: strategy, use: strategy.market_maker, on: main, after: book}}
  - {{name: risk, use: risk, on: main, after: strategy}}
  - {{name: route, use: route, on: main, after: risk}}
  - {{name: mev, use: mev, on: main, after: route}}
  - {{name: wire, use: wire, on: main, after: mev, into: egress}}
sinks:
  - {{name: paper, use: paper, on: main, after: wire, from: egress, into: feedback, with: {{latency: 1ms}}}}
"""


def engine(events: int) -> Topology:
    """The trading graph over `events` frames of the simulator. Raises: ValueError with what is wrong with its text."""
    topology, findings = examine(_TEXT.format(frames=events), "races.yaml", {})
    if topology is None or findings.failed:
        raise ValueError("\n".join(str(d) for d in findings.diagnostics))
    bound = topology.bound
    graph = build_graph(
        topology, {n: b.handler for n, b in bound.items()}, {n: b.params for n, b in bound.items()}, instrument_table(topology, bound),
        context={"ticks_per_second": 1e9},
    )
    placed = assign(stages_of(topology), _MACHINE, parse_placement(_PLACEMENT))
    word = graph.cells.word
    halt, wait_cell = word("control.halt"), word("control.wait")
    running = {t.name: graph.cells.words(f"thread.{t.name}.running", f"thread.{t.name}.sequence") for t in placed.threads}
    progress = {t.name: word(f"thread.{t.name}.progress") for t in placed.threads}
    size = (len(graph.cells.names) + 1) * CELL_WORDS
    cells = anonymous(8 * size).array(np.int64, size)
    stages = [m.stage for m in graph.members.values()]
    for ring in graph.rings.values():
        cells[ring.cursor] = -1
    for stage in stages:
        if isinstance(stage, HandlerStage):
            cells[stage.cursor] = -1
        for inlet in stage.inlets:
            cells[inlet.cursor] = -1
    counters = {name: np.zeros(1, dtype) for name, dtype in graph.counters().items()}
    graph.attach(counters)
    histograms = np.zeros((len(graph.latencies), BUCKETS), np.int64)
    threads = []
    for thread in placed.threads:
        source = write_loop(
            f"races_{thread.name}", [graph.members[n].stage for n in graph.order() if n in thread.stages], cells=cells,
            histograms=histograms, halt=halt, running=running[thread.name], progress=progress[thread.name],
            wait=int(WaitStrategy[thread.wait.upper().replace("-", "_")]), wait_cell=wait_cell,
            wake=any(t.wait == "blocking" for t in placed.threads),
        )
        threads.append(Thread(source, halt, False))
    goals = [Goal(s.finished, 1) for s in stages if isinstance(s, DriverStage)]
    goals += [Goal(s.cursor, 0, s.source.cursor) for n in graph.order() if isinstance(s := graph.members[n].stage, HandlerStage)]
    mirrored = [end.ring.payload for end in graph.rings.values() if end.ring.payload.size]
    expected = [Expected([counters["deserialize"]], {"frames": events})]
    keep: Any = (graph, counters)
    return Topology("engine", events, threads, goals, expected, keep, cells, mirrored=mirrored)
