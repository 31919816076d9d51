"""Hundreds of books take the memory of what stands in them, not of their tables: a run of 300 symbols fits any machine."""

from __future__ import annotations

from disruptor.memory import anonymous
from handlers.book import BookParams, book
from hydraflow.codes import Venue
from hydraflow.runtime.graph import TOUCHED_BYTES
from tests.disruptor.test_memory import resident
from tests.reference.book_driver import BookDriver
from tests.reference.messages import Messages

SYMBOLS = 40


def test_books_take_the_memory_of_what_stands_in_them() -> None:
    driver = BookDriver(BookParams(), (Venue.EXCHANGE,) * SYMBOLS)
    dtype = book.state_dtype(BookParams(), instruments=driver.instruments)
    assert dtype.itemsize > TOUCHED_BYTES  # the engine gives it sparse memory
    mapping = anonymous(dtype.itemsize, sparse=True)
    driver.state = mapping.array(dtype, 1)
    for update in (10, 20, 30):  # each snapshot clears what was there
        messages = Messages()
        for symbol in range(SYMBOLS):
            price = 1_000_000 + 7_919 * symbol + update
            bids = [(price - 3 * k, 1) for k in range(100)]
            messages.snapshot(update, [*bids, (price // 2, 1)], [(price + 1 + 3 * k, 1) for k in range(100)], symbol=symbol)
        driver.feed(messages)
    assert driver.count("snapshots") == 3 * SYMBOLS
    driver.digest()
    assert resident(mapping) < SYMBOLS * (256 << 10) < dtype.itemsize // 8
