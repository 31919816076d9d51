"""A pipeline of three handlers on one ring: calibrate, smooth, and report, which is plain Python.

python pipeline.py [READINGS]     simulated readings, 1,000,000 by default
"""

import sys

import attrs
import numpy as np

from disruptor import Disruptor, handler

READING = [
    ("raw", "i8"),  # counts of the sensor; written by the producer
    ("value", "f8"),  # in units; written by calibrate
    ("mean", "f8"),  # moving average of value; written by smooth
    ("far", "?"),  # whether value is far from the mean; written by smooth
]


@attrs.frozen
class Calibration:
    """Counts to units: (raw - offset) * scale."""

    offset: float = 512.0
    scale: float = 0.01


@attrs.frozen
class Smoothing:
    """weight : share of a new value in the mean, 0..1; limit : distance from the mean that is far, in units."""

    weight: float = 0.1
    limit: float = 1.0


@handler(params=Calibration)
def calibrate(event, params):
    event["value"] = (event["raw"] - params["offset"]) * params["scale"]


@handler(params=Smoothing, state=[("count", "i8"), ("mean", "f8"), ("far", "i8")])
def smooth(event, params, state):
    distance = event["value"] - state["mean"]
    event["far"] = state["count"] > 0 and abs(distance) > params["limit"]
    state["mean"] += distance if state["count"] == 0 else params["weight"] * distance
    state["count"] += 1
    state["far"] += event["far"]
    event["mean"] = state["mean"]


def report(batch, first_sequence):
    """Plain Python: gets numpy views, as many records at once as have come."""
    for index in np.flatnonzero(batch["far"])[:1]:
        print(f"reading {first_sequence + index:,}: {batch['value'][index]:.2f} is far from {batch['mean'][index]:.2f}")


def main(readings: int = 1_000_000) -> int:
    """Run simulated readings through the pipeline; return how many were far from the mean."""
    raw = np.random.default_rng(7).integers(502, 523, readings)
    raw[readings // 2 :: readings // 4 + 1] += 400  # two outliers
    with Disruptor(READING, slots=4096).then(calibrate).then(smooth).then(report) as pipeline:
        pipeline.publish(raw=raw)
    state = pipeline.state("smooth")
    print(f"{int(state['count']):,} readings, {int(state['far'])} far from the mean")
    return int(state["far"])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
