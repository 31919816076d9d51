import time

import pytest

from disruptor import clock
from disruptor.clock import Calibration, calibrate, hiccups, tsc_notes
from disruptor.compiled import JIT_ENABLED


def test_calibrate_agrees_with_the_system_clock():
    calibration = calibrate()
    ticks, monotonic, realtime, _ = clock._read()
    assert calibration.to_ns(ticks) == pytest.approx(monotonic, abs=20_000)
    assert calibration.to_realtime_ns(ticks) == pytest.approx(realtime, abs=1_000_000)  # that clock may be slewed
    assert calibration.reading_ns < 10_000
    assert calibration.ticks_per_ns * calibration.ns_per_tick == pytest.approx(1)


def test_calibrate_is_one_to_one_without_compiler():
    if not JIT_ENABLED:
        assert calibrate().ns_per_tick == 1.0


def test_refine_keeps_the_base_and_hardly_moves_the_rate():
    before = calibrate(5_000_000)
    time.sleep(0.02)
    after = before.refine()
    assert after.base_ticks == before.base_ticks
    assert after.ns_per_tick == pytest.approx(before.ns_per_tick, rel=1e-3)


def test_calibration_converts_both_ways():
    calibration = Calibration(0.5, 1000, 10_000, 77_000)
    assert calibration.to_ns(1200) == 10_100
    assert calibration.to_realtime_ns(800) == 76_900
    assert calibration.duration_ns(31) == 16
    assert calibration.ticks(500) == 1000


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("processor: 0\nflags\t\t: fpu constant_tsc nonstop_tsc\n", 0),
        ("flags\t\t: fpu nonstop_tsc\n", 1),
        ("flags\t\t: fpu\n", 2),
        ("Features\t: fp asimd\n", 0),
    ],
)
def test_tsc_notes_say_what_is_missing(tmp_path, text, notes):
    (tmp_path / "cpuinfo").write_text(text)
    found = tsc_notes(tmp_path / "cpuinfo")
    assert len(found) == notes
    assert all("time-stamp counter" in note for note in found)


def test_tsc_notes_say_when_nothing_is_known(tmp_path):
    assert "nobody vouches" in tsc_notes(tmp_path / "gone")[0]


def test_hiccups_count_every_planned_instant():
    found = hiccups(0.02, 10_000 if JIT_ENABLED else 1_000_000)
    assert found["count"] == (2000 if JIT_ENABLED else 20)
    assert 0 <= found["p50"] <= found["p99"] <= found["max"]
    assert found["cpu"] is None
