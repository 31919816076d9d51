"""What the mev handler does about exposed pool orders."""

from __future__ import annotations

import numpy as np
import pytest

from handlers.mev import PRIVATE, REFUSED, SPLIT, TIGHTENED, UNTOUCHED, MevParams, mev
from hydraflow.codes import Kind, Reason, Side, Venue
from tests.reference.line import Line, Stage, instrument, levels_message, order_line
from tests.reference.pool import best_sandwich, get_amount_in, get_amount_out

BASE, QUOTE, FEE = 2_000_000, 2_000_000 * 618_000, 3000
UNIT = 0.1 * 0.001  # quote currency per unit


def _guarded(line, **params):
    instruments = np.array(
        [instrument(), instrument("BTCPOOL", venue=Venue.POOL, underlying=0, taker_fee_ppm=FEE)]
    )
    stage = Stage(mev, MevParams(**params), instruments=instruments)
    run = Line(instruments, {"mev": stage}, lambda event, _: [line] if event["kind"] == Kind.TICKER else [])
    run.run([levels_message(Kind.POOL, 1, [(BASE, QUOTE)], symbol=1), levels_message(Kind.TICKER, 2)])
    return run.orders[1, 0], stage.counters[0]


def _pool_order(side, lots, slippage):
    if side > 0:
        price = int(get_amount_in(lots, QUOTE, BASE, FEE) / lots * (1 + slippage))
    else:
        price = int(get_amount_out(lots, BASE, QUOTE, FEE) / lots * (1 - slippage))
    return order_line(side, price, lots, venue=Venue.POOL, pool=1)


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_mev_leaves_an_order_alone_when_little_can_be_taken(side):
    line = _pool_order(side, 2000, 0.001)
    order, counters = _guarded(line)
    assert (order["mev_reason"], order["slices"], order["private_relay"]) == (UNTOUCHED, 1, 0)
    assert order["limit_price_ticks"] == line["price_ticks"]
    assert counters["pool_lines"] == 1


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_mev_splits_into_the_fewest_parts_that_stay_within_the_limit(side):
    line = _pool_order(side, 30_000, 0.02)
    order, counters = _guarded(line, max_extractable=5_000.0, max_slices=8)
    assert order["mev_reason"] == SPLIT and counters["split"] == 1
    price, parts = int(line["price_ticks"]), int(order["slices"])
    whole = best_sandwich(BASE, QUOTE, side, 30_000, price, FEE)
    assert float(order["extractable_units"]) == pytest.approx(whole, rel=1e-3, abs=4 * QUOTE / BASE)

    def exposed(n):
        return best_sandwich(BASE, QUOTE, side, 30_000 - 30_000 // n * (n - 1), price, FEE) * UNIT

    assert exposed(parts) <= 5_000.0 * 1.001
    assert exposed(parts - 1) > 5_000.0 * 0.999


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_mev_tightens_to_the_loosest_price_within_the_limit_when_it_may_not_split(side):
    line = _pool_order(side, 60_000, 0.03)
    order, counters = _guarded(line, max_extractable=400.0, max_slices=1)
    assert (order["mev_reason"], order["slices"], counters["tightened"]) == (TIGHTENED, 1, 1)
    price = int(order["limit_price_ticks"])
    assert side * (int(line["price_ticks"]) - price) > 0
    if side > 0:
        assert get_amount_in(60_000, QUOTE, BASE, FEE) <= price * 60_000, "it still executes"
    else:
        assert get_amount_out(60_000, BASE, QUOTE, FEE) >= price * 60_000, "it still executes"
    assert best_sandwich(BASE, QUOTE, side, 60_000, price, FEE) * UNIT <= 400.0 * 1.001
    assert best_sandwich(BASE, QUOTE, side, 60_000, price + 20 * side, FEE) * UNIT > 400.0 * 0.999


@pytest.mark.parametrize(("allow_private", "reason"), [(1, PRIVATE), (0, REFUSED)])
def test_mev_turns_to_a_private_relay_or_refuses_when_nothing_else_helps(allow_private, reason):
    line = _pool_order(Side.BUY, 60_000, 0.03)
    order, counters = _guarded(line, max_extractable=0.0, max_slices=1, slack_ppm=20_000, allow_private=allow_private)
    assert (order["mev_reason"], order["private_relay"]) == (reason, allow_private)
    assert (counters["private"], counters["refused"]) == (allow_private, 1 - allow_private)


def test_mev_fills_its_fields_for_exchange_and_rejected_lines():
    for line in (
        order_line(Side.BUY, 100, 5, venue=Venue.EXCHANGE, slices=9, mev_reason=3, extractable_units=8),
        order_line(Side.BUY, 100, 5, venue=Venue.POOL, reason=Reason.RATE_LIMIT, slices=9, private_relay=1),
    ):
        order, counters = _guarded(line)
        assert (order["slices"], order["limit_price_ticks"], order["mev_reason"]) == (1, 100, UNTOUCHED)
        assert (order["private_relay"], order["extractable_units"], counters["pool_lines"]) == (0, 0, 0)
