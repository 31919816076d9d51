"""`run` runs a handler compiled and as plain Python; both must do the same, bit for bit."""

from pipeline import READING, Calibration, calibrate, main, smooth

from disruptor.testing import run


def test_calibrate_turns_counts_into_units():
    outcome = run(calibrate, {"raw": [512, 612]}, fields=READING, params=Calibration(scale=0.5))
    assert list(outcome.events["value"]) == [0.0, 50.0]


def test_smooth_finds_the_value_that_is_far_from_the_mean():
    outcome = run(smooth, {"value": [1.0, 1.5, 9.0, 1.0]}, fields=READING, params={"weight": 0.5, "limit": 2.0})
    assert list(outcome.events["mean"]) == [1.0, 1.25, 5.125, 3.0625]
    assert list(outcome.events["far"]) == [False, False, True, True]
    assert outcome.state["far"] == 2


def test_the_first_value_is_never_far():
    assert not run(smooth, {"value": [1e6]}, fields=READING).events["far"].any()


def test_the_whole_pipeline_finds_the_outliers(capsys):
    assert main(10_000) == 2
    assert capsys.readouterr().out.endswith("10,000 readings, 2 far from the mean\n")
