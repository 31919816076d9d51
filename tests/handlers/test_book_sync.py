"""The book's synchronisation: snapshots, deltas, gaps, tickers, and every kind of bad input, in messages made by hand."""

from __future__ import annotations

import pytest

from disruptor.errors import LayoutError
from handlers.book import BookParams, levels
from hydraflow.codes import Venue
from hydraflow.records import FLAG_PARTIAL
from tests.reference.book_driver import BookDriver
from tests.reference.book_scenario import SMALL
from tests.reference.book_steps import ASKS, BIDS, BUFFERING, EMPTY, LIVE, STALE, run, shown, started
from tests.reference.messages import Messages


def test_book_shows_the_best_levels_and_whether_they_changed():
    records = BookDriver(SMALL).feed(
        started().trade(101, 1).depth(21, 22, 20, [(100, 9)]).depth(23, 24, 22, [(97, 1)]).ticker(99, (1, 1), (2, 2))
    )
    assert [shown(r) for r in records] == [
        (100, 1, 101, 3, LIVE, 1),
        (100, 1, 101, 3, LIVE, 0),
        (100, 1, 101, 3, LIVE, 0),
        (100, 9, 101, 3, LIVE, 1),
        (100, 9, 101, 3, LIVE, 0),
        (100, 9, 101, 3, LIVE, 0),
    ]


def test_book_never_writes_the_input_part():
    messages = started().ticker(20, (100, 1), (101, 3)).lost().depth(1, 2, 3)
    before, payload = messages.arrays()
    after = BookDriver(SMALL).run(before.copy(), payload)
    assert after.view("u1").reshape(len(after), -1)[:, :72].tobytes() == before.view("u1").reshape(len(before), -1)[:, :72].tobytes()


def test_futures_deltas_kept_before_the_snapshot_are_applied_after_it():
    messages = Messages().depth(1, 5, 0, [(90, 1)]).depth(7, 12, 5, [(91, 1)]).depth(14, 16, 12, [(92, 1)])
    messages.snapshot(10, BIDS, ASKS)
    driver, statuses = run(messages)
    assert statuses == [BUFFERING, BUFFERING, BUFFERING, LIVE]
    assert levels(driver.state)[0].tolist() == [(100, 1), (99, 2), (92, 1), (91, 1)]
    assert [driver.count(n) for n in ("deltas_old", "deltas_applied", "levels_applied", "deltas_buffered")] == [1, 2, 2, 3]


def test_spot_deltas_need_no_previous_id():
    messages = Messages().depth(1, 5, -1, [(90, 1)]).depth(6, 12, -1, [(91, 1)]).snapshot(10, BIDS, ASKS)
    driver, statuses = run(messages.depth(13, 13, -1, [(89, 1)]).depth(15, 15, -1))
    assert statuses == [BUFFERING, BUFFERING, LIVE, LIVE, STALE]
    assert driver.count("first_sequence_gap") == 4


@pytest.mark.parametrize(
    ("delta", "status"),
    [
        ((5, 9, 4), BUFFERING),  # older: the book waits until the deltas reach the snapshot
        ((5, 10, 4), LIVE),  # straddles: first <= L <= last
        ((9, 15, 8), LIVE),
        ((11, 15, 10), LIVE),  # begins right behind the snapshot
        ((14, 15, 10), LIVE),  # futures ids have holes: nothing lies between previous and first
        ((14, 15, 11), STALE),  # id 11 is missing
        ((16, 15, 10), STALE),  # first > last
        ((9, 15, 9), STALE),  # previous >= first
    ],
)
def test_futures_first_delta_after_a_snapshot_must_reach_it(delta, status):
    driver, statuses = run(Messages().snapshot(10, BIDS, ASKS).depth(*delta))
    assert statuses == [LIVE, status]
    assert driver.count("sequence_gaps") == (status == STALE)


@pytest.mark.parametrize(
    ("delta", "status"),
    [((5, 10, -1), BUFFERING), ((5, 11, -1), LIVE), ((11, 12, -1), LIVE), ((12, 12, -1), STALE), ((11, 10, -1), STALE)],
)
def test_spot_first_delta_after_a_snapshot_must_reach_it(delta, status):
    assert run(Messages().snapshot(10, BIDS, ASKS).depth(*delta))[1] == [LIVE, status]


def test_book_that_is_ahead_of_its_deltas_is_live_again_when_they_reach_it():
    messages = Messages().snapshot(20, BIDS, ASKS).depth(5, 9, 4).depth(10, 15, 9).depth(16, 21, 15)
    assert run(messages)[1] == [LIVE, BUFFERING, BUFFERING, LIVE]


