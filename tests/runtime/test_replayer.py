import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.codes import Kind
from tests.reference.sequencing import Market, Replaying, Sequencing, answers_of, no_answers

REPORT = int(Kind.REPORT)
LATENCY = 4
SOURCE = [Market(100 + 3 * n, n, tuple((n, k) for k in range(n % 5))) for n in range(60)]
VENUE = answers_of(LATENCY, 17)


@pytest.fixture(scope="module")
def recorded():
    run = Sequencing([SOURCE], VENUE, latency_ns=LATENCY)
    run.run()
    assert sum(m.kind == REPORT for m in run.seen) > 10
    assert sum(m.kind == Kind.TIMER for m in run.seen) > 10
    return run


def feedback_of(run):
    return [i for i, m in enumerate(run.seen) if m.kind >= REPORT]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), slots=st.sampled_from([16, 64, 1024]))
def test_replay_publishes_the_journal_and_finds_no_difference(recorded, seed, slots):
    replay = Replaying(*recorded.journal(), VENUE, seed=seed, slots=slots)
    assert replay.run() == recorded.seen
    counters = replay.counters[0]
    assert counters["messages"] == len(recorded.seen)
    assert counters["compared"] == counters["feedback_messages"] == len(feedback_of(recorded))
    assert counters["market_messages"] == len(SOURCE)
    assert counters["differences"] == 0


@pytest.mark.parametrize("until", [0, 1, 37, 10_000])
def test_replay_stops_after_as_many_messages_as_asked_for(recorded, until):
    messages, units = recorded.journal()
    replay = Replaying(messages, units, VENUE, until=min(until, len(messages)))
    assert replay.run() == recorded.seen[:until]


def test_feedback_waits_until_the_venue_has_passed_its_cause(recorded):
    replay = Replaying(*recorded.journal(), VENUE, slots=1024)
    first = feedback_of(recorded)[0]
    cause = recorded.seen[first].cause
    while replay.step():
        pass
    assert int(replay.main.port[0]["next"]) == first
    replay.handle(cause)  # not the cause itself
    assert replay.step() == 0
    replay.handle(1)
    assert replay.step() > 0


@pytest.mark.parametrize("field", ["first_update", "symbol"])
def test_each_difference_is_counted_and_the_first_is_named(recorded, field):
    messages, units = recorded.journal()
    second, fifth = (feedback_of(recorded)[i] for i in (1, 4))
    messages[field][[second, fifth]] += 1
    replay = Replaying(messages, units, VENUE)
    replay.run()
    assert replay.counters[0]["differences"] >= 2
    assert replay.counters[0]["first_difference"] == second


def test_difference_in_the_content_of_a_report_is_seen(recorded):
    messages, units = recorded.journal()
    report = next(i for i in feedback_of(recorded) if recorded.seen[i].kind == REPORT)
    start = int(messages[report]["payload_position"])
    words = units[start : start + 4].view(np.int64)
    words[2] += 1  # quantity_lots
    replay = Replaying(messages, units, VENUE)
    replay.run()
    assert replay.counters[0]["differences"] == 1
    assert replay.counters[0]["first_difference"] == report


def test_venue_that_says_nothing_differs_everywhere(recorded):
    replay = Replaying(*recorded.journal(), no_answers)
    assert replay.run() == recorded.seen  # the journal counts
    assert replay.counters[0]["differences"] == len(feedback_of(recorded))


def test_stamps_of_replayed_messages_are_the_moment_of_publication(recorded):
    replay = Replaying(*recorded.journal(), VENUE, until=3)
    replay.step(now=77)
    replay.handle()
    assert replay.stamps == [77] * len(replay.seen)
