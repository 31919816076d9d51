"""What threads may ask the kernel for, and what a placement makes of it."""

from __future__ import annotations

import pytest

from disruptor.scheduling import Scheduling
from hydraflow.placement import Machine
from hydraflow.placement.assign import assign, stages_of
from hydraflow.registry import Registry
from hydraflow.topology.check_scheduling import Cores
from hydraflow.topology.load import examine

TEXT = """version: 1
name: t
sources: [{use: simulator}]
handlers: [{use: deserialize.binance}, {use: book}]
placement:
  threads:
    - {name: ingest, stages: [simulator, deserialize]}
    - {name: core, stages: [sequencer, book], %s}
"""
ORDINARY, ISOLATED = Cores(), Cores(isolated=(1,), memory_nodes=(0, 2))


def found(keys, cores=None, text=TEXT):
    return examine(text % keys, "t.yaml", {}, registry=Registry(entry_points=False), components=False, cpus=(0, 1), cores=cores)


@pytest.mark.parametrize(("keys", "cores", "expected"), [
    ("scheduler: fifo", None, [("HF420", "thread 'core': fifo needs a priority", "fifo")]),
    ("scheduler: rr, priority: 3, nice: 1", None, [("HF420", "thread 'core': nice does not count under rr", "1")]),
    ("priority: 3", None, [("HF420", "thread 'core': a priority counts under fifo and rr only", "3")]),
    ("scheduler: batch, priority: 3", None, [("HF420", "thread 'core': a priority counts under fifo and rr only", "3")]),
    ("scheduler: batch, nice: 5", None, []),
    ("scheduler: fifo, priority: 3", ORDINARY, []),  # it will block
    ("scheduler: fifo, priority: 3, cpu: 1, wait: blocking", ORDINARY, []),
    ("scheduler: fifo, priority: 3, cpu: 1, wait: busy-spin", ISOLATED, []),
    ("scheduler: fifo, priority: 3, cpu: 0, wait: busy-spin", ISOLATED, [
        ("HF421", "thread 'core' never sleeps under fifo, on cpu 0, which is not isolated: the kernel's own work there would starve", "busy-spin")]),
    ("scheduler: rr, priority: 3, cpu: 1, wait: yielding", None, [
        ("HF421", "thread 'core' never sleeps under rr, on cpu 1, which is not isolated: the kernel's own work there would starve", "yielding")]),
    ("scheduler: fifo, priority: 3, wait: busy-spin", ISOLATED, [
        ("HF421", "thread 'core' never sleeps under fifo, on whatever core it gets: the kernel's own work there would starve", "busy-spin")]),
    ("node: 1", ISOLATED, [("HF422", "thread 'core' asks for memory of node 1, which this machine does not have", "1")]),
    ("node: 2", ISOLATED, []),
    ("priority: 100", None, [("HF011", None, "100")]),
    ("scheduler: deadline", None, [("HF011", None, "deadline")]),
])
def test_each_mistake_is_told_once_where_it_stands(keys, cores, expected):
    _, findings = found(keys, cores)
    told = findings.diagnostics
    assert [d.code for d in told] == [code for code, _, _ in expected]
    for one, (_, message, word) in zip(told, expected):
        assert message is None or one.message == message
        line = (TEXT % keys).splitlines()[one.span.line - 1]
        assert line[one.span.column - 1 :].startswith(word)


def test_a_wait_that_a_stage_asks_for_counts():
    _, findings = found("scheduler: fifo, priority: 3, cpu: 1", ORDINARY, TEXT.replace("{use: book}", "{use: book, wait: busy-spin}"))
    assert [d.code for d in findings.diagnostics] == ["HF421"]
    assert findings.diagnostics[0].span.line == 4


@pytest.mark.parametrize(("keys", "isolated", "wait", "scheduling", "node"), [
    ("cpu: 1", (), "busy-spin", None, None),
    ("cpu: 1, scheduler: fifo, priority: 9", (), "blocking", Scheduling("fifo", 9), None),
    ("cpu: 1, scheduler: fifo, priority: 9", (1,), "busy-spin", Scheduling("fifo", 9), None),
    ("cpu: 1, scheduler: other, nice: -3, node: 0", (), "busy-spin", Scheduling("other", nice=-3), 0),
    ("nice: 4", (), "yielding", Scheduling("other", nice=4), None),
])
def test_a_thread_gets_what_the_file_says_and_spins_only_where_it_may(keys, isolated, wait, scheduling, node):
    topology, findings = found(keys)
    assert topology is not None and not findings.failed
    machine = Machine(cpus=(0, 1), online=(0, 1), isolated=isolated, nodes={0: 0, 1: 1}, memory_nodes=(0, 1))
    placement = assign(stages_of(topology), machine, topology.placement)
    thread = placement.thread_of("book")
    assert (thread.wait, thread.scheduling, thread.node) == (wait, scheduling, node)
    said = [r for r in placement.reasons if "as the placement says" in r and "memory" in r]
    assert said == ([] if node is None else ["memory of 'core' comes from NUMA node 0, as the placement says; its cpu is on node 1"])


def test_a_service_thread_may_ask_too():
    text = TEXT.replace("{use: book}]", "{use: book}, {use: journal}]").replace("sequencer, book]", "sequencer, book, journal]")
    topology, findings = found("cpu: 1}\n    - {name: journal-writer, scheduler: fifo, priority: 5", None, text)
    assert topology is not None and not findings.diagnostics
    threads = assign(stages_of(topology), Machine(cpus=(0, 1), online=(0, 1)), topology.placement).threads
    assert next(t for t in threads if t.kind == "service").scheduling == Scheduling("fifo", 5)
