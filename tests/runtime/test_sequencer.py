import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.layout import record_dtype
from hydraflow.codes import Kind
from hydraflow.records import FEEDBACK
from hydraflow.runtime import sequencer
from tests.reference.sequencing import Answer, Market, Sequencing, answers_of, merged

REPORT, TIMER, DEPTH = int(Kind.REPORT), int(Kind.TIMER), int(Kind.DEPTH)
LEVELS = st.lists(st.tuples(st.integers(1, 99), st.integers(0, 99)), max_size=9).map(tuple)


def source_of(steps, levels=()):
    """Return a source whose stamps move by `steps`, backwards too."""
    stamps = np.cumsum([100, *steps])
    return [Market(int(ns), n, levels[n % len(levels)] if levels else ()) for n, ns in enumerate(stamps)]


sources = st.builds(source_of, st.lists(st.integers(-3, 6), max_size=30), st.lists(LEVELS, max_size=3))


def messages(*stamps):
    return [Market(ns, n) for n, ns in enumerate(stamps)]


def answers(**by_number):
    """Return a venue that answers market message n of source 0 with the answers given as n<number>."""
    return lambda sequence, seen: by_number.get(f"n{seen.number}", []) if seen.kind == DEPTH and seen.source == 0 else []


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=120))
def test_heap_gives_feedback_back_by_time_and_number(operations):
    dtype = record_dtype(sequencer.sequencer_state(2, 64), fill=True)
    state, record, model, number = np.zeros(1, dtype), np.zeros(1, FEEDBACK), [], 0
    sequencer.prepare(state[0])
    for due_ns, take in operations:
        if take and model:
            slot = sequencer.pop(state[0])
            taken = state[0]["pending"][slot]
            assert (taken["due_ns"], taken["number"]) == min(model)
            model.remove(min(model))
        elif len(model) < 64:
            record[0]["due_ns"], record[0]["number"] = due_ns, number
            sequencer.push(state[0], record[0])
            model.append((due_ns, number))
            number += 1
        assert state[0]["pending_count"] == len(model)
    assert len(set(state[0]["free"][: 64 - len(model)])) == 64 - len(model)


@settings(max_examples=250, deadline=None)
@given(sources, sources, st.integers(0, 6), st.integers(0, 10**6), st.sampled_from([64, 256]))
def test_order_does_not_depend_on_who_is_how_fast(first, second, latency_ns, seed, slots):
    venue = answers_of(latency_ns, seed)
    wanted, late = merged([first, second], venue)
    run = Sequencing([first, second], venue, latency_ns=latency_ns, seed=seed, slots=slots)
    assert run.run() == wanted
    counters = run.counters[0]
    market = [m for m in wanted if m.kind < REPORT]
    assert counters["messages"] == len(wanted)
    assert counters["market_messages"] == len(market) == len(first) + len(second)
    assert counters["feedback_messages"] == len(wanted) - len(market)
    assert counters["undelivered"] == late
    assert counters["late_feedback"] == 0
    assert run.stamps == [0 if m.kind >= REPORT else 1_000_000 * m.source + m.number for m in wanted]


@settings(max_examples=100, deadline=None)
@given(sources, st.integers(0, 6), st.integers(0, 10**6), st.integers(0, 20))
def test_settling_ends_what_never_ends(source, latency_ns, seed, settle_ns):
    venue = answers_of(latency_ns, seed)
    wanted, late = merged([source], venue, settle_ns)
    run = Sequencing([source], venue, latency_ns=latency_ns, seed=seed, settle_ns=settle_ns)
    assert run.run() == wanted
    assert run.counters[0]["undelivered"] == late
    assert run.state[0]["pending_count"] == 0


def test_time_never_runs_backwards_and_lifted_stamps_are_counted():
    run = Sequencing([messages(100, 90, 95, 101)])
    assert [m.receive_ns for m in run.run()] == [100, 100, 100, 101]
    assert run.counters[0]["stamps_backwards"] == 2


def test_sources_merge_by_time_then_rank():
    run = Sequencing([messages(10, 20, 30), messages(5, 20, 30)])
    assert [(m.receive_ns, m.source) for m in run.run()] == [(5, 1), (10, 0), (20, 0), (20, 1), (30, 0), (30, 1)]


