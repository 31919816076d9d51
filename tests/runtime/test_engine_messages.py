"""Timers of stages and changes of parameters in the sequencer, turn by turn, against the slow and obvious order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.codes import Kind
from hydraflow.records import LEVEL
from hydraflow.runtime.engine_messages import apply_changes
from tests.reference.sequencing import Answer, Market, Replaying, Sequencing, answers_of, merged

STAGE_TIMER, PARAMETERS, DEPTH, TIMER = int(Kind.STAGE_TIMER), int(Kind.PARAMETERS), int(Kind.DEPTH), int(Kind.TIMER)
ASKED, DONE = 448, 464  # words of the driver's cells

sources = st.lists(st.integers(-3, 9), max_size=25).map(
    lambda steps: [Market(int(ns), n) for n, ns in enumerate(np.cumsum([100, *steps]))]
)
timers = st.lists(st.integers(1, 12), max_size=3).map(lambda periods: dict(enumerate(periods)))


def messages(*stamps):
    return [Market(ns, n) for n, ns in enumerate(stamps)]


def times(run, kind):
    return [m.receive_ns for m in run.seen if m.kind == kind]


def ask(run, *entries):
    """Put a change into the mailbox, as the control thread does."""
    run.mailbox[0] = len(entries)
    run.mailbox[2 : 2 + 2 * len(entries)] = np.array(entries).reshape(-1)
    run.cells[ASKED] += 1


@settings(max_examples=250, deadline=None)
@given(sources, sources, timers, st.integers(0, 6), st.integers(0, 10**6), st.sampled_from([64, 256]))
def test_timers_have_their_place_whoever_is_how_fast(first, second, periods, latency_ns, seed, slots):
    venue = answers_of(latency_ns, seed)
    wanted, late = merged([first, second], venue, timers=periods)
    run = Sequencing([first, second], venue, latency_ns=latency_ns, seed=seed, slots=slots, timers=periods)
    assert run.run() == wanted
    assert run.counters[0]["timer_messages"] == sum(m.kind == STAGE_TIMER for m in wanted)
    assert run.counters[0]["timers_missed"] == 0
    assert run.counters[0]["undelivered"] == late
    assert [m.receive_ns for m in run.seen] == sorted(m.receive_ns for m in run.seen)


def test_timers_are_due_at_multiples_of_their_period_and_before_a_source_of_the_same_time():
    run = Sequencing([messages(103, 110, 131)], timers={4: 10, 2: 15})
    run.run()
    assert [(m.receive_ns, m.kind, m.token) for m in run.seen] == [
        (103, DEPTH, 0), (105, STAGE_TIMER, 2), (110, STAGE_TIMER, 4), (110, DEPTH, 0), (120, STAGE_TIMER, 4),
        (120, STAGE_TIMER, 2), (130, STAGE_TIMER, 4), (131, DEPTH, 0),
    ]
    assert [m.number for m in run.seen if m.token == 4] == [1, 2, 3]
    assert [list(t)[3:5] for t in run.state[0]["timers"][:2]] == [[3, 0], [2, 0]]  # fired, missed


def test_feedback_of_one_time_comes_before_a_timer():
    venue = lambda sequence, seen: [Answer(110, TIMER, 8)] if seen.receive_ns == 100 else []  # noqa: E731
    run = Sequencing([messages(100, 112)], venue, latency_ns=5, timers={0: 10})
    assert [(m.receive_ns, m.kind) for m in run.run()] == [(100, DEPTH), (110, TIMER), (110, STAGE_TIMER), (112, DEPTH)]


def test_in_a_long_silence_timers_rest_and_the_periods_left_out_are_counted():
    most, silence = 300, 900
    run = Sequencing([messages(100, 100 + silence, 103 + silence)], timers={0: 1}, slots=256, latency_ns=10**6)
    run.state[0]["quiet_most"] = most
    run.run()
    fired = times(run, STAGE_TIMER)
    assert fired[:most] == list(range(101, 101 + most))
    assert fired[most:] == [101 + silence, 102 + silence, 103 + silence]
    left_out = silence - most
    assert run.counters[0]["timers_missed"] == run.state[0]["timers"][0]["missed"] == left_out
    record = run.main.records[(len(run.seen) - 4) & run.main.mask]
    assert (record["kind"], record["last_update"]) == (STAGE_TIMER, left_out)  # the first one afterwards says so


def test_a_source_that_promises_lets_timers_go_before_its_next_message():
    run = Sequencing([messages(100, 200)], timers={0: 10}, latency_ns=1_000)
    run.feed(0, 1)
    run.feed(1)
    run.step()
    assert run.step() == 0  # nobody knows what comes next
    run.promises[0][0] = 125
    run.step()
    assert run.step() == 0
    run.handle()
    assert times(run, STAGE_TIMER) == [110, 120]
    run.run()
    assert times(run, STAGE_TIMER) == list(range(110, 201, 10))
    assert times(run, DEPTH) == [100, 200]


def test_a_promise_does_not_overtake_what_its_decoder_still_has():
    run = Sequencing([messages(100, 118, 200)], timers={0: 10}, latency_ns=1_000)
    run.feed(0, 1)
    run.feed(1)
    run.step()
    run.offer(0, 1)  # published, not decoded
    run.promises[0][0] = 125
    assert run.step() == 0
    run.decode(0)
    assert [m.receive_ns for m in run.run()] == [100, 110, 118, *range(120, 201, 10), 200]


def live(stamps, **options):
    """Return a live sequencer whose clock counts nanoseconds."""
    run = Sequencing([stamps], virtual=0, ns_per_tick=1.0, **options)
    run.feed(1)
    return run


def test_live_timers_fire_by_the_clock_without_any_message():
    run = live(messages(500), timers={3: 100})
    assert run.step(now=40) == 0
    assert run.step(now=99) == 0
    assert run.step(now=100) == 1
    assert run.step(now=140) == 0
    assert run.step(now=200) == 1
    run.handle()
    assert [(m.receive_ns, m.kind, m.token, m.number) for m in run.seen] == [
        (100, STAGE_TIMER, 3, 1), (200, STAGE_TIMER, 3, 2),
    ]


def test_live_periods_that_have_passed_are_one_message_and_counted():
    run = live(messages(900), timers={0: 100})
    run.step(now=50)
    assert run.step(now=460) == 1  # 100, 200, 300 and 400
    record = run.main.records[0]
    assert (record["receive_ns"], record["last_update"], record["number"]) == (400, 3, 1)
    assert run.counters[0]["timers_missed"] == 3
    assert run.step(now=500) == 1
    assert run.main.records[1]["last_update"] == 0


def test_live_timers_do_not_overtake_what_was_received_before_and_end_with_the_sources():
    run = live(messages(120, 95, 230), timers={0: 100})
    run.step(now=90)
    run.feed(0, 2)
    assert run.step(now=150) == 3  # the timer, then the others: both were received after it, the second one by its source's word
    run.feed(0)
    assert run.step(now=240) == 2
    run.handle()
    assert [(m.receive_ns, m.kind) for m in run.seen] == [
        (100, STAGE_TIMER), (120, DEPTH), (120, DEPTH), (200, STAGE_TIMER), (230, DEPTH),
    ]
    assert run.step(now=10_000) == -1


@pytest.mark.parametrize("virtual", [0, 1])
def test_a_change_gets_the_next_place_once_and_is_acknowledged(virtual):
    run = Sequencing([messages(100, 105)], virtual=virtual, latency_ns=5)
    run.feed(0, 1)
    run.feed(1)
    run.step(now=101)
    ask(run, (7 << 32 | 2, -5), (1 << 32, 9))
    assert run.step(now=103) == 1
    assert (run.cells[DONE], run.mailbox[1]) == (1, 1)
    assert run.step(now=104) == 0
    run.handle()
    ask(run, (0, 0))
    run.run()
    change, second = (m for m in run.seen if m.kind == PARAMETERS)
    assert change.levels == ((7 << 32 | 2, -5), (1 << 32, 9))
    assert (change.receive_ns, change.number, second.number) == (100 if virtual else 103, 1, 2)
    assert run.counters[0]["parameter_messages"] == run.cells[DONE] == 2
    assert run.counters[0]["messages"] == len(run.seen) == 4


def test_a_change_without_room_waits():
    run = Sequencing([messages(*range(100, 140))], slots=16, latency_ns=1_000)
    run.feed(0)
    run.feed(1)
    run.step()
    assert run.room()[0] == 0
    ask(run, (0, 1))
    assert run.step() == 0 and run.cells[DONE] == 0
    run.handle(1)
    assert run.step() == 1 and run.cells[DONE] == 1


def test_a_change_before_the_first_message_does_not_start_the_timers():
    run = Sequencing([messages(1_000, 1_010)], timers={0: 10})
    ask(run, (0, 1))
    assert run.step() == 1
    run.handle()
    run.run()
    assert [(m.receive_ns, m.kind) for m in run.seen] == [
        (0, PARAMETERS), (1_000, DEPTH), (1_010, STAGE_TIMER), (1_010, DEPTH),
    ]


def test_a_stage_takes_its_own_entries_and_nothing_beyond_its_fields():
    payload = np.zeros(16, LEVEL)
    payload["price_ticks"][:4] = payload["price_ticks"][8:12] = [3 << 32 | 1, 2 << 32, 3 << 32 | 5, 3 << 32]
    payload["quantity_lots"][:4] = payload["quantity_lots"][8:12] = [11, 12, 13, 14]
    event = np.zeros(1, [("payload_position", "i8"), ("payload_count", "u4")])
    event[0] = (0, 4)
    words = np.array([1, 2, 3])
    assert getattr(apply_changes, "py_func", apply_changes)(event[0], payload, words, 3) == 2
    assert words.tolist() == [14, 11, 3]


def test_a_replay_takes_timers_and_changes_from_the_journal_and_compares_feedback_only():
    venue = answers_of(5, 3)
    run = Sequencing([messages(*range(100, 160, 7))], venue, latency_ns=5, timers={0: 10, 1: 4})
    run.feed(0, 1)
    run.feed(1)
    run.step()
    ask(run, (1 << 32, 5))
    run.run()
    again = Replaying(*run.journal(), venue)
    again.run()
    assert again.seen == run.seen
    counters = again.counters[0]
    assert counters["timer_messages"] == run.counters[0]["timer_messages"] > 10
    assert counters["parameter_messages"] == 1
    assert counters["compared"] == run.counters[0]["feedback_messages"] > 0
    assert counters["differences"] == 0
