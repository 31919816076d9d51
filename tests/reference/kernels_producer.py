"""Compiled producers for the tests. The state says how many, and what to do on the way."""

from disruptor.handler import handler

PRODUCER = [("made", "i8"), ("most", "i8"), ("calls", "i8"), ("fails_at", "i8"), ("rests", "i8")]


@handler(state=PRODUCER)
def numbers(event, sequence, state):
    """Fills `value` with 0, 1, 2, …, rests at every third call, ends after `most`."""
    state["calls"] += 1
    if state["made"] == state["most"]:
        return -1
    if state["rests"] != 0 and state["calls"] % 3 == 0:
        return 0
    event["value"] = state["made"]
    event["other"] = 2.0 * state["made"]
    if state["fails_at"] != 0 and state["made"] == state["fails_at"]:
        event["value"] = 1 // (state["made"] - state["fails_at"])
    state["made"] += 1
    return 1


@handler(state=PRODUCER)
def endless(event, state):
    event["value"] = state["made"]
    state["made"] += 1
