"""Pre-trade risk: every order line is decided before it leaves, against limits that reports keep up to date.

    stage         the handler: state, parameters, counters, digest
    limits        parameters in natural units, and their integer form per instrument
    checks        the decision on one line
    exposure      orders that may still trade: reserved at the decision, released by reports
    account       position, cash and PnL per underlying
    settlement    what market data and reports do to the accounts
    gauges        what other processes see of it
"""

from handlers.risk.limits import RiskParams
from handlers.risk.stage import on_event

__all__ = ["RiskParams", "on_event"]
