"""One side of a book: window, far table, recentring, truncation; best levels always exact or marked."""

from __future__ import annotations

import random

import numpy as np

from handlers.book import levels
from hydraflow.codes import BookStatus
from tests.reference.book_driver import BookDriver
from tests.reference.book_scenario import SMALL
from tests.reference.messages import Messages

LIVE, STALE = int(BookStatus.LIVE), int(BookStatus.STALE)
LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
FAR_ROOM = 32_768 - 32_768 // 8


def best(record) -> tuple[int, ...]:
    names = ("bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots")
    return tuple(int(record[name]) for name in names)


def assert_consistent(side) -> None:
    """Assert what the modules promise between two messages: bitmap = quantities, no far level above the window."""
    quantity = np.asarray(side["quantity"])
    occupied = quantity != 0
    words = np.packbits(occupied, bitorder="little").view(np.int64)
    assert (words == side["words"]).all()
    summary = np.zeros(64 * len(side["summary"]), bool)
    summary[: len(words)] = words != 0
    assert (np.packbits(summary, bitorder="little").view(np.int64) == side["summary"]).all()
    assert int(side["top"]) == sum(1 << i for i, word in enumerate(side["summary"]) if word)
    low, high = int(side["low"]), int(side["low"]) + len(quantity) - 1
    far = side["far"][side["far"]["quantity_lots"] != 0]
    assert len(far) == side["far_count"]
    assert ((far["key"] < low) | (far["key"] > high)).all()
    assert len(set(far["key"].tolist())) == len(far)
    assert not (far["key"] > high).any()
    assert occupied.any() or len(far) == 0
    assert (quantity >= 0).all() and (far["quantity_lots"] > 0).all()
    assert side["reached"] == 0


def run(driver: BookDriver, messages: Messages) -> np.ndarray:
    records = driver.feed(messages)
    for side in ("bid", "ask"):
        assert_consistent(driver.book()[side])
    return records


def test_best_lives_in_the_far_table_only():
    driver = BookDriver(SMALL)
    messages = Messages().snapshot(10, [(1000, 1), (500, 2), (7, 3)], [(1001, 4), (2_000, 5), (10**12, 6)])
    messages.depth(11, 12, 10, [(1000, 0)]).depth(13, 14, 12, [(500, 0)], [(1001, 0), (2_000, 0)])
    records = run(driver, messages)
    assert [best(r) for r in records] == [(1000, 1, 1001, 4), (500, 2, 1001, 4), (7, 3, 10**12, 6)]
    assert driver.count("recentres") == 3


def test_prices_at_the_ends_of_int64():
    driver = BookDriver(SMALL)
    messages = Messages().snapshot(10, [(LOWEST + 1, 1), (LOWEST, 2)], [(HIGHEST - 1, 3), (HIGHEST, 4)])
    messages.depth(11, 12, 10, [(LOWEST + 1, 0)], [(HIGHEST - 1, 0)])
    messages.depth(13, 14, 12, [(HIGHEST - 2, 5), (-1, 1), (0, 1)]).depth(15, 16, 14, [(HIGHEST - 2, 0)], [(LOWEST + 5, 0)])
    records = run(driver, messages)
    assert [best(r) for r in records] == [
        (LOWEST + 1, 1, HIGHEST - 1, 3), (LOWEST, 2, HIGHEST, 4), (HIGHEST - 2, 5, HIGHEST, 4), (0, 1, HIGHEST, 4),
    ]
    assert levels(driver.state)[0].tolist() == [(0, 1), (-1, 1), (LOWEST, 2)]


def test_market_halves_and_rises_by_half_in_one_message():
    driver = BookDriver()
    price = 600_000
    bids = [(price - i, i) for i in range(1, 1_001)]
    asks = [(price + i, i) for i in range(1, 1_001)]
    messages = Messages().snapshot(10, bids, asks)
    half = price // 2
    gone = [(p, 0) for p, _ in bids], [(p, 0) for p, _ in asks]
    halved = [(half - i, i) for i in range(1, 500)], [(half + i, i) for i in range(1, 500)]
    messages.depth(11, 12, 10, gone[0] + halved[0], halved[1] + gone[1])
    risen = [(half * 3 - i, i) for i in range(1, 500)], [(half * 3 + i, i) for i in range(1, 500)]
    messages.depth(13, 14, 12, risen[0], [(p, 0) for p, _ in halved[1]] + risen[1])
    records = run(driver, messages)
    assert [best(r) for r in records] == [
        (price - 1, 1, price + 1, 1), (half - 1, 1, half + 1, 1), (3 * half - 1, 1, 3 * half + 1, 1),
    ]
    assert levels(driver.state)[0].tolist() == risen[0] + halved[0]
    assert records["book_status"].tolist() == [LIVE] * 3


def test_market_that_drifts_recentres_seldom_and_loses_nothing():
    driver = BookDriver(SMALL)
    messages = Messages().snapshot(10, [(0, 1)], [(1, 1)])
    for i in range(1, 1_001):
        messages.depth(10 + i, 10 + i, 9 + i, [(i, 1)], [(i, 0), (i + 1, 1)])
    run(driver, messages)
    assert levels(driver.state)[0].tolist() == [(p, 1) for p in range(1_000, -1, -1)]
    assert levels(driver.state)[1].tolist() == [(1_001, 1)]
    assert 50 < driver.count("recentres") < 200


