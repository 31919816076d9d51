"""The rows: what is measured, beside whom, and the goals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.disruptor.c_ring import CRing, CRingAhead
from bench.disruptor.harness import Goal, Row
from bench.disruptor.lmax import Lmax
from bench.disruptor.ours_graphs import OurGraph, with_flags
from bench.disruptor.ours_python import OurArrays, OurBatches, OurMade, OurPythonTrips, publishing
from bench.disruptor.ours_round_trip import OurRoundTrip
from bench.disruptor.processes import BETWEEN, one_way, there_and_back
from bench.disruptor.queues import IN_PROCESS, one_by_one, ping_pong
from bench.disruptor.work import Contender, Work

__all__ = ["rows"]

_COMPILED: dict[str, Callable[[Work], Contender]] = {"ours": OurGraph, "C": CRing, "LMAX": Lmax}


def rows() -> list[Row]:
    """Return every row, in the order of the table."""
    return [*_one_to_one(), *_many(), *_graphs(), *_round_trips(), *_python()]


def _one_to_one() -> list[Row]:
    found = []
    for slots in (1024, 4096, 65536):
        for batch in (1, 10, 100):
            goals: tuple[Goal, ...] = ()
            if slots > 1024:
                c = 1.0 if batch > 1 else 0.95 if slots == 4096 else 1.2
                goals = (Goal(against="C", at_least=c), Goal(against="LMAX", at_least=2.0 if slots == 4096 else 1.5))
            note = "lock-step: two modes five times apart; reported, no goal" if slots == 1024 and batch == 1 else ""
            found.append(Row(
                name=f"1P-1C, {slots:,} slots, {_claims(batch)}", work=Work(kind="one_to_one", slots=slots, batch=batch),
                contenders={**_COMPILED, "C, lines asked for ahead": CRingAhead}, goals=goals, note=note,
            ))
    return found


def _many() -> list[Row]:
    in_line = "ours writes and sums seven words and its sequence, the eighth of the record's line; C and LMAX eight words and an array of marks"
    with_array: dict[str, Callable[[Work], Contender]] = {**_COMPILED, "ours": with_flags}
    return [
        Row(
            name=f"3P-1C, 65,536 slots, {_claims(batch)}{kind}",
            work=Work(kind="three_to_one", slots=65536, batch=batch, wait="yielding", threads=4),
            contenders=contenders, goals=(Goal(against="LMAX", at_least=2.0),) if batch == 1 else (), note=note,
        )
        for batch, kind, contenders, note in (
            (1, "", _COMPILED, f"{in_line}; ours publishes one by one and claims up to 8 ahead while it is busy"), (10, "", _COMPILED, in_line),
            (10, ", flags", with_array, "availability='flags': marks in an array apart, as C and LMAX have them"),
        )
    ]


def _graphs() -> list[Row]:
    return [
        Row(
            name=f"{kind}, 8,192 slots, per event", work=Work(kind=kind, slots=8192, wait="yielding", threads=4),
            contenders=_COMPILED, goals=(Goal(against="LMAX", at_least=1.5),),
        )
        for kind in ("multicast", "pipeline", "diamond")
    ]


def _round_trips() -> list[Row]:
    ends: dict[str, Callable[[Work], Contender]] = {"ours": OurRoundTrip, "C": CRing, "LMAX": Lmax}
    return [
        Row(
            name="round trip, cursor line and record line", work=Work(kind="round_trip", slots=1024), contenders=ends,
            figure="p50", goals=(Goal(against="C", at_most=1.0),),
        ),
        Row(
            name="round trip, sequence in the record's line", work=Work(kind="round_trip_one_line", slots=1024),
            contenders=ends, figure="p50", goals=(Goal(against="C", at_most=1.0),),
        ),
        Row(
            name="round trip, blocking, 100 µs gaps", work=Work(kind="round_trip", slots=1024, wait="blocking", gap_us=100),
            contenders=ends, figure="p50", goals=(Goal(against="LMAX", at_most=1.0),),
        ),
        Row(
            name="idle, blocking", work=Work(kind="idle", slots=1024, wait="blocking"), contenders=ends,
            figure="cpu_percent", goals=(Goal(at_most=1.0),), note="two loops that get nothing; CPU in % of one core",
        ),
    ]


def _python() -> list[Row]:
    threads: dict[str, Any] = {name: one_by_one(name) for name in IN_PROCESS}
    trips: dict[str, Any] = {name: ping_pong(name) for name in IN_PROCESS}
    between: dict[str, Any] = {name: one_way(name) for name in BETWEEN}
    back: dict[str, Any] = {name: there_and_back(name) for name in BETWEEN}
    made = "others get bytes made beforehand and only count them; ours writes and sums the eight words"
    ways: dict[str, Any] = {
        "ours": publishing("with"), "ours, publish_event": publishing("translator"), "ours, array of one": publishing("array of one"),
        "ours, publish(field=…)": publishing("fields"), "ours, made beforehand": OurMade,
    }
    return [
        *(
            Row(
                name=f"publish of arrays of 100 records, {slots:,} slots", work=Work(kind="arrays", slots=slots, batch=100),
                contenders={"ours": OurArrays}, goals=(Goal(at_least=150e6),), note="from Python, out of 640 KB; a compiled handler sums",
            )
            for slots in (4096, 65536)
        ),
        *(
            Row(
                name=f"Python batch handler, {slots:,} slots", work=Work(kind="batches", slots=slots), contenders={"ours": OurBatches},
                goals=(Goal(at_least=limit),), note="numpy sums the batch; a compiled producer publishes one record at a time",
            )
            for slots, limit in ((1024, 80e6), (4096, 200e6))
        ),
        Row(
            name="one record at a time, Python", work=Work(kind="python", slots=65536), contenders={**ways, **threads},
            note=f"ours: with publish() as event; {made}",
        ),
        Row(
            name="round trip, Python threads", work=Work(kind="python_round_trip", slots=1024, wait="blocking"),
            contenders={"ours": OurPythonTrips, **trips}, figure="p50", note="ours: a Python batch handler sends back, a poller receives",
        ),
        Row(name="one record at a time, two processes", work=Work(kind="processes", slots=65536), contenders={"ours": OurGraph, **between}, note=made),
        Row(
            name="round trip, two processes", work=Work(kind="processes_round_trip", slots=1024), contenders={"ours": OurRoundTrip, **back},
            figure="p50",
        ),
    ]


def _claims(batch: int) -> str:
    return "per event" if batch == 1 else f"claims of {batch}"
