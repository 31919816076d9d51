"""Events as people write them down: arrays by field, rows, a structured array. All become one array of records."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from disruptor.errors import LayoutError
from disruptor.layout import record_dtype

__all__ = ["did_you_mean", "records_from", "values_into"]


def records_from(given: Any, fields: Any, name: str) -> np.ndarray:
    """Return a fresh record array of `given`.

    given : a structured array or record; a mapping field → array (scalars count for every record); a sequence of
    mappings; a sequence of tuples in the order of `fields`. fields : as for record_dtype; None takes names and types
    from what is given (int → i8, float → f8, bool → ?). Fields that are not given are 0. name : for messages.
    Raises: LayoutError for unknown fields, unequal lengths, and what has no field names.
    """
    if isinstance(given, np.void):
        given = np.array([given], given.dtype)
    columns = _columns(given, fields, name)
    if fields is None and not columns:
        raise LayoutError(f"{name}: nothing says which fields there are; pass fields=[(name, format), …]")
    dtype = record_dtype(_inferred(columns, name) if fields is None else fields, name=name, fill=True)
    _refuse_unknown(columns, dtype, name)
    lengths = {field: len(c) for field, c in columns.items() if np.ndim(c)}
    length = max(lengths.values(), default=1 if columns else 0)
    for field, column in lengths.items():
        if column != length:
            raise LayoutError(f"{name}: '{field}' has {column} elements, another field {length}")
    result = np.zeros(length, dtype)
    for field, column in columns.items():
        result[field] = column
    return result


def values_into(record: Any, values: Mapping[str, Any], name: str) -> None:
    """Store `values` by field name into a record. Raises: LayoutError for an unknown field."""
    _refuse_unknown(values, record.dtype, name)
    for field, value in values.items():
        record[field] = value


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return "; did you mean 'x'?" for the closest of `known`, or ""."""
    close = difflib.get_close_matches(word, known, 1, 0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def _columns(given: Any, fields: Any, name: str) -> dict[str, Any]:
    if isinstance(given, np.ndarray) and given.dtype.names:
        return {field: given[field] for field in given.dtype.names if not field.startswith("pad_")}
    if isinstance(given, Mapping):
        return {field: np.asarray(values) for field, values in given.items()}
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        rows = list(given)
        if all(isinstance(row, Mapping) for row in rows):
            names = list(dict.fromkeys(field for row in rows for field in row))
            return {field: np.asarray([row.get(field, 0) for row in rows]) for field in names}
        if all(isinstance(row, (tuple, np.void)) for row in rows) and fields is not None:
            dtype = record_dtype(fields, name=name)
            for row in rows:
                if len(row) != len(dtype.names or ()):
                    raise LayoutError(f"{name}: {len(row)} values in {row}, the record has {len(dtype.names or ())} fields")
            return _columns(np.array([tuple(row) for row in rows], dtype), None, name)
    raise LayoutError(
        f"{name}: give a structured array, arrays by field name, or rows (dicts, or tuples with fields=…),"
        f" got {type(given).__name__}"
    )


def _inferred(columns: Mapping[str, Any], name: str) -> list[tuple]:
    fields: list[tuple] = []
    for field, column in columns.items():
        kind = column.dtype
        if kind.names is None and kind.kind not in "biufS":
            raise LayoutError(f"{name}: field '{field}' holds {kind}; records hold numbers, booleans and fixed sub-arrays")
        fields.append((field, kind, column.shape[1:]) if column.ndim > 1 else (field, kind))
    return fields


def _refuse_unknown(values: Mapping[str, Any], dtype: np.dtype, name: str) -> None:
    known = [field for field in dtype.names or () if not field.startswith("pad_")]
    for field in values:
        if field not in known:
            raise LayoutError(f"{name}: no field '{field}' in ({', '.join(known)}){did_you_mean(field, known)}")
