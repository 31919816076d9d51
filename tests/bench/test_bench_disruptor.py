"""The ring's benchmark: its smoke size runs, every sum is checked, and goals are judged as they are written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.disruptor import harness, machine, report
from bench.disruptor.c_ring import CRing, CRingAhead
from bench.disruptor.harness import Goal, Plan, Row, Verdict, measure
from bench.disruptor.ours_graphs import OurGraph, with_flags
from bench.disruptor.ours_python import OurArrays, OurBatches, OurPythonTrips, publishing
from bench.disruptor.ours_round_trip import OurRoundTrip
from bench.disruptor.table import rows
from bench.disruptor.work import PERIOD, SEED, Missing, Run, Work
from disruptor.compiled import JIT_ENABLED

pytestmark = pytest.mark.spins
ROOT = Path(__file__).resolve().parents[2]
jitted = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")
QUICK = Plan(runs=2, seconds=0.001, longest=5_000)


class Scripted:
    """A contender whose figures are given."""

    processes = ()

    def __init__(self, work, ns_per_record, lost=0):
        self.work, self.ns_per_record, self.lost, self.closed = work, ns_per_record, lost, False

    def run(self, count):
        return Run(count=count, ns=self.ns_per_record * count, total=self.work.expected(count - self.lost))

    def close(self):
        self.closed = True


def absent(work):
    raise Missing("no Java: install a JDK")


def measured(*goals, **contenders):
    row = Row(name="row", work=Work(kind="one_to_one", slots=64), contenders=contenders, goals=goals)
    return measure(row, QUICK)


def bench(*options, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "bench.disruptor", "--quick", "--json", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("kind", "per_record"), [
    ("one_to_one", lambda v: [v + k for k in range(8)]),
    ("multicast", lambda v: 3 * [v + k for k in range(8)]),
    ("pipeline", lambda v: [v + k for k in range(6)] + [2 * v + 1, (2 * v + 1) + (v + 2)]),
    ("diamond", lambda v: [v + k for k in range(6)] + [2 * v + 1, 2 * v + 2]),
    ("round_trip_one_line", lambda v: [v + k for k in range(7)]),
])
def test_expected_is_the_sum_written_out(kind, per_record):
    work = Work(kind=kind, slots=64)
    for count in (0, 1, 5, 1_000):
        assert work.expected(count) == sum(sum(per_record(SEED + s)) for s in range(count))


def test_expected_of_arrays_repeats_after_a_period():
    work, plain = Work(kind="arrays", slots=64), Work(kind="one_to_one", slots=64)
    assert work.expected(2 * PERIOD + 3) == 2 * plain.expected(PERIOD) + plain.expected(3)


def test_expected_wraps_as_the_words_do():
    assert Work(kind="one_to_one", slots=64).expected(3_000_000_000) == 8 * (3 * 10**9 * 7 + 3 * 10**9 * (3 * 10**9 - 1) // 2) + 28 * 3 * 10**9 - 2**65


def test_counts_divide_into_batches_and_producers():
    assert Work(kind="one_to_one", slots=64, batch=100).whole(5_050) == 5_000
    assert Work(kind="three_to_one", slots=64, batch=10).whole(100) == 90
    assert Work(kind="three_to_one", slots=64, batch=10).whole(1) == 30


def test_figures_are_medians_and_goals_are_ratios():
    row = measured(
        Goal(against="C", at_least=2.0), Goal(against="C", at_least=2.1), Goal(at_least=4e8), Goal(against="LMAX", at_least=1.0),
        ours=lambda w: Scripted(w, 2.0), C=lambda w: Scripted(w, 4.0), LMAX=absent,
    )
    assert row["contenders"]["ours"]["median"] == pytest.approx(5e8)
    assert len(row["contenders"]["ours"]["runs"]) == 2
    assert row["contenders"]["LMAX"] == {"skipped": "no Java: install a JDK"}
    assert [goal["reached"] for goal in row["goals"]] == [True, False, True, None]
    assert row["goals"][0]["got"] == pytest.approx(2.0)


@pytest.mark.parametrize(("got", "reached"), [(0.99, True), (1.0, True), (1.01, False), (None, None)])
def test_a_latency_goal_is_an_upper_limit(got, reached):
    assert Verdict(goal=Goal(against="C", at_most=1.0), got=got).reached is reached


def test_a_lost_record_is_an_error_and_everybody_is_closed():
    made = []

    def loses(work):
        made.append(Scripted(work, 2.0, lost=1))
        return made[0]

    with pytest.raises(RuntimeError, match=r"^row: C summed -?\d+ over 3000 records, must be \d+: records were lost, repeated or torn$"):
        measured(ours=lambda w: Scripted(w, 2.0), C=loses)
    assert made[0].closed


@pytest.mark.parametrize(("busy_ns", "wall_ns", "share"), [
    (1_500_000_000, 1_000_000_000, 0.35), (700_000_000, 1_000_000_000, 0.0), (10_000_000, 10_000_000, None), (None, 1_000_000_000, None),
])
def test_others_are_what_the_cores_did_beyond_ourselves(monkeypatch, busy_ns, wall_ns, share):
    readings = iter([(0, busy_ns and 0, 0), (wall_ns, busy_ns, 800_000_000)])
    monkeypatch.setattr(machine.Meter, "_read", lambda self: next(readings))
    meter = machine.Meter()
    meter.start()
    meter.stop()
    assert meter.share == (None if share is None else pytest.approx(share))


@pytest.mark.parametrize(("noisy", "median", "tagged"), [
    ([True, False, False, True], 2.5, False),  # half are quiet: they count
    ([True, True, False, True], 2.5, True),  # too few: all count, and it is said
    ([False] * 4, 2.5, False), ([True, False, False, False], 3.0, False),
])
def test_quiet_runs_count_when_half_are_quiet(noisy, median, tagged):
    runs = [{"per_second": value, "noisy": state} for value, state in zip((1.0, 2.0, 3.0, 4.0), noisy, strict=True)]
    summary = harness._summary(Row(name="row", work=Work(kind="one_to_one", slots=64), contenders={}), runs)
    assert (summary["median"], summary["noisy"]) == (median, tagged)


def test_rows_are_set_beside_pythons_queues():
    row = measured(ours=lambda w: Scripted(w, 2.0))
    work = Work(kind="python", slots=64)
    contenders = {"ours": lambda w: Scripted(w, 1_000.0), "queue.Queue": lambda w: Scripted(w, 3_000.0), "asyncio.Queue": absent}
    python = measure(Row(name="python", work=work, contenders=contenders), QUICK)
    data = report.as_data(QUICK, [row, python])
    assert data["rows"][0]["beside"] == {"queue.Queue": pytest.approx(1_500)}
    assert data["rows"][1]["beside"] == {}
    assert "beside Python's queues: 1,500 × queue.Queue" in report.as_text(data)


def test_hash_depends_on_the_work_and_on_nothing_measured():
    one, two = measured(ours=lambda w: Scripted(w, 2.0)), measured(ours=lambda w: Scripted(w, 9.0))
    assert one["hash"] == two["hash"]
    other = measure(Row(name="row", work=Work(kind="one_to_one", slots=128), contenders={"ours": lambda w: Scripted(w, 2.0)}), QUICK)
    assert other["hash"] != one["hash"]


def test_text_shows_goal_figure_footprint_and_what_is_missing():
    row = measured(
        Goal(against="C", at_least=3.0), Goal(against="LMAX", at_least=2.0),
        ours=lambda w: Scripted(w, 2.0), C=lambda w: Scripted(w, 4.0), LMAX=absent,
    )
    text = report.as_text(report.as_data(QUICK, [row]))
    assert "row   [4 KiB, batch 1, busy-spin, 2 threads pinned, hash " in text
    assert "skipped: no Java: install a JDK" in text
    assert "goal ≥ 3.0 × C: 2.00, MISSED" in text
    assert "goal ≥ 2.0 × LMAX: not measured" in text
    assert text.endswith("goals: 0 reached, 1 missed, 1 not measured")


def test_every_row_has_a_name_of_its_own_and_begins_with_ours():
    table = rows()
    assert len({row.name for row in table}) == len(table)
    assert all(next(iter(row.contenders)) == "ours" for row in table)


@pytest.mark.parametrize("work", [
    Work(kind="one_to_one", slots=64), Work(kind="one_to_one", slots=64, batch=10),
    Work(kind="three_to_one", slots=64, batch=2, threads=4), Work(kind="round_trip", slots=64), Work(kind="round_trip_one_line", slots=64),
])
def test_the_ring_in_c_sums_what_must_be_summed(work):
    try:
        ring = CRing(work)
    except Missing as missing:
        pytest.skip(str(missing))
    count = work.whole(5_000)
    run = ring.run(count)
    assert run.total == work.expected(count)
    assert run.ns > 0 and set(run.figures()) == ({"p50", "p99", "p999", "max"} if "trip" in work.kind else {"per_second"})


MANY = {"kind": "three_to_one", "slots": 64, "wait": "yielding", "threads": 4}


@jitted
@pytest.mark.parametrize(("make", "work"), [
    (OurGraph, Work(kind="one_to_one", slots=64)), (OurGraph, Work(kind="one_to_one", slots=64, batch=10)),
    (OurGraph, Work(**MANY)), (with_flags, Work(**MANY, batch=10)),
    *((OurGraph, Work(kind=kind, slots=64, wait="yielding", threads=4)) for kind in ("multicast", "pipeline", "diamond")),
    (OurRoundTrip, Work(kind="round_trip", slots=64, wait="yielding")), (OurRoundTrip, Work(kind="round_trip_one_line", slots=64, wait="yielding")),
    (OurArrays, Work(kind="arrays", slots=64, batch=100)), (OurBatches, Work(kind="batches", slots=64)),
    *((publishing(how), Work(kind="python", slots=64)) for how in ("with", "translator", "array of one", "fields")),
    (OurPythonTrips, Work(kind="python_round_trip", slots=64, wait="blocking")),
], ids=lambda value: value.kind if isinstance(value, Work) else "")
def test_ours_sums_what_must_be_summed(make, work):
    count = work.whole(3_000)
    run = make(work).run(count)
    assert run.total == work.expected(count)
    assert run.ns > 0


def test_what_the_library_lacks_is_said():
    for make, kind in ((OurGraph, "processes"), (OurRoundTrip, "processes_round_trip")):
        with pytest.raises(Missing, match=r"^not built yet: a ring between two processes$"):
            make(Work(kind=kind, slots=64))


def test_the_ring_in_c_that_asks_ahead_does_the_same_work():
    work = Work(kind="one_to_one", slots=64, batch=10)
    try:
        ring = CRingAhead(work)
    except Missing as missing:
        pytest.skip(str(missing))
    assert ring.run(5_000).total == work.expected(5_000)


def test_a_missing_compiler_is_a_skip_that_names_the_package(monkeypatch):
    from bench.disruptor import c_ring

    c_ring._library.cache_clear()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(Missing, match=r"^no C compiler: install gcc \(Debian, Ubuntu: apt-get install gcc libc6-dev\)$"):
        CRing(Work(kind="one_to_one", slots=64))
    c_ring._library.cache_clear()


def test_a_missing_jar_is_a_skip_that_names_the_package(monkeypatch, tmp_path):
    from bench.disruptor import lmax

    for name in ("java", "javac", "taskset"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    lmax._program.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DISRUPTOR_JAR", str(tmp_path / "none.jar"))
    with pytest.raises(Missing, match=r"none\.jar: install it \(Debian, Ubuntu: apt-get install libdisruptor-java\) or name a jar in DISRUPTOR_JAR$"):
        lmax.Lmax(Work(kind="one_to_one", slots=64))
    (tmp_path / "javac").unlink()
    with pytest.raises(Missing, match=r"^no Java: install a JDK \(Debian, Ubuntu: apt-get install default-jdk-headless\)$"):
        lmax.Lmax(Work(kind="one_to_one", slots=64))
    lmax._program.cache_clear()


@jitted
def test_smoke_size_of_a_compiled_row_and_its_references():
    data = bench("--row", "1P-1C, 4,096 slots, per event")
    assert data["schema"] == "hfx.bench.disruptor/1"
    (row,) = data["rows"]
    assert row["contenders"]["ours"]["median"] > 0
    assert (row["footprint_bytes"], row["batch"], row["wait"], row["hash"]) == (262_144, 1, "busy-spin", "dbefe947ad02d7b0")
    assert data["seed"] == 7 and data["machine"]["cores_used"]
    assert all(run["noisy"] in (True, False) for run in row["contenders"]["ours"]["runs"])


@jitted
@pytest.mark.slow
def test_smoke_size_of_the_whole_table():
    data = bench()
    assert [row["name"] for row in data["rows"]] == [row.name for row in rows()]
    for row in data["rows"]:
        for name, result in row["contenders"].items():
            assert "skipped" in result or result["median"] > 0 or row["kind"] == "idle", (row["name"], name)


def test_a_pattern_that_fits_no_row_says_so():
    done = subprocess.run([sys.executable, "-m", "bench.disruptor", "--row", "nix"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "no row is called like nix; --list prints their names\n"


def test_make_bench_reaches_the_package():
    done = subprocess.run([sys.executable, "-m", "bench", "nix"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and ", disruptor, " in done.stderr
