"""`--record book=F,orders=F,fills=F`: rows from which an outsider can recompute what the engine did.

A Python stage that follows every stage of the main ring. It gates the ring, so nothing is lost; a recorded run is slower.
A file is JSON lines: prices and quantities are decimal text, exact; money is decimal text in the quote currency. One that
is called *.npy has the rows of hydraflow.rows instead, in ticks and lots: made a batch at a time, and mapped by readers.
"""

from __future__ import annotations

import errno
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from hydraflow.codes import (
    Action,
    BookStatus,
    Kind,
    Liquidity,
    MevAction,
    OrderType,
    Reason,
    ReportStatus,
    Side,
    TimeInForce,
    Venue,
)
from hydraflow.errors import OutputError, UsageError
from hydraflow.records import REPORT
from hydraflow.rows import BOOK_ROW, ORDER_ROW, REPORT_ROW, book_rows, fills_of, order_rows, report_rows, reports_in
from hydraflow.runtime.npy_file import NpyFile
from hydraflow.topology.spec import STREAMS

__all__ = ["NPY", "Recording", "beside", "refuse_one_file_for_two"]

NPY = ".npy"
_ROWS = {"book": BOOK_ROW, "orders": ORDER_ROW, "fills": REPORT_ROW}


class Recording:
    """Writes the streams asked for. paths : {book|orders|fills: path}; existing files are replaced at the end only.

    Raises: UsageError for an unknown stream or two streams into one file, OutputError for a file that cannot be made.
    """

    def __init__(self, paths: dict[str, str], instruments: np.ndarray) -> None:
        unknown = set(paths) - set(STREAMS)
        if unknown:
            raise UsageError(f"cannot record '{sorted(unknown)[0]}'", remedy=f"streams: {', '.join(STREAMS)}")
        self._paths = {name: Path(path) for name, path in paths.items()}
        refuse_one_file_for_two(self._paths)
        self._files: dict[str, Any] = {}
        self._tables: dict[str, NpyFile] = {}
        for name, path in self._paths.items():
            try:
                self._files[name] = open(beside(path), "xb", buffering=1 << 20)
                if path.suffix == NPY:
                    self._tables[name] = NpyFile(self._files[name], _ROWS[name])
            except OSError as error:
                self.close(keep=False)
                raise OutputError(f"cannot write the record of {name}: {error.strerror}", where=str(path),
                                  remedy="name a file in a folder that exists and that you may write") from error
        self._lines = {name: file for name, file in self._files.items() if name not in self._tables}
        self._instruments = [_Scale(record) for record in instruments]

    def bind(self, records: np.ndarray, payload: np.ndarray, orders: np.ndarray) -> None:
        """Give it the main ring's records, its payload and its order lane."""
        self._records, self._payload, self._orders = records, payload, orders
        self._mask = payload.shape[0] // 2 - 1

    def on_batch(self, batch: np.ndarray, first_sequence: int) -> None:
        """The Python handler."""
        if self._tables:
            self._append(batch, first_sequence)
        kinds = batch["kind"]
        wanted = np.zeros(len(batch), bool)
        if "book" in self._lines:
            wanted |= kinds == Kind.DEPTH
        if "orders" in self._lines:
            wanted |= (batch["order_count"] > 0) | (kinds == Kind.REPORT)
        if "fills" in self._lines:
            wanted |= kinds == Kind.REPORT
        for index in np.flatnonzero(wanted):
            self._one(batch[index], first_sequence + int(index))

    def close(self, *, keep: bool = True) -> None:
        """Finish the files; they get their names once all of them are whole. keep : False removes them.

        Raises: OSError when one cannot be finished; close again with `keep` False then.
        """
        failure: OSError | None = None
        for name, file in self._files.items():
            try:
                if name in self._tables and keep and not file.closed:
                    self._tables[name].finish()
                file.close()
            except OSError as error:
                failure = failure or error
        if failure is not None and keep:
            raise failure
        for name, file in self._files.items():
            part = Path(file.name)
            part.replace(self._paths[name]) if keep else part.unlink(missing_ok=True)
        self._files.clear()

    def _append(self, batch: np.ndarray, first_sequence: int) -> None:
        """Append the rows of a batch to the .npy files."""
        if "book" in self._tables:
            chosen = np.flatnonzero((batch["kind"] == Kind.DEPTH) & (batch["symbol"] < len(self._instruments)))
            self._tables["book"].append(book_rows(batch[chosen], chosen + first_sequence))
        if "orders" in self._tables:
            counts = np.minimum(batch["order_count"].astype(np.int64), self._orders.shape[1])
            owner = np.repeat(np.arange(len(batch)), counts)
            within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
            slots = (owner + first_sequence) & (len(self._orders) - 1)
            self._tables["orders"].append(order_rows(batch[owner], owner + first_sequence, self._orders[slots, within]))
        if "fills" in self._tables:
            chosen = np.flatnonzero(batch["kind"] == Kind.REPORT)
            reports = reports_in(self._payload, batch["payload_position"][chosen] & self._mask)
            self._tables["fills"].append(fills_of(report_rows(batch[chosen], chosen + first_sequence, reports)))

    def _one(self, event: Any, sequence: int) -> None:
        kind = int(event["kind"])
        if kind == Kind.DEPTH and "book" in self._lines and int(event["symbol"]) < len(self._instruments):
            self._write("book", self._book(event, sequence))
        if kind == Kind.REPORT:
            row = self._report(event, sequence)
            if "orders" in self._lines:
                self._write("orders", {"event": "report", **row})
            if "fills" in self._lines and row["quantity"] != "0" and row["status"] in ("PARTIAL", "FILLED"):
                self._write("fills", row)
        if event["order_count"] > 0 and "orders" in self._lines:
            for k in range(int(event["order_count"])):
                self._write("orders", self._decision(event, sequence, self._orders[sequence & (len(self._orders) - 1), k]))

    def _book(self, event: Any, sequence: int) -> dict[str, Any]:
        scale = self._instruments[int(event["symbol"])]
        return {
            "line": _line(event), "sequence": sequence, "receive_ns": int(event["receive_ns"]), "symbol": scale.symbol,
            "u": int(event["last_update"]),
            "status": BookStatus(int(event["book_status"])).name,
            "bid_price": scale.price(event["bid_price_ticks"]), "bid_quantity": scale.quantity(event["bid_quantity_lots"]),
            "ask_price": scale.price(event["ask_price_ticks"]), "ask_quantity": scale.quantity(event["ask_quantity_lots"]),
        }

    def _decision(self, event: Any, sequence: int, line: Any) -> dict[str, Any]:
        scale = self._instruments[int(line["symbol"])]
        return {
            "event": "decision", "sequence": sequence, "receive_ns": int(event["receive_ns"]), "line": _line(event),
            "symbol": scale.symbol, "order_id": int(line["order_id"]), "target_id": int(line["target_id"]),
            "action": Action(int(line["action"])).name, "side": Side(int(line["side"])).name,
            "type": OrderType(int(line["type"])).name if line["type"] else None,
            "time_in_force": TimeInForce(int(line["time_in_force"])).name if line["time_in_force"] else None,
            "price": scale.price(line["price_ticks"]), "quantity": scale.quantity(line["quantity_lots"]),
            "reason": _reason(int(line["reason"])), "route_reason": _reason(int(line["route_reason"])),
            "venue": Venue(int(line["venue"])).name, "slices": int(line["slices"]), "mev_reason": MevAction(int(line["mev_reason"])).name,
            "limit_price": scale.price(line["limit_price_ticks"]),
            "bid_price": scale.price(event["bid_price_ticks"]), "ask_price": scale.price(event["ask_price_ticks"]),
            "book_status": BookStatus(int(event["book_status"])).name,
        }

    def _report(self, event: Any, sequence: int) -> dict[str, Any]:
        start = int(event["payload_position"]) & self._mask
        report = self._payload[start : start + 4].view(REPORT)[0]
        scale = self._instruments[int(report["symbol"])]
        return {
            "sequence": sequence, "receive_ns": int(event["receive_ns"]), "venue_ns": int(report["venue_ns"]),
            "number": int(event["number"]), "cause": int(report["cause"]), "order_id": int(report["order_id"]),
            "symbol": scale.symbol, "side": Side(int(report["side"])).name,
            "status": ReportStatus(int(report["status"])).name, "liquidity": Liquidity(int(report["liquidity"])).name,
            "venue": Venue(int(report["venue"])).name, "price": scale.price(report["price_ticks"]),
            "quantity": scale.quantity(report["quantity_lots"]), "leaves": scale.quantity(report["leaves_lots"]),
            "fee": scale.money(report["fee_units"]),
        }

    def _write(self, stream: str, row: dict[str, Any]) -> None:
        self._files[stream].write(orjson.dumps(row) + b"\n")


