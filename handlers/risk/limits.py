"""The limits of the risk stage: parameters in natural units, and their exact integer form per instrument.

Quantities are in the base currency, notionals and the loss in the quote currency; decisions compare integers only, so
every limit is rounded down to whole lots or units once: before the run, and when it changes while it runs. `money` is the common integer unit in which the
PnL of all instruments is added up: 10^-MONEY_DECIMALS of the quote currency (the sum assumes one quote currency).
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs

from disruptor.errors import LayoutError
from disruptor.handler import params_record
from disruptor.twin import plain_twin
from handlers.risk.steps import whole_steps

__all__ = ["LIMIT", "LOTS_MAX", "MONEY_DECIMALS", "PRICE_MAX", "UNITS_MAX", "RiskParams", "fill_limits", "set_limits"]

PRICE_MAX = 1 << 40  # ticks; a larger price is a bad order
LOTS_MAX = 1 << 40  # a larger quantity is a bad order
UNITS_MAX = (1 << 60) - 1  # the largest notional, and the largest limit on one
MONEY_DECIMALS = 9

LIMIT = [
    ("max_order_lots", "i8"),
    ("max_order_units", "i8"),
    ("max_position_lots", "i8"),
    ("max_open_units", "i8"),
    ("underlying", "i8"),  # the instrument that holds the position
    ("money_multiple", "i8"),  # money = units × money_multiple // money_divisor
    ("money_divisor", "i8"),
    ("pad", "i8"),
]


def _limit(default: Any, description: str, unit: str, lowest: float, highest: float, **more: Any) -> Any:
    metadata = {"description": description, "unit": unit, "range": (lowest, highest), **more}
    return attrs.field(default=default, metadata=metadata)


@attrs.frozen(kw_only=True)
class RiskParams:
    """What the risk stage lets through. A limit is the largest value that is still accepted."""

    kill: bool = _limit(False, "refuse every new order; cancels still pass", "", 0, 1, live=True)
    max_order_quantity: float = _limit(10.0, "largest quantity of one order", "base currency", 0, 1e15, live=True)
    max_order_notional: float = _limit(1_000_000.0, "largest price × quantity of one order", "quote currency", 0, 1e18, live=True)
    max_position: float = _limit(
        20.0, "largest position per underlying, either side, if everything open and in flight fills", "base currency",
        0, 1e15, live=True,
    )
    max_open_notional: float = _limit(
        5_000_000.0, "largest notional open and in flight per underlying", "quote currency", 0, 1e18, live=True
    )
    max_open_orders: int = _limit(256, "most orders open and in flight, all instruments", "orders", 1, 65_536,
                                  structural=True)
    collar_ppm: int = _limit(10_000, "largest distance of the price from the mid", "ppm of the mid", 0, 1_000_000, live=True)
    orders_per_second: float = _limit(10_000.0, "sustained rate of accepted orders", "1/s", 1e-3, 1e9, live=True)
    order_burst: int = _limit(1_000, "orders accepted at once after a pause", "orders", 1, 1_000_000, live=True)
    loss_limit: float = _limit(
        100_000.0, "loss (mark to mid, fees included) beyond which trading stops for good; so does a PnL that can no longer be counted, "
        "from 2.3·10^9 on", "quote currency", 0, 1e9, live=True,
    )


def fill_limits(state: Any, params: Any, instruments: Any) -> None:
    """Write the integer limits into state["limits"], and the loss limit and rate into state.

    params : RiskParams or its record. Raises: LayoutError when a pool names an underlying that is not in the table, or when money
    cannot be counted in an instrument's steps.
    """
    for index, instrument in enumerate(instruments):
        limit = state["limits"][index]
        lot = _step(instrument["quantity_multiple"], instrument["quantity_decimals"])
        tick = _step(instrument["price_multiple"], instrument["price_decimals"])
        underlying = int(instrument["underlying"])
        if not 0 <= underlying < len(instruments):
            raise LayoutError(f"instrument {index}: underlying {underlying} is not one of {len(instruments)} instruments")
        limit["underlying"] = underlying
        money = Fraction(tick * lot) * 10**MONEY_DECIMALS
        if max(money.numerator, money.denominator) >= 1 << 63:
            raise LayoutError(f"instrument {index}: tick {tick} × lot {lot} is an amount of {tick * lot:.3g}, and profit and loss are counted "
                              f"between 10^-27 and 9·10^9: the risk stage cannot follow this instrument; use coarser or finer steps")
        limit["money_multiple"] = money.numerator
        limit["money_divisor"] = money.denominator
    record = params_record(params)[0] if isinstance(params, RiskParams) else params
    plain_twin(set_limits)(state, record, instruments)  # compiled it would take a second, at every start


def set_limits(state, params, instruments):
    """Write what follows from the parameters, compiled or not: how many whole lots, units and nanoseconds each limit is.

    A step is multiple × 10^-decimals, and a limit its amount / step, rounded down; exactly (handlers.risk.steps).
    """
    for index in range(instruments.shape[0]):
        instrument, limit = instruments[index], state["limits"][index]
        lot, lot_decimals = int(instrument["quantity_multiple"]), int(instrument["quantity_decimals"])
        tick, tick_decimals = int(instrument["price_multiple"]), int(instrument["price_decimals"])
        for which in range(5):
            amount, multiple, decimals, highest = params["max_order_quantity"], lot, lot_decimals, LOTS_MAX
            if which == 1:
                amount = params["max_position"]
            elif which == 2:
                amount, multiple, decimals, highest = params["max_order_notional"], tick * lot, tick_decimals + lot_decimals, UNITS_MAX
            elif which == 3:
                amount, multiple, decimals, highest = params["max_open_notional"], tick * lot, tick_decimals + lot_decimals, UNITS_MAX
            elif which == 4:
                amount, multiple, decimals, highest = params["loss_limit"], 1, MONEY_DECIMALS, UNITS_MAX
            steps = whole_steps(amount, multiple, decimals, highest)
            if which == 0:
                limit["max_order_lots"] = steps
            elif which == 1:
                limit["max_position_lots"] = steps
            elif which == 2:
                limit["max_order_units"] = steps
            elif which == 3:
                limit["max_open_units"] = steps
            else:
                # Twice, because PnL is kept at twice the mid: the mid of an odd spread is half a tick.
                state["loss_limit_money_twice"] = 2 * steps
    rate = state["rate"]
    rate["count"] = 1
    rate["period_ns"] = max(1, math.floor(1e9 / params["orders_per_second"] + 0.5))
    rate["burst"] = int(params["order_burst"])


def _step(multiple: Any, decimals: Any) -> Decimal:
    return Decimal(int(multiple)).scaleb(-int(decimals))
