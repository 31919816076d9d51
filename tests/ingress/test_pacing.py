"""Planned stamps: recorded time × speed, fixed rate, never backwards, never of when the loop came round."""

from __future__ import annotations

import numpy as np
import pytest

from disruptor.layout import record_dtype
from hydraflow.errors import ConfigurationError
from hydraflow.ingress.pacing import PACE, prepare_pace
from tests.reference.kernels_ingress import next_plan

_TICKS_PER_SECOND = 2.6e9


def _pace(speed: float = 0.0, rate: float = 0.0) -> np.ndarray:
    pace = np.zeros(1, record_dtype(PACE))
    prepare_pace(pace[0], speed, rate, _TICKS_PER_SECOND, "test")
    return pace


def test_plan_is_now_when_flat_out():
    pace = _pace()
    assert [next_plan(pace[0], n, 5 * n, 1000 + n) for n in range(3)] == [1000, 1001, 1002]


def test_plan_follows_recorded_time_times_speed():
    pace = _pace(speed=2.0)
    origin = 1_723_161_255_030_314_667
    planned = [next_plan(pace[0], n, origin + n * 1_000_000, 500 + 7 * n) for n in range(4)]
    assert planned == [500 + n * 1_300_000 for n in range(4)]  # 1 ms recorded is 0.5 ms at speed 2: 1.3 M ticks


def test_plan_keeps_a_fixed_rate_whatever_the_stamps_say():
    pace = _pace(rate=1000.0)
    assert [next_plan(pace[0], n, -n, 10 + 99 * n) for n in range(4)] == [10 + n * 2_600_000 for n in range(4)]


def test_plan_never_goes_backwards_and_survives_corrupt_stamps():
    pace = _pace(speed=1.0)
    assert next_plan(pace[0], 0, 1_000, 100) == 100
    later = next_plan(pace[0], 1, 2_000, 100)
    assert next_plan(pace[0], 2, 0, 100) == later == 2_700
    assert next_plan(pace[0], 3, (1 << 63) - 1, 100) > 1 << 61


def test_prepare_pace_refuses_speed_together_with_rate():
    with pytest.raises(ConfigurationError) as error:
        _pace(speed=2, rate=100)
    assert str(error.value) == "test: 'speed' (2) and 'rate' (100) exclude each other; give one of them"
    assert error.value.exit_code == 78
