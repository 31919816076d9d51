"""Snapshots that do not say whose they are: the book finds out by id, price, or not at all."""

from __future__ import annotations

from handlers.book import levels
from handlers.book.layout import UNPLACED_SNAPSHOTS
from hydraflow.codes import Venue
from tests.reference.book_driver import BookDriver
from tests.reference.book_scenario import SMALL
from tests.reference.book_steps import ASKS, BIDS, BUFFERING, EMPTY, LIVE, shown
from tests.reference.messages import Messages


class TestUnnamedSnapshot:
    """A snapshot with symbol 65535."""

    @staticmethod
    def driver() -> BookDriver:
        return BookDriver(SMALL, (Venue.POOL, Venue.EXCHANGE, Venue.EXCHANGE))

    def test_goes_to_the_book_whose_deltas_it_falls_into(self):
        driver = self.driver()
        messages = Messages().depth(100, 110, 99, symbol=1).depth(10, 20, 9, symbol=2).snapshot(15, BIDS, ASKS, symbol=65535)
        records = driver.feed(messages)
        assert shown(records[2])[:2] == (100, 1) and driver.book(2)["status"] == LIVE and driver.book(1)["status"] == BUFFERING

    def test_goes_to_the_nearest_ids_otherwise(self):
        driver = self.driver()
        driver.feed(Messages().depth(100, 110, 99, symbol=1).depth(10, 20, 9, symbol=2).snapshot(112, BIDS, ASKS, symbol=65535))
        assert driver.book(1)["status"] == LIVE

    def test_goes_by_price_when_the_ids_do_not_tell(self):
        driver = self.driver()
        messages = Messages().trade(5_000, 1, symbol=1).trade(101, 1, symbol=2)
        driver.feed(messages.depth(10, 20, 9, symbol=1).depth(10, 20, 9, symbol=2).snapshot(15, BIDS, ASKS, symbol=65535))
        assert driver.book(2)["status"] == LIVE and driver.book(1)["status"] == BUFFERING

    def test_goes_by_price_when_all_symbols_share_one_counter(self):
        """Although its id lies inside the deltas of one book and behind those of the other."""
        driver = self.driver()
        messages = Messages().trade(5_000, 1, symbol=1).trade(101, 1, symbol=2)
        driver.feed(messages.depth(10, 20, 9, symbol=1).depth(5, 9, 4, symbol=2).snapshot(15, BIDS, ASKS, symbol=65535))
        assert driver.book(2)["status"] == LIVE and driver.book(1)["status"] == BUFFERING

    def test_goes_by_the_prices_of_deltas_when_there_are_no_others(self):
        driver = self.driver()
        messages = Messages().depth(10, 20, 9, [(1, 1), (5_000, 1), (9_000, 1)], symbol=1).depth(12, 20, 9, [(98, 1)], symbol=2)
        driver.feed(messages.snapshot(11, BIDS, ASKS, symbol=65535))
        assert driver.book(2)["status"] == LIVE and driver.book(1)["status"] == BUFFERING

    def test_of_a_live_book_is_not_given_to_one_that_waits(self):
        driver = self.driver()
        messages = Messages().trade(101, 1, symbol=1).snapshot(15, BIDS, ASKS, symbol=1).depth(16, 17, 15, symbol=1)
        messages.trade(5_000, 1, symbol=2).depth(18, 22, 9, symbol=2)
        driver.feed(messages.snapshot(15, BIDS, ASKS, symbol=65535).snapshot(19, BIDS, ASKS, symbol=65535))
        assert driver.book(1)["update"] == 19 and driver.book(2)["status"] == BUFFERING
        assert driver.count("snapshots_ignored") == 1

    def test_goes_to_the_one_that_waits_of_two_with_the_same_price(self):
        driver = self.driver()
        messages = Messages().trade(101, 1, symbol=1).snapshot(15, BIDS, ASKS, symbol=1).depth(16, 17, 15, symbol=1)
        messages.trade(100, 1, symbol=2).depth(18, 22, 9, symbol=2)
        driver.feed(messages.snapshot(18, BIDS, ASKS, symbol=65535))
        assert driver.book(2)["status"] == LIVE and driver.book(1)["update"] == 17

    def test_goes_to_nobody_when_no_price_is_near(self):
        driver = self.driver()
        driver.feed(Messages().trade(5_000, 1, symbol=1).trade(40, 1, symbol=2).snapshot(15, BIDS, ASKS, symbol=65535))
        assert driver.count("snapshots_ignored") == 1
        assert [int(driver.book(s)["status"]) for s in range(3)] == [EMPTY, EMPTY, EMPTY]

    def test_waits_when_nothing_tells_until_a_price_does(self):
        """Two at once, before any other frame; ids of one counter, so that only prices tell."""
        driver = self.driver()
        dear, dearer = [(5_000, 1), (4_999, 2)], [(5_001, 3)]
        messages = Messages().snapshot(15, dear, dearer, symbol=65535).snapshot(16, BIDS, ASKS, symbol=65535)
        records = driver.feed(messages)
        assert [int(driver.book(s)["status"]) for s in range(3)] == [EMPTY, EMPTY, EMPTY]
        assert [shown(r) for r in records] == [(0, 0, 0, 0, EMPTY, 0)] * 2
        records = driver.feed(Messages().depth(14, 17, 13, [(99, 7)], symbol=1).trade(5_003, 1, symbol=2).depth(12, 18, 11, [(4_999, 9)], symbol=2))
        assert [shown(r)[:5] for r in records] == [(100, 1, 101, 3, LIVE), (5_000, 1, 5_001, 3, LIVE), (5_000, 1, 5_001, 3, LIVE)]
        assert levels(driver.state, 1)[0].tolist() == [(100, 1), (99, 7)]
        assert levels(driver.state, 2)[0].tolist() == [(5_000, 1), (4_999, 9)]
        assert (driver.count("snapshots_kept"), driver.count("snapshots_ignored"), driver.count("sequence_gaps")) == (2, 0, 0)

    def test_does_not_go_to_a_live_book_at_another_price_while_one_is_unknown(self):
        """Ids of one counter are near those of every book: the live one would have got another symbol's levels."""
        driver = self.driver()
        messages = Messages().trade(140, 1, symbol=1).snapshot(10, [(140, 1)], [(141, 1)], symbol=1).depth(11, 12, 10, symbol=1)
        driver.feed(messages.snapshot(15, BIDS, ASKS, symbol=65535))
        assert levels(driver.state, 1)[0].tolist() == [(140, 1)]
        records = driver.feed(Messages().ticker(14, (100, 1), (101, 3), symbol=2).depth(13, 16, 12, symbol=1))
        assert [shown(r)[:5] for r in records] == [(100, 1, 101, 3, LIVE), (140, 1, 141, 1, LIVE)]

    def test_that_waits_gives_way_when_there_is_no_room(self):
        driver = self.driver()
        messages = Messages()
        for update in range(10, 10 + UNPLACED_SNAPSHOTS + 1):
            messages.snapshot(update, BIDS, ASKS, symbol=65535)
        driver.feed(messages)
        assert int(driver.state[0]["unplaced_count"]) == 1
        assert driver.count("snapshots_ignored") == UNPLACED_SNAPSHOTS
        driver.feed(Messages().trade(100, 1, symbol=2))
        assert int(driver.book(2)["update"]) == 10 + UNPLACED_SNAPSHOTS and int(driver.state[0]["unplaced_count"]) == 0

    def test_that_waits_is_part_of_the_state(self):
        digests = set()
        for bids in ([], BIDS, [(100, 1), (99, 3)]):
            driver = self.driver()
            digests.add(driver.digest())
            driver.feed(Messages().snapshot(15, bids, ASKS, symbol=65535))
            digests.add(driver.digest())
        assert len(digests) == 4

    def test_is_turned_into_the_ticks_of_the_book_that_it_belongs_to(self):
        driver = self.driver()
        driver.instruments["price_decimals"] = [2, 2, 1]
        driver.instruments["price_multiple"] = 1
        driver.instruments["quantity_decimals"] = [3, 3, 4]
        driver.instruments["quantity_multiple"] = [1, 1, 2]
        bids, asks = [(1_000, 1), (990, 2)], [(1_010, 3), (1_020, 4)]
        messages = Messages().depth(10, 20, 9, symbol=2).snapshot(20, bids, asks, symbol=65535)
        assert shown(driver.feed(messages)[1])[:4] == (100, 5, 101, 15)
        assert levels(driver.state, 2)[1].tolist() == [(101, 15), (102, 20)]

    def test_goes_to_no_book_whose_ticks_it_does_not_fit(self):
        driver = self.driver()
        driver.instruments["price_decimals"] = [2, 2, 1]
        messages = Messages().depth(10, 20, 9, symbol=2).snapshot(20, BIDS, ASKS, symbol=65535)
        driver.feed(messages)  # 0.99 is no multiple of 0.1: not the book whose ids fit
        assert [int(driver.book(s)["status"]) for s in range(3)] == [EMPTY, LIVE, BUFFERING]

    def test_is_ignored_when_every_book_is_live(self):
        driver = self.driver()
        messages = Messages().snapshot(10, BIDS, ASKS, symbol=1).snapshot(10, BIDS, ASKS, symbol=2)
        records = driver.feed(messages.snapshot(15, BIDS, ASKS, symbol=65535))
        assert shown(records[2]) == (0, 0, 0, 0, EMPTY, 0)
        assert driver.count("snapshots_ignored") == 1
