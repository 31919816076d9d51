"""The book on real captures: the venue's own numbers, the naive book, and 200 altered depth frames of each kind."""

from __future__ import annotations

import random

import numpy as np
import pytest

from handlers.book import levels
from hydraflow.codes import BookStatus, Kind
from tests.reference.book_driver import BookDriver
from tests.reference.messages import Messages, capture_messages
from tests.reference.naive_book import NaiveBook

LIVE = int(BookStatus.LIVE)
SHOWN = ["book_status", "bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots"]
CAPTURES = {
    "usdm": ("usdm_btcusdt_20240808.gz", 1, 3, dict(levels_applied=443_262, checks_ticker_first=503, checks_depth_first=126)),
    "spot": ("spot_ethusdt_20240808.gz", 2, 8, dict(levels_applied=106_802, checks_ticker_first=577, checks_depth_first=0)),
}
PREFIX = 24_000  # messages that the alterations are tried on
TRIES = 200


@pytest.fixture(scope="module", params=list(CAPTURES))
def capture(request, captures) -> tuple[str, Messages]:
    name, price_decimals, quantity_decimals, _ = CAPTURES[request.param]
    path = captures / "binance" / name
    if not path.exists():
        pytest.skip("skipped: no captures")
    return request.param, capture_messages(path, price_decimals, quantity_decimals)


def test_book_equals_the_venues_own_figures(capture):
    name, messages = capture
    driver = BookDriver()
    driver.feed(messages)
    expected = CAPTURES[name][3]
    assert {key: driver.count(key) for key in expected} == expected
    assert driver.count("checks_passed") == expected["checks_ticker_first"] + expected["checks_depth_first"]
    quiet = ("sequence_gaps", "checks_failed", "crossed", "stale_transitions", "truncated", "lost", "forgotten")
    assert {key: driver.count(key) for key in quiet} == dict.fromkeys(quiet, 0)


def test_book_equals_the_naive_one_after_every_message(capture):
    _, messages = capture
    driver = BookDriver()
    records = driver.feed(messages)
    naive = NaiveBook()
    wanted = np.zeros((len(messages), len(SHOWN)), np.int64)
    for index, row in enumerate(messages.rows):
        start, bids = row["payload_position"], row["bid_count"]
        units = messages.units[start : start + row["payload_count"]]
        wanted[index] = naive.take(row, units[:bids], units[bids:])
    shown = np.stack([records[name].astype(np.int64) for name in SHOWN], axis=1)
    assert (shown == wanted).all(), np.flatnonzero((shown != wanted).any(axis=1))[:5]
    bids, asks = levels(driver.state)
    assert bids.tolist() == sorted(naive.bids.items(), reverse=True)
    assert asks.tolist() == sorted(naive.asks.items())


class _Alterations:
    """Runs altered copies of the beginning of a capture; knows where an alteration must show at the latest."""

    def __init__(self, messages: Messages) -> None:
        records, self.payload = messages.arrays()
        self.records = records[:PREFIX]
        self.depths = np.flatnonzero(self.records["kind"] == Kind.DEPTH)
        self.driver = BookDriver()
        self.honest = self.run(self.records)
        first_live = np.flatnonzero(self.honest["book_status"] == LIVE)[0]
        usable = np.flatnonzero(self.depths > first_live)[1:-1]  # the one after the last has to reveal it
        self.chosen = random.Random(1).sample(usable.tolist(), TRIES)

    def run(self, records: np.ndarray) -> np.ndarray:
        self.driver.state.view("u1")[:] = 0
        self.driver.counters.view("u1")[:] = 0
        return self.driver.run(records.copy(), self.payload)

    def assert_shows(self, altered: np.ndarray, at: int) -> None:
        """Assert that the book is stale from message `at` on, live before, and the fault counted there or before."""
        status = self.run(altered)["book_status"]
        stale = np.flatnonzero((status != LIVE) & (np.arange(len(altered)) > self.depths[0] + 100))
        assert len(stale) and stale[0] <= at, (stale[:1], at)
        assert (status[stale[0] :] != LIVE).all()
        assert self.driver.count("sequence_gaps") + self.driver.count("checks_failed") > 0
        assert self.driver.count("first_stale") == altered["number"][stale[0]]


@pytest.fixture(scope="module")
def alterations(capture) -> _Alterations:
    return _Alterations(capture[1])


def test_dropped_depth_frame_shows_at_the_next_one(alterations):
    for chosen in alterations.chosen:
        at, following = alterations.depths[chosen : chosen + 2]
        alterations.assert_shows(np.delete(alterations.records, at), following - 1)


def test_duplicated_depth_frame_shows_at_its_line(alterations):
    for chosen in alterations.chosen:
        at = alterations.depths[chosen]
        alterations.assert_shows(np.insert(alterations.records, at + 1, alterations.records[at]), at + 1)


def test_swapped_depth_frames_show_at_the_first(alterations):
    for chosen in alterations.chosen:
        at, following = alterations.depths[chosen : chosen + 2]
        altered = alterations.records.copy()
        altered[[at, following]] = altered[[following, at]]
        alterations.assert_shows(altered, at)


@pytest.mark.parametrize("field", ["first_update", "last_update", "previous_update"])
def test_altered_digit_of_an_id_shows_at_its_line_or_the_next(alterations, field):
    rng = random.Random(field)
    harmless = 0
    for chosen in alterations.chosen:
        at, following = alterations.depths[chosen : chosen + 2]
        altered = alterations.records.copy()
        event = altered[at]
        if event[field] < 0:
            assert (alterations.records["previous_update"][alterations.depths] < 0).all()  # spot sends none
            return
        digits = list(str(event[field]))
        place = rng.randrange(len(digits))
        digits[place] = rng.choice([d for d in "0123456789" if d != digits[place]])
        event[field] = int("".join(digits))
        if field == "first_update" and 0 <= event["previous_update"] < event[field] <= event["last_update"]:
            # Futures: any first id between previous and last says the same, and no other frame contradicts it but a
            # ticker that then falls into the hole. The book must be right as long as it is shown.
            harmless += 1
            shown = alterations.run(altered)
            live = shown["book_status"] == LIVE
            for name in SHOWN:
                assert (shown[name][live] == alterations.honest[name][live]).all()
            continue
        alterations.assert_shows(altered, at if field != "last_update" else following)
    assert harmless < TRIES // 2
