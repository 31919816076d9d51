"""A run that was never run: messages, order lines and reports of a seed, its journal, and what a recorder writes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from disruptor.layout import next_power_of_two
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
from hydraflow.instruments import Instrument, table
from hydraflow.journal import encode_header
from hydraflow.records import LEVEL, MESSAGE, ORDER, ORDERS_PER_MESSAGE, PAYLOAD_ALIGN, REPORT, REPORT_UNITS
from hydraflow.runtime.recording import Recording
from tests.reference.journal_driver import write_journal_of

INSTRUMENTS = table([Instrument(symbol="BTCUSDT", tick="0.10", lot="0.001"), Instrument(symbol="ETHUSDT", tick="0.25", lot="0.00001")])
START_NS = 1_700_000_000_000_000_000


class RecordedRun:
    """count messages of a seed. messages : MESSAGE with work part; payload : LEVEL, a power of two, twice; orders : the lane."""

    def __init__(self, count: int = 300, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        self.messages = np.zeros(count, MESSAGE)
        self.orders = np.zeros((next_power_of_two(count), ORDERS_PER_MESSAGE), ORDER)
        self.reports: list[tuple[int, np.void]] = []  # (sequence, report)
        units: list[np.ndarray] = []
        used = 0
        for sequence, message in enumerate(self.messages):
            kind = Kind(int(rng.choice([Kind.SNAPSHOT, Kind.DEPTH, Kind.TICKER, Kind.TRADE, Kind.POOL, Kind.REPORT, Kind.TIMER])))
            payload = self._payload(kind, sequence, rng)
            message["kind"], message["symbol"], message["number"] = kind, rng.integers(2), sequence * 3
            message["receive_ns"] = START_NS + sequence * 1_000
            message["venue_ns"] = 0 if kind == Kind.TIMER else START_NS + sequence * 1_000 - 500
            message["payload_position"], message["payload_count"] = used, len(payload)
            message["bid_count"] = len(payload) // 2 if kind in (Kind.SNAPSHOT, Kind.DEPTH) else 0
            message["flags"] = int(rng.integers(2))
            message["last_update"] = 10 * sequence
            message["book_status"] = rng.choice([int(s) for s in BookStatus])
            for field in ("bid_price_ticks", "bid_quantity_lots", "ask_price_ticks", "ask_quantity_lots"):
                message[field] = rng.integers(0, 700_000)
            message["order_count"] = self._lines(sequence, rng)
            padded = np.zeros(-(-len(payload) // PAYLOAD_ALIGN) * PAYLOAD_ALIGN, LEVEL)
            padded[: len(payload)] = payload
            units.append(padded)
            used += len(padded)
        capacity = max(512, next_power_of_two(used + 1))
        self.payload = np.zeros(2 * capacity, LEVEL)
        self.payload[:used] = np.concatenate(units)
        self.payload[capacity:] = self.payload[:capacity]
        self.messages["payload_position"] += capacity * rng.integers(0, 3, count)  # absolute: laps ago or ahead

    def _payload(self, kind: Kind, sequence: int, rng: Any) -> np.ndarray:
        if kind == Kind.REPORT:
            report = np.zeros(1, REPORT)
            report["order_id"], report["price_ticks"], report["quantity_lots"] = sequence * 4 + 1, rng.integers(1, 700_000), rng.integers(0, 3)
            report["leaves_lots"], report["fee_units"] = rng.integers(0, 9), rng.integers(-50, 50)
            report["cause"], report["venue_ns"], report["symbol"] = sequence - 1, START_NS + sequence * 1_000 - 700, rng.integers(2)
            report["status"], report["side"] = rng.choice([int(s) for s in ReportStatus]), rng.choice([int(Side.BUY), int(Side.SELL)])
            report["liquidity"], report["venue"] = rng.choice([int(x) for x in Liquidity]), Venue.EXCHANGE
            self.reports.append((sequence, report[0]))
            return report.view(np.uint8).view(LEVEL)
        count = {Kind.TICKER: 2, Kind.TRADE: 1, Kind.POOL: 1, Kind.TIMER: 0}.get(kind, int(rng.integers(0, 9)))
        levels = np.zeros(count, LEVEL)
        levels["price_ticks"], levels["quantity_lots"] = rng.integers(1, 700_000, count), rng.integers(0, 5_000, count)
        return levels

    def _lines(self, sequence: int, rng: Any) -> int:
        count = int(rng.integers(ORDERS_PER_MESSAGE + 1)) if rng.random() < 0.2 else 0
        for k in range(ORDERS_PER_MESSAGE):  # lines beyond the count are left over from a lap ago
            line = self.orders[sequence, k]
            line["order_id"], line["target_id"], line["symbol"] = sequence * 4 + k + 1, rng.integers(3), rng.integers(2)
            line["action"], line["side"] = rng.choice([int(Action.NEW), int(Action.CANCEL)]), rng.choice([int(Side.BUY), int(Side.SELL)])
            line["type"] = 0 if line["action"] == Action.CANCEL else rng.choice([int(t) for t in OrderType])
            line["time_in_force"] = 0 if line["action"] == Action.CANCEL else rng.choice([int(t) for t in TimeInForce])
            for field in ("price_ticks", "quantity_lots", "limit_price_ticks"):
                line[field] = rng.integers(0, 700_000)
            line["reason"], line["route_reason"] = rng.choice([int(r) for r in Reason]), rng.choice([int(r) for r in Reason])
            line["venue"], line["slices"], line["mev_reason"] = rng.choice([int(v) for v in Venue]), rng.integers(9), rng.choice([int(m) for m in MevAction])
        return count

    def record(self, paths: dict[str, str], batch: int = 37) -> Recording:
        """Give all messages to a recorder, in batches; it is still open. paths : as for Recording."""
        recording = Recording(paths, INSTRUMENTS)
        recording.bind(self.messages, self.payload, self.orders)
        for first in range(0, len(self.messages), batch):
            recording.on_batch(self.messages[first : first + batch], first)
        return recording

    def journal(self, folder: Path, **more: Any) -> Path:
        """Write the journal of the run; return its folder."""
        header = encode_header(topology="version: 1\n", handlers={}, instruments=INSTRUMENTS, name="made", **more)
        write_journal_of(folder, self.messages, self.payload, text=header)
        return folder


assert REPORT_UNITS == PAYLOAD_ALIGN
