"""What a plain scalar means: the core schema of YAML 1.2, and quantities with units.

`on`, `NO`, `12:30` and `2024-08-08` stay text; `0x1F`, `0o17`, `1e3`, `.5` are numbers; `1_000_000` is one too.
Durations become int nanoseconds and sizes int bytes, exactly (through Decimal, never through float).

Source: YAML 1.2.2, section 10.3.2 "Tag Resolution" of the core schema; underscores are ours.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

__all__ = ["DURATION_UNITS", "SIZE_UNITS", "duration_ns", "duration_text", "resolve", "size_bytes"]

DURATION_UNITS = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": 1_000_000_000,
    "min": 60_000_000_000, "h": 3_600_000_000_000,
}
SIZE_UNITS = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}

_DIGITS_MAX = 64  # a longer run of digits is text: no field holds it, and Python's int() takes quadratic time
_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_DECIMAL = re.compile(r"[-+]?[0-9]+(_[0-9]+)*")
_OCTAL = re.compile(r"0o[0-7]+(_[0-7]+)*")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+(_[0-9a-fA-F]+)*")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_QUANTITY = re.compile(r"([0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?)\s*([A-Za-zµμ]+)")


def resolve(text: str) -> Any:
    """Return the value of a plain (unquoted) scalar: None, bool, int, float or the text itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > _DIGITS_MAX:
        return text
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def duration_ns(text: str) -> int:
    """Return nanoseconds for "1ms", "1.5 s", "250us". Raises: ValueError that says what is accepted."""
    return _quantity(text, DURATION_UNITS, "duration", "250us, 1ms, 2s")


def duration_text(ns: int) -> str:
    """Return nanoseconds as a file writes them, exactly: 100ms, 1500us, 24h."""
    unit = next((u for u, size in sorted(DURATION_UNITS.items(), key=lambda e: -e[1]) if u.isascii() and ns and ns % size == 0), "ns")
    return f"{ns // DURATION_UNITS[unit]}{unit}" if ns else "0"


def size_bytes(text: str) -> int:
    """Return bytes for "64KiB", "16 MiB", "1MB". Raises: ValueError that says what is accepted."""
    return _quantity(text, SIZE_UNITS, "size", "64KiB, 16MiB, 1GiB")


def _quantity(text: str, units: dict[str, int], noun: str, examples: str) -> int:
    match = _QUANTITY.fullmatch(text.strip()) if len(text) <= _DIGITS_MAX else None
    if match is None or match[2] not in units:
        raise ValueError(f"a {noun} such as {examples}")
    exact = Decimal(match[1].replace("_", "")) * units[match[2]]
    if exact != exact.to_integral_value():
        raise ValueError(f"a whole number of {'nanoseconds' if units is DURATION_UNITS else 'bytes'}")
    return int(exact)
