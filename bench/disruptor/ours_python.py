"""Ours, called from Python: single records, arrays, and a Python batch handler behind a compiled producer."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench.disruptor import kernels
from bench.disruptor.loops import HALT, Wiring
from bench.disruptor.machine import cores
from bench.disruptor.work import FIELDS, PERIOD, SEED, Run, Work
from disruptor import Disruptor, handler
from disruptor.atomics import store_release
from disruptor.stage import Output
from disruptor.threads import PinnedThread

__all__ = ["OurArrays", "OurBatches", "OurPublish"]


@handler(state=[("sum", "i8")])
def sums(event, state):
    """Sum every record."""
    state["sum"] += kernels.total(event)


class OurPublish:
    """`publish` of one record at a time; a compiled handler sums."""

    processes: tuple[int, ...] = ()

    def __init__(self, work: Work) -> None:
        self._work = work

    def run(self, count: int) -> Run:
        graph = Disruptor(FIELDS, slots=self._work.slots).then(sums)
        publish = graph.publish
        with graph:
            began = time.perf_counter_ns()
            for value in range(SEED, SEED + count):
                publish(
                    w0=value, w1=value + 1, w2=value + 2, w3=value + 3, w4=value + 4, w5=value + 5, w6=value + 6, w7=value + 7
                )
            _wait_until_read(graph)
            ns = time.perf_counter_ns() - began
        return Run(count=count, ns=ns, total=int(graph.state("sums")["sum"]))

    def close(self) -> None:
        """Nothing is held between runs."""


class OurArrays(OurPublish):
    """`publish` of arrays of `batch` records."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        values = np.arange(SEED, SEED + PERIOD)
        columns = {name: values + k for k, (name, _) in enumerate(FIELDS)}
        whole = PERIOD // work.batch
        starts = range(0, whole * work.batch, work.batch)
        self._calls: list[dict[str, Any]] = [{n: c[i : i + work.batch] for n, c in columns.items()} for i in starts]

    def run(self, count: int) -> Run:
        graph, calls, batch = Disruptor(FIELDS, slots=self._work.slots).then(sums), self._calls, self._work.batch
        publish = graph.publish
        with graph:
            began = time.perf_counter_ns()
            for number in range(count // batch):
                publish(**calls[number % len(calls)])
            _wait_until_read(graph)
            ns = time.perf_counter_ns() - began
        return Run(count=count, ns=ns, total=int(graph.state("sums")["sum"]))


class OurBatches:
    """A Python handler that gets numpy views; a compiled loop publishes one record at a time."""

    processes: tuple[int, ...] = ()

    def __init__(self, work: Work) -> None:
        self._wiring = wiring = Wiring(work)
        self._feed = wiring.ring("feed")
        self._handler = wiring.handler(kernels.sums, self._feed, (self._feed.cursor,))  # for its cursor
        self._made = wiring.state()
        producer = wiring.driver(
            kernels.produce_one, outputs=[Output(argument="feed", end=self._feed)],
            bindings={"state": self._made, "consumers": tuple(self._feed.consumers), "halt": HALT},
        )
        wiring.loop("producer_batches", [producer], 0)
        self._sum = 0

    def run(self, count: int) -> Run:
        wiring = self._wiring
        wiring.reset()
        self._made["count"] = count
        self._sum = 0
        consumer = PinnedThread(self._consume, (count,), name="batches", cpus={cores()[1]}, halt=wiring.halt)
        consumer.start()
        waited = wiring.run()
        consumer.join()
        if consumer.error is not None:
            raise consumer.error
        made = self._made[0]
        ns = wiring.calibration.duration_ns(int(made["end"] - made["begin"]))
        return Run(count=count, ns=ns, total=self._sum, waited_ns=waited + consumer.usage().wait_ns)

    def close(self) -> None:
        """The rings go with this object."""

    def _on_batch(self, batch: np.ndarray) -> None:
        self._sum += int(batch.view(np.int64).sum())

    def _consume(self, count: int) -> None:
        cells, ring, following = self._wiring.cells, self._feed.ring, 0
        while following < count:
            available = kernels.wait_for(cells, self._feed.cursor, following, HALT)
            if available < following:
                return
            first = following & ring.mask
            size = min(available - following + 1, ring.slots - first)
            self._on_batch(ring.records[first : first + size])
            following += size
            store_release(cells, self._handler.cursor, following - 1)


def _wait_until_read(graph: Disruptor) -> None:
    """Wait until every handler has passed what was published."""
    last = int(graph.ring.port[0]["published"])
    while min(int(graph._cells[word]) for word in graph._end.consumers) < last:
        time.sleep(0)
