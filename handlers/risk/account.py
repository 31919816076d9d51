"""Position, cash and profit of one underlying, in integers that add up exactly.

    cash      Σ −side × price × lots            fees      Σ fee (rebates negative)
    cost      what the present position cost    mid_twice bid + ask
    realised = cash + cost        unrealised = position × mid − cost        pnl = cash + position × mid − fees

A reduction takes its share of the cost, rounded towards zero once per fill; what is rounded off stays in `cost`, so
realised + unrealised − fees is the PnL to the unit. PnL is kept twice as large because the mid may be half a tick.
"""

from __future__ import annotations

from disruptor.compiled import compiled

__all__ = ["ACCOUNT", "book_fill", "mark", "pnl_units_twice", "worst_lots"]

ACCOUNT = [
    ("position_lots", "i8"),
    ("cash_units", "i8"),
    ("fees_units", "i8"),
    ("cost_units", "i8"),  # signed as the position
    ("mid_twice", "i8"),  # ticks; of the last LIVE book, before that of the last fill; 0 when neither was seen
    ("live", "i8"),  # 1 while the book is LIVE and has both sides
    ("open_lots", "i8", (2,)),  # open and in flight: sells, buys
    ("open_units", "i8"),
    ("money_twice", "i8"),  # twice its PnL as it is in the total
    ("volume_lots", "i8"),
    ("volume_units", "i8"),
    ("fills", "i8"),
    ("pad", "i8", (3,)),
]

_COUNTABLE = 2.0**62  # what is kept twice stays below it
_EXACT = 1 << 31  # below it, products of two lots fit; above it the split of the cost is exact to 2^-52


@compiled
def pnl_units_twice(account):
    """Return twice the PnL in units: 2 cash + position × (bid + ask) − 2 fees."""
    return (
        2 * (account["cash_units"] - account["fees_units"]) + account["position_lots"] * account["mid_twice"]
    )


@compiled
def book_fill(account, side, price, lots, fee):
    """Move a fill into position, cash, cost and fees. side : ±1; price in ticks; lots > 0; fee in units."""
    units = price * lots
    position = account["position_lots"]
    if position * side >= 0:
        account["cost_units"] += side * units
    elif lots >= position * -side:
        # Flat or turned: what is left over opens at this price.
        account["cost_units"] = (position + side * lots) * price
    else:
        account["cost_units"] += side * _share(account["cost_units"] * -side, lots, position * -side)
    account["position_lots"] = position + side * lots
    account["cash_units"] -= side * units
    account["fees_units"] += fee
    account["volume_lots"] += lots
    account["volume_units"] += units
    account["fills"] += 1
    if account["mid_twice"] == 0:
        account["mid_twice"] = 2 * price


@compiled
def _share(cost, lots, held):
    """Return cost × lots / held rounded down, without leaving int64. 0 < lots < held; cost ≥ 0."""
    if held <= 0:
        return 0
    rest = cost % held
    if held < _EXACT:
        return cost // held * lots + rest * lots // held
    return cost // held * lots + int(float(rest) * (float(lots) / float(held)))


@compiled
def mark(state, limit, account, sequence):
    """Bring the account's PnL into the total; latch the loss limit when the total falls below it.

    It latches too when a position's value or the PnL is beyond what int64 counts: who cannot say what he has lost stops.
    """
    countable = _is_countable(account, limit["money_multiple"])
    total = state["money_twice"]
    if countable:
        money = pnl_units_twice(account) * limit["money_multiple"]
        if limit["money_divisor"] > 1:
            money //= limit["money_divisor"]
        countable = abs(float(total) + (float(money) - float(account["money_twice"]))) < _COUNTABLE
        if countable:
            total += money - account["money_twice"]
            state["money_twice"] = total
            account["money_twice"] = money
    if (total < -state["loss_limit_money_twice"] or not countable) and state["latched"] == 0:
        state["latched"] = 1
        state["latched_sequence"] = sequence


@compiled
def _is_countable(account, money_multiple):
    cash = 2.0 * (float(account["cash_units"]) - float(account["fees_units"]))
    value = float(account["position_lots"]) * float(account["mid_twice"])
    return abs(cash) < _COUNTABLE and abs(value) < _COUNTABLE and abs(cash + value) * float(money_multiple) < _COUNTABLE


@compiled
def worst_lots(account, side):
    """Return the position towards `side` if everything open and in flight on that side fills and nothing else."""
    return account["position_lots"] * side + account["open_lots"][(side + 1) >> 1]
