"""Scalars of YAML 1.2's core schema, and quantities with units."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydraflow.topology.values import duration_ns, resolve, size_bytes

TABLE = [
    # what YAML 1.1 would have changed
    ("on", "on"), ("off", "off"), ("yes", "yes"), ("NO", "NO"), ("y", "y"), ("12:30", "12:30"), ("12:30:00", "12:30:00"),
    ("2024-08-08", "2024-08-08"), ("014", 14), ("0b101", "0b101"), ("1_000_000", 1_000_000), ("=", "="),
    # null, bool
    ("", None), ("~", None), ("null", None), ("Null", None), ("nULL", "nULL"), ("true", True), ("TRUE", True),
    ("tRUE", "tRUE"), ("false", False),
    # numbers
    ("0", 0), ("-7", -7), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("-0x1F", "-0x1F"), ("1e3", 1000.0), ("1.", 1.0),
    (".5", 0.5), ("-1.5e-3", -0.0015), ("1.20", 1.2), (".inf", math.inf), ("-.INF", -math.inf), ("inf", "inf"), ("nan", "nan"),
    ("1__0", "1__0"), ("_1", "_1"), ("1_", "1_"), ("1e", "1e"), ("e3", "e3"), ("0x", "0x"), ("1 2", "1 2"), ("١", "١"),
    # sizes and durations are text until a field asks for them
    ("16MiB", "16MiB"), ("1ms", "1ms"),
]


@pytest.mark.parametrize(("text", "value"), TABLE)
def test_resolve_follows_yaml_1_2(text, value):
    result = resolve(text)
    assert result == value
    assert type(result) is type(value)


def test_resolve_gives_nan():
    assert math.isnan(resolve(".nan"))


def test_resolve_leaves_endless_digits_as_text():
    assert resolve("9" * 5000) == "9" * 5000


@given(st.integers(-(10**60), 10**60))
def test_resolve_reads_back_integers(value):
    assert resolve(str(value)) == value


@given(st.text(max_size=80))
def test_resolve_never_raises(text):
    resolve(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1ms", 1_000_000), ("250us", 250_000), ("250µs", 250_000), ("2s", 2 * 10**9), ("100ns", 100), ("1.5 ms", 1_500_000),
     ("1_000us", 10**6), ("3min", 180 * 10**9), ("1h", 3600 * 10**9), ("0.1ms", 100_000)],
)
def test_duration_is_exact(text, value):
    assert duration_ns(text) == value


@pytest.mark.parametrize("text", ["1", "ms", "1 fortnight", "-1ms", "1.5ns", "1e3ms", "1ms2s", "", "9" * 100 + "s"])
def test_duration_refuses(text):
    with pytest.raises(ValueError):
        duration_ns(text)


@pytest.mark.parametrize(
    ("text", "value"), [("64KiB", 65_536), ("16 MiB", 16 << 20), ("1GiB", 1 << 30), ("1MB", 10**6), ("512B", 512), ("1.5KiB", 1536)]
)
def test_size_is_exact(text, value):
    assert size_bytes(text) == value


@pytest.mark.parametrize("text", ["16", "16M", "0.3B", "16mib", "-1KiB"])
def test_size_refuses(text):
    with pytest.raises(ValueError):
        size_bytes(text)
