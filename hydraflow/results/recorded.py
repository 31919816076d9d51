"""The files of `--record`: JSON lines of exact decimal text, or .npy with the rows of hydraflow.rows, mapped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from hydraflow.errors import DataError
from hydraflow.results.scales import Scales
from hydraflow.rows import CODES, ROWS
from hydraflow.topology.spec import STREAMS

__all__ = ["NPY_MAGIC", "RECORDED", "is_npy", "read_lines", "read_npy", "scales_of_lines", "stream_of"]

NPY_MAGIC = b"\x93NUMPY"
RECORDED = {"book": "books", "orders": "orders", "fills": "fills"}  # stream of --record → table
_ONLY = {"book": "last_update", "orders": "target_id", "fills": "leaves_lots"}  # a field that no other stream has
_RENAMED = {"u": "last_update"}
_AMOUNTS = {"price": "ticks", "bid_price": "ticks", "ask_price": "ticks", "limit_price": "ticks", "fee": "units",
            "quantity": "lots", "bid_quantity": "lots", "ask_quantity": "lots", "leaves": "lots"}
_PART = 65_536  # rows made at a time
_TIMES = {"receive_ns": "time", "venue_ns": "venue_time"}

assert set(RECORDED) == set(STREAMS)


def read_npy(path: Path, *, unfinished: bool = False) -> np.ndarray:
    """Return the rows of a recorded .npy file, mapped read-only. unfinished : its writer was killed; whole rows count.

    Raises: DataError (HF654) for a file that is no .npy, or cut off.
    """
    try:
        with open(path, "rb") as file:
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            offset = file.tell()
        there = (path.stat().st_size - offset) // dtype.itemsize
        count = there if unfinished else int(np.prod(shape))
        if count > there:
            raise ValueError(f"it ends after {there:,} of {count:,} rows")
        return np.memmap(path, dtype, "r", offset, (count,)) if count else np.zeros(0, dtype)
    except (ValueError, EOFError) as error:
        raise DataError(f"not a whole .npy file: {error}", where=f"HF654: {path}", remedy="record the run again") from error


def read_lines(path: Path, table: str, scales: Scales) -> tuple[np.ndarray, str]:
    """Return the rows of a table in a file of JSON lines, and what is missing at its end ("": nothing).

    table : books, orders, fills, or reports (of a file of orders). scales : of the run; every symbol of the file is in it.
    Raises: DataError (HF654) for a broken line that others follow.
    """
    dtype, parts, part = ROWS[table], [np.zeros(0, ROWS[table])], np.zeros(_PART, ROWS[table])
    codes = {field: {code.name: int(code) for code in words} for field, words in CODES[table].items()}
    names = {symbol: index for index, symbol in enumerate(scales.symbols)}
    wanted = {"orders": "decision", "reports": "report"}.get(table)
    used, problem = 0, ""
    for number, row in _rows(path):
        if isinstance(row, str):
            problem = row
        elif wanted is None or row.get("event", wanted) == wanted:
            if "time" in (dtype.names or ()):
                part[used]["time"] = np.datetime64("NaT")
            try:
                _fill(part[used], row, scales, codes, names)
            except (KeyError, ValueError, ArithmeticError, TypeError, AttributeError) as error:
                raise DataError(f"line {number:,} is none of a recorded run: {error!r}", where=f"HF654: {path}",
                                remedy="record the run again") from error
            used += 1
            if used == _PART:
                parts.append(part)
                used, part = 0, np.zeros(_PART, dtype)
    return np.concatenate([*parts, part[:used]]), problem


def scales_of_lines(paths: Mapping[str, Path]) -> Scales:
    """Return the scales that the decimals in recorded files show: the smallest step written. For files without a report."""
    texts: dict[str, tuple[set[str], set[str]]] = {}
    for path in paths.values():
        for _, row in _rows(path):
            if not isinstance(row, dict):
                continue
            prices, quantities = texts.setdefault(row.get("symbol", "?"), (set(), set()))
            for name, what in _AMOUNTS.items():
                if isinstance(row.get(name), str) and what != "units":
                    (prices if what == "ticks" else quantities).add(row[name])
    return Scales.of_texts(texts)


def stream_of(path: Path) -> str:
    """Return the stream that a recorded file holds, "" when it is none; an empty file is what its name says."""
    with open(path, "rb") as file:
        start = file.read(len(NPY_MAGIC))
        if start == NPY_MAGIC:
            return _stream_of_dtype(path)
        file.seek(0)
        first = file.readline(1 << 16)
    if not first:
        return next((s for s in STREAMS if s in path.name), "") if path.suffix in (".jsonl", ".part") else ""
    try:
        row = orjson.loads(first)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(row, dict) or "sequence" not in row:
        return ""
    return "orders" if "event" in row else "book" if "bid_price" in row else "fills" if "leaves" in row else ""


def is_npy(path: Path) -> bool:
    """Whether a file begins as .npy files do."""
    with open(path, "rb") as file:
        return file.read(len(NPY_MAGIC)) == NPY_MAGIC


def _stream_of_dtype(path: Path) -> str:
    names = read_npy(path, unfinished=True).dtype.names or ()
    return next((stream for stream, field in _ONLY.items() if field in names), "")


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield (number from 1, object) of each line; of a last line that was cut off, what is missing instead.

    Raises: DataError (HF654) for a line that is no JSON and is not the last.
    """
    with open(path, "rb") as file:
        following = file.readline()
        number = 0
        while following:
            line, number, following = following, number + 1, file.readline()
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError as error:
                if following:
                    raise DataError(f"line {number:,} is not JSON", where=f"HF654: {path}", remedy="record the run again") from error
                yield number, f"{path.name} ends in the middle of line {number:,}; {number - 1:,} whole lines are there"


def _fill(out: Any, row: dict[str, Any], scales: Scales, codes: dict[str, dict[str, int]], names: dict[str, int]) -> None:
    index = names[row["symbol"]]
    scale = scales[index]
    steps = {"ticks": scale.tick, "lots": scale.lot, "units": scale.unit}
    fields = out.dtype.names
    out["symbol"] = index
    for key, value in row.items():
        if key in _AMOUNTS:
            field = f"{key}_{_AMOUNTS[key]}"
            if field in fields:
                out[field] = _count(value, steps[_AMOUNTS[key]])
        elif key in _TIMES:
            if _TIMES[key] in fields:
                out[_TIMES[key]] = np.datetime64(value, "ns")
        elif key in codes:
            out[key] = 0 if value is None else codes[key][value] if value in codes[key] else int(value)
        elif (field := _RENAMED.get(key, key)) in fields and key != "symbol":
            out[field] = -1 if value is None else value


def _count(text: str, step: Decimal) -> int:
    count = Decimal(text) / step
    if count != int(count):
        raise ValueError(f"{text} is no multiple of {step}")
    return int(count)
