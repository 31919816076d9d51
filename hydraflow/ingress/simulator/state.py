"""What the simulator is told, what it remembers, what it counts.

Prices are ticks of 0.10, quantities lots of 0.001, so quote units (tick × lot) are 0.0001 of the quote currency. The true
book is a window of quantities around the touch: the quantity at tick p lies at `lots[p & WINDOW_MASK]`, and only ticks
within REACH of the touch have any. A tick at or below `bid` is a bid, at or above `ask` an ask, between them is nothing.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from hydraflow.errors import ConfigurationError
from hydraflow.ingress.pacing import PACE, prepare_pace

__all__ = [
    "COUNTERS", "DIRTY_MAX", "FAIR_SHIFT", "FAR_LEVELS", "FRAME_ROOM", "POOL_BASE_LOTS", "REACH", "SIMULATOR",
    "SimulatorParams", "WINDOW_MASK", "prepare",
]

WINDOW = 2048  # ticks; power of two
WINDOW_MASK = WINDOW - 1
REACH = 600  # live ticks on each side of the touch; 2 × REACH + the widest spread must stay below WINDOW
DIRTY_MAX = 2048  # ticks changed since the last depth message
FAR_LEVELS = 16  # the first half are bids around 50 % of the start price, the others asks around 150 %
FAIR_SHIFT = 8  # the fair price is kept in 1/256 ticks
FRAME_ROOM = 65_536  # bytes: no frame is longer (a snapshot of 2 × REACH + FAR_LEVELS levels has about 32,000)
POOL_BASE_LOTS = 500_000  # 500 whole coins


def _at_least(minimum: float) -> Any:
    return attrs.validators.ge(minimum)


def _field(default: Any, description: str, unit: str, *, minimum: float = 0) -> Any:
    return attrs.field(default=default, validator=_at_least(minimum),
                       metadata={"description": description, "unit": unit, "minimum": minimum})


@attrs.frozen(kw_only=True)
class SimulatorParams:
    """Parameters of the simulator. The bytes of frame n depend on the market and fault parameters and `seed` alone."""

    frames: int = _field(1_000_000, "how many frames there are", "frames")
    seed: int = attrs.field(
        default=7,
        validator=[attrs.validators.ge(-(1 << 63)), attrs.validators.lt(1 << 63)],
        metadata={"description": "key of the random numbers", "unit": "number", "range": (-(1 << 63), (1 << 63) - 1)},
    )
    burst: int = _field(64, "most frames published per turn of the loop", "frames", minimum=1)
    speed: float = _field(0.0, "multiple of virtual time at which frames go out; 0: not paced by time", "ratio")
    rate: float = _field(0.0, "frames per second; 0: not paced by rate", "1/s")
    start_ns: int = _field(1_700_000_000_000_000_000, "virtual time of the first frame", "ns")
    interval_ns: int = _field(30_000, "mean virtual time between frames", "ns", minimum=1)
    price_ticks: int = attrs.field(
        default=618_000,
        validator=[attrs.validators.ge(10_000), attrs.validators.le(30_000_000)],
        metadata={"description": "price at the start", "unit": "ticks of 0.10", "range": (10_000, 30_000_000)},
    )
    gap_ppm: int = _field(500, "depth messages silently dropped", "ppm of depth messages")
    crossed_ppm: int = _field(200, "depth messages with a bid above the best ask", "ppm of depth messages")
    far_ppm: int = _field(20_000, "depth messages with a level at ±50 % of the start price", "ppm of depth messages")
    resync_ppm: int = _field(300, "REST snapshots nobody needed", "ppm of depth messages")
    resync_ns: int = _field(20_000_000, "from a gap or a crossed book to the REST snapshot", "ns")
    pool_address: str = attrs.field(
        default="0x004375dff511095cc5a197a54140a24efef3a416",
        validator=attrs.validators.matches_re("0x[0-9a-fA-F]{40}"),
        metadata={"description": "contract of the pool; base token0 with 8 decimals, quote token1 with 6", "unit": "address"},
    )


COUNTERS = [
    ("frames", "i8"),
    ("bytes", "i8"),  # of JSON, without receive stamps
    ("snapshots", "i8"),
    ("depths", "i8"),
    ("levels", "i8"),  # level changes in depth frames
    ("tickers", "i8"),
    ("trades", "i8"),
    ("pools", "i8"),
    ("gaps", "i8"),  # depth frames dropped
    ("crossed", "i8"),  # depth frames with a planted crossing bid
    ("far_levels", "i8"),  # far levels put or taken
    ("resyncs", "i8"),  # snapshots nobody needed
]

SIMULATOR = [
    ("key", "i8"),  # random numbers: key and counter
    ("counter", "i8"),
    ("number", "i8"),  # frames made, one that is not due yet included
    ("source", "i8"),
    ("receive_ns", "i8"),  # of the frame made last
    ("next_ns", "i8"),  # of the frame made next
    ("resync_due_ns", "i8"),  # 0: none
    ("update_id", "i8"),  # of the last change of the book
    ("first_update", "i8"),  # of the first change since the last depth message, 0: none
    ("previous_update", "i8"),  # u of the last depth message, dropped ones included
    ("trade_id", "i8"),
    ("bid", "i8"),  # ticks: best bid, best ask
    ("ask", "i8"),
    ("low", "i8"),  # ticks: lowest and highest with quantities
    ("high", "i8"),
    ("start_ticks", "i8"),
    ("fair", "i8"),  # 1/256 ticks: where the price wants to go
    ("anchor", "i8"),  # 1/256 ticks: what the fair price reverts to in this regime
    ("volatility", "i8"),  # 1/256 ticks: largest step of the fair price
    ("sweep_side", "i8"),  # +1: an aggressor buys, -1: sells
    ("sweep_lots", "i8"),  # left of the aggressive order
    ("ticker_due", "i8"),  # the best bid or ask changed and no bookTicker has said so
    ("depth_in", "i8"),  # actions until the next depth message
    ("dropped", "i8"),  # 1: the depth message just written is a gap
    ("level_count", "i8"),  # of the depth message just written
    ("dirty_count", "i8"),
    ("pool_base_lots", "i8"),
    ("pool_product", "i8"),  # base lots × quote units, constant
    ("pace", PACE),
    ("ahead", COUNTERS),  # what is counted of a frame that is made and not due
    ("far_lots", "i8", (FAR_LEVELS,)),
    ("lots", "i8", (WINDOW,)),
    ("dirty", "i8", (DIRTY_MAX,)),  # ticks changed since the last depth message, each once
    ("scratch", "i8", (DIRTY_MAX,)),  # ticks of one side, sorted
    ("marked", "u1", (WINDOW,)),  # 1: the tick stands in `dirty`
    ("sides", "u1", (WINDOW,)),  # where readers may have this tick: 1 among the bids, 2 among the asks
    ("address", "u1", (40,)),  # hex digits of the pool
]


def prepare(state: Any, params: SimulatorParams, **context: Any) -> None:
    """Fill the zeroed state record. context : ticks_per_second, source_index (see ingress.base.Source).

    Raises: ConfigurationError for `speed` with `rate`.
    """
    fault_ppm = params.gap_ppm + params.crossed_ppm + params.far_ppm + params.resync_ppm
    if fault_ppm > 1_000_000:
        raise ConfigurationError(
            f"the rates of gaps, crossed books, far levels and resyncs add up to {fault_ppm:,} ppm",
            where="simulator", limit="1,000,000 ppm", remedy="lower one of them",
        )
    state["key"] = params.seed
    state["source"] = context.get("source_index", 0)
    state["next_ns"] = params.start_ns
    state["update_id"] = 5_000_000_000_000
    state["previous_update"] = 5_000_000_000_000
    state["trade_id"] = 5_000_000_000
    state["start_ticks"] = params.price_ticks
    state["bid"] = params.price_ticks
    state["ask"] = params.price_ticks + 1
    state["low"] = params.price_ticks - REACH
    state["high"] = params.price_ticks + 1 + REACH
    state["fair"] = params.price_ticks << FAIR_SHIFT
    state["anchor"] = params.price_ticks << FAIR_SHIFT
    state["volatility"] = 128
    state["pool_base_lots"] = POOL_BASE_LOTS
    state["pool_product"] = POOL_BASE_LOTS * POOL_BASE_LOTS * params.price_ticks
    state["address"] = np.frombuffer(params.pool_address[2:].lower().encode(), np.uint8)
    prepare_pace(state["pace"], params.speed, params.rate, context.get("ticks_per_second", 1e9), "simulator")
