"""A handler that says what it was called with."""

from __future__ import annotations

from disruptor.handler import handler


@handler(state=[("calls", "i8"), ("ends", "i8"), ("last_end", "i8"), ("sum", "i8"), ("order", "i8")])
def owner(event, sequence, end_of_batch, state):
    state["calls"] += 1
    state["sum"] += event["value"]
    if sequence < state["order"]:
        state["sum"] = -1 << 40  # out of order
    state["order"] = sequence
    event["calls"] += 1
    if end_of_batch:
        state["ends"] += 1
        state["last_end"] = sequence
