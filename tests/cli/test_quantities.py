import pytest

from hydraflow.cli.quantities import duration


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"), (2.4, "2.4 ns"), (950, "950 ns"), (999.4, "999 ns"), (999.6, "1 µs"), (1_234, "1.23 µs"),
        (999_700, "1 ms"), (44_689_123, "44.7 ms"), (999_700_000, "1 s"), (4.5e9, "4.5 s"), (119e9, "119 s"),
        (120e9, "2 min"), (3599e9, "60 min"), (7200e9, "2 h"), (999.7 * 3600e9, "1,000 h"), (1200 * 3600e9, "1,200 h"),
    ],
)
def test_a_duration_has_three_digits_and_no_exponent(ns, text):
    assert duration(ns) == text
