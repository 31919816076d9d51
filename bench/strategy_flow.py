"""Compiled loops of the strategy benchmark: market data that leaves the quotes where they are, and such that moves them."""

from __future__ import annotations

from disruptor.compiled import compiled, entry
from handlers.strategy.market_maker import on_event

__all__ = ["confirm", "replay"]

_maker = compiled(on_event.function)


@entry
def replay(events, rounds, state, params, payload, orders, counters):
    """Show the ring's messages `rounds` times; return how many order lines were written."""
    slots = events.shape[0]
    lines = 0
    for sequence in range(rounds * slots):
        event = events[sequence & (slots - 1)]
        event["order_count"] = 0
        _maker(event, sequence, False, state, params, payload, orders, counters)
        lines += event["order_count"]
        if event["order_count"] != 0:
            confirm(state["rows"][int(event["symbol"])])
    return lines


@compiled
def confirm(row):
    """Confirm both quotes at once, as a venue without latency would."""
    row["bid"]["confirmed"] = 1
    row["ask"]["confirmed"] = 1
