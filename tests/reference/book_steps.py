"""Short forms for tests of the book: run messages, a book in step, what a record shows."""

from __future__ import annotations

from hydraflow.codes import BookStatus
from tests.reference.book_driver import BookDriver
from tests.reference.book_scenario import SMALL
from tests.reference.messages import Messages

EMPTY, LIVE, STALE, BUFFERING = (int(s) for s in (BookStatus.EMPTY, BookStatus.LIVE, BookStatus.STALE, BookStatus.BUFFERING))
BIDS, ASKS = [(100, 1), (99, 2)], [(101, 3), (102, 4)]


def run(messages: Messages, driver: BookDriver | None = None) -> tuple[BookDriver, list[int]]:
    driver = driver or BookDriver(SMALL)
    return driver, driver.feed(messages)["book_status"].tolist()


def started() -> Messages:
    """A futures book that is in step at id 20: numbers 0 (snapshot at 10) and 1 (delta 11..20)."""
    return Messages().snapshot(10, BIDS, ASKS).depth(11, 20, 10, [(98, 5)])


def shown(record) -> tuple[int, ...]:
    names = ("bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots", "book_status", "book_changes")
    return tuple(int(record[name]) for name in names)
