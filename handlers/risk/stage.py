"""The risk handler: follows market data and reports, and decides every order line before it leaves.

It knows the fate of an order from reports only, so everything that it accepts must be reported on in the end: a later
stage that refuses a line owes a REJECTED report, or the exposure stays reserved.
"""

from __future__ import annotations

from typing import Any

from disruptor.compiled import compiled
from disruptor.digest import SEED, fold
from disruptor.handler import handler
from disruptor.pool import pool_fields, pool_holds
from disruptor.rate import RATE
from disruptor.table import table_fields
from handlers.risk.account import ACCOUNT
from handlers.risk.checks import decide
from handlers.risk.exposure import OPEN_ORDER, prepare_rings
from handlers.risk.gauges import COUNTERS, show_exposure, show_orders
from handlers.risk.limits import LIMIT, RiskParams, fill_limits, set_limits
from handlers.risk.said import NOTES, tell_latched, tell_refused
from handlers.risk.settlement import observe, settle
from hydraflow.codes import Kind, Reason
from hydraflow.reports import payload_start

__all__ = ["digest", "on_event", "prepare", "state_fields"]

_POOL, _LOST, _REPORT = int(Kind.POOL), int(Kind.LOST), int(Kind.REPORT)
_ACCEPTED = int(Reason.ACCEPTED)


def state_fields(params: Any, *, instruments: Any, **_: Any) -> list[Any]:
    """Return the state fields for these parameters: one row per instrument, one slot per open order."""
    rows, slots = max(1, len(instruments)), int(params.max_open_orders)
    return [
        ("money_twice", "i8"),  # twice the PnL of all instruments, in money
        ("loss_limit_money_twice", "i8"),
        ("latched", "i8"),  # 1 once the loss limit was passed; only a restart clears it
        ("latched_sequence", "i8"),
        ("rate", RATE),  # of accepted orders
        ("highest_id", "i8"),  # of the orders accepted
        ("limits", LIMIT, (rows,)),
        ("accounts", ACCOUNT, (rows,)),  # by underlying
        ("open", OPEN_ORDER, (slots + 2 * rows,)),  # the orders, then two sentinels per account
        ("slots", pool_fields(slots)),
        ("index", table_fields(4 * slots)),  # sparse: most ids are found at the first look
    ]


def prepare(state: Any, params: Any, *, instruments: Any, **_: Any) -> None:
    """Turn the limits into whole lots, units and nanoseconds. Raises: LayoutError for a bad instrument table."""
    fill_limits(state, params, instruments)
    prepare_rings(state, len(state["accounts"]))


@compiled(inline=False)
def digest(state, params):
    """Return a hash of positions, open orders and rate. Order of slots and table entries does not count."""
    value = fold(fold(SEED, state["money_twice"]), state["latched"])
    value = fold(fold(fold(value, state["latched_sequence"]), state["rate"]["full_ns"]), state["highest_id"])
    accounts = state["accounts"]
    for i in range(accounts.shape[0]):
        account = accounts[i]
        value = fold(fold(fold(value, account["position_lots"]), account["cash_units"]), account["fees_units"])
        value = fold(fold(fold(value, account["cost_units"]), account["mid_twice"]), account["live"])
        value = fold(fold(fold(value, account["volume_lots"]), account["volume_units"]), account["fills"])
    # Each order is mixed on its own and the mixes are xor-ed: equal whatever slots they lie in, since ids are unique.
    every = 0
    orders = state["open"]
    for slot in range(state["slots"]["links"].shape[0]):
        if pool_holds(state["slots"], slot):
            order = orders[slot]
            one = fold(fold(fold(SEED, order["order_id"]), order["price_ticks"]), order["remaining_lots"])
            every ^= fold(fold(fold(one, order["underlying"]), order["side"]), int(order["worse"] != slot))
    return fold(value, every)


@handler(
    name="risk",
    state=state_fields,
    params=RiskParams,
    counters=COUNTERS,
    prepare=prepare,
    digest=digest,
    on_params=set_limits,
    notes=NOTES,
)
def on_event(event, sequence, end_of_batch, state, params, orders, payload, counters):
    """Follow market data and reports; decide the order lines of the message."""
    kind = event["kind"]
    latched = state["latched"]
    if kind == _REPORT:
        settle(state, payload, payload_start(payload, event["payload_position"]), sequence, counters)
    elif kind <= _LOST and kind != _POOL:
        observe(state, event, sequence, counters)
    if state["latched"] != latched:
        tell_latched(state)
    count = int(event["order_count"])
    if count == 0:
        return
    slot = sequence & (orders.shape[0] - 1)
    accepted = 0
    for k in range(min(count, orders.shape[1])):
        line = orders[slot, k]
        reason = decide(state, params, line, event["receive_ns"])
        line["reason"] = reason
        counters["rejects"][reason] += 1
        if reason == _ACCEPTED:
            accepted += 1
            if line["target_id"] == 0:
                show_exposure(state, line, counters)
        else:
            tell_refused(reason, line, int(counters["rejects"][reason]))
    event["accepted_count"] = accepted
    counters["decisions"] += count
    counters["accepted"] += accepted
    show_orders(state, counters)
