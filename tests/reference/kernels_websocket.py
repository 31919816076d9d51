"""The step of the source `websocket`, compiled and callable from Python, and the clock that stamps its frames."""

from __future__ import annotations

from disruptor.atomics import timestamp
from disruptor.compiled import compiled, entry
from hydraflow.ingress.websocket import websocket

__all__ = ["ticks", "websocket_turn"]

_websocket = compiled(websocket.step)


@entry
def ticks():
    return timestamp()


@entry
def websocket_turn(state, params, counters, frames, room, payload_room, now, stamps, inbox, inbox_payload, inbox_stamps,
                   inbox_cells, figures):
    return _websocket(state, params, counters, frames, room, payload_room, now, stamps, inbox, inbox_payload, inbox_stamps,
                      inbox_cells, figures)