def test_hundred_thousand_far_levels_are_kept_or_marked():
    driver = BookDriver()
    mid = 1_000_000
    far = [(mid + 100_000 + 3 * i, 1 + i % 7) for i in range(100_000)]
    messages = Messages().snapshot(10, [(mid - 1, 1)], [(mid + 1, 1)])
    for number, start in enumerate((0, 50_000)):
        messages.depth(11 + number, 11 + number, 10 + number, [], far[start : start + 50_000], number=40 + number)
    records = run(driver, messages)
    assert records["book_status"].tolist() == [LIVE] * 3
    assert best(records[2]) == (mid - 1, 1, mid + 1, 1)
    ask = driver.book()["ask"]
    assert ask["truncated"] == driver.count("truncated") == 100_000 - FAR_ROOM
    assert ~int(ask["dropped_key"]) == far[FAR_ROOM][0]
    assert driver.count("first_truncated") == 40
    assert levels(driver.state)[1].tolist() == [(mid + 1, 1), *far[:FAR_ROOM]]

    # The best moves through the levels that are kept: exact. It reaches the first dropped one: stale.
    last = far[FAR_ROOM - 1]
    gone = [(p, 0) for p, _ in [(mid + 1, 1), *far[: FAR_ROOM - 1]]]
    records = run(driver, Messages().depth(13, 13, 12, [], gone).depth(14, 14, 13, [], [(last[0], 0)], number=50))
    assert best(records[0]) == (mid - 1, 1, *last)
    assert records["book_status"].tolist() == [LIVE, STALE]
    assert (driver.count("truncated_stale"), driver.count("first_stale")) == (1, 50)


def test_snapshot_clears_the_marks_of_truncation():
    driver = BookDriver()
    far = [(10**9 + 3 * i, 1) for i in range(40_000)]
    run(driver, Messages().snapshot(10, [(5, 1)], [(6, 1)]).depth(11, 11, 10, [], far).depth(12, 12, 11, [], [(6, 0)]))
    assert driver.book()["ask"]["truncated"] == 40_000 - FAR_ROOM
    records = run(driver, Messages().snapshot(20, [(5, 1)], [(6, 2)]).depth(13, 21, 12, [], [(6, 0)]))
    assert driver.book()["ask"]["truncated"] == 0
    assert [best(r) for r in records] == [(5, 1, 6, 2), (5, 1, 0, 0)]
    assert records["book_status"].tolist() == [LIVE, LIVE]


def test_level_above_the_window_that_finds_no_room_makes_the_book_stale():
    driver = BookDriver()
    far = [(10**9 + 3 * i, 1) for i in range(FAR_ROOM)]
    messages = Messages().snapshot(10, [(5, 1)], [(10**6, 1)]).depth(11, 11, 10, [], far)
    records = run(driver, messages.depth(12, 12, 11, [], [(10**6 - 70_000, 1)]))
    assert records["book_status"].tolist() == [LIVE, LIVE, STALE]


def test_truncated_book_never_shows_a_wrong_best():
    """Random changes over a range that overflows the table: every best that is shown live is the true one."""
    rng = random.Random(5)
    driver = BookDriver()
    true: dict[int, int] = {}
    messages = Messages().snapshot(10, [(1, 1)], [(10**9, 1)])
    wanted = []
    true[10**9] = 1
    for i in range(60):
        changes = []
        for _ in range(2_000):
            price = 10**6 + rng.randrange(100) * 10**6 + rng.randrange(2_000)
            changes.append((price, rng.choice([0, 1, 1, 1, 2])))
        changes += [(p, 0) for p in sorted(true)[: rng.randrange(1_500)]]
        for price, quantity in changes:
            true[price] = quantity
            if not quantity:
                del true[price]
        messages.depth(11 + i, 11 + i, 10 + i, [], changes)
        wanted.append((min(true), true[min(true)]))
    records = run(driver, messages)[1:]
    live = records["book_status"] == LIVE
    assert driver.count("truncated") > 1_000 and live.sum() > 10
    for record, want in zip(records[live], np.array(wanted)[live], strict=True):
        assert best(record)[2:] == tuple(want)


def test_far_table_survives_churn_at_its_limit():
    rng = random.Random(11)
    driver = BookDriver(SMALL)
    room = SMALL.far_levels - SMALL.far_levels // 8
    true = {}
    messages = Messages().snapshot(10, [(10**6, 1)], [])
    for i in range(300):
        changes = [(rng.randrange(10**5), rng.choice([0, 1, 2])) for _ in range(20)]
        changes += [(p, 0) for p in rng.sample(sorted(true), min(len(true), 10))]
        if len(true) > room - 40:
            changes = [(p, 0) for p in rng.sample(sorted(true), 200)]
        for price, quantity in changes:
            true.pop(price, None)
            if quantity:
                true[price] = quantity
        messages.depth(11 + i, 11 + i, 10 + i, changes)
    run(driver, messages)
    assert driver.count("truncated") == 0
    assert levels(driver.state)[0].tolist() == [(10**6, 1), *sorted(true.items(), reverse=True)]


def test_book_of_default_size_takes_two_and_a_half_megabytes():
    driver = BookDriver()
    assert driver.book().dtype.itemsize <= 2_500_000
    assert driver.state.itemsize - driver.book().dtype.itemsize <= 4_300_000  # unnamed snapshots that wait, of all books
