"""The simulator as a source of a topology."""

from __future__ import annotations

from typing import Any

from disruptor.compiled import compiled
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
    """Publish the frames that are due; see ingress.base. A frame is begun only when the longest one would fit.

    While the next one is not due it is made already, behind what is claimed of the payload: what a venue's own computer does
    takes no time of the engine's. It is counted when it goes out.
    """
    published = 0
    ahead = state["ahead"]
    while published < params["burst"] and published < room and payload_room >= FRAME_ROOM:
        made = ahead["frames"]
        number = state["number"] - made
        if number >= params["frames"]:
            return published if published > 0 else -1
        planned = plan(state["pace"], number, state["receive_ns"] if made != 0 else state["next_ns"], now)
        if planned > now:
            if made == 0 and published == 0:
                next_frame(state, params, ahead, frames.payload, payload_index(frames))
            break
        if made != 0:
            count = ahead["bytes"]
            _count(counters, ahead)
        else:
            count = next_frame(state, params, counters, frames.payload, payload_index(frames))
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


@compiled
def _count(counters, ahead):
    """Count the frame that was made ahead, and forget it there."""
    counters["frames"] += ahead["frames"]
    ahead["frames"] = 0
    counters["bytes"] += ahead["bytes"]
    ahead["bytes"] = 0
    counters["snapshots"] += ahead["snapshots"]
    ahead["snapshots"] = 0
    counters["depths"] += ahead["depths"]
    ahead["depths"] = 0
    counters["levels"] += ahead["levels"]
    ahead["levels"] = 0
    counters["tickers"] += ahead["tickers"]
    ahead["tickers"] = 0
    counters["trades"] += ahead["trades"]
    ahead["trades"] = 0
    counters["pools"] += ahead["pools"]
    ahead["pools"] = 0
    counters["gaps"] += ahead["gaps"]
    ahead["gaps"] = 0
    counters["crossed"] += ahead["crossed"]
    ahead["crossed"] = 0
    counters["far_levels"] += ahead["far_levels"]
    ahead["far_levels"] = 0
    counters["resyncs"] += ahead["resyncs"]
    ahead["resyncs"] = 0