@pytest.mark.parametrize(
    "wrong",
    [
        (26, 30, 25),  # one delta is missing
        (11, 20, 10),  # the last one again
        (21, 30, 19),
        (31, 30, 20),
        (20, 30, 20),
        (-5, 30, -7),
    ],
)
def test_delta_that_does_not_follow_makes_the_book_stale_at_its_line(wrong):
    driver, statuses = run(started().depth(*wrong, [(100, 7)], number=77).trade(1, 1).depth(31, 40, wrong[1]))
    assert statuses == [LIVE, LIVE, STALE, STALE, STALE]
    assert (driver.count("first_sequence_gap"), driver.count("first_stale")) == (77, 77)
    assert (driver.count("sequence_gaps"), driver.count("stale_transitions")) == (1, 1)


def test_gap_that_a_snapshot_covers_is_counted_and_does_no_harm():
    driver, statuses = run(started().snapshot(30, BIDS, ASKS).depth(26, 28, 25).depth(29, 40, 28))
    assert statuses == [LIVE, LIVE, LIVE, BUFFERING, LIVE]
    assert (driver.count("sequence_gaps"), driver.count("first_sequence_gap")) == (1, 3)
    driver, statuses = run(started().snapshot(30, BIDS, ASKS).depth(36, 38, 35))
    assert statuses == [LIVE, LIVE, LIVE, STALE]
    driver, statuses = run(started().snapshot(30, BIDS, ASKS).depth(11, 20, 10))
    assert statuses == [LIVE, LIVE, LIVE, STALE]


def test_stale_book_shows_no_price():
    records = BookDriver(SMALL).feed(started().lost().trade(100, 1))
    assert [shown(r) for r in records[2:]] == [(0, 0, 0, 0, STALE, 1), (0, 0, 0, 0, STALE, 0)]


def test_stale_book_resynchronises_from_the_deltas_kept_since_the_gap():
    messages = started().depth(31, 40, 30, [(97, 1)]).depth(41, 50, 40, [(96, 1)]).snapshot(45, BIDS, ASKS)
    driver, statuses = run(messages.depth(51, 60, 50))
    assert statuses == [LIVE, LIVE, STALE, STALE, LIVE, LIVE]
    assert [driver.count(n) for n in ("sequence_gaps", "resyncs", "deltas_old")] == [1, 1, 1]
    assert levels(driver.state)[0].tolist() == [(100, 1), (99, 2), (96, 1)]


def test_snapshot_older_than_the_gap_does_not_help_but_a_later_one_does():
    messages = started().depth(31, 40, 30).snapshot(25, BIDS, ASKS).snapshot(35, BIDS, ASKS)
    driver, statuses = run(messages)
    assert statuses == [LIVE, LIVE, STALE, STALE, LIVE]
    assert driver.count("sequence_gaps") == 2


def test_snapshot_before_the_first_delta_kept_leaves_a_hole():
    assert run(Messages().depth(11, 20, 10).snapshot(5, BIDS, ASKS).snapshot(15, BIDS, ASKS))[1] == [BUFFERING, STALE, LIVE]


def test_late_snapshot_of_a_live_book_is_ignored():
    driver, statuses = run(started().snapshot(15, [(50, 1)], [(60, 1)]).snapshot(20, [(50, 1)], [(60, 1)]))
    assert statuses == [LIVE] * 4
    assert driver.count("snapshots_ignored") == 2
    assert levels(driver.state)[0][0].tolist() == (100, 1)


def test_newer_snapshot_replaces_a_live_book():
    driver, statuses = run(started().snapshot(25, [(50, 1)], [(60, 1)]).depth(21, 30, 20, [(51, 2)]))
    assert statuses == [LIVE] * 4
    assert levels(driver.state)[0].tolist() == [(51, 2), (50, 1)]


def test_book_without_deltas_lives_on_snapshots_alone():
    messages = Messages()
    for update in range(10, 15):
        messages.snapshot(update, [(update, 1)], [(update + 1, 1)])
    records = BookDriver(SMALL).feed(messages)
    assert records["bid_price_ticks"].tolist() == [10, 11, 12, 13, 14]
    assert set(records["book_status"].tolist()) == {LIVE}


