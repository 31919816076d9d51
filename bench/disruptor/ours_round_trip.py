"""Ours: a record there and back between two compiled loops, and two loops that have nothing to do."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench.disruptor import kernels
from bench.disruptor.loops import HALT, Wiring
from bench.disruptor.work import Missing, Run, Work
from disruptor.memory import anonymous
from disruptor.stage import Output

__all__ = ["OurRoundTrip"]

_MOST = 1 << 22


class OurRoundTrip:
    """Two rings, two loops. The clock of each sample is atomics.timestamp (rdtsc), as in ring.c."""

    processes: tuple[int, ...] = ()

    def __init__(self, work: Work) -> None:
        if work.kind not in ("round_trip", "idle"):
            raise Missing(f"the library does not do {work.kind} yet")
        self._work = work
        self._wiring = wiring = Wiring(work)
        there, back = wiring.ring("there"), wiring.ring("back")
        self._state = wiring.state()
        self._samples = anonymous(_MOST * 8).array(np.int64)
        bindings = {"state": self._state, "samples": self._samples, "words": wiring.cells, "halt": HALT}
        out = Output(argument="there", end=there)
        pong = wiring.handler(kernels.pong, there, (there.cursor,), outputs=[Output(argument="back", end=back)])
        ping = wiring.handler(kernels.ping, back, (back.cursor,), bindings=bindings, outputs=[out])
        begin = wiring.driver(
            kernels.begin_round_trips, outputs=[Output(argument="feed", end=there)], bindings={"state": self._state},
        )
        self._begun = begin.finished
        wiring.loop("ping", [begin, ping], 0)
        wiring.loop("pong", [pong], 1)

    def run(self, count: int) -> Run:
        wiring, idle = self._wiring, self._work.kind == "idle"
        wiring.reset()
        state = self._state[0]
        state["count"] = count
        state["gap"] = wiring.calibration.ticks(self._work.gap_us * 1000)
        wiring.cells[self._begun] = int(idle)
        if idle:
            return self._idle(count)
        if count > _MOST:
            raise ValueError(f"at most {_MOST} round trips, got {count}")
        waited = wiring.run()
        ns = wiring.calibration.duration_ns(int(state["end"] - state["begin"]))
        samples = self._samples[:count] * wiring.calibration.ns_per_tick
        return Run(count=count, ns=ns, total=int(state["sum"]), samples_ns=samples, waited_ns=waited)

    def close(self) -> None:
        """The rings go with this object."""

    def _idle(self, ns: int) -> Run:
        """Let both loops wait for `ns` with nothing to do; their CPU time by the kernel's account."""
        seen: list[int] = []

        def watch(threads: Any) -> None:
            before, began = sum(t.usage().run_ns for t in threads), time.monotonic_ns()
            time.sleep(ns / 1e9)
            seen.extend((sum(t.usage().run_ns for t in threads) - before, time.monotonic_ns() - began))
            self._wiring.halt()

        self._wiring.run(watch)
        return Run(count=ns, ns=seen[1], total=0, cpu_ns=seen[0])
