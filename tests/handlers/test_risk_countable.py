"""A loss that int64 can no longer count stops trading, as one beyond the limit does: it never turns into a profit."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from handlers.risk.limits import RiskParams
from handlers.risk.stage import on_event
from hydraflow.codes import BookStatus, Kind, Reason
from tests.handlers.test_risk_limits import Desk
from tests.reference.kernels_risk import Bench, instruments_of

# tick 1,000, lot 1: one unit is 1,000 of the quote currency, 10^12 of what profit and loss are counted in
COARSE = instruments_of(((1_000, 0), (1, 0), 0))
HUGE = RiskParams(
    max_order_quantity=1e12, max_order_notional=1e18, max_position=1e12, max_open_notional=1e18, max_open_orders=100,
    collar_ppm=1_000_000, orders_per_second=1e9, order_burst=1_000_000, loss_limit=1e9,
)


class CoarseDesk(Desk):
    def __init__(self) -> None:
        self.bench = Bench(on_event, HUGE, COARSE)
        self.now = 1_000
        self.market(100, 101)

    def holds(self, lots: int) -> None:
        assert self.send(price=100, lots=lots) == Reason.ACCEPTED
        self.fill(lots, price=100)

    @property
    def latched(self) -> bool:
        return bool(self.bench.state[0]["latched"])


@pytest.mark.parametrize("fall", [99, 98, 60, 1])
def test_a_loss_that_cannot_be_counted_latches(fall):
    """200 million lots lose 10^11 of the quote currency with a tick: 4·10^20 money twice, 22 times around int64."""
    desk = CoarseDesk()
    desk.holds(200_000_000)
    desk.market(fall, fall + 1)
    assert desk.latched
    assert desk.send(price=fall) == Reason.LOSS_LIMIT


def test_a_profit_that_cannot_be_counted_latches_too_and_what_can_be_does_not():
    desk = CoarseDesk()
    desk.holds(1_000_000)
    desk.market(102, 103)  # 2 ticks and a half: 2.5·10^9
    assert desk.latched
    desk = CoarseDesk()
    desk.holds(100_000)
    desk.market(102, 103)  # 2.5·10^8
    assert not desk.latched
    assert desk.bench.state[0]["money_twice"] == 2 * 250_000 * 10**12


def test_the_value_of_a_position_beyond_int64_latches():
    desk = CoarseDesk()
    desk.account["position_lots"] = 1 << 40
    desk.account["cash_units"] = -(1 << 40) * 100  # bought at the mid, so nothing is lost
    desk.market(1 << 30, (1 << 30) + 1)
    assert desk.latched


def test_a_total_of_many_accounts_beyond_int64_latches():
    """Each of twelve accounts is countable, their sum is not."""
    table = instruments_of(*[((1_000, 0), (1, 0), i) for i in range(12)])
    bench = Bench(on_event, HUGE, table)
    each = (2 * 400_000 + 202) * 10**12  # twice what one has made: some 8·10^17
    for i in range(12):
        bench.message(kind=Kind.TICKER, symbol=i, book_status=BookStatus.LIVE, bid_price_ticks=100, ask_price_ticks=101, receive_ns=5)
        bench.run()
        account = bench.state[0]["accounts"][i]
        account["position_lots"], account["cash_units"] = 1, 400_000
        bench.message(kind=Kind.TICKER, symbol=i, book_status=BookStatus.LIVE, bid_price_ticks=100, ask_price_ticks=102, receive_ns=6)
        bench.run()
        exact = each * (i + 1)
        assert bool(bench.state[0]["latched"]) == (exact >= 1 << 62), i
    assert bench.state[0]["money_twice"] == each * ((1 << 62) // each)


def test_limits_within_the_range_are_kept_to_the_unit():
    (highest,) = [a.metadata["range"][1] for a in attrs.fields(RiskParams) if a.name == "loss_limit"]
    bench = Bench(on_event, attrs.evolve(HUGE, loss_limit=highest), COARSE)
    assert bench.state[0]["loss_limit_money_twice"] == 2 * int(highest) * 10**9
    assert np.iinfo(np.int64).max // 2 > bench.state[0]["loss_limit_money_twice"]
