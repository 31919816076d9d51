"""Fees of an instrument, in whole units and always rounded against the trader."""

from __future__ import annotations

from disruptor.compiled import compiled

__all__ = ["PPM", "fee_units", "notional_units"]

PPM = 1_000_000
_LARGEST = (1 << 62) - 1


@compiled
def fee_units(notional, fee_ppm):
    """Return ceil(notional · fee_ppm / 10^6) in units. notional ≥ 0; a negative rate is a rebate and stays negative.

    Split at 10^6 so that a notional of up to 2^62 units does not overflow (|fee_ppm| ≤ 10^6).
    """
    return notional // PPM * fee_ppm - (-(notional % PPM * fee_ppm)) // PPM


@compiled
def notional_units(price_ticks, quantity_lots):
    """Return price · quantity in units, at most 2^62 - 1: a MARKET order may name any price as its worst."""
    if quantity_lots > 0 and price_ticks > _LARGEST // quantity_lots:
        return _LARGEST
    return price_ticks * quantity_lots
