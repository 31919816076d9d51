"""Memory near its threads, and what is asked of states that lie in several places."""

from __future__ import annotations

import os

import attrs
import numpy as np
import pytest

from disruptor.numa import pages_by_node, prefer
from hydraflow.codes import BookStatus
from hydraflow.placement import Machine
from hydraflow.placement.assign import assign, stages_of
from hydraflow.records import INSTRUMENT
from hydraflow.runtime.graph import Graph, Member, build_graph
from hydraflow.runtime.home import bind, near
from tests.reference.graph_runner import loaded

OWN = tuple(sorted(os.sched_getaffinity(0)))


@pytest.mark.skipif(len(OWN) < 2, reason="one cpu")
def test_what_is_built_near_a_node_is_touched_there():
    machine = Machine(cpus=OWN, nodes={cpu: int(cpu == OWN[-1]) for cpu in OWN})
    with near(machine, 1):
        assert os.sched_getaffinity(0) == {OWN[-1]}
    assert os.sched_getaffinity(0) == set(OWN)
    with pytest.raises(RuntimeError), near(machine, 1):
        raise RuntimeError
    assert os.sched_getaffinity(0) == set(OWN)


@pytest.mark.parametrize("node", [-1, 0, 7])
def test_on_one_node_nothing_moves(node):
    with near(Machine(cpus=OWN), node):
        assert os.sched_getaffinity(0) == set(OWN)


def test_books_of_a_sharded_stage_are_live_where_their_owner_says_so():
    graph = Graph(topology=None, instruments=np.zeros(3), virtual=False)
    live, empty, stale = int(BookStatus.LIVE), int(BookStatus.EMPTY), int(BookStatus.STALE)

    def add(name, statuses):
        state = np.zeros(1, [("books", [("status", "i8")], (3,))])
        state[0]["books"]["status"] = statuses
        graph.members[name] = Member(name=name, declared=None, stage=None, state=state)

    assert graph.books_not_live() == []
    add("book/0", [live, empty, stale])
    add("book/1", [empty, live, empty])
    add("another", [live, live, live])  # the first stage that keeps books is asked, all of its shards
    assert graph.books_not_live() == [2]


TOPOLOGY = """version: 1
name: bound
instruments: [{symbol: BTCUSDT, tick: 0.1, lot: 0.001}]
sources: [{use: simulator}]
rings: {main: {record: message, slots: 1024, payload: 131072, sequence: [decoded]}}
handlers: [{use: deserialize.binance}, {use: book, with: {window_ticks: 1024, far_levels: 1024}}]
placement:
  threads:
    - {name: ingest, stages: [simulator, deserialize]}
    - {name: core, node: %d, stages: [sequencer, book]}
"""


def built(node):
    topology = loaded(TOPOLOGY % node)
    bound = topology.bound
    graph = build_graph(topology, {n: b.handler for n, b in bound.items()}, {n: b.params for n, b in bound.items()}, np.zeros(1, INSTRUMENT))
    return graph, assign(stages_of(topology), Machine(cpus=OWN), topology.placement)


def test_what_a_thread_owns_and_fills_is_asked_for_on_its_node(monkeypatch):
    graph, placement = built(0)
    asked = []
    monkeypatch.setattr("hydraflow.runtime.home.prefer", lambda mapping, node: asked.append((mapping, node)) or prefer(mapping, node))
    refused = bind(graph, placement)
    mine = [m for m, _ in asked]
    assert {node for _, node in asked} == {0}
    assert all(m in mine for m in graph.rings["main"].ring.mappings)  # the sequencer fills it
    assert not any(m in mine for ring in ("frames", "decoded") for m in graph.rings[ring].ring.mappings)
    for stage, owned in (("book", True), ("sequencer", True), ("deserialize", False)):
        state = graph.members[stage].state
        if state is not None:
            start = state.ctypes.data
            assert any(m.address <= start < m.address + m.span for m in mine) == owned
    if not refused:
        assert set().union(*(pages_by_node(m) for m in mine)) <= {0}
    else:
        assert set(refused) == {"core"}


def test_memory_that_cannot_go_to_a_node_stays_and_says_so():
    graph, placement = built(0)
    threads = tuple(attrs.evolve(t, node=999 if t.node is not None else None) for t in placement.threads)
    refused = bind(graph, attrs.evolve(placement, threads=threads))
    assert set(refused) == {"core"}
    assert refused["core"].startswith("memory node 999 refused for ")
    assert bind(graph, attrs.evolve(placement, threads=placement.threads[:1])) == {}
