"""Market-data messages in memory, as the sequencer would hand them to a handler: records and their payload units.

A `Messages` grows by `snapshot`, `depth`, `ticker`, `trade` and `lost`; `arrays` gives what a driver runs over. Payload is
laid out as in the ring (power of two, twice), far larger than needed, so no position ever wraps.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from disruptor.layout import next_power_of_two
from hydraflow.codes import Kind
from hydraflow.records import LEVEL, MESSAGE

Levels = Iterable[tuple[int, int]]


class Messages:
    """A growing list of messages. Prices in ticks, quantities in lots; `number` counts up unless given."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.units: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, kind: Kind, bids: Levels = (), asks: Levels = (), **fields: Any) -> Messages:
        """Append a message of any kind; `fields` are input fields of MESSAGE."""
        bids, asks = list(bids), list(asks)
        row = dict(kind=int(kind), payload_position=len(self.units), payload_count=len(bids) + len(asks))
        row["bid_count"] = len(bids)
        row["number"] = len(self.rows)
        row.update(fields)
        self.rows.append(row)
        self.units += bids + asks
        return self

    def snapshot(self, last: int, bids: Levels, asks: Levels, **fields: Any) -> Messages:
        return self.add(Kind.SNAPSHOT, bids, asks, last_update=last, **fields)

    def depth(self, first: int, last: int, previous: int, bids: Levels = (), asks: Levels = (), **f: Any) -> Messages:
        return self.add(Kind.DEPTH, bids, asks, first_update=first, last_update=last, previous_update=previous, **f)

    def ticker(self, update: int, bid: tuple[int, int], ask: tuple[int, int], **fields: Any) -> Messages:
        return self.add(Kind.TICKER, [bid], [ask], last_update=update, **fields)

    def trade(self, price: int, quantity: int, **fields: Any) -> Messages:
        return self.add(Kind.TRADE, [(price, quantity)], **fields)

    def lost(self, **fields: Any) -> Messages:
        return self.add(Kind.LOST, **fields)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (records, payload); records have a zero work part."""
        records = np.zeros(len(self.rows), MESSAGE)
        for name in {name for row in self.rows for name in row}:
            records[name] = [row.get(name, 0) for row in self.rows]
        payload = np.zeros(2 * next_power_of_two(len(self.units) + 1), LEVEL)
        if self.units:
            flat = np.array(self.units, np.int64)
            payload["price_ticks"][: len(flat)] = flat[:, 0]
            payload["quantity_lots"][: len(flat)] = flat[:, 1]
        return records, payload


def capture_messages(path: Path, price_decimals: int, quantity_decimals: int) -> Messages:
    """Return the messages of a Binance capture of one symbol; `number` is the line. Lines of no use are left out."""
    messages = Messages()

    def whole(text: str, decimals: int) -> int:
        integer, _, fraction = text.partition(".")
        digits = fraction.ljust(decimals, "0")
        assert not digits[decimals:].strip("0"), text
        return int(integer + digits[:decimals])

    def levels(pairs: list) -> list[tuple[int, int]]:
        return [(whole(p, price_decimals), whole(q, quantity_decimals)) for p, q in pairs]

    with gzip.open(path) as lines:
        for line, text in enumerate(lines):
            stamp, _, body = text.partition(b" ")
            frame = orjson.loads(body)
            data = frame.get("data", frame)
            common = dict(number=line, receive_ns=int(stamp))
            if "lastUpdateId" in data:
                messages.snapshot(data["lastUpdateId"], levels(data["bids"]), levels(data["asks"]), **common)
            elif data.get("e") == "depthUpdate":
                bids, asks = levels(data["b"]), levels(data["a"])
                messages.depth(data["U"], data["u"], data.get("pu", -1), bids, asks, **common)
            elif data.get("e") == "trade":
                messages.trade(whole(data["p"], price_decimals), whole(data["q"], quantity_decimals), **common)
            elif "B" in data:
                [bid] = levels([(data["b"], data["B"])])
                [ask] = levels([(data["a"], data["A"])])
                messages.ticker(data["u"], bid, ask, **common)
    return messages
