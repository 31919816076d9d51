"""Ours, called from Python: single records, arrays, a Python batch handler, a round trip with Python at both ends.

What Python begins and compiled code ends is timed with one clock: kernels.now and atomics.timestamp read the same counter.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bench.disruptor import kernels
from bench.disruptor.machine import cores
from bench.disruptor.ours_graphs import Waits, calibration
from bench.disruptor.work import FIELDS, PERIOD, SEED, Run, Work
from disruptor import Disruptor, handler, thread

__all__ = ["OurArrays", "OurBatches", "OurMade", "OurPublish", "OurPythonTrips", "publishing"]


def publishing(how: str) -> Callable[[Work], OurPublish]:
    """Return what makes the contender that publishes single records in that way (a key of _WAYS)."""
    return lambda work: OurPublish(work, _WAYS[how])


class OurPublish:
    """Records published from Python; a compiled handler sums them on the other core."""

    processes: tuple[int, ...] = ()

    def __init__(self, work: Work, publish: Callable[[Disruptor, int], None]) -> None:
        self._work, self._publish = work, publish

    def run(self, count: int) -> Run:
        waits, work = Waits(), self._work
        graph = Disruptor(FIELDS, work.slots, wait=work.wait, prefault=True, placement=[thread("sums", cpu=cores()[1])])
        graph.then(waits.on(kernels.sums, "sums"))
        state = graph.state("sums")
        state["left"] = count
        with graph, _pinned(cores()[0]):
            began = kernels.now()
            self._publish(graph, count)
        ns = calibration().duration_ns(int(state["end"]) - began)
        return Run(count=count, ns=ns, total=int(state["sum"]), waited_ns=waits.ns)

    def close(self) -> None:
        """Nothing is held between runs."""


class OurArrays(OurPublish):
    """`publish` of arrays of `batch` records."""

    def __init__(self, work: Work) -> None:
        super().__init__(work, self._arrays)
        records, batch = _records(PERIOD), work.batch
        self._calls = [records[i : i + batch] for i in range(0, PERIOD // batch * batch, batch)]

    def _arrays(self, graph: Disruptor, count: int) -> None:
        publish, calls = graph.publish, self._calls
        laps, rest = divmod(count // self._work.batch, len(calls))
        for _ in range(laps):
            for array in calls:
                publish(array)
        for array in calls[:rest]:
            publish(array)


class OurMade(OurPublish):
    """`publish` of arrays of one record that were made beforehand, as the messages of the queues are."""

    def __init__(self, work: Work) -> None:
        super().__init__(work, self._arrays)
        self._calls: list[np.ndarray] = []

    def run(self, count: int) -> Run:
        records = _records(count)
        self._calls = [records[i : i + 1] for i in range(count)]
        return super().run(count)

    def _arrays(self, graph: Disruptor, count: int) -> None:
        publish = graph.publish
        for array in self._calls:
            publish(array)


class OurBatches:
    """A Python handler that gets numpy views; a compiled producer publishes one record at a time."""

    processes: tuple[int, ...] = ()

    def __init__(self, work: Work) -> None:
        self._work = work

    def run(self, count: int) -> Run:
        waits, work = Waits(), self._work
        total, end = 0, 0

        @handler(jit=False)
        def adds(batch: np.ndarray, first: int) -> None:
            nonlocal total, end
            total += int(batch.view(np.int64).sum())
            if first + len(batch) == count:
                end = kernels.now()

        graph = Disruptor(FIELDS, work.slots, wait=work.wait, prefault=True, placement=[thread("adds", cpu=cores()[1])])
        graph.then(waits.on(adds))
        producer = graph.produce(kernels.produces, cpu=cores()[0])
        producer.state["stop"] = count
        with graph:
            pass
        ns = calibration().duration_ns(end - int(producer.state["begin"]))
        return Run(count=count, ns=ns, total=total, waited_ns=waits.ns)

    def close(self) -> None:
        """Nothing is held between runs."""


class OurPythonTrips:
    """A record there and back: a Python handler sends back what the main thread has sent, and waits for with a poller."""

    processes: tuple[int, ...] = ()

    def __init__(self, work: Work) -> None:
        self._work = work

    def run(self, count: int) -> Run:
        work, waits, records = self._work, Waits(), _records(count)
        back = Disruptor(FIELDS, work.slots, wait=work.wait, prefault=True, name="back")
        there = Disruptor(FIELDS, work.slots, wait=work.wait, prefault=True, name="there", placement=[thread("pong", cpu=cores()[1])])

        @handler(jit=False)
        def pong(batch: np.ndarray, first: int) -> None:
            back.publish(batch)

        there.then(waits.on(pong))
        samples, total = np.zeros(count, np.int64), 0
        with back.new_poller() as poller, there, _pinned(cores()[0]):
            began = time.perf_counter_ns()
            for i in range(count):
                before = time.perf_counter_ns()
                there.publish(records[i : i + 1])
                total += int(poller.take_batch(1, timeout=10.0).view(np.int64).sum())
                samples[i] = time.perf_counter_ns() - before
            ns = time.perf_counter_ns() - began
        return Run(count=count, ns=ns, total=total, samples_ns=samples, waited_ns=waits.ns)

    def close(self) -> None:
        """Nothing is held between runs."""


def _with_statement(graph: Disruptor, count: int) -> None:
    publish = graph.publish
    for value in range(SEED, SEED + count):
        with publish() as event:
            _fill(event, 0, value)


def _translator(graph: Disruptor, count: int) -> None:
    publish_event = graph.publish_event
    for value in range(SEED, SEED + count):
        publish_event(_fill, value)


def _array_of_one(graph: Disruptor, count: int) -> None:
    publish = graph.publish
    record = np.zeros(1, graph.ring.fields)
    event = record[0]
    for value in range(SEED, SEED + count):
        _fill(event, 0, value)
        publish(record)


def _fields(graph: Disruptor, count: int) -> None:
    publish = graph.publish
    for value in range(SEED, SEED + count):
        publish(w0=value, w1=value + 1, w2=value + 2, w3=value + 3, w4=value + 4, w5=value + 5, w6=value + 6, w7=value + 7)


def _fill(event: Any, sequence: int, value: int) -> None:
    event["w0"] = value
    event["w1"] = value + 1
    event["w2"] = value + 2
    event["w3"] = value + 3
    event["w4"] = value + 4
    event["w5"] = value + 5
    event["w6"] = value + 6
    event["w7"] = value + 7


_WAYS: dict[str, Callable[[Disruptor, int], None]] = {
    "with": _with_statement, "translator": _translator, "array of one": _array_of_one, "fields": _fields,
}


def _records(count: int) -> np.ndarray:
    """Return `count` records filled beforehand."""
    records = np.zeros(count, FIELDS)
    for k, (name, _) in enumerate(FIELDS):
        records[name] = np.arange(SEED + k, SEED + k + count)
    return records


@contextmanager
def _pinned(cpu: int) -> Iterator[None]:
    ordinary = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ordinary)
