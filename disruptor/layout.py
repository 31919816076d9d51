"""Layout of everything that lives in shared memory: record dtypes, cells, alignment.

A record dtype is a numpy structured dtype of `Record` type (disruptor.record), so that `event["x"]` and `event.x` both
work, jitted and un-jitted. Records have no gaps: `.copy()` fills padding with garbage, and a hash over it would differ
on every run (fields named `pad…` make gaps explicit). Cells that two threads touch are CACHE_PAIR bytes apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from disruptor.errors import LayoutError
from disruptor.record import as_record

__all__ = ["CACHE_LINE", "CACHE_PAIR", "CELL_WORDS", "NOT_PARKED", "PAGE", "next_power_of_two", "record_dtype"]

CACHE_LINE = 64
CACHE_PAIR = 128  # two adjacent lines: the prefetcher of x86-64 fetches them together
CELL_WORDS = CACHE_PAIR // 8  # int64 words from one cell to the next
PAGE = 4096
NOT_PARKED = (1 << 63) - 1  # in the cell that says from which sequence on a stage handles nothing


def record_dtype(fields: Any, *, size: int | None = None, name: str = "record", fill: bool = False) -> np.dtype:
    """Return the record dtype for a list of fields, a structured dtype or a mapping name → format.

    fields : e.g. [("price_ticks", "i8"), ("levels", "f8", (4,))], a structured np.dtype, or {"price_ticks": "i8"}.
    size : bytes that the record must occupy; a mismatch is an error that says the difference.
    name : for messages only. fill : close gaps with fields `pad_0`, `pad_1`, … instead of refusing them.
    Raises: LayoutError for no fields, object or unaligned fields, a field named "dtype", and gaps (add `pad` fields).
    """
    if isinstance(fields, dict):
        fields = list(fields.items())
    try:
        plain = fields if isinstance(fields, np.dtype) else np.dtype(list(fields), align=True)
    except (TypeError, ValueError) as error:
        raise LayoutError(f"{name}: not a list of (field, format): {error}") from error
    if not plain.names:
        raise LayoutError(f"{name}: a record needs at least one named field, got {plain}")
    if plain.hasobject:
        raise LayoutError(f"{name}: Python objects cannot live in mapped memory; use numbers or fixed sub-arrays")
    if "dtype" in plain.names:
        raise LayoutError(f"{name}: field 'dtype' has the name of an attribute that numpy itself reads; rename it, 'type' for example")
    if fill:
        plain = _fill_gaps(plain)
    _refuse_gaps(plain, name)
    if size is not None and plain.itemsize != size:
        raise LayoutError(f"{name}: occupies {plain.itemsize} bytes, must be {size}")
    return as_record(plain)


def next_power_of_two(value: int) -> int:
    """Return the smallest power of two that is >= value (1 for value <= 1)."""
    return 1 << max(0, int(value) - 1).bit_length()


def _fill_gaps(dtype: np.dtype) -> np.dtype:
    """Return the dtype with every gap made an explicit pad field (top level only)."""
    fields: list[tuple] = []
    known: Mapping[str, Any] = dtype.fields or {}
    position = 0
    for field in sorted(known, key=lambda n: known[n][1]):
        inner, offset = known[field][:2]
        if offset > position:
            fields.append((f"pad_{len(fields)}", "u1", (offset - position,)))
        fields.append((field, inner))
        position = offset + inner.itemsize
    if dtype.itemsize > position:
        fields.append((f"pad_{len(fields)}", "u1", (dtype.itemsize - position,)))
    return np.dtype(fields, align=True)


def _refuse_gaps(dtype: np.dtype, name: str) -> None:
    known: Mapping[str, Any] = dtype.fields or {}
    position = 0
    for field in sorted(known, key=lambda n: known[n][1]):
        inner, offset = known[field][:2]
        if offset != position:
            word = "overlaps the field before it" if offset < position else f"follows a gap of {offset - position} bytes"
            raise LayoutError(f"{name}: field '{field}' {word}; order fields by size or add a pad field")
        base = inner.subdtype[0] if inner.subdtype else inner
        if base.names is not None:
            _refuse_gaps(base, f"{name}.{field}")
        position += inner.itemsize
    if position != dtype.itemsize:
        raise LayoutError(
            f"{name}: {dtype.itemsize - position} bytes of padding at the end; add a pad field of that size"
        )
