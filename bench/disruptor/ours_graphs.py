"""Ours, compiled on both ends: compiled producers, compiled handlers, each on a pinned thread. A fresh graph for each run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from bench.disruptor import kernels
from bench.disruptor.machine import cores
from bench.disruptor.work import FIELDS, LACKING, Missing, Run, Work
from disruptor import Disruptor, thread
from disruptor.clock import Calibration, calibrate
from disruptor.handler import Handler
from disruptor.threads import usage_of

__all__ = ["OurGraph", "Waits", "calibration", "with_flags"]


class Waits:
    """Adds up how long handlers' threads were runnable without a core: each notes it as it ends."""

    def __init__(self) -> None:
        self.ns = 0

    def on(self, declared: Handler, name: str | None = None) -> Handler:
        """Return the handler, under that name, noting."""
        return declared.using(on_shutdown=self._note, name=name or declared.name)

    def _note(self) -> None:
        self.ns += usage_of(threading.get_native_id()).wait_ns


class OurGraph:
    """1P-1C, 3P-1C, multicast, pipeline, diamond. availability : of the ring of many producers.

    Raises: Missing for other work.
    """

    processes: tuple[int, ...] = ()

    def __init__(self, work: Work, availability: str = "auto") -> None:
        if work.kind not in _GRAPHS:
            raise Missing(f"not built yet: {LACKING.get(work.kind, work.kind)}")
        self._work, self._availability = work, availability

    def run(self, count: int) -> Run:
        work, waits = self._work, Waits()
        many = work.kind == "three_to_one"
        marked = many and self._availability != "flags"
        places = [thread(name, cpu=cores()[n % 2]) for n, name in enumerate(_PLACES[work.kind], start=3 if many else 1)]
        graph = Disruptor(
            FIELDS[:7] if marked else FIELDS, work.slots, wait=work.wait, prefault=True, placement=places,
            producers="multi" if many else "single", availability=self._availability,
        )
        summing = _GRAPHS[work.kind](graph, kernels.sums_marked if marked else kernels.sums, waits)
        for name in summing:
            graph.state(name)["left"] = count
        makes = kernels.produces_marked if marked else kernels.produces
        producers = [
            graph.produce(makes.using(name=f"makes_{n}"), batch=work.batch, cpu=cores()[n % 2]) for n in range(3 if many else 1)
        ]
        each = count // len(producers)
        for n, producer in enumerate(producers):
            producer.state["made"], producer.state["stop"] = n * each, (n + 1) * each
        with graph:
            pass  # leaving waits until the producers have finished and the handlers are through
        states = [graph.state(name) for name in summing]
        ticks = max(int(s["end"]) for s in states) - min(int(p.state["begin"]) for p in producers)
        total = sum(int(s["sum"]) for s in states)
        return Run(count=count, ns=calibration().duration_ns(ticks), total=total, waited_ns=waits.ns)

    def close(self) -> None:
        """Nothing is held between runs."""


def with_flags(work: Work) -> OurGraph:
    """Return ours with what is published in an array apart, so that the record keeps its eight words."""
    return OurGraph(work, "flags")


@cache
def calibration() -> Calibration:
    """Return the rate of the time-stamp counter, measured once."""
    return calibrate(200_000_000)


def _one(graph: Disruptor, summing: Handler, waits: Waits) -> list[str]:
    graph.then(waits.on(summing, "sums"))
    return ["sums"]


def _multicast(graph: Disruptor, summing: Handler, waits: Waits) -> list[str]:
    names = ["sums_1", "sums_2", "sums_3"]
    graph.handle_events_with(*(waits.on(summing, name) for name in names))
    return names


def _pipeline(graph: Disruptor, summing: Handler, waits: Waits) -> list[str]:
    graph.then(waits.on(kernels.first)).then(waits.on(kernels.second)).then(waits.on(summing, "sums"))
    return ["sums"]


def _diamond(graph: Disruptor, summing: Handler, waits: Waits) -> list[str]:
    graph.then(waits.on(kernels.first), waits.on(kernels.beside)).then(waits.on(summing, "sums"))
    return ["sums"]


_GRAPHS: dict[str, Callable[[Disruptor, Any, Waits], list[str]]] = {
    "one_to_one": _one, "three_to_one": _one, "multicast": _multicast, "pipeline": _pipeline, "diamond": _diamond,
}
_PLACES = {
    "one_to_one": ["sums"], "three_to_one": ["sums"], "multicast": ["sums_1", "sums_2", "sums_3"],
    "pipeline": ["first", "second", "sums"], "diamond": ["first", "beside", "sums"],
}
