"""Ours: one producer, compiled handlers, one loop per thread: 1P-1C, multicast, pipeline, diamond."""

from __future__ import annotations

from typing import Any

from bench.disruptor import kernels
from bench.disruptor.loops import HALT, Wiring
from bench.disruptor.work import Missing, Run, Work
from disruptor.stage import HandlerStage, Output, RingEnd

__all__ = ["OurLoops"]

_PRODUCERS = {1: kernels.produce_one, 10: kernels.produce_ten, 100: kernels.produce_hundred}


class OurLoops:
    """Raises: Missing for work that needs more than one producer."""

    processes: tuple[int, ...] = ()

    def __init__(self, work: Work) -> None:
        if work.kind not in _GRAPHS:
            raise Missing(f"the library does not do {work.kind} yet")
        self._wiring = wiring = Wiring(work)
        feed = wiring.ring("feed")
        handlers, self._sums = _GRAPHS[work.kind](wiring, feed)
        self._made = wiring.state()
        producer = wiring.driver(
            _PRODUCERS[work.batch], outputs=[Output(argument="feed", end=feed, max_out=work.batch)],
            bindings={"state": self._made, "consumers": tuple(feed.consumers), "halt": HALT},
        )
        wiring.loop(f"producer_{work.kind}", [producer], 0)
        for number, stage in enumerate(handlers):
            wiring.loop(f"{stage.name}_{number}_{work.kind}", [stage], number + 1)

    def run(self, count: int) -> Run:
        self._wiring.reset()
        self._made["count"] = count
        waited = self._wiring.run()
        made = self._made[0]
        ns = self._wiring.calibration.duration_ns(int(made["end"] - made["begin"]))
        return Run(count=count, ns=ns, total=sum(int(s[0]["sum"]) for s in self._sums), waited_ns=waited)

    def close(self) -> None:
        """The rings go with this object."""


def _one(wiring: Wiring, feed: RingEnd) -> tuple[list[HandlerStage], list[Any]]:
    state = wiring.state()
    return [wiring.handler(kernels.sums, feed, (feed.cursor,), bindings={"state": state})], [state]


def _multicast(wiring: Wiring, feed: RingEnd) -> tuple[list[HandlerStage], list[Any]]:
    states = [wiring.state() for _ in range(3)]
    return [wiring.handler(kernels.sums, feed, (feed.cursor,), bindings={"state": s}) for s in states], states


def _pipeline(wiring: Wiring, feed: RingEnd) -> tuple[list[HandlerStage], list[Any]]:
    state = wiring.state()
    one = wiring.handler(kernels.first, feed, (feed.cursor,))
    two = wiring.handler(kernels.second, feed, (one.cursor,))
    return [one, two, wiring.handler(kernels.sums, feed, (two.cursor,), bindings={"state": state})], [state]


def _diamond(wiring: Wiring, feed: RingEnd) -> tuple[list[HandlerStage], list[Any]]:
    state = wiring.state()
    one = wiring.handler(kernels.first, feed, (feed.cursor,))
    two = wiring.handler(kernels.beside, feed, (feed.cursor,))
    return [one, two, wiring.handler(kernels.sums, feed, (one.cursor, two.cursor), bindings={"state": state})], [state]


_GRAPHS = {"one_to_one": _one, "multicast": _multicast, "pipeline": _pipeline, "diamond": _diamond}
