"""Weather stations: readings are calibrated, averaged and watched; what is out of the ordinary becomes an alarm.

The topology, climate.yaml, says who gets what and in which order. The handlers are plain functions that are compiled into one
loop; the source is a generator, the pager at the end plain Python.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np

from disruptor import handler
from disruptor.single_producer import claim

STATIONS_MAX = 64
READING = [
    ("station", "i8"),
    ("second", "i8"),  # since the beginning
    ("measured", "f8"),  # °C
    ("celsius", "f8"),  # calibrate: what it should have been
    ("mean", "f8"),  # average: of the last `window` readings of the station
]
ALARM = [("station", "i8"), ("second", "i8"), ("celsius", "f8"), ("mean", "f8")]


def sensors(stations: int = 12, seconds: int = 20_000, seed: int = 1) -> Iterator[np.ndarray]:
    """Simulates a reading a second of every station; a spike now and then."""
    rng = np.random.default_rng(seed)
    for start in range(0, seconds, 1_000):
        count = min(1_000, seconds - start)
        rows = np.zeros(count * stations, np.dtype(READING))
        rows["second"] = np.repeat(np.arange(start, start + count), stations)
        rows["station"] = np.tile(np.arange(stations), count)
        rows["measured"] = 15 + rng.normal(0, 0.5, len(rows)) + 25 * (rng.random(len(rows)) < 1e-4)
        yield rows


@attrs.frozen
class Calibration:
    """Parameters of `calibrate`."""

    offset: float = attrs.field(default=0.25, metadata={"description": "what every thermometer shows too little", "unit": "°C"})


@handler
def calibrate(event, params: Calibration):
    """Corrects what is measured."""
    event["celsius"] = event["measured"] + params["offset"]


@attrs.frozen
class Window:
    """Parameters of `average`."""

    window: int = attrs.field(default=64, metadata={"description": "readings of a station that count", "minimum": 1, "maximum": 4096,
                                                    "structural": True})


def _rows(params, **_context):
    return [("last", "f8", (STATIONS_MAX, params.window)), ("total", "f8", (STATIONS_MAX,)), ("count", "i8", (STATIONS_MAX,))]


@handler(state=_rows)
def average(event, state, params: Window):
    """Keeps the moving average of every station."""
    station = event["station"]
    place = state["count"][station] % params["window"]
    state["total"][station] += event["celsius"] - state["last"][station, place]
    state["last"][station, place] = event["celsius"]
    state["count"][station] += 1
    event["mean"] = state["total"][station] / min(state["count"][station], params["window"])


@attrs.frozen
class Limit:
    """Parameters of `alarm`."""

    difference: float = attrs.field(default=8.0, metadata={"description": "from the average, beyond which a reading is an alarm", "unit": "°C"})


@handler(max_out={"alarms": 1}, counters=[("raised", "i8")])
def alarm(event, counters, alarms, params: Limit):
    """Raises an alarm for a reading that is far from the average."""
    if abs(event["celsius"] - event["mean"]) > params["difference"]:
        raised = claim(alarms)
        raised["station"] = event["station"]
        raised["second"] = event["second"]
        raised["celsius"] = event["celsius"]
        raised["mean"] = event["mean"]
        counters["raised"] += 1


def page(batch, first_sequence):
    """Tells somebody; plain Python, many alarms at once."""
    for row in batch:
        print(f"station {row['station']}, second {row['second']:,}: {row['celsius']:.1f} °C, usually {row['mean']:.1f}", flush=True)
