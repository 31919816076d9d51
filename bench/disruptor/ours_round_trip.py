"""Ours: a record there and back between two compiled handlers, and two handlers that have nothing to do."""

from __future__ import annotations

import time
from typing import Any

from bench.disruptor import kernels
from bench.disruptor.machine import cores
from bench.disruptor.ours_graphs import Waits, calibration
from bench.disruptor.work import FIELDS, LACKING, SEED, Missing, Run, Work
from disruptor import Disruptor, into, thread

__all__ = ["OurRoundTrip"]

_LOOK_S = 0.01  # between two looks at whether all are back


class OurRoundTrip:
    """Two rings, two handlers. The clock of each sample is atomics.timestamp (rdtsc), as in ring.c. Raises: Missing."""

    processes: tuple[int, ...] = ()

    def __init__(self, work: Work) -> None:
        if work.kind not in ("round_trip", "round_trip_one_line", "idle"):
            raise Missing(f"not built yet: {LACKING.get(work.kind, work.kind)}")
        self._work = work

    def run(self, count: int) -> Run:
        if self._work.kind == "idle":
            return self._idle(count)
        if count >= kernels.MOST_TRIPS:
            raise ValueError(f"at most {kernels.MOST_TRIPS - 1:,} round trips, got {count:,}")
        there, back, waits = self._graphs()
        state, words = back.state("ping"), 7 if self._work.kind == "round_trip_one_line" else 8
        state["count"], state["gap"] = count, calibration().ticks(self._work.gap_us * 1000)
        # The first trip begins here, in Python, and is not timed; from the start on the handler has the ring.
        there.publish(**{f"w{k}": SEED - 1 + k for k in range(words)})
        back.start()
        there.start()
        while back.sequence_of("ping") < count and not (there.failure or back.failure):
            time.sleep(_LOOK_S)
        for graph in (back, there):
            graph.shutdown()
        ns = calibration().duration_ns(int(state["end"] - state["begin"]))
        samples = state["samples"][:count] * calibration().ns_per_tick
        total = int(state["sum"]) - sum(SEED - 1 + k for k in range(words))
        return Run(count=count, ns=ns, total=total, samples_ns=samples, waited_ns=waits.ns)

    def close(self) -> None:
        """Nothing is held between runs."""

    def _graphs(self) -> tuple[Disruptor, Disruptor, Waits]:
        one_line, waits = self._work.kind == "round_trip_one_line", Waits()
        fields = FIELDS[:7] if one_line else FIELDS
        ring: dict[str, Any] = {"slots": self._work.slots, "wait": self._work.wait, "prefault": True, "availability": "record" if one_line else "cursor"}
        there = Disruptor(fields, name="there", placement=[thread("pong", cpu=cores()[1])], **ring)
        back = Disruptor(fields, name="back", placement=[thread("ping", cpu=cores()[0])], **ring)
        pong, ping = (kernels.pong_marked, kernels.ping_marked) if one_line else (kernels.pong, kernels.ping)
        there.then(into(waits.on(pong, "pong"), back=back))
        back.then(into(waits.on(ping, "ping"), there=there))
        return there, back, waits

    def _idle(self, ns: int) -> Run:
        """Let both handlers wait for `ns` with nothing to do; the CPU time is that of the whole process."""
        graphs = self._graphs()[:2]
        for graph in graphs:
            graph.start()
        before, began = time.process_time_ns(), time.monotonic_ns()
        time.sleep(ns / 1e9)
        used, ns = time.process_time_ns() - before, time.monotonic_ns() - began
        for graph in graphs:
            graph.halt()
        return Run(count=ns, ns=ns, total=0, cpu_ns=used)
