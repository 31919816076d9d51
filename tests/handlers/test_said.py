"""What book and risk tell an operator by notes: at the rare events, at each of them once, and never too much."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from disruptor.note_calls import note_faults
from disruptor.note_file import NoteFile, NoteLane, NoteReader
from handlers.book import book
from handlers.risk.stage import on_event as risk
from hydraflow.codes import BookStatus, Reason, Venue
from tests.handlers.test_book_sync import started
from tests.handlers.test_risk_limits import ASK, BID, Desk
from tests.reference.book_driver import BookDriver
from tests.reference.book_scenario import SMALL
from tests.reference.messages import Messages

LIVE, STALE = int(BookStatus.LIVE), int(BookStatus.STALE)


@pytest.fixture
def said(tmp_path):
    """Give a function: (Handler, what to do) → the notes, as (code, values, text), that it wrote meanwhile."""

    def listen(handler, work):
        path = tmp_path / "a.notes"
        path.unlink(missing_ok=True)
        file = NoteFile.create(path, name="test", codes={handler.name: handler.notes}, lanes=[NoteLane("here", {0: handler.name})])
        with contextlib.closing(file), file.lane("here", np.zeros(32, np.int64), number=0, sequence=16):
            work()
        reader = NoteReader(path)
        assert not reader.lost
        return [(n.code, n.values, n.text) for n in reader.read()]

    return listen


@pytest.mark.parametrize("handler", [book, risk], ids=["book", "risk"])
def test_every_note_is_declared(handler):
    assert handler.notes and note_faults(handler) == []


def test_risk_has_a_note_for_every_reason_of_its_own():
    own = {r.name for r in Reason if 0 < r < 100}
    assert own | {"LATCHED"} == set(risk.notes)


def test_book_tells_when_it_is_in_step_lost_and_whole_again(said):
    messages = started().trade(101, 1).depth(30, 31, 29, [(100, 9)]).depth(32, 33, 31, [(97, 1)])
    messages.snapshot(40, [(100, 1)], [(101, 3)]).depth(41, 42, 40, [(98, 5)])
    driver = BookDriver(SMALL)
    statuses = []
    told = said(book, lambda: statuses.extend(driver.feed(messages)["book_status"].tolist()))
    assert [code for code, *_ in told] == ["LIVE", "STALE", "LIVE"]
    assert [values for _, values, _ in told] == [(0, 0), (0, 3, 1), (0, 5)]
    assert told[1][2] == "the book of instrument 0 is out of step at frame 3 and is shown no more (1 of all books so far)"
    assert told[2][2] == "the book of instrument 0 is in step with the venue from frame 5 on"
    assert statuses[2] == LIVE and statuses[3] == STALE and statuses[-1] == LIVE


def test_a_lost_frame_of_nobody_known_is_one_note_for_all_books(said):
    venues = (Venue.EXCHANGE, Venue.EXCHANGE)
    driver = BookDriver(SMALL, venues)
    messages = Messages()
    for symbol in (0, 1):
        messages.snapshot(10, [(100, 1)], [(101, 3)], symbol=symbol).depth(11, 20, 10, [(98, 5)], symbol=symbol)
    driver.feed(messages)
    told = said(book, lambda: driver.feed(Messages().lost(symbol=255)))
    assert [(code, values[1]) for code, values, _ in told] == [("LOST_FRAME", 2)]
    assert "2 books wait for what follows" in told[0][2]


def test_a_book_that_is_lost_all_the_time_does_not_fill_the_file(said):
    messages, update = Messages(), 10
    for _ in range(1_200):
        messages.snapshot(update, [(100, 1)], [(101, 3)]).depth(update + 5, update + 6, update + 4, [(98, 5)])
        update += 10
    driver = BookDriver(SMALL)
    told = said(book, lambda: driver.feed(messages))
    assert int(driver.counters[0]["stale_transitions"]) == 1_200
    stale = [values[2] for code, values, _ in told if code == "STALE"]
    assert stale == [*range(1, 65), 1_024]


def test_a_limit_tells_that_it_refuses_and_then_at_each_doubling(said):
    desk = Desk(max_order_quantity=0.010)

    def work():
        for _ in range(20):
            assert desk.send(lots=11) == Reason.MAX_ORDER_QUANTITY
        assert desk.send(lots=10) == Reason.ACCEPTED

    told = said(risk, work)
    assert [(code, values[2]) for code, values, _ in told] == [("MAX_ORDER_QUANTITY", n) for n in (1, 2, 4, 8, 16)]
    assert told[0][2].endswith(" of instrument 0: above the largest quantity of an order; 1 refused for that so far")


def test_each_reason_is_told_under_its_name(said):
    desk = Desk()
    target = desk.last_id if desk.send() == Reason.ACCEPTED else 0

    def work():
        assert desk.send(order_id=target) == Reason.DUPLICATE_ID
        assert desk.send(price=0) == Reason.BAD_ORDER
        assert desk.cancel(12_345) == Reason.UNKNOWN_ORDER
        assert desk.send(side=-1, price=BID) == Reason.SELF_CROSS
        desk.bench.params[0]["kill"] = 1
        assert desk.send() == Reason.KILL_SWITCH

    told = said(risk, work)
    assert [code for code, *_ in told] == ["DUPLICATE_ID", "BAD_ORDER", "UNKNOWN_ORDER", "SELF_CROSS", "KILL_SWITCH"]
    assert told[2][2] == "refused to cancel order 12345 of instrument 0: it is not open; 1 refused for that so far"


def test_the_loss_limit_is_told_once_at_the_message_that_passes_it(said):
    desk = Desk(loss_limit=100.0)
    assert desk.send(lots=1000) == Reason.ACCEPTED
    desk.fill(1000)

    def work():
        desk.market(bid=BID - 2_000, ask=ASK - 2_000)
        desk.market(bid=BID - 4_000, ask=ASK - 4_000)
        assert desk.send(price=BID - 4_000) == Reason.LOSS_LIMIT

    told = said(risk, work)
    assert [code for code, *_ in told] == ["LATCHED", "LOSS_LIMIT"]
    assert told[0][2] == f"the loss limit was passed, and no new order leaves until a restart: profit and loss {told[0][1][0]:,.2f}"
    assert -201 < told[0][1][0] < -199
