"""What other processes see of the risk stage while it runs: counts of decisions and reports, and gauges per instrument."""

from __future__ import annotations

from disruptor.compiled import compiled
from handlers.risk.account import pnl_units_twice, worst_lots

__all__ = ["COUNTERS", "GAUGES", "REASONS", "show_account", "show_exposure", "show_orders"]

GAUGES = 16  # instruments whose position and PnL are shown
REASONS = 128

COUNTERS = [
    ("decisions", "i8"),
    ("accepted", "i8"),
    ("rejects", "i8", (REASONS,)),  # by codes.Reason
    ("reports", "i8"),
    ("unknown_reports", "i8"),  # for an order that is not open; its fill counts all the same
    ("bad_reports", "i8"),  # numbers that no order can have: ignored
    ("overfills", "i8"),  # more filled than was open
    ("fills", "i8"),
    ("volume_lots", "i8"),
    ("open_orders", "i8"),  # now
    ("open_orders_max", "i8"),
    ("exposure_lots_max", "i8", (GAUGES,)),  # largest position that open orders could have led to, either side
    ("position_lots", "i8", (GAUGES,)),  # now
    ("pnl_units", "i8", (GAUGES,)),  # now, marked to mid, fees included; rounded down
    ("money", "i8"),  # PnL of all instruments now, in 10^-9 of the quote currency
    ("latched", "i8"),  # 1 after the loss limit
]


@compiled
def show_account(state, account, symbol, counters):
    """Show position and PnL of the underlying `symbol`."""
    if symbol < GAUGES:
        counters["position_lots"][symbol] = account["position_lots"]
        counters["pnl_units"][symbol] = pnl_units_twice(account) >> 1
    counters["money"] = state["money_twice"] >> 1
    counters["latched"] = state["latched"]


@compiled
def show_exposure(state, line, counters):
    """Keep the largest position that an accepted line and everything before it could lead to."""
    underlying = state["limits"][int(line["symbol"])]["underlying"]
    if underlying < GAUGES:
        lots = worst_lots(state["accounts"][underlying], int(line["side"]))
        if lots > counters["exposure_lots_max"][underlying]:
            counters["exposure_lots_max"][underlying] = lots


@compiled
def show_orders(state, counters):
    """Show how many orders are open or in flight."""
    count = state["slots"]["count"]
    counters["open_orders"] = count
    if count > counters["open_orders_max"]:
        counters["open_orders_max"] = count
