"""The paper venue: three scenarios computed by hand, then its rules one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from handlers.wire import WireParams, wire
from hydraflow.codes import (
    Action,
    BookStatus,
    Kind,
    Liquidity,
    OrderType,
    Reason,
    ReportStatus,
    Side,
    TimeInForce,
    Venue,
)
from hydraflow.egress.paper import PaperParams, paper
from hydraflow.records import FLAG_BUYER_MAKER
from tests.reference.line import Line, Stage, instrument, levels_message, order_line, report_texts
from tests.reference.pool import get_amount_in, get_amount_out

ACCEPTED, PARTIAL, FILLED = ReportStatus.ACCEPTED, ReportStatus.PARTIAL, ReportStatus.FILLED
CANCELLED, REJECTED, CANCEL_REJECTED = ReportStatus.CANCELLED, ReportStatus.REJECTED, ReportStatus.CANCEL_REJECTED
LATENCY = 1000
MAKER_PPM, TAKER_PPM, POOL_PPM = -50, 400, 3000


class Market:
    """Writes market messages with a gapless chain of update ids."""

    def __init__(self) -> None:
        self.messages = []
        self.update = 0

    def snapshot(self, at, bids, asks):
        self.update += 10
        self.messages.append(levels_message(Kind.SNAPSHOT, at, bids, asks, last_update=self.update))

    def depth(self, at, bids=(), asks=(), *, gap=0):
        first = self.update + 1 + gap
        self.update = first + 1
        ids = dict(first_update=first, last_update=self.update, previous_update=-1)
        self.messages.append(levels_message(Kind.DEPTH, at, bids, asks, **ids))

    def trade(self, at, price, quantity, *, aggressor):
        flags = FLAG_BUYER_MAKER if aggressor == Side.SELL else 0
        self.messages.append(levels_message(Kind.TRADE, at, [(price, quantity)], flags=flags))

    def pool(self, at, base, quote):
        self.messages.append(levels_message(Kind.POOL, at, [(base, quote)], symbol=1))

    def nothing(self, at):
        self.messages.append(levels_message(Kind.TICKER, at))


def _instruments():
    fees = dict(maker_fee_ppm=MAKER_PPM, taker_fee_ppm=TAKER_PPM)
    return np.array([
        instrument(**fees), instrument("BTCPOOL", venue=Venue.POOL, underlying=0, taker_fee_ppm=POOL_PPM),
    ])


def _run(market, lines_at, **params):
    """Run a market; lines_at : receive_ns → order lines that leave with the first market message of that time."""
    instruments = _instruments()
    params.setdefault("latency_ns", LATENCY)
    venue = Stage(paper, PaperParams(window_ticks=4096, far_levels=64, **params), instruments=instruments)
    todo = dict(lines_at)

    def strategy(event, sequence):
        return todo.pop(int(event["receive_ns"]), []) if event["kind"] < Kind.REPORT else []

    line = Line(instruments, {"wire": Stage(wire, WireParams(slice_gap_ns=5000)), "paper": venue}, strategy)
    line.run(market.messages)
    assert not todo, "every order line was sent"
    return line, venue


def _order(order_id, side, price, quantity, **fields):
    defaults = dict(venue=Venue.EXCHANGE, slices=1, limit_price_ticks=price, order_id=order_id)
    return order_line(side, price, quantity, **(defaults | fields))


def _cancel(order_id, target_id, side=Side.BUY):
    return _order(order_id, side, 0, 0, action=Action.CANCEL, target_id=target_id)


def _swap(order_id, side, price, quantity, **fields):
    return _order(order_id, side, price, quantity, venue=Venue.POOL, pool=1, time_in_force=TimeInForce.IOC, **fields)


IOC = dict(time_in_force=TimeInForce.IOC)


def test_paper_scenario_1_the_queue_ahead_trades_then_a_partial_fill_then_a_cancel():
    # t=0      bids 618,000 × 50; BUY 10 at 618,000 leaves
    # t=1000   it arrives: 50 displayed, so 50 ahead                                   → ACCEPTED, leaves 10
    # t=2000   30 sell into the bids at 618,000:    ahead 50 - 30 = 20
    # t=3000   25 more: 20 of them were ahead, 25 - 20 = 5 are ours                    → PARTIAL 5, leaves 5
    #          fee: 618,000 · 5 = 3,090,000 units · -50 ppm = -154.5, rounded up = -154 (a rebate)
    # t=4000   the cancel leaves, t=5000 it arrives with 5 alive                       → CANCELLED, leaves 0
    market = Market()
    market.snapshot(0, [(618_000, 50), (617_990, 70)], [(618_010, 40)])
    market.trade(2000, 618_000, 30, aggressor=Side.SELL)
    market.trade(3000, 618_000, 25, aggressor=Side.SELL)
    market.nothing(4000)
    market.trade(9000, 618_000, 500, aggressor=Side.SELL)
    line, venue = _run(market, {0: [_order(1, Side.BUY, 618_000, 10)], 4000: [_cancel(17, 1)]})
    assert report_texts(line.reports) == [
        (1, ACCEPTED, 618_000, 0, 10, 0),
        (1, PARTIAL, 618_000, 5, 5, -154),
        (1, CANCELLED, 618_000, 0, 0, 0),
    ]
    assert [int(r["venue_ns"]) for r in line.reports] == [1000, 3000, 5000]
    assert [int(r["liquidity"]) for r in line.reports] == [Liquidity.NONE, Liquidity.MAKER, Liquidity.NONE]
    assert int(venue.state[0]["index"]["count"]) == int(venue.state[0]["slots"]["count"]) == 0


def test_paper_scenario_2_cancellations_ahead_count_in_proportion():
    # t=0      bids 618,000 × 60; BUY 10 at 618,000 leaves, arrives at t=1000:   ahead 60, displayed 60
    # t=2000   15 trade there:            ahead 45; displayed less traded: 60 - 15 = 45
    # t=3000   depth shows 80: more than 45, so nothing was cancelled (35 joined behind): ahead 45, displayed 80
    # t=4000   8 trade there:             ahead 37; displayed less traded: 80 - 8 = 72
    # t=5000   depth shows 40: 72 - 40 = 32 were cancelled, ⌊32 · 37 / 72⌋ = ⌊16.4⌋ = 16 of them ahead: ahead 21
    # t=6000   25 trade there: 25 - 21 = 4 are ours                                     → PARTIAL 4, leaves 6
    #          fee: 618,000 · 4 = 2,472,000 · -50 ppm = -123.6, rounded up = -123
    market = Market()
    market.snapshot(0, [(618_000, 60)], [(618_010, 40)])
    market.trade(2000, 618_000, 15, aggressor=Side.SELL)
    market.depth(3000, [(618_000, 80)])
    market.trade(4000, 618_000, 8, aggressor=Side.SELL)
    market.depth(5000, [(618_000, 40)])
    market.trade(6000, 618_000, 25, aggressor=Side.SELL)
    line, venue = _run(market, {0: [_order(1, Side.BUY, 618_000, 10)]})
    assert report_texts(line.reports) == [(1, ACCEPTED, 618_000, 0, 10, 0), (1, PARTIAL, 618_000, 4, 6, -123)]
    (order,) = venue.state[0]["orders"][:1]
    assert (order["ahead_lots"], order["level_lots"], order["traded_lots"], order["leaves_lots"]) == (0, 40, 25, 6)


def test_paper_scenario_3_a_taker_walks_the_levels_and_a_pool_takes_a_swap():
    # Book: asks 618,010 × 4, 618,020 × 3, 618,050 × 9. IOC BUY 12, limit 618,030:
    #   4 at 618,010: 2,472,040 units · 400 ppm = 988.816 → fee 989                     → PARTIAL 4, leaves 8
    #   3 at 618,020: 1,854,060 units · 400 ppm = 741.624 → fee 742                     → PARTIAL 3, leaves 5
    #   618,050 is beyond the limit                                                     → CANCELLED
    # Pool: 1,000,000 lots of base, 618,000,000,000 units of quote, fee 0.3 %. Sale of 1,000 lots:
    #   out = ⌊1,000·997,000 · 618·10⁹ / (10⁶·10⁶ + 1,000·997,000)⌋
    #       = ⌊616,146,000,000,000,000,000 / 1,000,997,000,000⌋ = 615,532,314
    #   the pool's share: ⌈615,532,314 · 0.3 %⌉ = 1,846,597, so before it 617,378,911 = 617,379 a lot, rounded up;
    #   price 617,379, fee 617,379,000 - 615,532,314 = 1,846,686                        → FILLED 1,000
    # The pool now holds 1,001,000 lots and 617,384,467,686 units. Purchase of 500 lots in the next message:
    #   cost = ⌊617,384,467,686 · 500 · 10⁶ / ((1,001,000 - 500) · 997,000)⌋ + 1
    #        = ⌊308,692,233,843,000,000,000 / 997,498,500,000⌋ + 1 = 309,466,363 + 1 = 309,466,364
    #   share ⌈309,466,364 · 0.3 %⌉ = 928,400; (309,466,364 - 928,400) / 500 = 617,075.9 → price 617,075
    #   fee 309,466,364 - 617,075 · 500 = 928,864                                       → FILLED 500
    market = Market()
    market.pool(0, 1_000_000, 618_000_000_000)
    market.snapshot(0, [(617_990, 5)], [(618_010, 4), (618_020, 3), (618_050, 9)])
    market.nothing(10)
    market.nothing(20)
    market.nothing(5000)
    lines = {
        10: [_order(1, Side.BUY, 618_030, 12, **IOC), _swap(2, Side.SELL, 610_000, 1000)],
        20: [_swap(3, Side.BUY, 625_000, 500)],
    }
    line, venue = _run(market, lines)
    assert report_texts(line.reports) == [
        (1, PARTIAL, 618_010, 4, 8, 989),
        (1, PARTIAL, 618_020, 3, 5, 742),
        (1, CANCELLED, 618_030, 0, 0, 0),
        (2, FILLED, 617_379, 1000, 0, 1_846_686),
        (3, FILLED, 617_075, 500, 0, 928_864),
    ]
    assert {int(r["liquidity"]) for r in line.reports} == {Liquidity.TAKER, Liquidity.NONE}
    pool = venue.state[0]["pools"][1]
    assert (pool["base_lots"], pool["quote_units"]) == (1_000_500, 617_384_467_686 + 309_466_364)


def test_paper_pool_reports_hold_the_exact_money():
    base, quote = 1_000_000, 618_000_000_000
    for side, units in ((Side.BUY, get_amount_in(777, quote, base)), (Side.SELL, get_amount_out(777, base, quote))):
        market = Market()
        market.pool(0, base, quote)
        line, _ = _run(market, {0: [_swap(1, side, 700_000 if side > 0 else 1, 777)]})
        (report,) = line.reports
        assert int(report["price_ticks"]) * 777 + side * int(report["fee_units"]) == units
        assert report["fee_units"] > 0


def test_paper_a_trade_through_the_price_fills_wholly():
    market = Market()
    market.snapshot(0, [(618_000, 60)], [(618_010, 40)])
    market.trade(2000, 617_990, 1, aggressor=Side.SELL)
    line, _ = _run(market, {0: [_order(1, Side.BUY, 618_000, 10)]})
    assert report_texts(line.reports)[-1][:5] == (1, FILLED, 618_000, 10, 0)


def test_paper_the_opposite_touch_going_through_the_price_fills_wholly():
    market = Market()
    market.snapshot(0, [(618_000, 60)], [(618_010, 40)])
    market.depth(2000, [(618_000, 0), (617_000, 3)], [(618_000, 2)])
    line, _ = _run(market, {0: [_order(1, Side.BUY, 618_000, 10)]})
    assert report_texts(line.reports)[-1][:5] == (1, FILLED, 618_000, 10, 0)


def test_paper_a_trade_that_hits_the_other_side_does_nothing():
    market = Market()
    market.snapshot(0, [(618_000, 6)], [(618_010, 40)])
    market.trade(2000, 618_000, 600, aggressor=Side.BUY)
    line, venue = _run(market, {0: [_order(1, Side.BUY, 618_000, 10)]})
    assert len(line.reports) == 1 and venue.state[0]["orders"][0]["ahead_lots"] == 6


def test_paper_own_orders_at_one_price_share_a_trade_in_order_of_arrival():
    # ahead 6 for both; a trade of 20: 6 ahead, 10 fill the first; of the 20, 10 are used up, 10 - 6 = 4 fill the second
    market = Market()
    market.snapshot(0, [(618_000, 6)], [(618_010, 40)])
    market.trade(2000, 618_000, 20, aggressor=Side.SELL)
    line, _ = _run(market, {0: [_order(1, Side.BUY, 618_000, 10), _order(2, Side.BUY, 618_000, 10)]})
    assert [t[:5] for t in report_texts(line.reports)[2:]] == [
        (1, FILLED, 618_000, 10, 0), (2, PARTIAL, 618_000, 4, 6)
    ]


def test_paper_rejects_a_post_only_order_that_would_take():
    market = Market()
    market.snapshot(0, [(618_000, 6)], [(618_010, 40)])
    line, _ = _run(market, {0: [_order(1, Side.BUY, 618_010, 10)]})
    assert [(int(r["status"]), int(r["reason"])) for r in line.reports] == [(REJECTED, Reason.WOULD_TAKE)]


def test_paper_a_crossing_gtc_order_takes_first_and_rests_with_the_rest():
    market = Market()
    market.snapshot(0, [(618_000, 6)], [(618_010, 4), (618_020, 9)])
    market.depth(2000, [(618_010, 5)], [(618_010, 0)])
    market.trade(3000, 618_010, 11, aggressor=Side.SELL)
    line, _ = _run(market, {0: [_order(1, Side.BUY, 618_010, 10, time_in_force=TimeInForce.GTC)]})
    assert [t[:5] for t in report_texts(line.reports)] == [
        (1, ACCEPTED, 618_010, 0, 10), (1, PARTIAL, 618_010, 4, 6), (1, FILLED, 618_010, 6, 0)
    ]
    assert [int(r["liquidity"]) for r in line.reports] == [Liquidity.NONE, Liquidity.TAKER, Liquidity.MAKER]


def test_paper_fills_nothing_of_a_gtc_order_twice_from_the_levels_that_it_took():
    market = Market()
    market.snapshot(0, [(618_000, 6)], [(618_010, 4), (618_020, 9)])
    market.nothing(1500)
    market.trade(1600, 618_010, 1, aggressor=Side.BUY)
    market.depth(1700, [(618_000, 7)])  # the ask that it took is still displayed
    market.depth(2000, [], [(618_010, 0)])
    market.depth(2100, [], [(618_010, 3)])  # and this one is new
    line, _ = _run(market, {0: [_order(1, Side.BUY, 618_010, 10, time_in_force=TimeInForce.GTC)]})
    assert [(t[0], t[1], t[3]) for t in report_texts(line.reports)] == [(1, ACCEPTED, 0), (1, PARTIAL, 4), (1, FILLED, 6)]
    assert [int(r["venue_ns"]) for r in line.reports] == [1000, 1000, 2100]


def test_paper_rejects_what_arrives_while_the_book_is_not_live_and_still_cancels():
    market = Market()
    market.snapshot(0, [(618_000, 6)], [(618_010, 40)])
    market.depth(2000, [(617_000, 1)], gap=5)
    lines = {0: [_order(1, Side.BUY, 618_000, 10)], 2000: [_order(9, Side.BUY, 618_000, 10), _cancel(10, 1)]}
    line, venue = _run(market, lines)
    assert [(int(r["order_id"]), int(r["status"]), int(r["reason"])) for r in line.reports] == [
        (1, ACCEPTED, 0), (9, REJECTED, Reason.VENUE_BOOK_NOT_LIVE), (1, CANCELLED, 0)
    ]
    assert venue.state[0]["books"][0]["status"] == BookStatus.STALE


def test_paper_market_order_respects_its_worst_price_and_ends():
    market = Market()
    market.snapshot(0, [(618_000, 6), (617_000, 6)], [(618_010, 40)])
    line, _ = _run(market, {0: [_order(1, Side.SELL, 617_500, 10, type=OrderType.MARKET, **IOC)]})
    assert [t[:5] for t in report_texts(line.reports)] == [(1, PARTIAL, 618_000, 6, 4), (1, CANCELLED, 617_500, 0, 0)]


@pytest.mark.parametrize("target", [1, 99])
def test_paper_rejects_the_cancel_of_an_order_that_is_gone(target):
    market = Market()
    market.snapshot(0, [(618_000, 6)], [(618_010, 40)])
    market.nothing(5000)
    line, venue = _run(market, {0: [_order(1, Side.BUY, 618_010, 4, **IOC)], 5000: [_cancel(8, target)]})
    last = line.reports[-1]
    assert (int(last["order_id"]), int(last["status"]), int(last["reason"])) == (
        target, CANCEL_REJECTED, Reason.NOT_AT_VENUE
    )
    assert venue.state[0]["index"]["count"] == 0


def test_paper_slices_of_a_split_order_end_in_one_final_report():
    market = Market()
    market.pool(0, 1_000_000, 618_000_000_000)
    market.pool(7000, 1_000_000, 640_000_000_000)  # the second slice, at t = 6000, precedes it; the third does not
    line, venue = _run(market, {0: [_swap(5, Side.BUY, 621_000, 31, slices=3)]})
    texts = report_texts(line.reports)
    assert [(t[0], t[1], t[3], t[4]) for t in texts] == [
        (5, PARTIAL, 10, 21), (5, PARTIAL, 10, 11), (5, CANCELLED, 0, 0)
    ]
    assert [int(r["venue_ns"]) for r in line.reports] == [1000, 6000, 11_000]
    assert venue.counters[0]["swaps_refused"] == 1 and venue.state[0]["index"]["count"] == 0


def test_paper_rejects_a_swap_beyond_its_limit_and_one_without_pool():
    market = Market()
    market.nothing(0)
    market.pool(5000, 1_000_000, 618_000_000_000)
    lines = {0: [_swap(1, Side.BUY, 700_000, 10)], 5000: [_swap(2, Side.BUY, 618_000, 10)]}
    line, _ = _run(market, lines)
    assert [(int(r["order_id"]), int(r["status"]), int(r["reason"])) for r in line.reports] == [
        (1, REJECTED, Reason.POOL_LIMIT), (2, REJECTED, Reason.POOL_LIMIT)
    ]


def test_paper_answers_a_line_that_wire_refused():
    market = Market()
    market.nothing(0)
    line, _ = _run(market, {0: [_order(3, Side.BUY, 5, 5, venue=Venue.NONE, route_reason=Reason.NO_ROUTE)]})
    (report,) = line.reports
    assert (int(report["order_id"]), int(report["status"]), int(report["reason"])) == (3, REJECTED, Reason.NO_ROUTE)


def test_paper_answers_at_once_when_it_is_full():
    market = Market()
    market.snapshot(0, [(618_000, 6)], [(618_010, 40)])
    orders = [_order(i, Side.BUY, 617_000 + i, 1) for i in (1, 2, 3)]
    line, venue = _run(market, {0: [*orders, _cancel(4, 1)]}, max_orders=2)
    assert [(int(r["order_id"]), int(r["status"]), int(r["reason"])) for r in line.reports] == [
        (3, REJECTED, Reason.VENUE_FULL), (1, CANCEL_REJECTED, Reason.VENUE_FULL), (1, ACCEPTED, 0), (2, ACCEPTED, 0)
    ]
    assert venue.counters[0]["full"] == 2


def test_paper_defers_fills_beyond_the_budget_and_loses_none():
    market = Market()
    market.snapshot(0, [(617_000, 6)], [(618_010, 40)])
    lines = {}
    for step in range(20):
        market.nothing(10 + step)
        lines[10 + step] = [_order(100 * step + k + 1, Side.BUY, 617_500, 2) for k in range(4)]
    market.trade(5000, 617_400, 1, aggressor=Side.SELL)  # through all 80 of them
    for step in range(20):
        market.nothing(5001 + step)
    line, venue = _run(market, lines)
    filled = [t for t in report_texts(line.reports) if t[1] == FILLED]
    assert [t[0] for t in filled] == [100 * step + k + 1 for step in range(20) for k in range(4)]
    assert {t[3] for t in filled} == {2}
    assert venue.counters[0]["deferred"] == 80 - 32 and line.most_feedback <= 64
    assert venue.state[0]["owed_count"] == 0 == venue.state[0]["index"]["count"]


def test_paper_reports_an_owed_fill_before_a_cancel():
    market = Market()
    market.snapshot(0, [(617_000, 6)], [(618_010, 40)])
    lines = {}
    for step in range(20):
        market.nothing(10 + step)
        lines[10 + step] = [_order(100 * step + k + 1, Side.BUY, 617_500, 2) for k in range(4)]
    market.nothing(4500)
    lines[4500] = [_cancel(5000, 1904)]  # arrives at t = 5500, after a trade whose fill of 1904 is still owed
    market.trade(5499, 617_400, 1, aggressor=Side.SELL)
    line, _ = _run(market, lines)
    assert [t[1] for t in report_texts(line.reports) if t[0] == 1904] == [ACCEPTED, FILLED, CANCEL_REJECTED]


@pytest.mark.parametrize("copies", [1, 8])
def test_paper_answers_each_order_with_as_many_reports_as_asked(copies):
    market = Market()
    market.snapshot(0, [(618_000, 6)], [(618_010, 40)])
    lines = {0: [_order(1, Side.BUY, 618_000, 10), _order(2, Side.BUY, 618_010, 4, **IOC)]}
    line, _ = _run(market, lines, reports_per_order=copies)
    statuses = [(t[0], t[1]) for t in report_texts(line.reports)]
    assert statuses == [(1, ACCEPTED)] * copies + [(2, ACCEPTED)] * (copies - 1) + [(2, FILLED)]


def _random_day(seed):
    """Return a market with orders, cancels, swaps, gaps and resyncs, from one seed."""
    generator = random.Random(seed)
    market, lines, sent = Market(), {}, []
    market.pool(0, 1_000_000, 618_000_000_000)
    market.snapshot(0, [(618_000 - i, 20) for i in range(30)], [(618_001 + i, 20) for i in range(30)])
    for at in range(100, 40_000, 100):
        what = generator.random()
        price = 618_000 + generator.randrange(-6, 8)
        if what < 0.45:
            bids = [(618_000 - generator.randrange(8), generator.randrange(0, 40)) for _ in range(3)]
            asks = [(618_001 + generator.randrange(8), generator.randrange(0, 40)) for _ in range(3)]
            market.depth(at, bids, asks, gap=3 if generator.random() < 0.02 else 0)
        elif what < 0.8:
            market.trade(at, price, generator.randrange(1, 30), aggressor=generator.choice([Side.BUY, Side.SELL]))
        elif what < 0.9:
            market.pool(at, 1_000_000, 618_000_000_000 + generator.randrange(-10**9, 10**9))
        else:
            market.snapshot(at, [(618_000 - i, 20) for i in range(30)], [(618_001 + i, 20) for i in range(30)])
        lines[at] = []
        for k in range(generator.randrange(0, 5)):
            order_id = at * 4 + k + 1
            side = generator.choice([Side.BUY, Side.SELL])
            choice = generator.random()
            if choice < 0.3 and sent:
                lines[at].append(_cancel(order_id, generator.choice(sent)))
            elif choice < 0.8:
                tif = generator.choice([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.POST_ONLY])
                lines[at].append(_order(order_id, side, price, generator.randrange(1, 15), time_in_force=tif))
                sent.append(order_id)
            else:
                slices = generator.randrange(1, 5)
                lines[at].append(_swap(order_id, side, 618_000 + 2500 * side, generator.randrange(8, 90), slices=slices))
                sent.append(order_id)
        lines[at] = lines[at][:4]
    market.nothing(100_000)
    return market, {at: orders for at, orders in lines.items() if orders}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_paper_accounts_for_every_lot_on_random_days(seed):
    market, lines = _random_day(seed)
    wanted = {int(o["order_id"]): int(o["quantity_lots"]) for at in lines for o in lines[at] if o["action"] == Action.NEW}
    line, venue = _run(market, lines)
    state = venue.state[0]
    held = {int(o["order_id"]): int(o["leaves_lots"]) for o in state["orders"] if o["phase"] == 2 and _is_held(state, o)}
    leaves, ended = dict(wanted), set()
    for order_id, status, _, quantity, left, _ in report_texts(line.reports):
        if status == CANCEL_REJECTED:
            continue
        assert order_id not in ended, "nothing follows the end of an order"
        leaves[order_id] -= quantity
        assert leaves[order_id] >= 0
        if status in (CANCELLED, REJECTED):
            assert left == 0
        else:
            assert left == leaves[order_id]
        assert (status == FILLED) == (quantity > 0 and left == 0)
        if status in (FILLED, CANCELLED, REJECTED):
            ended.add(order_id)
    assert set(wanted) - ended == set(held), "an order either ended or rests"
    assert all(leaves[order_id] == lots for order_id, lots in held.items())
    assert int(state["index"]["count"]) == int(state["slots"]["count"]) == len(held)
    fills = sum(t[3] > 0 for t in report_texts(line.reports))
    assert fills == venue.counters[0]["fills"] > 20


def _is_held(state, order):
    queue = state["queues"][int(order["symbol"])]
    slot = int(queue["first"]) - 1
    for _ in range(int(queue["count"])):
        if int(state["orders"][slot]["order_id"]) == int(order["order_id"]):
            return True
        slot = int(state["orders"][slot]["following"]) - 1
    return False


def test_paper_digest_is_the_same_for_the_same_day_and_another_for_another():
    digests = []
    for seed in (1, 1, 2):
        market, lines = _random_day(seed)
        digests.append(_run(market, lines)[1].digest())
    assert digests[0] == digests[1] != digests[2]
