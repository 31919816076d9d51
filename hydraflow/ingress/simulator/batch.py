"""The simulator's frames as capture lines `<receive ns> <json>`, for `hfx simulate`, tests and benches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from disruptor.compiled import entry
from disruptor.handler import params_record
from hydraflow.ingress.simulator.encode import put_number
from hydraflow.ingress.simulator.flow import next_frame
from hydraflow.ingress.simulator.source import simulator
from hydraflow.ingress.simulator.state import FRAME_ROOM, SimulatorParams

__all__ = ["SimulatedLines"]

_BUFFER = 4 << 20


@entry
def _fill(state, params, counters, buffer, at, limit):
    """Write lines from buffer[at] on while frames are left and `limit` is not passed; return the index after them."""
    while at < limit and state["number"] < params["frames"]:
        at = put_number(buffer, at, state["next_ns"])
        buffer[at] = 32
        at += 1
        at += next_frame(state, params, counters, buffer, at)
        buffer[at] = 10
        at += 1
    return at


class SimulatedLines:
    """Iterates over blocks of capture lines (memoryviews, valid until the next one).

    counters : record of source counters (frames, bytes, depths, gaps, …) up to the last block.
    """

    def __init__(self, params: SimulatorParams, *, block: int = _BUFFER) -> None:
        self._state = np.zeros(1, simulator.state_dtype(params))
        self._counters = np.zeros(1, simulator.counters_dtype())
        self._params = params_record(params)
        self._buffer = np.zeros(block + FRAME_ROOM + 32, np.uint8)
        self._limit = block
        simulator.prepare(self._state[0], params)

    @property
    def counters(self) -> np.record:
        return self._counters[0]

    def __iter__(self) -> Iterator[memoryview]:
        while True:
            count = int(_fill(self._state[0], self._params[0], self._counters[0], self._buffer, 0, self._limit))
            if count == 0:
                return
            yield self._buffer[:count].data
