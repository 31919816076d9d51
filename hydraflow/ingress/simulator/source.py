"""The simulator as a source of a topology."""

from __future__ import annotations

from typing import Any

from disruptor.single_producer import claim, payload_claim, payload_index
from hydraflow.ingress.base import source
from hydraflow.ingress.pacing import plan
from hydraflow.ingress.simulator.flow import next_frame
from hydraflow.ingress.simulator.state import COUNTERS, FRAME_ROOM, SIMULATOR, SimulatorParams, prepare

__all__ = ["simulator"]


def _instruments(params: SimulatorParams) -> list[dict[str, Any]]:
    """Return what it trades, as in config/demo.yaml."""
    return [
        {"symbol": "BTCUSDT", "tick": "0.10", "lot": "0.001", "maker_fee_ppm": 200, "taker_fee_ppm": 500},
        {"symbol": "WBTCUSDT-POOL", "venue": "pool", "underlying": "BTCUSDT", "address": params.pool_address, "base_decimals": 8,
         "quote_decimals": 6, "taker_fee_ppm": 3000},
    ]


@source(
    params=SimulatorParams,
    state=SIMULATOR,
    counters=COUNTERS,
    prepare=prepare,
    max_out={"frames": 1},
    max_payload={"frames": FRAME_ROOM},
    virtual=True,
    instruments=_instruments,
)
def simulator(state, params, counters, frames, room, payload_room, now, stamps):
    """Publish the frames that are due; see ingress.base. A frame is begun only when the longest one would fit."""
    published = 0
    while published < params["burst"] and published < room and payload_room >= FRAME_ROOM:
        number = state["number"]
        if number >= params["frames"]:
            return published if published > 0 else -1
        planned = plan(state["pace"], number, state["next_ns"], now)
        if planned > now:
            break
        index = payload_index(frames)
        count = next_frame(state, params, counters, frames.payload, index)
        frame = claim(frames)
        frame["receive_ns"] = state["receive_ns"]
        frame["number"] = number
        frame["payload_position"] = payload_claim(frames, count)
        frame["payload_count"] = count
        frame["error"] = 0
        frame["source"] = state["source"]
        stamps[(frames.cell["next"] - 1) & frames.cell["mask"]] = planned
        payload_room -= count
        published += 1
    return published
