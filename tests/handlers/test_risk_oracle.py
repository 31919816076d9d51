"""The risk stage decides as the naive one does, over long random flows; its books add up after every message."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from handlers.risk.limits import RiskParams
from handlers.risk.stage import digest, on_event
from hydraflow.codes import Reason, ReportStatus
from hydraflow.records import REPORT_UNITS
from tests.reference.kernels_risk import Bench, instruments_of
from tests.reference.naive_risk import NaiveRisk
from tests.reference.risk_flow import Flow

INSTRUMENTS = instruments_of(((1, 1), (1, 3), 0), ((25, 2), (1, 2), 1), ((1, 1), (1, 3), 0))  # the third is a pool of the first
PARAMS = RiskParams(
    max_order_quantity=0.1, max_order_notional=5_000.0, max_position=0.2, max_open_notional=13_000.0, max_open_orders=24,
    collar_ppm=10_000, orders_per_second=150.0, order_burst=8, loss_limit=1e9,
)


def new_flow(seed, *, slots, params=PARAMS, garbage=True):
    bench = Bench(on_event, params, INSTRUMENTS, slots=slots)
    return Flow(bench, NaiveRisk(params, INSTRUMENTS), seed, garbage)


def compare(flow, first=0):
    """Run the stage over the messages from `first` and hold every decision and every account against the naive risk."""
    bench = flow.bench
    bench.run(first)
    found = np.array([bench.orders[i, k]["reason"] for i, k, _ in flow.reasons])
    expected = np.array([reason for _, _, reason in flow.reasons])
    differing = np.flatnonzero(found != expected)
    assert differing.size == 0, (flow.reasons[differing[0]], Reason(int(found[differing[0]])))
    columns = [0, 1, 2, 4, 5, 6, 7, 8]
    same = bench.trace[: bench.next][..., columns] == flow.rows[: bench.next][..., columns]
    assert same.all(), np.argwhere(~same)[0]
    return set(expected.tolist())


def check_invariants(bench):
    """Recompute what the state keeps as sums, and the rings of resting orders."""
    state = bench.state[0]
    slots = state["slots"]["links"].shape[0]
    taken = np.flatnonzero(state["slots"]["links"] == -1)
    orders = state["open"][taken]
    assert state["index"]["count"] == len(taken) == state["slots"]["count"]
    assert len(set(orders["order_id"].tolist())) == len(taken)
    for account in range(len(state["accounts"])):
        mine = orders[orders["underlying"] == account]
        row = state["accounts"][account]
        for way, side in ((0, -1), (1, 1)):
            assert row["open_lots"][way] == mine[mine["side"] == side]["remaining_lots"].sum()
            sentinel = slots + 2 * account + way
            keys, place = [], state["open"][sentinel]["worse"]
            while place != sentinel:
                order = state["open"][place]
                assert order["side"] == side and order["underlying"] == account and place in taken
                assert state["open"][order["worse"]]["better"] == place
                keys.append(int(order["key"]))
                place = order["worse"]
            assert keys == sorted(keys, reverse=True)
        assert row["open_units"] == (mine["remaining_lots"] * mine["price_ticks"]).sum()


def test_risk_equals_the_naive_one_over_20_000_messages():
    flow = new_flow(11, slots=1 << 15)
    flow.make(20_000)
    seen = compare(flow)
    check_invariants(flow.bench)
    expected = {int(r) for r in Reason if r < 100} - {Reason.KILL_SWITCH, Reason.LOSS_LIMIT}
    assert seen == expected
    counters = flow.bench.counters[0]
    assert counters["decisions"] == len(flow.reasons) == counters["rejects"].sum()
    assert counters["accepted"] == counters["rejects"][0] > 2_000
    assert counters["fills"] == sum(len(fills) for fills in flow.naive.fills.values()) > 1_000
    assert (counters["unknown_reports"], counters["bad_reports"], counters["overfills"]) == (
        flow.naive.unknown, flow.naive.bad, flow.naive.overfills,
    )
    assert counters["unknown_reports"] > 10 and counters["bad_reports"] > 10


def test_risk_equals_the_naive_one_when_killed_and_when_the_loss_limit_latches():
    flow = new_flow(5, slots=1 << 12, params=attrs.evolve(PARAMS, loss_limit=20.0))
    flow.make(300)
    seen = compare(flow)
    boundary = flow.bench.next
    flow.naive.kill = True
    flow.bench.params[0]["kill"] = 1
    flow.make(100)
    seen |= compare(flow, boundary)
    boundary = flow.bench.next
    flow.naive.kill = False
    flow.bench.params[0]["kill"] = 0
    flow.make(2_000)
    seen |= compare(flow, boundary)
    assert {Reason.KILL_SWITCH, Reason.LOSS_LIMIT} <= seen
    assert flow.naive.latched and flow.bench.counters[0]["latched"] == 1


TIGHT = attrs.evolve(PARAMS, max_position=0.06)


def test_risk_position_stays_within_the_limit_however_late_the_reports():
    """Neither what risk knows nor what the venue holds, known or not yet, passes the limit."""
    worst = 0
    for seed in range(6):
        flow = new_flow(100 + seed, slots=1 << 12, params=TIGHT, garbage=False)
        flow.make(2_000)
        compare(flow)
        limit = flow.bench.state[0]["limits"]["max_position_lots"]
        known = np.abs(flow.bench.trace[: flow.bench.next, :2, 0]).max(axis=0)
        assert (known <= limit[:2]).all()
        assert flow.venue.worst[0] <= limit[0] and flow.venue.worst[1] <= limit[1]
        worst = max(worst, flow.venue.worst[0])
        check_invariants(flow.bench)
    assert worst > 0.9 * limit[0]


def test_control_position_passes_the_limit_when_exposure_is_not_reserved():
    flow = new_flow(100, slots=1 << 12, params=TIGHT, garbage=False)
    flow.naive.open_lots = lambda underlying, side: 0
    flow.make(3_000)
    assert flow.venue.worst[0] > 1.5 * flow.bench.state[0]["limits"]["max_position_lots"][0]


@pytest.mark.parametrize("seed", range(3))
def test_risk_profit_is_conserved_to_the_unit(seed):
    """cash + position × mid − fees, recomputed from the reports alone, is realised + unrealised − fees."""
    flow = new_flow(200 + seed, slots=1 << 12, garbage=False)
    flow.make(3_000)
    compare(flow)
    cash, position, fees = [0] * 3, [0] * 3, [0] * 3
    for report in flow.reports:
        if report["status"] in (ReportStatus.PARTIAL, ReportStatus.FILLED):
            underlying = int(INSTRUMENTS[report["symbol"]]["underlying"])
            cash[underlying] -= report["side"] * report["price_ticks"] * report["quantity_lots"]
            position[underlying] += report["side"] * report["quantity_lots"]
            fees[underlying] += report["fee_units"]
    for symbol in range(3):
        account = flow.bench.state[0]["accounts"][symbol]
        mid_twice = int(account["mid_twice"])
        total_twice = 2 * cash[symbol] + position[symbol] * mid_twice - 2 * fees[symbol]
        realised = int(account["cash_units"] + account["cost_units"])
        unrealised_twice = int(account["position_lots"]) * mid_twice - 2 * int(account["cost_units"])
        assert total_twice == 2 * realised + unrealised_twice - 2 * int(account["fees_units"])
        assert flow.bench.counters[0]["pnl_units"][symbol] == total_twice // 2
        assert flow.bench.counters[0]["position_lots"][symbol] == position[symbol]


def test_risk_digest_is_equal_for_equal_content_in_other_slots():
    """Two histories that leave the same orders open in different slots have one digest; another price has another."""

    def after(order_ids, price):
        bench = Bench(on_event, RiskParams(), INSTRUMENTS)
        fields = {"kind": 3, "symbol": 0, "book_status": 1, "bid_price_ticks": 600_000, "ask_price_ticks": 600_001}
        for order_id in order_ids:
            bench.message(**fields, receive_ns=1_000, order_count=1)
            line = bench.orders[bench.next - 1, 0]
            line["order_id"], line["price_ticks"], line["quantity_lots"] = order_id, price + order_id, 5
            line["action"], line["type"], line["time_in_force"], line["side"] = 1, 1, 3, 1
            assert bench.run()[0]["reason"] == Reason.ACCEPTED
        return bench

    def end(bench, order_id):
        bench.message(kind=32, receive_ns=1_000)
        bench.report(order_id=order_id, status=ReportStatus.CANCELLED, side=1)
        bench.run()

    one, two = after([1, 2, 3, 4], 599_000), after([1, 2, 3, 4], 599_000)
    for order_id in (1, 2):
        end(one, order_id)
    for order_id in (2, 1):
        end(two, order_id)
    for bench in (one, two):
        bench.message(kind=3, symbol=0, book_status=1, bid_price_ticks=600_000, ask_price_ticks=600_001, order_count=2)
        for k, order_id in enumerate((8, 9)):
            line = bench.orders[bench.next - 1, k]
            line["order_id"], line["price_ticks"], line["quantity_lots"] = order_id, 599_000, 5
            line["action"], line["type"], line["time_in_force"], line["side"] = 1, 1, 3, 1
        bench.run()
    assert one.state[0]["index"]["count"] == 4
    assert one.state["open"]["order_id"].tolist() != two.state["open"]["order_id"].tolist()
    assert digest(one.state[0], one.params[0]) == digest(two.state[0], two.params[0])
    other = after([1, 2, 3, 4], 599_001)
    assert digest(other.state[0], other.params[0]) != digest(after([1, 2, 3, 4], 599_000).state[0], other.params[0])


def test_report_payload_of_the_bench_lies_where_the_stage_looks():
    bench = Bench(on_event, PARAMS, INSTRUMENTS)
    bench.message(kind=32)
    assert bench.events[0]["payload_position"] == 0
    bench.message(kind=32)
    assert bench.events[1]["payload_position"] == REPORT_UNITS
