"""The market maker quotes both sides, leans against its inventory, and never sends a new order on a book that is not live."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from handlers.strategy.market_maker import MarketMakerParams, digest, on_event
from hydraflow.codes import Action, BookStatus, Kind, OrderType, ReportStatus, Side, TimeInForce
from hydraflow.records import ORDER
from tests.reference.kernels_risk import Bench, instruments_of

INSTRUMENTS = instruments_of(((1, 1), (1, 3), 0), ((1, 1), (1, 3), 0), ((1, 2), (1, 2), 2))
BID, ASK = 500_000, 500_001
PARAMS = MarketMakerParams(quote_lots=10, max_inventory_lots=100, hedge_lots=0, skew_ticks=4.0, confirm_ns=1_000)


class Desk:
    """Shows a market maker messages one by one and keeps what it wrote."""

    def __init__(self, slots=256, **params) -> None:
        self.bench = Bench(on_event, attrs.evolve(PARAMS, **params), INSTRUMENTS, slots)
        self.bench.orders.view(np.uint8)[:] = 0xAB  # what was in the slots before
        self.now = 0

    @property
    def row(self):
        return self.bench.state[0]["rows"][0]

    @property
    def counters(self):
        return self.bench.counters[0]

    def see(self, bid=BID, ask=ASK, bid_lots=10, ask_lots=10, status=BookStatus.LIVE, kind=Kind.DEPTH, symbol=0):
        """Show market data; return the lines written as (action, side, price or target, lots)."""
        self.now += 10
        event = self.bench.message(
            kind=kind, symbol=symbol, book_status=status, bid_price_ticks=bid, ask_price_ticks=ask,
            bid_quantity_lots=bid_lots, ask_quantity_lots=ask_lots, receive_ns=self.now,
        )
        lines = self.bench.run()[: event["order_count"]]
        self.fair, self.lines = float(event["fair_price"]), lines
        return [
            (Action(int(n["action"])).name, int(n["side"]), int(n["price_ticks"] or n["target_id"]), int(n["quantity_lots"]))
            for n in lines
        ]

    def report(self, status, order_id, side, lots=0, symbol=0):
        self.bench.message(kind=Kind.REPORT, receive_ns=self.now)
        self.bench.report(order_id=order_id, status=status, side=side, quantity_lots=lots, price_ticks=BID, symbol=symbol)
        self.bench.run()
        assert self.bench.events[self.bench.next - 1]["order_count"] == 0

    def confirm(self):
        """Report every current quote as resting."""
        for name, side in (("bid", 1), ("ask", -1)):
            if self.row[name]["order_id"]:
                self.report(ReportStatus.ACCEPTED, self.row[name]["order_id"], side)

    def hold(self, lots):
        """Give the maker an inventory."""
        side = 1 if lots > 0 else -1
        self.report(ReportStatus.PARTIAL, 1 << 40, side, abs(lots))


def test_maker_joins_both_sides_and_then_rests():
    desk = Desk()
    assert desk.see() == [("NEW", 1, BID, 10), ("NEW", -1, ASK, 10)]
    assert desk.see() == [] and desk.see(kind=Kind.TRADE) == []
    assert desk.fair == BID + 0.5


def test_maker_sets_every_field_of_a_line():
    desk = Desk()
    desk.see()
    line = desk.lines[1]
    expected = np.zeros(1, ORDER)[0]
    expected["order_id"], expected["price_ticks"], expected["quantity_lots"] = 2, ASK, 10
    expected["side"], expected["action"], expected["type"] = Side.SELL, Action.NEW, OrderType.LIMIT
    expected["time_in_force"] = TimeInForce.POST_ONLY
    for name in ORDER.names:
        if name != "pad":
            assert line[name] == expected[name], name


def test_maker_cancel_line_names_its_target_only():
    desk = Desk()
    desk.see()
    first = int(desk.lines[0]["order_id"])
    desk.see(status=BookStatus.STALE)
    line = desk.lines[0]
    assert (line["target_id"], line["price_ticks"], line["quantity_lots"], line["order_id"]) == (first, 0, 0, 5)
    assert (line["type"], line["time_in_force"], line["action"], line["symbol"]) == (0, 0, Action.CANCEL, 0)


@pytest.mark.parametrize(("bid_lots", "ask_lots"), [(1, 1), (1, 9), (9, 1), (123_456_789, 3), (1 << 40, 1 << 39)])
def test_maker_fair_price_is_the_microprice(bid_lots, ask_lots):
    desk = Desk()
    desk.see(BID, ASK + 7, bid_lots, ask_lots)
    exact = (BID * ask_lots + (ASK + 7) * bid_lots) / (bid_lots + ask_lots)
    assert desk.fair == pytest.approx(exact, rel=1e-15)


def test_maker_never_crosses_nor_improves_over_random_books():
    random = np.random.default_rng(3)
    desk = Desk(2048, skew_ticks=20.0)
    bid = BID
    for _ in range(400):
        bid += int(random.integers(-4, 5))
        ask = bid + int(random.integers(1, 6))
        if random.random() < 0.2:
            desk.hold(int(random.integers(-30, 31)) or 1)
        for action, side, price, lots in desk.see(bid, ask, int(random.integers(1, 99)), int(random.integers(1, 99))):
            if action == "NEW":
                assert lots > 0 and (price <= bid if side > 0 else price >= ask)
        desk.confirm()


def test_maker_replaces_a_quote_only_when_confirmed_and_moved_far_enough():
    desk = Desk(requote_ticks=2)
    desk.see()
    assert desk.see(BID + 2, ASK + 2) == []  # under way: not chased
    desk.confirm()
    assert desk.see(BID + 1, ASK + 1) == []
    assert desk.see(BID + 2, ASK + 2) == [
        ("CANCEL", 1, 1, 0), ("NEW", 1, BID + 2, 10), ("CANCEL", -1, 2, 0), ("NEW", -1, ASK + 2, 10),
    ]
    sequence = desk.bench.next - 1
    assert desk.lines["order_id"].tolist() == [sequence * 4 + k + 1 for k in range(4)]


def test_maker_steps_back_on_the_side_that_adds_to_its_inventory():
    desk = Desk()
    desk.hold(50)  # half of the largest: shifted by 2 ticks
    assert desk.see() == [("NEW", 1, BID - 2, 10), ("NEW", -1, ASK, 10)]
    desk = Desk()
    desk.hold(-50)
    assert desk.see() == [("NEW", 1, BID, 10), ("NEW", -1, ASK + 2, 10)]


def test_maker_edge_keeps_its_distance_from_the_fair_price():
    assert Desk(edge_ticks=3.0).see() == [("NEW", 1, BID - 3, 10), ("NEW", -1, ASK + 3, 10)]


def test_maker_stops_a_side_at_the_largest_inventory():
    desk = Desk()
    desk.hold(95)
    assert desk.see()[0][3] == 5
    desk.confirm()
    desk.hold(5)
    assert desk.see() == [("CANCEL", 1, 5, 0)]
    desk.hold(-10)
    assert desk.see() == [("NEW", 1, BID - 4, 10)]
    desk = Desk()
    desk.hold(-100)
    assert desk.see() == [("NEW", 1, BID, 10)]


@pytest.mark.parametrize("status", [BookStatus.EMPTY, BookStatus.STALE, BookStatus.BUFFERING])
def test_maker_withdraws_when_the_book_is_not_live_and_comes_back(status):
    desk = Desk()
    assert desk.see(status=status) == []
    desk.see()
    assert desk.see(status=status, kind=Kind.LOST) == [("CANCEL", 1, 5, 0), ("CANCEL", -1, 6, 0)]
    assert desk.see(status=status) == [] and desk.fair == 0.0
    assert [line[0] for line in desk.see()] == ["NEW", "NEW"]
    assert desk.counters["withdrawals"] == 2


@pytest.mark.parametrize("book", [{"bid": 0}, {"ask": 0}, {"ask": BID}, {"bid_lots": 0}, {"ask_lots": 0}])
def test_maker_sends_nothing_new_on_a_broken_book(book):
    desk = Desk()
    assert desk.see(**book) == []
    desk.see()
    assert {line[0] for line in desk.see(**book)} == {"CANCEL"}


def test_maker_ignores_pools_timers_and_unknown_symbols():
    desk = Desk()
    desk.see()
    assert desk.see(kind=Kind.POOL, status=BookStatus.EMPTY) == []
    assert desk.see(kind=Kind.TIMER, status=BookStatus.EMPTY) == []
    assert desk.see(symbol=9) == []
    assert desk.row["bid"]["order_id"] == 1


def test_maker_gives_up_an_order_that_no_report_confirms():
    desk = Desk()
    desk.see()
    desk.now = 10 + 1_000 - 10
    assert desk.see() == []  # exactly confirm_ns later
    desk.now = 1_010
    assert desk.see() == [("CANCEL", 1, 1, 0), ("NEW", 1, BID, 10), ("CANCEL", -1, 2, 0), ("NEW", -1, ASK, 10)]
    assert desk.counters["overdue"] == 2
    desk.report(ReportStatus.ACCEPTED, 1, 1)  # late, and cancelled already: of no effect
    assert desk.row["bid"]["confirmed"] == 0


@pytest.mark.parametrize("status", [ReportStatus.CANCELLED, ReportStatus.REJECTED, ReportStatus.CANCEL_REJECTED])
def test_maker_quotes_again_after_its_order_has_ended(status):
    desk = Desk()
    desk.see()
    desk.report(status, 1, 1)
    assert desk.see() == [("NEW", 1, BID, 10)]


def test_maker_keeps_a_partly_filled_quote_and_renews_a_filled_one():
    desk = Desk(skew_ticks=0.0)
    desk.see()
    desk.report(ReportStatus.PARTIAL, 2, -1, 4)
    assert desk.see() == [] and desk.row["inventory_lots"] == -4
    desk.report(ReportStatus.FILLED, 2, -1, 6)
    assert desk.see() == [("NEW", -1, ASK, 10)]
    assert desk.counters["inventory_lots"][0] == -10 and desk.counters["fills"] == 2


def test_maker_hedges_once_with_the_side_in_its_way_withdrawn():
    desk = Desk(hedge_lots=40, hedge_slack_ticks=3)
    desk.see()
    desk.confirm()
    desk.hold(39)
    desk.see()
    desk.confirm()
    desk.hold(1)
    assert desk.see() == [("CANCEL", 1, 18, 0), ("NEW", -1, BID - 3, 40)]
    assert desk.lines[-1]["time_in_force"] == TimeInForce.IOC and desk.lines[-1]["type"] == OrderType.LIMIT
    hedge = int(desk.lines[-1]["order_id"])
    assert desk.see() == []  # no second hedge, and no bid in its way
    desk.report(ReportStatus.PARTIAL, hedge, -1, 15)
    assert desk.see() == []
    desk.report(ReportStatus.CANCELLED, hedge, -1)
    assert desk.see() == [("NEW", 1, BID - 1, 10)]
    assert desk.row["inventory_lots"] == 25 and desk.counters["hedges"] == 1


def test_maker_hedge_follows_its_slices():
    desk = Desk(hedge_lots=40)
    desk.hold(-40)
    lines = desk.see()
    assert lines[-1] == ("NEW", 1, ASK + 5, 40) and desk.row["hedge_side"] == 1
    hedge = int(desk.lines[-1]["order_id"])
    desk.report(ReportStatus.FILLED, hedge, 1, 20, symbol=1)
    assert desk.row["hedge_side"] == 1 and desk.row["inventory_lots"] == -20
    desk.report(ReportStatus.REJECTED, hedge | (1 << 56), 1, 20, symbol=1)
    assert desk.row["hedge_side"] == 0 and desk.row["inventory_lots"] == -20


def test_maker_hedge_that_nobody_confirms_is_tried_again():
    desk = Desk(hedge_lots=40)
    desk.hold(40)
    desk.see()
    desk.now += 1_000
    assert desk.see()[-1] == ("NEW", -1, BID - 5, 40)
    assert desk.counters["hedges"] == 2


def test_maker_writes_four_lines_at_most():
    desk = Desk(hedge_lots=40, skew_ticks=0.0)
    desk.see()
    desk.confirm()
    desk.hold(40)
    lines = desk.see(BID + 3, ASK + 3)
    assert [line[:2] for line in lines] == [("CANCEL", 1), ("CANCEL", -1), ("NEW", -1), ("NEW", -1)]


def test_maker_sizes_by_notional():
    # 1,000 per quote at 50,000.05 and lots of 0.001: 19.99 lots
    desk = Desk(quote_notional=1_000.0, max_inventory_notional=5_000.0, hedge_notional=2_500.0)
    assert desk.see() == [("NEW", 1, BID, 19), ("NEW", -1, ASK, 19)]
    desk.hold(48)
    assert desk.see() == []
    desk.hold(1)  # 2,500 are 49.99 lots
    assert desk.see()[-1] == ("NEW", -1, BID - 5, 49)


def test_maker_digest_tells_inventories_and_quotes_apart():
    seen = set()
    for steps in (0, 1, 2, 3):
        desk = Desk()
        if steps > 0:
            desk.see()
        if steps > 1:
            desk.confirm()
        if steps > 2:
            desk.hold(1)
        seen.add(int(digest(desk.bench.state[0], desk.bench.params[0])))
    assert len(seen) == 4


def test_params_describe_themselves():
    for field in attrs.fields(MarketMakerParams):
        assert field.metadata["description"]
        low, high = field.metadata["range"]
        assert low <= field.default <= high, field.name