def test_missing_snapshot_keeps_the_newest_deltas_only():
    messages = Messages()
    for i in range(10):
        messages.depth(10 * i + 1, 10 * i + 10, 10 * i, [(80 + i, 1)])
    driver, statuses = run(messages)
    assert statuses == [BUFFERING] * 10
    assert (driver.count("deltas_buffered"), driver.count("deltas_dropped")) == (10, 10 - SMALL.buffered_deltas)
    assert run(Messages().snapshot(75, BIDS, ASKS), driver)[1] == [LIVE]
    assert levels(driver.state)[0].tolist() == [(100, 1), (99, 2), (89, 1), (88, 1), (87, 1)]
    assert driver.count("levels_applied") == 3


def test_delta_larger_than_the_buffer_is_dropped_with_all_before_it():
    wide = [(p, 1) for p in range(1, SMALL.buffered_levels + 2)]
    messages = Messages().depth(1, 10, 0).depth(11, 20, 10, wide).depth(21, 30, 20)
    driver, statuses = run(messages.snapshot(15, BIDS, ASKS).snapshot(20, BIDS, ASKS))
    assert statuses == [BUFFERING, BUFFERING, BUFFERING, STALE, LIVE]
    assert driver.count("deltas_dropped") == 2


def test_lost_frame_makes_the_book_stale_and_is_no_sequence_gap():
    driver, statuses = run(started().lost(number=5).depth(31, 40, 30).snapshot(35, BIDS, ASKS))
    assert statuses == [LIVE, LIVE, STALE, STALE, LIVE]
    assert [driver.count(n) for n in ("lost", "first_lost", "sequence_gaps", "resyncs", "cleared")] == [1, 5, 0, 1, 0]


def test_lost_frame_that_was_no_delta_of_the_book_is_cleared_by_the_next_one():
    messages = started().lost().trade(1, 1).lost().depth(21, 22, 20, [(100, 7)]).ticker(22, (100, 7), (101, 3))
    driver, statuses = run(messages)
    assert statuses == [LIVE, LIVE, STALE, STALE, STALE, LIVE, LIVE]
    names = ("lost", "stale_transitions", "cleared", "resyncs", "sequence_gaps", "checks_passed")
    assert [driver.count(n) for n in names] == [2, 1, 1, 0, 0, 1]


def test_lost_frame_right_after_a_snapshot_is_cleared_by_a_delta_that_reaches_it():
    assert run(Messages().snapshot(10, BIDS, ASKS).lost().depth(9, 12, 8))[1] == [LIVE, STALE, LIVE]
    assert run(Messages().snapshot(10, BIDS, ASKS).lost().depth(13, 14, 12))[1] == [LIVE, STALE, STALE]


def test_book_in_doubt_ignores_a_snapshot_that_is_not_newer():
    driver, statuses = run(started().lost().snapshot(20, [(7, 7)], [(8, 8)]).depth(21, 22, 20))
    assert statuses == [LIVE, LIVE, STALE, STALE, LIVE]
    assert driver.count("snapshots_ignored") == 1


def test_book_crossed_by_the_delta_that_would_clear_it_stays_stale():
    assert run(started().lost().depth(21, 22, 20, [(101, 1)]).depth(23, 24, 22))[1] == [LIVE, LIVE, STALE, STALE, STALE]


def test_snapshot_after_a_lost_frame_covers_it():
    assert run(started().lost().snapshot(30, BIDS, ASKS).depth(31, 40, 30))[1] == [LIVE, LIVE, STALE, LIVE, LIVE]


def test_snapshot_older_than_what_was_seen_before_a_lost_frame_is_refused():
    assert run(started().lost().snapshot(15, BIDS, ASKS))[1] == [LIVE, LIVE, STALE, STALE]


def test_lost_frame_without_a_symbol_makes_every_book_stale():
    driver = BookDriver(SMALL, (Venue.EXCHANGE, Venue.EXCHANGE, Venue.POOL))
    messages = Messages().snapshot(10, BIDS, ASKS).snapshot(10, BIDS, ASKS, symbol=1).lost(symbol=65535)
    assert run(messages.trade(1, 1).trade(1, 1, symbol=1).trade(1, 1, symbol=2), driver)[1] == [LIVE, LIVE, EMPTY, STALE, STALE, EMPTY]


def test_crossed_book_is_stale():
    driver, statuses = run(started().depth(21, 22, 20, [(101, 1)], number=9).depth(23, 24, 22))
    assert statuses == [LIVE, LIVE, STALE, STALE]
    assert (driver.count("crossed"), driver.count("first_crossed")) == (1, 9)


