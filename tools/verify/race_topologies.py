"""Topologies whose generated loops ThreadSanitizer watches: what `Disruptor` would start, thread by thread, not started.

Each is built by the library's own front door and placed with a thread per handler, whatever the machine has; `engine` is that of
`hfx` (tools/verify/race_engine.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from disruptor import Disruptor, into
from disruptor.layout import CACHE_PAIR
from disruptor.loop_processor import LoopProcessor
from disruptor.placing import place, thread
from disruptor.sequence import CELLS, _arena
from tools.verify import race_handlers as handlers
from tools.verify.race_engine import engine
from tools.verify.race_threads import Expected, Goal, Thread, Topology

__all__ = ["TOPOLOGIES"]


def pair(events: int) -> Topology:
    """One producer, one handler; record by record; they spin and yield."""
    graph = Disruptor(handlers.FIELDS, 1024, wait="yielding", name="pair").then(handlers.adds)
    return _topology("pair", events, [graph], [(handlers.counts, 1)], [handlers.adds])


def diamond(events: int) -> Topology:
    """One producer in batches of 10; two handlers beside each other, one after both, one after that; all park."""
    graph = Disruptor(handlers.FIELDS, 1024, wait="blocking", name="diamond")
    graph.then(handlers.doubles, handlers.squares).then(handlers.joins).then(handlers.adds)
    return _topology("diamond", events, [graph], [(handlers.counts, 10)], [handlers.joins, handlers.adds])


def producers(events: int) -> Topology:
    """Three producers, published by marks in the records; two handlers one after the other."""
    graph = Disruptor(handlers.FIELDS, 1024, producers="multi", wait="yielding", name="producers")
    graph.then(handlers.adds).then(handlers.adds_after)
    made = [(handlers.counts, 1), (handlers.counts_too, 1), (handlers.counts_as_well, 4)]
    return _topology("producers", events, [graph], made, [handlers.adds, handlers.adds_after])


def flags(events: int) -> Topology:
    """Two producers in batches of 16, published by marks apart from the records; they park."""
    graph = Disruptor(handlers.FIELDS, 1024, producers="multi", availability="flags", wait="blocking", name="flags")
    graph.then(handlers.adds)
    return _topology("flags", events, [graph], [(handlers.counts, 16), (handlers.counts_too, 16)], [handlers.adds])


def rings(events: int) -> Topology:
    """A handler publishes into a second ring, which has a handler of its own."""
    second = Disruptor(handlers.FIELDS, 256, wait="yielding", name="second").then(handlers.adds_after)
    first = Disruptor(handlers.FIELDS, 1024, wait="yielding", name="first").then(into(handlers.forwards, out=second))
    return _topology("rings", events, [first, second], [(handlers.counts, 1)], [handlers.adds_after])


def workers(events: int) -> Topology:
    """A pool of two workers: each record goes to one of them."""
    graph = Disruptor(handlers.FIELDS, 1024, wait="yielding", name="workers")
    graph.handle_events_with_worker_pool(handlers.works, handlers.works_too)
    return _topology("workers", events, [graph], [(handlers.counts, 1)], [(handlers.works, handlers.works_too)])


TOPOLOGIES: dict[str, Callable[[int], Topology]] = {
    "pair": pair, "diamond": diamond, "producers": producers, "flags": flags, "rings": rings, "workers": workers, "engine": engine,
}


def _topology(name: str, events: int, graphs: list[Disruptor], sources: list[tuple[Any, int]], watched: list[Any]) -> Topology:
    """Take a topology's loops without starting them. The first graph has the producers, each making its part of `events`."""
    threads, goals, kept = [], [], list[Any](graphs)
    share = events // len(sources)
    for function, batch in sources:
        producer = graphs[0].produce(function, batch=batch)
        assert producer.state is not None
        producer.state["most"] = share
        threads.append(Thread(producer.source(), producer._control.word, True))
    total = share * len(sources)
    states: dict[str, np.ndarray] = {}
    for graph in graphs:
        nodes = list(graph._nodes)
        for placed in place(nodes, [thread(n.name) for n in nodes], graph.wait):
            loop = LoopProcessor(graph.ring, [graph._member(n) for n in placed.nodes], placed.wait)
            kept.append(loop)  # its cells go back to the arena with it
            loop._start()  # as its thread would: the ports of its outputs begin behind what is published
            threads.append(Thread(loop.source(), loop._control.word, False))
        for node in nodes:
            assert node.member is not None
            goals.append(Goal(node.sequence.word, total - 1))  # a worker's: the record before the one that it waits for
            states[node.name] = node.member.state
    expected = []
    each = len(sources) * (share * (share - 1) // 2)
    for one in watched:
        records = [states[h.name] for h in (one if isinstance(one, tuple) else (one,))]
        sums = {"count": total, "sum": each, "wrong": 0}
        expected.append(Expected(records, {n: v for n, v in sums.items() if n in (records[0].dtype.names or ())}))
    return Topology(name, total, threads, goals, expected, kept, CELLS, {id(CELLS): _arena.fresh * CACHE_PAIR})
