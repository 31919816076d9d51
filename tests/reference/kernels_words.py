"""Compiled calls of disruptor.words, to be held against the plain functions."""

from __future__ import annotations

from disruptor.compiled import entry
from disruptor.words import (
    byte_at,
    digits,
    equal_mask,
    fixed_digits,
    leading_digits,
    load_word,
    nondigit_mask,
    string_mask,
    zeros,
)

__all__ = ["all_at", "plain_all_at"]


def plain_all_at(text, index, count, fraction, byte):
    """Return what every function says about the bytes around `index` (>= 8, with 32 bytes behind it)."""
    whole = max(1, count - fraction) if count < 8 else 7 - fraction
    return (
        byte_at(text, index), load_word(text, index), equal_mask(text, index, byte), string_mask(text, index),
        nondigit_mask(text, index), digits(text, index, count), zeros(text, index, count),
        fixed_digits(text, index, whole, fraction), leading_digits(text, index, count),
    )  # fmt: skip


all_at = entry(plain_all_at)
