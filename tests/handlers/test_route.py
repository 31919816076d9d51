"""The choice of venue."""

from __future__ import annotations

import numpy as np
import pytest

from handlers.fees import fee_units
from handlers.route import RouteParams, route
from hydraflow.codes import Action, Kind, OrderType, Reason, Side, TimeInForce, Venue
from tests.reference.line import Line, Stage, instrument, levels_message, order_line, touch
from tests.reference.pool import get_amount_in, get_amount_out

BASE, QUOTE = 2_000_000, 2_000_000 * 618_000  # reserves at 61,800.0
BID, ASK = 617_990, 618_010


def _line(lines, params=None, taker_fee_ppm=400):
    instruments = np.array([
        instrument(taker_fee_ppm=taker_fee_ppm, maker_fee_ppm=-50),
        instrument("BTCPOOL", venue=Venue.POOL, underlying=0, taker_fee_ppm=3000),
    ])
    pending = [lines]
    line = Line(
        instruments, {"route": Stage(route, params, instruments=instruments)},
        lambda event, sequence: pending.pop() if event["kind"] == Kind.DEPTH and pending else [],
    )
    return line


def _routed(lines, *, reserves=(BASE, QUOTE), live=True, **options):
    line = _line(lines, **options)
    market = []
    if reserves:
        market.append(levels_message(Kind.POOL, 1, [reserves], symbol=1))
    market.append(levels_message(Kind.DEPTH, 2, **(touch(BID, 40, ASK, 30) if live else {})))
    line.run(market)
    return [line.orders[(line.sequence - 1) % 64, k] for k in range(len(lines))], line.stages["route"].counters[0]


def _taker(side, price, quantity):
    return order_line(side, price, quantity, time_in_force=TimeInForce.IOC)


def test_route_sends_makers_and_cancels_to_the_exchange():
    (maker, cancel), counters = _routed(
        [order_line(Side.BUY, BID, 10), order_line(Side.BUY, 0, 0, action=Action.CANCEL, target_id=7)]
    )
    assert (maker["venue"], cancel["venue"]) == (Venue.EXCHANGE, Venue.EXCHANGE)
    assert maker["expected_units"] == BID * 10 + fee_units(BID * 10, -50) < BID * 10
    assert (counters["exchange"], counters["cancels"]) == (1, 1)


@pytest.mark.parametrize("taker_fee_ppm", [400, 8000])
@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_route_takes_the_better_net_price(side, taker_fee_ppm):
    quantity, limit = 50, 618_000 + 3_000 * side
    (order,), _ = _routed([_taker(side, limit, quantity)], taker_fee_ppm=taker_fee_ppm)
    price, shown = (ASK, 30) if side > 0 else (BID, 40)
    gross = price * shown + limit * (quantity - shown)
    exchange = gross + side * fee_units(gross, taker_fee_ppm)
    if side > 0:
        pool = get_amount_in(quantity, QUOTE, BASE)
    else:
        pool = get_amount_out(quantity, BASE, QUOTE)
    better = min(exchange, pool) if side > 0 else max(exchange, pool)
    assert order["expected_units"] == better
    assert order["venue"] == (Venue.POOL if better == pool else Venue.EXCHANGE)
    assert order["pool"] == (1 if better == pool else 0)


def test_route_takes_both_venues_in_the_cases_above():
    venues = {
        int(_routed([_taker(Side.BUY, 621_000, 50)], taker_fee_ppm=fee)[0][0]["venue"]) for fee in (400, 8000)
    }
    assert venues == {Venue.EXCHANGE, Venue.POOL}


def test_route_counts_the_cost_of_a_pool_transaction():
    cheap, dear = (
        _routed([_taker(Side.BUY, 621_000, 50)], taker_fee_ppm=8000, params=RouteParams(pool_cost=cost))[0][0]
        for cost in (0.01, 1000.0)
    )
    assert (cheap["venue"], dear["venue"]) == (Venue.POOL, Venue.EXCHANGE)
    assert cheap["expected_units"] == get_amount_in(50, QUOTE, BASE) + 100  # 0.01 at 0.1 × 0.001 per unit


def test_route_keeps_to_the_limit_price():
    # the pool's average with its fee is about 619,875: beyond the limit, and the exchange does not cross it either
    (order,), _ = _routed([_taker(Side.BUY, 618_005, 50)], taker_fee_ppm=8000)
    assert (order["venue"], order["route_reason"], order["expected_units"]) == (Venue.EXCHANGE, 0, 0)


def test_route_finds_no_way_without_book_and_pool():
    lines = [_taker(Side.BUY, 620_000, 5), order_line(Side.SELL, 620_000, 5, type=OrderType.MARKET)]
    orders, counters = _routed(lines, reserves=None, live=False)
    assert [o["route_reason"] for o in orders] == [Reason.NO_ROUTE] * 2
    assert [o["venue"] for o in orders] == [Venue.NONE] * 2 and counters["no_route"] == 2


def test_route_uses_the_pool_while_the_book_is_not_live():
    (order,), _ = _routed([_taker(Side.BUY, 621_000, 5)], live=False)
    assert order["venue"] == Venue.POOL


def test_route_leaves_rejected_lines_without_venue():
    (order,), counters = _routed([order_line(Side.BUY, BID, 1, reason=Reason.RATE_LIMIT, venue=2, pool=9)])
    assert (order["venue"], order["pool"], counters["exchange"]) == (Venue.NONE, 0, 0)


def test_route_survives_a_message_of_an_unknown_symbol():
    line = _line([])
    line.run([levels_message(Kind.SNAPSHOT, 1, [(1, 1)], symbol=65_535)])
    line.run([levels_message(Kind.POOL, 2, [(1, 1)], symbol=65_535)])
    assert line.stages["route"].state[0]["pools"]["base_lots"].tolist() == [0, 0]


def test_route_digest_tells_different_markets_apart():
    digests = set()
    for bid in (BID, BID - 1):
        line = _line([])
        line.run([levels_message(Kind.DEPTH, 2, **touch(bid, 40, ASK, 30))])
        digests.add(line.stages["route"].digest())
    assert len(digests) == 2