def test_nothing_goes_out_while_another_source_could_bring_something_earlier():
    run = Sequencing([messages(10, 20), messages(15)], latency_ns=100)
    run.feed(0)
    assert run.step() == 0  # source 1 has shown nothing yet
    run.queues[1].insert(0, Market(3, 9))
    run.feed(1, 1)
    assert run.step() == 1  # only what is not later than the last of source 1
    run.handle()
    assert run.seen[0].receive_ns == 3
    run.feed(1)
    assert run.step() == 3
    run.handle()
    assert [m.receive_ns for m in run.seen] == [3, 10, 15, 20]


def test_nothing_at_or_after_the_horizon_goes_out_before_the_venue_has_passed():
    run = Sequencing([messages(100, 104, 105, 106)], answers(n0=[Answer(105, TIMER, 8)]), latency_ns=5)
    run.feed(0)
    run.feed(1)
    assert run.step() == 2  # 100 and 104; an answer to the first may be due at 105
    assert run.step() == 0
    run.handle(1)
    assert run.step() == 3  # the answer before the market message of the same time, and 106: 104's are due at 109
    run.handle()
    assert [(m.receive_ns, m.kind) for m in run.seen] == [(100, DEPTH), (104, DEPTH), (105, TIMER), (105, DEPTH), (106, DEPTH)]
    assert run.seen[2].cause == 0 and run.seen[2].token == 8


def test_horizon_holds_within_one_burst():
    run = Sequencing([messages(*range(100, 140))], latency_ns=10)
    for _ in range(3):
        run.feed(0)
    run.feed(1)
    assert run.step() == 10  # one latency's worth, however many there are
    run.handle()
    assert [m.receive_ns for m in run.seen] == list(range(100, 110))


def test_feedback_of_one_time_goes_out_by_number_before_market_data():
    venue = answers(n0=[Answer(110, TIMER, 16), Answer(108, REPORT, 24), Answer(110, REPORT, 8)])
    run = Sequencing([messages(100, 110)], venue, latency_ns=5)
    assert [(m.receive_ns, m.kind, m.number) for m in run.run()] == [
        (100, DEPTH, 0), (108, REPORT, 1), (110, TIMER, 0), (110, REPORT, 2), (110, DEPTH, 1),
    ]
    assert run.seen[1].levels == ((24, 1),)


def test_full_ring_stops_a_burst_and_loses_nothing():
    run = Sequencing([messages(*range(200))], slots=16, latency_ns=1_000)
    for _ in range(4):
        run.feed(0)
        run.feed(1)
        run.step()
    assert run.room()[0] == 0
    assert run.step() == 0
    run.handle(3)
    assert run.step() == 3
    assert [m.number for m in run.run()] == list(range(200))


def test_payload_without_room_waits():
    levels = tuple((n, n) for n in range(250))
    run = Sequencing([[Market(100 + n, n, levels) for n in range(700)]], slots=1024, latency_ns=10_000)
    assert [m.levels for m in run.run()] == [levels] * 700


def test_live_feedback_waits_for_the_clock_and_market_data_does_not():
    venue = answers(n0=[Answer(150, TIMER, 8)])
    run = Sequencing([messages(100, 300)], venue, latency_ns=50, virtual=0, base_ticks=1_000, base_ns=100, ns_per_tick=0.5)
    run.feed(0)
    run.feed(1)
    assert run.step(now=1_000) == 2  # no horizon: 300 may go out before an answer that is due at 150
    run.handle()
    assert run.step(now=1_098) == 0  # 149 ns
    assert run.step(now=1_100) == 1  # 150 ns
    run.handle()
    assert [(m.receive_ns, m.kind) for m in run.seen] == [(100, DEPTH), (300, DEPTH), (300, TIMER)]
    assert run.counters[0]["late_feedback"] == 1
    assert run.step(now=1_200) == -1


@pytest.mark.parametrize("sources", [[], [[]], [[], []]])
def test_empty_sources_end_at_once(sources):
    run = Sequencing(sources)
    assert run.run() == []
    assert run.counters[0]["messages"] == 0
