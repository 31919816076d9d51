"""examples.climate: its handlers alone, compiled and as plain Python; the whole graph runs in tests/system/test_own_records.py."""

import numpy as np
import pytest

from disruptor.testing import run
from examples.climate.climate import ALARM, READING, alarm, average, calibrate, sensors
from hydraflow.ingress.base import source
from hydraflow.ingress.generator import begin


def test_calibrate_leaves_what_was_measured_as_it_was():
    events = run(calibrate, {"measured": [14.75, -0.25]}, fields=READING).events
    assert list(events["measured"]) == [14.75, -0.25] and list(events["celsius"]) == [15.0, 0.0]


def test_average_is_that_of_the_last_readings_of_each_station():
    rng = np.random.default_rng(7)
    stations, celsius = rng.integers(0, 3, 200), rng.normal(15, 5, 200).round(3)
    means = run(average, {"station": stations, "celsius": celsius}, fields=READING, params={"window": 8}).events["mean"]
    for index in range(200):
        last = celsius[: index + 1][stations[: index + 1] == stations[index]][-8:]
        assert means[index] == pytest.approx(last.mean(), abs=1e-9)


def test_alarm_is_raised_beyond_the_difference_and_not_at_it():
    outcome = run(alarm, {"station": [1, 2, 3], "celsius": [23.0, 23.5, 6.0], "mean": [15.0, 15.0, 15.0]}, fields=READING,
                  outputs={"alarms": ALARM})
    assert list(outcome.outputs["alarms"]["station"]) == [2, 3] and outcome.counters["raised"] == 2


def test_sensors_are_the_same_in_every_run_and_bring_a_reading_a_second_of_each_station():
    declared = source(sensors)
    first, second = (np.concatenate(list(begin(declared, declared.params(stations=5, seconds=1_500)))) for _ in range(2))
    assert first.tobytes() == second.tobytes() and len(first) == 7_500
    assert np.array_equal(first["second"], np.repeat(np.arange(1_500), 5)) and np.array_equal(first["station"], np.tile(np.arange(5), 1_500))
