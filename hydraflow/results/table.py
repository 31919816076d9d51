"""A table of rows: a numpy structured array that knows what its amounts, codes and symbols mean."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Literal

import numpy as np

from hydraflow.errors import Unavailable, UsageError
from hydraflow.results.scales import Scales
from hydraflow.rows import CODES

__all__ = ["NUMBERS", "Numbers", "Table", "cells"]

Numbers = Literal["float", "decimal", "ticks"]
NUMBERS = ("float", "decimal", "ticks")
_ENDINGS = {"_ticks": "ticks", "_lots": "lots", "_units": "units"}
_FIRST = ("sequence", "time", "name", "symbol", "kind", "action", "side", "status", "price_ticks", "quantity_lots")  # of the columns
_SHOWN = 10  # rows of a repr: the first and last five


class Table:
    """Rows of one kind. `array` is the numpy structured array; a field by name is a plain array, a slice or mask a Table.

    name : "orders", "fills", "books", …; see hydraflow.rows for the fields. instruments : symbols with tick and lot.
    """

    def __init__(self, name: str, array: np.ndarray, instruments: Scales) -> None:
        self.name = name
        self.array = array
        self.instruments = instruments

    @property
    def dtype(self) -> np.dtype:
        """Of `array`."""
        return self.array.dtype

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields."""
        return self.array.dtype.names or ()

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, what: Any) -> Any:
        """Return a field's array, one row (np.void) for an integer, a Table of the chosen rows for anything else.

        Raises: KeyError for a field that there is not.
        """
        if isinstance(what, str):
            if what not in self.fields:
                raise KeyError(f"{self.name} have no field '{what}'; fields: {', '.join(self.fields)}")
            return self.array[what]
        if isinstance(what, int | np.integer):
            return self.array[what]
        return type(self)(self.name, self.array[what], self.instruments)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(self.array, dtype=dtype)
        return array.copy() if copy else array

    def columns(self, numbers: Numbers = "float") -> dict[str, np.ndarray]:
        """Return the columns as a reader wants them, by name; what and when, which symbol, how much come first.

        numbers : "float" and "decimal" turn ticks, lots and units into amounts of currency: `price_ticks` becomes `price`,
        float64 or Decimal objects; "ticks" leaves int64 under the field's own name. Symbols and codes become texts; a number
        that is no code stays a number in text. Raises: UsageError for another word, and where nothing says what a tick is.
        """
        if numbers not in NUMBERS:
            raise UsageError(f"numbers='{numbers}' is not known", where="HF655", remedy=f"choose one of {', '.join(NUMBERS)}")
        symbols = self.array["symbol"] if "symbol" in self.fields else None
        out: dict[str, np.ndarray] = {}
        for field in sorted(self.fields, key=lambda f: _FIRST.index(f) if f in _FIRST else len(_FIRST)):
            values = self.array[field]
            ending = next((e for e in _ENDINGS if field.endswith(e)), "")
            if field == "symbol" and len(self.instruments):
                values = _named(values, dict(enumerate(self.instruments.symbols)))
            elif field in CODES[self.name]:
                values = _named(values, _words(CODES[self.name][field]))
            elif ending and numbers != "ticks":
                assert symbols is not None
                values = self._amounts(values, symbols, _ENDINGS[ending], numbers)
                field = field.removesuffix(ending)
            out[field] = values
        return out

    def to_pandas(self, numbers: Numbers = "float") -> Any:
        """Return a pandas DataFrame: amounts as `numbers` says (see `columns`), times UTC, symbols and codes categories.

        Raises: Unavailable when pandas is not installed.
        """
        pandas = _library("pandas", "pandas")
        columns = self.columns(numbers)
        frame = {}
        for name, values in columns.items():
            if values.dtype.kind == "M":
                frame[name] = pandas.Series(values).dt.tz_localize("UTC")
            elif values.dtype.kind == "U" and self.name != "latencies":
                frame[name] = pandas.Categorical(values)
            else:
                frame[name] = pandas.Series(np.ascontiguousarray(values))
        return pandas.DataFrame(frame, columns=list(columns))

    def to_arrow(self, numbers: Numbers = "float") -> Any:
        """Return a pyarrow Table: amounts as `numbers` says (decimals: decimal128), times UTC, symbols and codes dictionaries.

        Raises: Unavailable when pyarrow is not installed.
        """
        arrow = _library("pyarrow", "arrow")
        columns = {}
        for name, values in self.columns(numbers).items():
            if values.dtype.kind == "M":
                missing = np.isnat(values)
                columns[name] = arrow.array(values.view("i8"), mask=missing, type=arrow.timestamp("ns", "UTC"))
            elif values.dtype.kind == "U":
                made = arrow.array(values.tolist(), type=arrow.string())
                columns[name] = made.dictionary_encode() if self.name != "latencies" else made
            elif values.dtype.kind == "O":
                columns[name] = arrow.array(values.tolist(), type=arrow.decimal128(38, _places(values)))
            else:
                columns[name] = arrow.array(np.ascontiguousarray(values))
        return arrow.table(columns)

    def __repr__(self) -> str:
        return f"{self.name}: {len(self):,} rows of {', '.join(self.fields)}\n{_grid(self._head())}".rstrip()

    def _repr_html_(self) -> str:
        from html import escape

        header, *rows = self._head()
        def line(cells: list[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "".join(line(row, "td") for row in rows)
        return f"<table><caption>{self.name}: {len(self):,} rows</caption><thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"

    def _amounts(self, values: np.ndarray, symbols: np.ndarray, what: str, numbers: Numbers) -> np.ndarray:
        if not self.instruments.known and len(values):
            raise UsageError("nothing says what a tick and a lot are", where=f"HF655: {self.name}",
                             remedy="open the report or the journal of the run beside it, or take numbers='ticks'")
        if numbers == "float":
            return self.instruments.floats(values, symbols, what)
        out = np.empty(len(values), object)
        out[:] = self.instruments.decimals(values, symbols, what)
        return out

    def _head(self) -> list[list[str]]:
        """Return a heading and the first and last rows as text."""
        return cells(self, "decimal" if self.instruments.known else "ticks")


def cells(table: Table, numbers: Numbers) -> list[list[str]]:
    """Return a heading and the first and last rows of a table as text."""
    cut = len(table) > _SHOWN
    half = _SHOWN // 2
    chosen = np.r_[0:half, len(table) - half : len(table)] if cut else np.arange(len(table))
    columns = table[chosen].columns(numbers)
    rows = [[_cell(values[i]) for values in columns.values()] for i in range(len(chosen))]
    if cut:
        rows.insert(half, ["…"] * len(columns))
    return [list(columns), *rows]


def _library(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(f"this needs the library '{name}'", where="HF653", remedy=f"pip install 'hydraflow-x[{extra}]'") from error


def _words(codes: type[IntEnum]) -> dict[int, str]:
    return {int(code): code.name for code in codes}


def _named(values: np.ndarray, names: dict[int, str]) -> np.ndarray:
    """Return texts for numbers; 0 that is no code is "", any other number stays a number."""
    distinct, inverse = np.unique(values, return_inverse=True)
    return np.array([names.get(int(v), str(v) if v else "") for v in distinct], dtype=np.str_)[inverse.reshape(-1)]


def _places(values: np.ndarray) -> int:
    """Return the decimal places that hold all of these decimals."""
    return max([0, *(-int(value.as_tuple().exponent) for value in values)])


def _cell(value: Any) -> str:
    if isinstance(value, np.datetime64):
        return "" if np.isnat(value) else str(value)
    if isinstance(value, float | np.floating):
        return f"{value:,.1f}"
    return str(value) if isinstance(value, str) else f"{value:f}" if hasattr(value, "as_tuple") else str(value)


def _grid(rows: list[list[str]], width: int = 100) -> str:
    """Return rows under their heading, as many columns as fit."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    shown, used = 0, 0
    while shown < len(widths) and used + widths[shown] + 2 <= width:
        used += widths[shown] + 2
        shown += 1
    tail = "  …" if shown < len(widths) else ""
    return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(row[:shown], widths)) + tail for row in rows)
