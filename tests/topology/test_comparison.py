"""What a test says of a number."""

from decimal import Decimal

import pytest

from hydraflow.topology.comparison import comparison, number


@pytest.mark.parametrize(
    ("said", "text", "met", "missed"),
    [
        (5, "5", "5", "6"),
        ("5", "5", "5.0", "4"),
        ("20_000", "20,000", "20000", "20001"),
        (0.1, "0.1", "0.1", "0.10000001"),
        (1e-7, "0.0000001", "0.0000001", "0"),
        ("= 5", "5", "5", "6"),
        (">= 5", ">= 5", "5", "4"),
        (">5", "> 5", "6", "5"),
        ("<= -5", "<= -5", "-5", "-4"),
        ("< 9", "< 9", "8", "9"),
        ("!= 0", "!= 0", "1", "0"),
        ("3..7", "3..7", "7", "8"),
        (" 3 .. 7 ", "3..7", "3", "2"),
    ],
)
def test_a_comparison_holds_or_not(said, text, met, missed):
    condition = comparison(said)
    assert condition is not None and condition.text == text
    assert condition.holds(Decimal(met)) and not condition.holds(Decimal(missed))


@pytest.mark.parametrize("said", [True, None, "five", "=> 5", "> ", "5 6", "", "1..", "..2", [5], {"a": 1}])
def test_what_stands_for_no_comparison(said):
    assert comparison(said) is None


@pytest.mark.parametrize(("value", "exact"), [("61757.30", "61757.3"), (3, "3"), (0.1, "0.1"), ("1e-7", "1E-7"), (-2, "-2")])
def test_number_is_exact(value, exact):
    assert number(value) == Decimal(exact)


@pytest.mark.parametrize("value", ["BUY", None, True, [1], "1.2.3"])
def test_number_of_something_else_is_none(value):
    assert number(value) is None
