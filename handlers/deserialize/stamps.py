"""Venue stamps to nanoseconds."""

from __future__ import annotations

from disruptor.compiled import compiled

__all__ = ["venue_stamp"]

_MILLISECONDS_MAX = 9 * 10**12  # × 10^6 still fits int64: the year 2255
_MICROSECONDS_MIN = 10**14
_MICROSECONDS_MAX = 9 * 10**15


@compiled
def venue_stamp(value):
    """Return a stamp of Binance (milliseconds; microseconds where `timeUnit=MICROSECOND` was asked for) in nanoseconds.

    Returns a negative number for a value that is neither, or negative itself.
    """
    if value < _MILLISECONDS_MAX:
        return value * 1_000_000
    return value * 1000 if _MICROSECONDS_MIN <= value < _MICROSECONDS_MAX else -1
