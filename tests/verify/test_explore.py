"""The schedule explorer: it finds what it is made for, finds it again from the printed schedule, and finds nothing in the ring."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.verify.exploring import Job, results
from tools.verify.faults import FAULTS, fault

pytest.importorskip("greenlet", reason="needs greenlet: pip install greenlet")

from tools.verify.machine import Broken
from tools.verify.programs import PROGRAMS
from tools.verify.schedule import Explorer, Program, as_schedule

ROOT = Path(__file__).parents[2]


def message_passing(publish, look, late=False):
    """One task writes data and sets a flag; another reads the data when it has seen the flag."""

    def make(machine):
        cells = machine.array(2)

        def reads():
            if machine.load(cells.start, look):
                machine.reads_data("data")

        def writes():
            machine.writes_data("data")
            machine.store(cells.start, 1, publish)

        return Program([("writer", writes), ("reader", reads)], lambda: None)

    return Explorer(make, weak=late)


@pytest.mark.parametrize(("publish", "look", "race"), [(True, True, False), (False, True, True), (True, False, True)])
def test_a_release_and_an_acquire_order_data_and_nothing_less_does(publish, look, race):
    found = message_passing(publish, look).exhaust(3)
    assert (found.finding is not None) is race
    assert race or found.exhausted


def store_buffering(fenced):
    """Each of two tasks stores its flag and looks at the other's: without fences both may miss it, on x86-64 too."""

    def make(machine):
        cells = machine.array(2)
        seen = []

        def task(mine):
            machine.store(cells.start + mine, 1, True)
            if fenced:
                machine.fence()
            seen.append(machine.load(cells.start + 1 - mine, True))

        def check():
            if seen == [0, 0]:
                raise Broken("both have missed the other")

        return Program([("one", lambda: task(0)), ("two", lambda: task(1))], check)

    return make


def test_two_that_store_and_look_may_miss_each_other_but_not_with_fences_between():
    assert Explorer(store_buffering(False), weak=True).exhaust(3).finding.rule == "both have missed the other"
    assert Explorer(store_buffering(False), weak=False).exhaust(3).finding is None  # it takes a late load, not an order
    for weak in (False, True):
        found = Explorer(store_buffering(True), weak=weak).exhaust(4)
        assert found.exhausted and found.finding is None


def counting(steps):
    """Two tasks of `steps` stores each: the interleavings are known."""
    orders = set()

    def make(machine):
        cells = machine.array(1)
        order = []

        def task(name):
            for _ in range(steps):
                machine.store(cells.start, len(order), True)
                order.append(name)

        return Program([("a", lambda: task("a")), ("b", lambda: task("b"))], lambda: orders.add("".join(order)))

    return Explorer(make, weak=False), orders


@pytest.mark.parametrize(("steps", "number"), [(1, 2), (2, 6), (3, 20), (4, 70)])
def test_without_a_bound_that_matters_every_interleaving_is_run(steps, number):
    explorer, orders = counting(steps)
    assert explorer.exhaust(2 * steps).exhausted
    assert len(orders) == number  # (2n over n)


def test_a_bound_counts_changes_of_task_in_the_middle():
    explorer, orders = counting(3)
    assert explorer.exhaust(0).schedules == 2
    assert orders == {"aaabbb", "bbbaaa"}


def test_a_wait_that_nobody_ends_is_found_and_a_spin_that_somebody_ends_is_not_endless():
    def make(machine, ended):
        cells = machine.array(1)

        def waits():
            while machine.load(cells.start, True) == 0:
                machine.pause()

        return Program([("waits", waits), ("sets", lambda: machine.store(cells.start, int(ended), True))], lambda: None)

    assert Explorer(lambda m: make(m, True), weak=True).exhaust(3).finding is None
    assert Explorer(lambda m: make(m, False), weak=True).exhaust(3).finding.rule == "nobody goes on: waits waits for a change"


def test_a_random_schedule_is_found_again_from_its_text_and_is_as_short_as_can_be():
    explorer = Explorer(store_buffering(False), weak=True)
    finding = explorer.wander(5000, seed=7).finding
    assert finding is not None
    text = " ".join(f"{step}:{option}" for step, option in finding.schedule)
    again = explorer.replay(as_schedule(text))
    assert again.rule == finding.rule and again.trace == finding.trace
    for left_out in range(len(finding.schedule)):
        assert explorer.replay(finding.schedule[:left_out] + finding.schedule[left_out + 1 :]) is None


def test_every_fault_and_program_that_is_named_exists():
    for name in FAULTS:
        one = fault(name)
        assert (ROOT / one.file).read_text().count(one.old) == 1, name
        assert one.new != one.old, name
    assert set(FAULTS.values()) <= set(PROGRAMS)
    with pytest.raises(ValueError, match="no fault 'of nobody'"):
        fault("of nobody")


@pytest.mark.slow
def test_no_short_schedule_breaks_the_ring_and_some_faults_are_found():
    jobs = [Job((name,), bounds=(0, 1), points=4000, random=10) for name in PROGRAMS]
    quick = ("claim stored without comparing", "no fence between announcement and look", "a Python worker that moves on wakes nobody")
    jobs += [Job((FAULTS[fault],), fault, (0, 1, 2), points=200_000) for fault in quick]
    told = {(r["job"][0][0], r["job"][1]): r for r in results(jobs, 2)}
    assert [(key, r["rule"], r.get("error")) for key, r in told.items() if r["rule"] and not key[1]] == []
    assert all(told[FAULTS[fault], fault]["rule"] for fault in quick)
    ran = sum(run["schedules"] for r in told.values() for run in r["runs"])
    assert ran > 3000
    print(f"{ran:,} schedules")


@pytest.mark.slow
def test_the_command_replays_a_schedule_with_its_trace_and_says_when_it_does_not_fit():
    fault = "wake before publish, one producer"
    result = next(results([Job((FAULTS[fault],), fault, (0, 1), points=100_000)], 1))
    command = [sys.executable, "-m", "tools.verify.explore", "--program", FAULTS[fault], "--replay", result["schedule"]]
    command += ["--late-loads"] if result["weak"] else []
    broken = subprocess.run([*command, "--fault", fault], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert broken.returncode == 1
    assert broken.stdout.rstrip().endswith(result["rule"])
    assert "disruptor/claims.py" in broken.stdout
    whole = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert whole.stdout.rstrip().endswith("nothing is broken") or "does not fit" in whole.stdout
    command[command.index("--replay") + 1] = "0:99"
    misfit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert misfit.returncode == 1 and "the schedule does not fit this program: decision 0 has" in misfit.stdout


@pytest.mark.slow
def test_the_command_prints_rows_for_the_verification():
    ran = subprocess.run(
        [sys.executable, "-m", "tools.verify.explore", "--json", "an alert"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = json.loads(ran.stdout)["rows"]
    assert rows[0]["part"] == "explore" and rows[0]["count"] > 10 and rows[0]["result"].startswith("ok")