def refuse_one_file_for_two(paths: dict[str, Path]) -> None:
    """Raise UsageError when two streams lead to the same file: the second would replace the first."""
    taken: dict[str, str] = {}
    for name, path in paths.items():
        other = taken.setdefault(os.path.realpath(path), name)
        if other != name:
            raise UsageError(f"{other} and {name} are both recorded into '{path}'", where="--record",
                             remedy="give each stream a file of its own")


def beside(path: Path) -> Path:
    """Return the name that a record has until it is whole. Raises: OSError when it could not take the place of `path`.

    Only a regular file may be replaced: a rename would remove a device or a pipe itself, which root is allowed to do.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "Not a regular file")
    return path.with_name(f".{path.name}.{os.getpid()}.part")


class _Scale:
    """Turns one instrument's ticks, lots and units into exact decimal text."""

    def __init__(self, record: Any) -> None:
        self.symbol = bytes(record["symbol"][: int(record["symbol_length"])]).decode()
        self._tick = Decimal(int(record["price_multiple"])).scaleb(-int(record["price_decimals"]))
        self._lot = Decimal(int(record["quantity_multiple"])).scaleb(-int(record["quantity_decimals"]))

    def price(self, ticks: Any) -> str:
        return _text(int(ticks) * self._tick)

    def quantity(self, lots: Any) -> str:
        return _text(int(lots) * self._lot)

    def money(self, units: Any) -> str:
        return _text(int(units) * self._tick * self._lot)


def _line(event: Any) -> int | None:
    """Return the line of the capture, from 1, that a message was decoded from; None: it came back from the venue."""
    return int(event["number"]) + 1 if event["kind"] < Kind.REPORT else None


def _text(value: Decimal) -> str:
    return f"{value:f}" if value else "0"


def _reason(number: int) -> str:
    return Reason(number).name if number in {int(r) for r in Reason} else str(number)
