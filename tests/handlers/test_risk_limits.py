"""Every limit of the risk stage can fire: each test puts an order on the limit (accepted) and one step beyond (rejected)."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.codegen import compile_once
from disruptor.errors import LayoutError
from disruptor.handler import params_record
from handlers.risk.limits import LOTS_MAX, UNITS_MAX, RiskParams, fill_limits
from handlers.risk.stage import on_event
from hydraflow.codes import Action, BookStatus, Kind, OrderType, Reason, ReportStatus, TimeInForce
from tests.reference.kernels_risk import Bench, instruments_of

# tick 0.1, lot 0.001: one unit is 0.0001 of the quote currency; the second is a pool over the first
INSTRUMENTS = instruments_of(((1, 1), (1, 3), 0), ((1, 1), (1, 3), 0))
BID, ASK = 500_000, 500_002
WIDE = RiskParams(
    max_order_quantity=1e6, max_order_notional=1e12, max_position=1e6, max_open_notional=1e12, max_open_orders=100,
    collar_ppm=1_000_000, orders_per_second=1e9, order_burst=1_000_000, loss_limit=1e12,
)


class Desk:
    """Sends single orders and reports through a risk stage with the given limits."""

    def __init__(self, **limits) -> None:
        self.bench = Bench(on_event, attrs.evolve(WIDE, **limits), INSTRUMENTS)
        self.now = 1_000
        self.market()

    @property
    def account(self):
        return self.bench.state[0]["accounts"][0]

    def market(self, bid=BID, ask=ASK, status=BookStatus.LIVE, kind=Kind.TICKER, symbol=0):
        self.bench.message(
            kind=kind, symbol=symbol, book_status=status, bid_price_ticks=bid, ask_price_ticks=ask, receive_ns=self.now
        )
        self.bench.run()

    def send(self, side=1, price=BID, lots=10, **fields) -> Reason:
        event = self.bench.message(
            kind=Kind.TICKER, symbol=7, receive_ns=self.now, order_count=1
        )
        line = self.bench.orders[self.bench.next - 1, 0]
        wanted = {
            "order_id": self.bench.next * 4, "side": side, "price_ticks": price, "quantity_lots": lots, "symbol": 0,
            "action": Action.NEW, "type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, **fields,
        }
        for name, value in wanted.items():
            line[name] = value
        reason = Reason(int(self.bench.run()[0]["reason"]))
        assert event["accepted_count"] == (reason == Reason.ACCEPTED)
        assert self.bench.counters[0]["rejects"][reason] > 0
        self.last_id = int(line["order_id"])
        return reason

    def cancel(self, target) -> Reason:
        return self.send(side=0, price=0, lots=0, action=Action.CANCEL, target_id=target)

    def report(self, status, order_id=None, **fields):
        self.bench.message(kind=Kind.REPORT, receive_ns=self.now)
        self.bench.report(order_id=self.last_id if order_id is None else order_id, status=status, **fields)
        self.bench.run()

    def fill(self, lots, price=BID, side=1, fee=0, **fields):
        self.report(ReportStatus.FILLED, price_ticks=price, quantity_lots=lots, side=side, fee_units=fee, **fields)


def test_kill_switch_rejects_and_lets_cancels_pass():
    desk = Desk()
    assert desk.send() == Reason.ACCEPTED
    target = desk.last_id
    desk.bench.params[0]["kill"] = 1
    assert desk.send() == Reason.KILL_SWITCH
    assert desk.cancel(target) == Reason.ACCEPTED
    desk.bench.params[0]["kill"] = 0
    assert desk.send() == Reason.ACCEPTED


@pytest.mark.parametrize("status", [BookStatus.EMPTY, BookStatus.STALE, BookStatus.BUFFERING])
def test_book_not_live_rejects_and_lets_cancels_pass(status):
    desk = Desk()
    assert desk.send() == Reason.ACCEPTED
    target = desk.last_id
    desk.market(status=status, kind=Kind.LOST)
    assert desk.send() == Reason.BOOK_NOT_LIVE
    assert desk.cancel(target) == Reason.ACCEPTED
    desk.market()
    assert desk.send() == Reason.ACCEPTED


@pytest.mark.parametrize(("bid", "ask"), [(0, ASK), (BID, 0), (BID, BID), (ASK, BID)])
def test_book_without_two_sides_or_crossed_is_not_live(bid, ask):
    desk = Desk()
    desk.market(bid, ask)
    assert desk.send() == Reason.BOOK_NOT_LIVE


def test_pool_messages_do_not_touch_the_book():
    desk = Desk()
    desk.market(0, 0, BookStatus.EMPTY, Kind.POOL)
    assert desk.send() == Reason.ACCEPTED


@pytest.mark.parametrize(
    "fields",
    [
        {"price": 0}, {"price": -1}, {"price": (1 << 40) + 1}, {"lots": 0}, {"lots": -5}, {"lots": LOTS_MAX + 1}, {"side": 0},
        {"side": 2}, {"side": -128}, {"type": 0}, {"type": 3}, {"time_in_force": 0}, {"time_in_force": 4}, {"action": 0},
        {"action": 3}, {"symbol": 2}, {"symbol": 65_535}, {"order_id": 0}, {"order_id": -1}, {"order_id": 1 << 56},
        {"type": OrderType.MARKET, "time_in_force": TimeInForce.POST_ONLY},
    ],
)
def test_bad_order_rejects(fields):
    assert Desk().send(**fields) == Reason.BAD_ORDER


def test_max_order_quantity_at_the_limit():
    desk = Desk(max_order_quantity=0.25)
    assert desk.send(lots=250) == Reason.ACCEPTED
    assert desk.send(lots=251) == Reason.MAX_ORDER_QUANTITY


def test_max_order_notional_at_the_limit():
    desk = Desk(max_order_notional=BID * 30 * 0.0001)
    assert desk.send(lots=30) == Reason.ACCEPTED
    assert desk.send(price=BID + 1, lots=30) == Reason.MAX_ORDER_NOTIONAL


def test_max_order_notional_holds_where_the_product_leaves_int64():
    desk = Desk(max_order_quantity=1e15)
    desk.market((1 << 40) - 1, 1 << 40)
    assert desk.send(price=1 << 39, lots=1 << 40) == Reason.MAX_ORDER_NOTIONAL
    assert desk.bench.state[0]["limits"][0]["max_order_units"] <= UNITS_MAX


@pytest.mark.parametrize("side", [1, -1])
def test_max_position_counts_position_open_and_in_flight(side):
    desk = Desk(max_position=0.1)
    assert desk.send(side, lots=60) == Reason.ACCEPTED
    desk.fill(60, side=side)
    assert desk.send(side, lots=30) == Reason.ACCEPTED
    desk.report(ReportStatus.ACCEPTED, side=side)
    assert desk.send(side, lots=11) == Reason.MAX_POSITION
    assert desk.send(side, lots=10) == Reason.ACCEPTED
    assert desk.send(side, lots=1) == Reason.MAX_POSITION
    price = ASK + 5 if side > 0 else BID - 5
    assert desk.send(-side, price=price, lots=160) == Reason.ACCEPTED
    assert desk.send(-side, price=price, lots=1) == Reason.MAX_POSITION
    assert desk.bench.counters[0]["exposure_lots_max"][0] == 100


def test_max_position_is_released_by_cancelled_rejected_and_partly_filled():
    desk = Desk(max_position=0.1)
    for status in (ReportStatus.CANCELLED, ReportStatus.REJECTED):
        assert desk.send(lots=100) == Reason.ACCEPTED
        first = desk.last_id
        assert desk.send(lots=1) == Reason.MAX_POSITION
        desk.report(status, first, side=1)
    assert desk.send(lots=100) == Reason.ACCEPTED
    first = desk.last_id
    desk.report(ReportStatus.PARTIAL, first, price_ticks=BID, quantity_lots=40, side=1)
    assert desk.send(lots=1) == Reason.MAX_POSITION
    desk.report(ReportStatus.CANCEL_REJECTED, first, side=1)
    assert desk.send(lots=1) == Reason.MAX_POSITION
    desk.report(ReportStatus.CANCELLED, first, side=1)
    assert desk.send(lots=61) == Reason.MAX_POSITION
    assert desk.send(lots=60) == Reason.ACCEPTED


def test_slices_release_only_their_own_quantity():
    desk = Desk(max_position=0.1)
    assert desk.send(lots=100) == Reason.ACCEPTED
    first = desk.last_id
    desk.report(ReportStatus.REJECTED, first | (1 << 56), quantity_lots=25, side=1)
    assert desk.send(lots=26) == Reason.MAX_POSITION
    desk.report(ReportStatus.FILLED, first, price_ticks=BID, quantity_lots=25, side=1)
    assert desk.send(lots=26) == Reason.MAX_POSITION
    assert desk.send(lots=25) == Reason.ACCEPTED
    assert desk.account["open_lots"].tolist() == [0, 75]


def test_pool_orders_count_in_the_position_of_the_underlying():
    desk = Desk(max_position=0.1)
    assert desk.send(lots=60) == Reason.ACCEPTED
    assert desk.send(lots=41, symbol=1) == Reason.MAX_POSITION
    assert desk.send(lots=40, symbol=1) == Reason.ACCEPTED
    desk.fill(40, symbol=1)
    assert desk.account["position_lots"] == 40 and desk.bench.state[0]["accounts"][1]["position_lots"] == 0


def test_max_open_notional_at_the_limit():
    desk = Desk(max_open_notional=BID * 50 * 0.0001)
    assert desk.send(lots=20) == Reason.ACCEPTED
    first = desk.last_id
    assert desk.send(-1, ASK, lots=30) == Reason.MAX_OPEN_NOTIONAL
    assert desk.send(lots=30) == Reason.ACCEPTED
    assert desk.send(lots=1) == Reason.MAX_OPEN_NOTIONAL
    desk.report(ReportStatus.PARTIAL, first, price_ticks=BID - 7, quantity_lots=1, side=1)
    assert desk.send(lots=2) == Reason.MAX_OPEN_NOTIONAL
    assert desk.send(lots=1) == Reason.ACCEPTED


@pytest.mark.parametrize("side", [1, -1])
def test_price_collar_at_the_limit(side):
    desk = Desk(collar_ppm=100)  # of the mid 500,001: 50.0001 ticks
    assert desk.send(side, price=500_001 + 50) == Reason.ACCEPTED
    desk.report(ReportStatus.CANCELLED)
    assert desk.send(side, price=500_001 - 50) == Reason.ACCEPTED
    assert desk.send(side, price=500_001 + 51) == Reason.PRICE_COLLAR
    assert desk.send(side, price=500_001 - 51) == Reason.PRICE_COLLAR


def test_rate_limit_at_the_nanosecond():
    desk = Desk(orders_per_second=1_000.0, order_burst=3)
    assert [desk.send() for _ in range(4)] == [Reason.ACCEPTED] * 3 + [Reason.RATE_LIMIT]
    desk.now += 999_999
    assert desk.send() == Reason.RATE_LIMIT
    desk.now += 1
    assert desk.send() == Reason.ACCEPTED
    assert desk.send() == Reason.RATE_LIMIT
    desk.now += 1_000_000_000
    assert [desk.send() for _ in range(4)] == [Reason.ACCEPTED] * 3 + [Reason.RATE_LIMIT]


def test_loss_limit_latches_one_unit_beyond_and_lets_cancels_pass():
    desk = Desk(loss_limit=1.0)  # 10,000 units
    assert desk.send() == Reason.ACCEPTED
    resting = desk.last_id
    assert desk.send(lots=100) == Reason.ACCEPTED
    desk.fill(100, price=500_001, fee=10_000)
    assert desk.send() == Reason.ACCEPTED and desk.bench.counters[0]["pnl_units"][0] == -10_000
    desk.report(ReportStatus.PARTIAL, resting, price_ticks=500_001, quantity_lots=1, side=1, fee_units=1)
    assert desk.bench.counters[0]["pnl_units"][0] == -10_001
    assert desk.send() == Reason.LOSS_LIMIT
    desk.market(BID + 1_000, ASK + 1_000)
    assert desk.bench.counters[0]["pnl_units"][0] > 0
    assert desk.send(price=BID + 1_000) == Reason.LOSS_LIMIT  # latched, though the loss is made good
    assert desk.cancel(resting) == Reason.ACCEPTED


def test_loss_limit_latches_on_a_mark_of_half_a_tick():
    desk = Desk(loss_limit=0.005)  # 50 units
    assert desk.send(lots=100) == Reason.ACCEPTED
    desk.fill(100, price=500_001)
    desk.market(BID, ASK - 1)  # mid half a tick lower: -50 units, on the limit
    assert desk.send() == Reason.ACCEPTED
    desk.market(BID - 1, ASK - 1)
    assert desk.send() == Reason.LOSS_LIMIT


def test_loss_limit_adds_up_all_instruments():
    table = instruments_of(((1, 1), (1, 3), 0), ((1, 2), (1, 2), 1))
    bench = Bench(on_event, attrs.evolve(WIDE, loss_limit=1.0), table)
    for symbol in (0, 1):
        bench.message(kind=Kind.REPORT)
        bench.report(order_id=9, status=ReportStatus.FILLED, price_ticks=100, quantity_lots=1, side=1, symbol=symbol,
                     fee_units=6_000)  # 0.6 each: one unit is 0.0001 in both
        bench.run()
        assert bench.counters[0]["latched"] == symbol
    assert bench.counters[0]["money"] == -1_200_000_000


def test_max_open_orders_at_the_limit():
    desk = Desk(max_open_orders=3)
    assert [desk.send() for _ in range(4)] == [Reason.ACCEPTED] * 3 + [Reason.MAX_OPEN_ORDERS]
    desk.report(ReportStatus.CANCELLED, 8)
    assert [desk.send() for _ in range(2)] == [Reason.ACCEPTED, Reason.MAX_OPEN_ORDERS]
    assert desk.bench.counters[0]["open_orders"] == desk.bench.counters[0]["open_orders_max"] == 3


@pytest.mark.parametrize("side", [1, -1])
def test_self_cross_at_the_own_price(side):
    desk = Desk()
    best, other = (BID, ASK) if side > 0 else (ASK, BID)
    assert desk.send(side, best - 5 * side) == Reason.ACCEPTED
    assert desk.send(side, best) == Reason.ACCEPTED
    resting = desk.last_id
    assert desk.send(side, best - 9 * side) == Reason.ACCEPTED
    assert desk.send(-side, best) == Reason.SELF_CROSS
    assert desk.send(-side, best + side) == Reason.ACCEPTED
    assert desk.send(-side, other) == Reason.ACCEPTED
    assert desk.cancel(resting) == Reason.ACCEPTED
    assert desk.send(-side, best - 4 * side) == Reason.ACCEPTED  # the cancel goes before
    assert desk.send(-side, best - 5 * side) == Reason.SELF_CROSS


def test_self_cross_ignores_orders_that_never_rest():
    desk = Desk()
    assert desk.send(price=ASK, time_in_force=TimeInForce.IOC) == Reason.ACCEPTED
    assert desk.send(price=ASK, type=OrderType.MARKET, time_in_force=TimeInForce.IOC) == Reason.ACCEPTED
    assert desk.send(-1, BID) == Reason.ACCEPTED


def test_unknown_order_rejects_the_cancel():
    desk = Desk()
    assert desk.cancel(99) == Reason.UNKNOWN_ORDER
    assert desk.send() == Reason.ACCEPTED
    target = desk.last_id
    assert [desk.cancel(target) for _ in range(2)] == [Reason.ACCEPTED] * 2  # asking again is allowed
    desk.report(ReportStatus.CANCELLED, target)
    assert desk.cancel(target) == Reason.UNKNOWN_ORDER


def test_duplicate_id_rejects_open_and_closed_ids():
    desk = Desk()
    assert desk.send() == Reason.ACCEPTED
    first = desk.last_id
    assert desk.send(order_id=first) == Reason.DUPLICATE_ID
    desk.report(ReportStatus.CANCELLED, first)
    assert desk.send(order_id=first) == Reason.DUPLICATE_ID
    assert desk.send(order_id=first + 1) == Reason.ACCEPTED


def test_unknown_fill_is_counted_and_moves_the_position():
    desk = Desk(max_position=0.1)
    desk.fill(100, order_id=77)
    counters = desk.bench.counters[0]
    assert (counters["unknown_reports"], counters["fills"], counters["position_lots"][0]) == (1, 1, 100)
    assert desk.send(lots=1) == Reason.MAX_POSITION
    desk.report(ReportStatus.CANCELLED, 77)
    assert counters["unknown_reports"] == 2 and counters["bad_reports"] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity_lots": 0}, {"quantity_lots": -1}, {"quantity_lots": LOTS_MAX + 1}, {"side": 0}, {"side": 2}, {"symbol": 2},
        {"price_ticks": -1}, {"price_ticks": (1 << 40) + 1}, {"fee_units": UNITS_MAX + 1}, {"fee_units": -(1 << 63)},
    ],
)
def test_bad_fill_is_counted_and_changes_nothing(fields):
    desk = Desk()
    desk.report(ReportStatus.FILLED, 4, **{"quantity_lots": 1, "price_ticks": 5, "side": 1, **fields})
    assert desk.bench.counters[0]["bad_reports"] == 1
    assert desk.account["position_lots"] == desk.account["cash_units"] == desk.account["fees_units"] == 0


def test_account_splits_cost_and_turns_over():
    desk = Desk()
    for side, price, lots in ((1, 100, 3), (1, 101, 4), (-1, 110, 2), (-1, 90, 9), (1, 80, 4)):
        desk.fill(lots, price, side, order_id=1)
    account = desk.account
    # bought 7 for 704, sold 2 at their share floor(704 × 2 / 7) = 201, then 5 more and 4 short at 90, then flat
    assert account["position_lots"] == 0 and account["cost_units"] == 0
    assert account["cash_units"] == -704 + 220 + 810 - 320
    assert (account["volume_lots"], account["fills"]) == (22, 5)


def test_limits_are_rounded_down_to_whole_lots_and_units_exactly():
    bench = Bench(on_event, RiskParams(max_order_quantity=0.3, max_order_notional=0.00029, loss_limit=0.3), INSTRUMENTS)
    limit = bench.state[0]["limits"][0]
    assert (limit["max_order_lots"], limit["max_order_units"]) == (300, 2)
    assert bench.state[0]["loss_limit_money_twice"] == 600_000_000
    assert (limit["money_multiple"], limit["money_divisor"]) == (100_000, 1)


def test_money_of_a_fine_instrument_is_a_fraction():
    table = instruments_of(((25, 8), (1, 8), 0))
    bench = Bench(on_event, RiskParams(), table)
    limit = bench.state[0]["limits"][0]
    assert limit["money_multiple"] / limit["money_divisor"] == pytest.approx(25e-16 * 1e9, rel=1e-12)


def test_infinite_limits_are_the_largest_that_count():
    bench = Bench(on_event, attrs.evolve(WIDE, max_position=float("inf"), max_open_notional=float("inf")), INSTRUMENTS)
    limit = bench.state[0]["limits"][0]
    assert (limit["max_position_lots"], limit["max_open_units"]) == (LOTS_MAX, UNITS_MAX)


def test_prepare_refuses_an_unknown_underlying():
    with pytest.raises(LayoutError, match="instrument 0: underlying 3 is not one of 1 instruments"):
        Bench(on_event, RiskParams(), instruments_of(((1, 1), (1, 3), 3)))


def test_params_describe_themselves_and_make_a_record():
    for field in attrs.fields(RiskParams):
        assert field.metadata["description"] and "unit" in field.metadata
        low, high = field.metadata["range"]
        assert low <= field.default <= high, field.name
    assert params_record(RiskParams(kill=True))[0]["kill"] == 1
    assert np.dtype(params_record(RiskParams()).dtype).names[0] == "kill"


AMOUNTS = st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 10**17 - 1), st.integers(0, 18))
STEPS = st.tuples(st.integers(1, 90_000) | st.sampled_from([1, 5, 25]), st.integers(0, 13))


@settings(max_examples=300, deadline=None)
@given(AMOUNTS, AMOUNTS, STEPS, STEPS)
def test_limits_are_whole_steps_rounded_down_exactly(quantity, notional, tick, lot):
    limits = {"max_order_quantity": float(quantity), "max_position": float(quantity), "max_order_notional": float(notional),
              "max_open_notional": float(notional), "loss_limit": float(notional)}
    table = instruments_of((tick, lot, 0))
    state = np.zeros(1, on_event.state_dtype(WIDE, instruments=table))[0]
    fill_limits(state, attrs.evolve(WIDE, **limits), table)
    lot_step, tick_step = (Decimal(multiple).scaleb(-decimals) for multiple, decimals in (lot, tick))

    def whole(amount, step, highest):
        exact = Decimal(repr(float(amount))) / step
        return highest if exact >= highest else int(exact.to_integral_value(ROUND_FLOOR))

    for got, wanted in (
        (state["limits"][0]["max_order_lots"], whole(quantity, lot_step, LOTS_MAX)),
        (state["limits"][0]["max_position_lots"], whole(quantity, lot_step, LOTS_MAX)),
        (state["limits"][0]["max_order_units"], whole(notional, tick_step * lot_step, UNITS_MAX)),
        (state["limits"][0]["max_open_units"], whole(notional, tick_step * lot_step, UNITS_MAX)),
        (state["loss_limit_money_twice"] // 2, whole(notional, Decimal("1e-9"), UNITS_MAX)),
    ):
        assert got == wanted


@pytest.mark.parametrize(("tick", "lot"), [((1, 10), (1, 18)), ((10**6, 0), (10**5, 0))])
def test_steps_in_which_money_cannot_be_counted_are_refused(tick, lot):
    table = instruments_of((tick, lot, 0))
    state = np.zeros(1, on_event.state_dtype(WIDE, instruments=table))[0]
    with pytest.raises(LayoutError, match=r"instrument 0: tick .* × lot .* is an amount of 1[.0]*e[-+]\d+, and profit and loss are counted"):
        fill_limits(state, WIDE, table)


@pytest.mark.parametrize(("tick", "lot"), [((1, 2), (1, 8)), ((25, 2), (1, 8)), ((1, 8), (1, 8))])
def test_the_default_limits_are_exact_at_fine_steps(tick, lot):
    state = np.zeros(1, on_event.state_dtype(RiskParams(), instruments=(table := instruments_of((tick, lot, 0)))))[0]
    fill_limits(state, RiskParams(), table)
    unit = Decimal(tick[0] * lot[0]).scaleb(-tick[1] - lot[1])
    assert state["limits"][0]["max_open_units"] == min(UNITS_MAX, int(5_000_000 / unit))
    assert state["limits"][0]["max_order_units"] == min(UNITS_MAX, int(1_000_000 / unit))


def test_limits_that_change_while_it_runs_are_those_of_a_start_with_them():
    changed = attrs.evolve(WIDE, max_order_quantity=0.29, max_position=1.13, max_order_notional=5_000.7, max_open_notional=9_999.9,
                           loss_limit=0.3, orders_per_second=3_000.0, order_burst=7)
    running, fresh = (Bench(on_event, params, INSTRUMENTS).state[0] for params in (WIDE, changed))
    compile_once(on_event.on_params)(running, params_record(changed)[0], INSTRUMENTS)
    for name in ("limits", "loss_limit_money_twice", "rate"):
        assert np.array_equal(running[name], fresh[name]), name
    assert fresh["limits"][0]["max_order_lots"] == 290