def test_book_crossed_only_within_a_message_is_not_crossed():
    _, statuses = run(started().depth(21, 22, 20, [(101, 1)], [(101, 0)]))
    assert statuses == [LIVE, LIVE, LIVE]


def test_book_of_partial_books_alone_is_each_of_them():
    messages = Messages().snapshot(10, BIDS, ASKS, flags=FLAG_PARTIAL).snapshot(15, [(7, 1)], [(8, 1)], flags=FLAG_PARTIAL)
    driver, statuses = run(messages)
    assert statuses == [LIVE, LIVE]
    assert levels(driver.state)[0].tolist() == [(7, 1)]


def test_partial_books_beside_deltas_are_ignored():
    driver, statuses = run(started().snapshot(25, [(7, 1)], [(8, 1)], flags=FLAG_PARTIAL).depth(21, 30, 20, [(97, 2)]))
    assert statuses == [LIVE, LIVE, LIVE, LIVE]
    assert levels(driver.state)[0].tolist() == [(100, 1), (99, 2), (98, 5), (97, 2)]
    assert driver.count("snapshots_ignored") == 1


def test_first_delta_ends_a_partial_book_and_waits_for_a_whole_one():
    messages = Messages().snapshot(10, BIDS, ASKS, flags=FLAG_PARTIAL).depth(9, 12, 8, [(98, 5)])
    driver, statuses = run(messages.snapshot(12, BIDS, ASKS, flags=FLAG_PARTIAL).snapshot(11, [*BIDS, (90, 1)], ASKS))
    assert statuses == [LIVE, STALE, STALE, LIVE]
    assert levels(driver.state)[0].tolist() == [(100, 1), (99, 2), (98, 5), (90, 1)]
    assert driver.count("sequence_gaps") == 0


def test_crossed_snapshot_is_not_used():
    driver, statuses = run(Messages().snapshot(10, [(100, 1)], [(100, 1)]).snapshot(11, BIDS, ASKS))
    assert statuses == [STALE, LIVE]
    assert (driver.count("crossed"), driver.count("resyncs")) == (1, 1)


def test_one_side_emptied_is_fine_and_shows_zero():
    records = BookDriver(SMALL).feed(started().depth(21, 22, 20, [], [(101, 0), (102, 0)]).depth(23, 24, 22, [], [(105, 1)]))
    assert shown(records[2]) == (100, 1, 0, 0, LIVE, 1)
    assert shown(records[3]) == (100, 1, 105, 1, LIVE, 1)


def test_deletes_of_unknown_levels_are_counted():
    driver, statuses = run(started().depth(21, 22, 20, [(5, 0), (90, 0)], [(10**9, 0), (101, 0), (101, -3)]))
    assert statuses == [LIVE] * 3
    assert driver.count("deletes_unknown") == 4


def test_negative_quantity_deletes():
    records = BookDriver(SMALL).feed(started().depth(21, 22, 20, [(100, -1)]))
    assert shown(records[2])[:2] == (99, 2)


def test_pool_and_unknown_instruments_show_nothing():
    driver = BookDriver(SMALL, (Venue.EXCHANGE, Venue.POOL))
    messages = Messages().snapshot(10, BIDS, ASKS, symbol=1).depth(11, 12, 10, BIDS, symbol=7).ticker(5, (1, 1), (2, 2), symbol=9)
    records, payload = messages.arrays()
    records["bid_price_ticks"] = 5
    assert [shown(r) for r in driver.run(records, payload)] == [(0, 0, 0, 0, EMPTY, 0)] * 3


def test_books_of_several_instruments_are_independent():
    driver = BookDriver(SMALL, (Venue.EXCHANGE, Venue.EXCHANGE))
    messages = Messages().snapshot(10, BIDS, ASKS).snapshot(10, [(7, 1)], [(8, 1)], symbol=1).lost(symbol=0)
    records = driver.feed(messages.trade(7, 1, symbol=1))
    assert shown(records[3]) == (7, 1, 8, 1, LIVE, 0)
    assert records["book_status"].tolist() == [LIVE, LIVE, STALE, LIVE]


@pytest.mark.parametrize(
    ("field", "value"), [("window_ticks", 100), ("window_ticks", 32), ("window_ticks", 1 << 19), ("far_levels", 8), ("remembered", 0)]
)
def test_params_out_of_range_say_the_limits(field, value):
    with pytest.raises(LayoutError, match=f"book: {field} must be a power of two in .*, got {value:,}"):
        BookParams(**{field: value})
