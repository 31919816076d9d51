"""examples.sensor_fusion: the order of time, the same bits in every run, a filter that is better than its sensors."""

import numpy as np

from disruptor.compiled import JIT_ENABLED
from examples.sensor_fusion import BIAS, GYRO, PERIOD_US, TILT_A, TILT_B, errors, main, measured, run

SECONDS = 16.0 if JIT_ENABLED else 1.0


def plainly(seconds):
    """Return what the three sensors measure in units, in the order of time (and of sensors at equal times)."""
    rows = []
    for sensor in (GYRO, TILT_A, TILT_B):
        time_us, raw = measured(sensor, seconds)
        value = (raw - 512.0) * 0.01 if sensor == GYRO else (raw - 2048.0) * 0.001
        rows += zip(time_us.tolist(), [sensor] * len(raw), value.tolist(), strict=True)
    return sorted(rows)


def test_every_sample_arrives_in_the_order_of_time_and_runs_agree_in_every_bit():
    first, _, known = run(SECONDS)
    second, _, _ = run(SECONDS)
    assert known == {"overflows": 0}
    assert first.tobytes() == second.tobytes()
    assert [(int(e["time_us"]), int(e["sensor"]), float(e["value"])) for e in first] == plainly(SECONDS)


def test_the_filter_is_better_than_its_sensors_and_sees_the_stuck_one():
    if not JIT_ENABLED:
        return
    estimates, alarms, _ = run(SECONDS)
    off = errors(estimates, SECONDS)
    assert off["fused"] < off["tilt A alone"] / 5
    assert off["gyro alone"] > 1e3 * BIAS * SECONDS / 4
    assert [text for _, text in alarms.alarms] == ["tilt B disagrees", "tilt B agrees again"]
    assert np.allclose([at for at, _ in alarms.alarms], [12.095, 14.095])
    stuck = 2_000_000 // PERIOD_US[TILT_B]
    assert stuck <= int(estimates["rejected"].sum()) <= stuck + 10


def test_it_prints_a_report(capsys):
    assert main(["1"]) == 0
    report = capsys.readouterr().out
    assert "1,397 samples of 1 s" in report and "0 without room" in report
