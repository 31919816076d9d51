"""The steps of the sources, compiled and callable from Python: what a generated loop does with them, one turn a call."""

from __future__ import annotations

from disruptor.compiled import compiled, entry
from hydraflow.ingress.capture.step import capture
from hydraflow.ingress.simulator.source import simulator

__all__ = ["capture_turn", "simulator_turn"]

_simulator = compiled(simulator.step)
_capture = compiled(capture.step)


@entry
def simulator_turn(state, params, counters, frames, room, payload_room, now, stamps):
    return _simulator(state, params, counters, frames, room, payload_room, now, stamps)


@entry
def capture_turn(state, params, counters, frames, room, payload_room, now, stamps, raw, raw_cells):
    return _capture(state, params, counters, frames, room, payload_room, now, stamps, raw, raw_cells)
