"""Quantities as people read them in a terminal."""

from __future__ import annotations

__all__ = ["duration"]

_ROUNDS_UP = 0.9995  # of three digits: 999.5 ns and more are 1 µs, not 1e+03 ns


def duration(ns: float) -> str:
    """Return a duration in three digits and its unit: 950 ns, 1.23 µs, 4.5 s, 1,200 h."""
    for limit, divisor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms"), (120e9, 1e9, "s")):
        if ns < limit * _ROUNDS_UP:
            return f"{ns / divisor:.3g} {unit}"
    if ns < 7200e9:
        return f"{ns / 60e9:.3g} min"
    hours = ns / 3600e9
    return f"{hours:.3g} h" if hours < 999.5 else f"{hours:,.0f} h"
