"""Tickers held against the book: at its id, ahead of it, between deltas, absurd."""

from __future__ import annotations

import pytest

from tests.reference.book_scenario import SMALL
from tests.reference.book_steps import LIVE, STALE, run, started


def test_ticker_at_the_books_id_is_compared_at_once():
    driver, statuses = run(started().ticker(20, (100, 1), (101, 3)))
    assert statuses[-1] == LIVE
    assert [driver.count(n) for n in ("checks_passed", "checks_depth_first", "checks_ticker_first")] == [1, 1, 0]


def test_ticker_ahead_of_the_book_is_compared_when_the_book_is_there():
    driver, statuses = run(started().ticker(22, (100, 8), (101, 3)).ticker(25, (1, 1), (2, 2)).depth(21, 22, 20, [(100, 8)]))
    assert statuses[-1] == LIVE
    assert [driver.count(n) for n in ("checks_passed", "checks_depth_first", "checks_ticker_first")] == [1, 0, 1]


@pytest.mark.parametrize(
    ("bid", "ask"), [((100, 2), (101, 3)), ((99, 1), (101, 3)), ((100, 1), (102, 3)), ((100, 1), (101, 4)), ((0, 0), (101, 3))]
)
def test_ticker_that_differs_makes_the_book_stale(bid, ask):
    driver, statuses = run(started().ticker(20, bid, ask, number=6))
    assert statuses[-1] == STALE
    assert (driver.count("checks_failed"), driver.count("first_check_failed")) == (1, 6)
    driver, statuses = run(started().ticker(22, bid, ask).depth(21, 22, 20, number=8))
    assert statuses[-2:] == [LIVE, STALE]
    assert driver.count("first_check_failed") == 8


def test_ticker_between_two_deltas_contradicts_them():
    driver, statuses = run(started().depth(30, 40, 20).ticker(25, (100, 1), (101, 3)))
    assert statuses[-1] == STALE
    assert driver.count("sequence_gaps") == 1
    assert run(started().ticker(25, (100, 1), (101, 3)).depth(30, 40, 20))[1][-1] == STALE


def test_ticker_without_id_or_of_a_stale_book_is_not_compared():
    driver, statuses = run(started().ticker(0, (1, 1), (2, 2)).lost().ticker(20, (1, 1), (2, 2)))
    assert statuses == [LIVE, LIVE, LIVE, STALE, STALE]
    assert driver.count("checks_failed") == 0


def test_tickers_beyond_the_memory_are_forgotten_oldest_first():
    messages = started()
    for update in range(21, 21 + SMALL.remembered + 3):
        messages.ticker(update, (100, 1), (101, 3))
    driver, _ = run(messages.depth(21, 23, 20).depth(24, 24, 23).depth(25, 28 + SMALL.remembered, 24))
    assert driver.count("forgotten") == 3
    assert driver.count("checks_passed") == 1  # the one at 24; 21, 22 and 23 are gone


def test_ticker_with_an_absurd_id_does_not_block_those_after_it():
    driver, _ = run(started().ticker(10**15, (9, 9), (10, 10)).ticker(22, (100, 1), (101, 3)).depth(21, 22, 20))
    assert (driver.count("forgotten"), driver.count("checks_passed")) == (1, 1)
