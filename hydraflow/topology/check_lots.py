"""A lot so fine that nobody could trade one whole unit of the base currency: an order holds a limited number of lots.

Tokens count in steps of 10^-18, and a lot of that size looks natural; the risk stage would refuse every order above a
millionth of a token as BAD_ORDER.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from hydraflow.topology.diagnose import Findings
from hydraflow.topology.spec import Topology

__all__ = ["ADVISED", "check_lots", "too_fine"]

ADVISED = "0.000000001"  # a lot with which an order holds up to 1,099
_SURELY = Decimal("1e-9")  # no lot from here on is too fine: nothing need be imported
_STAGE = "risk"


def too_fine(topology: Topology, lot: str | Decimal | None) -> str:
    """Return what is wrong with a lot, and "" when an order of one whole unit is possible or no stage limits orders."""
    try:
        size = Decimal(lot or 0)
    except InvalidOperation:
        return ""
    if not 0 < size < _SURELY or not any(spec.use == _STAGE for spec in topology.stages):
        return ""
    from handlers.risk.limits import LOTS_MAX

    if size * LOTS_MAX >= 1:
        return ""
    return (f"lot {size:f} is too fine to trade: an order holds at most {LOTS_MAX:,} lots, which is {size * LOTS_MAX:.3g} of the base "
            "currency")


def check_lots(topology: Topology, findings: Findings) -> None:
    """Add instruments of which not even one whole unit could be traded."""
    if findings.has("HF502"):  # what is wrong with some lot has been said
        return
    for instrument in topology.instruments:
        wrong = too_fine(topology, instrument.lot)
        if wrong:
            findings.error("HF785", f"instrument '{instrument.symbol}': {wrong}", instrument.where("lot"), label=f"write lot: {ADVISED}",
                           notes=(f"with lot {ADVISED} an order holds up to 1,099",))
