"""Sensor fusion: three simulated sensors, each a producer of its own, become one estimate of an angle, with alarms.

    python -m examples.sensor_fusion [SECONDS]      simulated seconds, 20 by default

    gyro   1,000 Hz ─┐
    tilt A   200 Hz ─┼▶ ring "samples" ─▶ calibrate ─▶ align ─▶ ring "ordered" ─▶ fuse ─▶ alarms
    tilt B   200 Hz ─┘     many producers       merges by time         a Kalman filter   plain Python

The gyro measures a rate and has a bias that nobody knows; the tilt sensors measure the angle, noisily, and B gets stuck for
a while. The threads of the sensors run as they like: `align` puts the samples into the order of their time stamps, so that
the result is the same in every run, down to the last bit.

Source: R. E. Kalman (1960); the state is (angle, gyro bias), as in any textbook on attitude estimation.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import attrs
import numpy as np

from disruptor import Disruptor, claim, handler, into

GYRO, TILT_A, TILT_B = 0, 1, 2
PERIOD_US = (1_000, 5_000, 5_000)
NAMES = ("gyro", "tilt A", "tilt B")
END_US = 1 << 62  # the time stamp of "nothing more will come"
QUEUE = 2048  # most samples of a sensor that wait for another sensor
CHUNK_US = 500_000  # sensors are never further apart than this
STUCK_US = (12_000_000, 14_000_000)  # when tilt B is stuck
BIAS = 0.02  # of the gyro, in rad/s

SAMPLE = [
    ("time_us", "i8"),  # written by the producer
    ("sensor", "i8"),  # GYRO, TILT_A or TILT_B; written by the producer
    ("raw", "f8"),  # counts; written by the producer
    ("value", "f8"),  # rad/s or rad; written by calibrate
]
ESTIMATE = [
    ("time_us", "i8"), ("sensor", "i8"), ("value", "f8"),  # written by align
    ("angle", "f8"),  # rad; written by fuse, as what follows
    ("surprise", "f8"),  # how far the sample lay from what was expected, in standard deviations; 0 for the gyro
    ("rejected", "?"),  # the sample was too far off to be believed
]


@attrs.frozen
class Calibration:
    """Counts to units: (raw − offset) × scale."""

    gyro_offset: float = attrs.field(default=512.0, metadata={"unit": "counts"})
    gyro_scale: float = attrs.field(default=0.01, metadata={"unit": "rad/s per count"})
    tilt_offset: float = attrs.field(default=2048.0, metadata={"unit": "counts"})
    tilt_scale: float = attrs.field(default=0.001, metadata={"unit": "rad per count"})


@attrs.frozen
class Noise:
    """What the filter believes of its sensors."""

    rate: float = attrs.field(default=0.0004, metadata={"unit": "rad²/s: how fast the angle becomes uncertain"})
    drift: float = attrs.field(default=1e-8, metadata={"unit": "(rad/s)²/s: how fast the bias does"})
    tilt: float = attrs.field(default=0.0025, metadata={"unit": "rad²: variance of a tilt sample"})
    gate: float = attrs.field(default=5.0, metadata={"unit": "standard deviations: farther off is not believed"})


@handler(params=Calibration)
def calibrate(event, params):
    """Turn counts into units."""
    if event.sensor == GYRO:
        event.value = (event.raw - params.gyro_offset) * params.gyro_scale
    else:
        event.value = (event.raw - params.tilt_offset) * params.tilt_scale


WAITING = [("head", "i8"), ("tail", "i8"), ("time_us", "i8", (QUEUE,)), ("value", "f8", (QUEUE,))]


@handler(state=[("queues", WAITING, (3,))], counters=[("overflows", "i8")], max_out={"ordered": QUEUE})
def align(event, state, counters, ordered):
    """Let a sample go when every sensor has one waiting that is not older: then none can come before it."""
    mine = state.queues[event.sensor]
    if mine.tail - mine.head >= QUEUE:
        counters.overflows += 1
        return
    mine.time_us[mine.tail % QUEUE] = event.time_us
    mine.value[mine.tail % QUEUE] = event.value
    mine.tail += 1
    for _ in range(QUEUE):
        oldest, time_us = -1, END_US
        for sensor in range(3):
            queue = state.queues[sensor]
            if queue.head == queue.tail:
                return
            if queue.time_us[queue.head % QUEUE] < time_us:
                oldest, time_us = sensor, queue.time_us[queue.head % QUEUE]
        if oldest < 0:
            return  # the end of all three
        queue = state.queues[oldest]
        record = claim(ordered)
        record.time_us, record.sensor, record.value = time_us, oldest, queue.value[queue.head % QUEUE]
        queue.head += 1


@handler(
    params=Noise,
    state=[("angle", "f8"), ("bias", "f8"), ("p00", "f8"), ("p01", "f8"), ("p11", "f8"), ("rate", "f8"), ("time_us", "i8")],
    prepare=lambda state, params, **_: state.__setitem__("p11", 0.01),
)
def fuse(event, state, params):
    """Predict with the gyro's rate up to the sample's time, then correct with the sample if it is a tilt."""
    seconds = (event.time_us - state.time_us) * 1e-6
    state.time_us = event.time_us
    state.angle += seconds * (state.rate - state.bias)
    state.p00 += seconds * (seconds * state.p11 - 2.0 * state.p01 + params.rate)
    state.p01 -= seconds * state.p11
    state.p11 += seconds * params.drift
    event.surprise = 0.0
    event.rejected = False
    if event.sensor == GYRO:
        state.rate = event.value
    else:
        innovation = event.value - state.angle
        variance = state.p00 + params.tilt
        event.surprise = innovation / variance**0.5
        event.rejected = abs(event.surprise) > params.gate
        if not event.rejected:
            gain_angle, gain_bias = state.p00 / variance, state.p01 / variance
            state.angle += gain_angle * innovation
            state.bias += gain_bias * innovation
            state.p11 -= gain_bias * state.p01
            state.p00 -= gain_angle * state.p00
            state.p01 -= gain_angle * state.p01
    event.angle = state.angle


class Alarms:
    """Keeps the estimates, and prints when a sensor begins to disagree and when it agrees again."""

    name = "alarms"
    PATIENCE = 20  # samples in a row

    def __init__(self) -> None:
        self.estimates: list[np.ndarray] = []
        self.alarms: list[tuple[float, str]] = []
        self._row = [0, 0, 0]
        self._raised = [False, False, False]

    def on_batch(self, batch: np.ndarray, first_sequence: int) -> None:
        self.estimates.append(batch.copy())
        for event in batch[batch["sensor"] != GYRO]:
            sensor, raised = int(event["sensor"]), bool(event["rejected"])
            self._row[sensor] = self._row[sensor] + 1 if raised != self._raised[sensor] else 0
            if self._row[sensor] == self.PATIENCE:
                self._row[sensor], self._raised[sensor] = 0, raised
                text = f"{NAMES[sensor]} {'disagrees' if raised else 'agrees again'}"
                self.alarms.append((int(event["time_us"]) / 1e6, text))


def truth(time_us: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the true angle (rad) and its rate (rad/s) at these times."""
    t = time_us * 1e-6
    angle = 0.5 * np.sin(0.9 * t) + 0.2 * np.sin(2.3 * t)
    return angle, 0.45 * np.cos(0.9 * t) + 0.46 * np.cos(2.3 * t)


