"""Handlers with timers and live parameters, compiled and plain Python, for tests of whole engines."""

from __future__ import annotations

import attrs

from disruptor.handler import handler

__all__ = ["ClockParams", "clock", "pyclock"]

_PRIME = 1_000_003


@attrs.frozen
class ClockParams:
    """What a clock counts with."""

    weight: int = attrs.field(default=1, metadata={"description": "of a message", "range": (0, 1_000), "live": True})
    share: float = attrs.field(default=0.5, metadata={"description": "of the weight", "unit": "ratio", "range": (0, 1), "live": True})
    lift: bool = attrs.field(default=False, metadata={"description": "count late periods too", "live": True})
    size: int = attrs.field(default=8, metadata={"description": "shapes something", "range": (1, 64)})
    loud: str = "no"

    @share.validator
    def _even(self, _attribute, value):
        if self.weight == 13 and value > 0.5:
            raise ValueError("share must be at most 0.5 with a weight of 13")


def on_timer(event, sequence, state, params):
    """Fold in what was seen since the time before, and when."""
    state["fired"] += 1
    state["value"] = (state["value"] * 31 + state["seen"] + sequence + event["receive_ns"] % _PRIME) % _PRIME
    state["seen"] = 0


def on_params(sequence, state, params):
    """Fold in where the parameters changed."""
    state["changes"] += 1
    state["value"] = (state["value"] * 37 + sequence + params["weight"] + int(1000 * params["share"])) % _PRIME


_STATE = [("seen", "i8"), ("fired", "i8"), ("changes", "i8"), ("value", "i8")]


@handler(state=_STATE, params=ClockParams, on_timer=on_timer, on_params=on_params, counters=[("fired", "i8")])
def clock(event, state, params, counters):
    """Weigh market messages; what others' timers and changes say does not count."""
    if event["kind"] < 32:
        state["seen"] += params["weight"]
    counters["fired"] = state["fired"]


def on_python_timer(event, state, counters):
    state["fired"] += 1
    counters["fired"] += 1
    counters["late_ns"] = max(int(counters["late_ns"]), int(event["receive_ns"] - event["venue_ns"]))


def on_python_params(state, params, counters):
    counters["weight"] = params["weight"]


@handler(jit=False, state=_STATE, params=ClockParams, on_timer=on_python_timer, on_params=on_python_params,
         counters=[("fired", "i8"), ("seen", "i8"), ("batches", "i8"), ("weight", "i8"), ("late_ns", "i8")])
def pyclock(batch, first_sequence, params, counters):
    """Count the market messages of each batch, weighed."""
    counters["seen"] += int((batch["kind"] < 32).sum()) * int(params["weight"])
    counters["batches"] += 1
