"""What is measured, and what it must add up to.

A record has eight words; word k of record s is SEED + s + k. Whoever is measured writes them all and sums them all, so
that a run that lost, repeated or tore a record is an error and not a figure.
"""

from __future__ import annotations

from typing import Protocol

import attrs
import numpy as np

__all__ = ["FIELDS", "LACKING", "PERIOD", "RECORD_BYTES", "SEED", "Contender", "Missing", "Run", "Work"]

SEED = 7
RECORD_BYTES = 64
PERIOD = 10_000  # arrays are made beforehand, 640 KB: record s of kind `arrays` holds the words of record s % PERIOD
FIELDS = [(f"w{k}", "i8") for k in range(8)]

# Coefficients (a, b) of the sum over one record whose word 0 is v: a × v + b.
_SUMS = {
    "multicast": (24, 84),  # three handlers sum it
    "pipeline": (11, 19),  # w6 = w0 + w1, then w7 = w6 + w2, then the sum
    "diamond": (10, 18),  # w6 = w0 + w1 beside w7 = w0 + w2, then the sum
    "round_trip_one_line": (7, 21),  # the eighth word is the sequence
    "idle": (0, 0),
}
LACKING = {kind: "a ring between two processes" for kind in ("processes", "processes_round_trip")}  # of the library


class Missing(Exception):
    """This contender cannot be measured here; the text says what to install."""


@attrs.frozen(kw_only=True)
class Work:
    """One kind of work.

    kind : one_to_one, three_to_one, multicast, pipeline, diamond, round_trip, round_trip_one_line, idle, arrays,
    batches, python, python_round_trip, processes, processes_round_trip. slots : of each ring. batch : records per claim.
    wait : strategy of consumers. gap_us : pause before each round trip. threads : how many share the cores.
    """

    kind: str
    slots: int
    batch: int = 1
    wait: str = "busy-spin"
    gap_us: int = 0
    threads: int = 2

    @property
    def footprint_bytes(self) -> int:
        return self.slots * RECORD_BYTES * (2 if "round_trip" in self.kind else 1)

    def whole(self, count: int) -> int:
        """Return the count at or below `count` (at least one) that divides into batches and producers."""
        unit = self.batch * (3 if self.kind == "three_to_one" else 1)
        return max(unit, count - count % unit)

    def expected(self, count: int) -> int:
        """Return the sum that a run over `count` records must have, modulo 2**64 as int64."""
        a, b = _SUMS.get(self.kind, (8, 28))
        laps, rest = divmod(count, PERIOD) if self.kind == "arrays" else (0, count)
        total = laps * _sum(a, b, PERIOD) + _sum(a, b, rest)
        return (total + (1 << 63)) % (1 << 64) - (1 << 63)


@attrs.define(kw_only=True)
class Run:
    """One run. ns : wall time of the work; total : what was summed; samples_ns : per round trip, or its quantiles.

    cpu_ns : CPU time of the contender where that is the figure; waited_ns : time its threads were runnable without a
    core (schedstat), None where nobody counts it.
    """

    count: int
    ns: float
    total: int
    samples_ns: np.ndarray | None = None
    quantiles: dict[str, float] | None = None
    cpu_ns: float | None = None
    waited_ns: int | None = None

    def figures(self) -> dict[str, float]:
        """Return per_second, or p50/p99/p999/max in ns, or cpu_percent."""
        if self.cpu_ns is not None:
            return {"cpu_percent": 100.0 * self.cpu_ns / self.ns}
        if self.quantiles is not None:
            return dict(self.quantiles)
        if self.samples_ns is not None:
            return dict(zip(("p50", "p99", "p999"), np.quantile(self.samples_ns, (0.5, 0.99, 0.999)).tolist(), strict=True),
                        max=float(self.samples_ns.max()))
        return {"per_second": self.count / self.ns * 1e9}


class Contender(Protocol):
    """Somebody who does the work. processes : ids of other processes whose CPU is its own, not that of others."""

    processes: tuple[int, ...]

    def run(self, count: int) -> Run:
        """Do the work over `count` records once."""

    def close(self) -> None:
        """Give back what it holds."""


def _sum(a: int, b: int, count: int) -> int:
    return a * (count * SEED + count * (count - 1) // 2) + b * count