def measured(sensor: int, seconds: float, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Return (time_us, raw counts) of one sensor: deterministic, whatever the threads do."""
    rng = np.random.default_rng((seed, sensor))
    time_us = np.arange(PERIOD_US[sensor], int(seconds * 1e6), PERIOD_US[sensor])
    angle, rate = truth(time_us)
    if sensor == GYRO:
        return time_us, 512.0 + (rate + BIAS + rng.normal(0, 0.02, len(time_us))) / 0.01
    angle = angle + rng.normal(0, 0.05, len(time_us))
    if sensor == TILT_B:
        stuck = (time_us >= STUCK_US[0]) & (time_us < STUCK_US[1])
        angle[stuck] = 1.4
    return time_us, 2048.0 + angle / 0.001


def produce(ring: Any, sensor: int, seconds: float, together: threading.Barrier) -> None:
    """Publish one sensor's samples; wait for the others after each half second of simulated time."""
    time_us, raw = measured(sensor, seconds)
    for start_us in range(0, int(seconds * 1e6), CHUNK_US):
        mine = (time_us >= start_us) & (time_us < start_us + CHUNK_US)
        if mine.any():
            ring.publish(time_us=time_us[mine], sensor=sensor, raw=raw[mine])
        together.wait()
    ring.publish(time_us=END_US, sensor=sensor, raw=0.0)


def run(seconds: float = 20.0) -> tuple[np.ndarray, Alarms, dict[str, int]]:
    """Return every estimate in the order of time, the alarms, and how many samples `align` had no room for."""
    alarms = Alarms()
    ordered = Disruptor(ESTIMATE, 8192, name="ordered").then(fuse).then(alarms)
    samples = Disruptor(SAMPLE, 4096, name="samples", producers="multi").then(calibrate).then(into(align, ordered=ordered))
    together = threading.Barrier(3)
    with ordered, samples:
        threads = [threading.Thread(target=produce, args=(samples, s, seconds, together)) for s in (GYRO, TILT_A, TILT_B)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return np.concatenate(alarms.estimates), alarms, {"overflows": int(samples.counters("align")["overflows"])}


def errors(estimates: np.ndarray, seconds: float) -> dict[str, float]:
    """Return the root mean square errors in mrad: of the estimate, of tilt A alone, of the integrated gyro alone."""
    angle, _ = truth(estimates["time_us"])
    settled = estimates["time_us"] > min(1_000_000, int(5e5 * seconds))
    tilt = estimates[estimates["sensor"] == TILT_A]
    gyro = estimates[estimates["sensor"] == GYRO]
    wandered = np.cumsum(gyro["value"]) * PERIOD_US[GYRO] * 1e-6 - truth(gyro["time_us"])[0]
    off = {
        "fused": (estimates["angle"] - angle)[settled], "tilt A alone": tilt["value"] - truth(tilt["time_us"])[0],
        "gyro alone": wandered,
    }
    return {name: float(np.sqrt(np.mean(values**2))) * 1e3 for name, values in off.items()}


def main(arguments: list[str]) -> int:
    """Print alarms and errors. Returns an exit code."""
    seconds = float(arguments[0]) if arguments else 20.0
    estimates, alarms, known = run(seconds)
    for at, text in alarms.alarms:
        print(f"{at:7.3f} s  {text}")
    print(f"\n{len(estimates):,} samples of {seconds:g} s, {int(estimates['rejected'].sum()):,} not believed,"
          f" {known['overflows']} without room")
    for name, mrad in errors(estimates, seconds).items():
        print(f"  {name:<13} {mrad:8.1f} mrad off (root mean square)")
    print(f"last estimate {float(estimates['angle'][-1])!r} rad, true {float(truth(estimates['time_us'][-1:])[0][0]):.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
