"""A capture run and recorded, row by row, and held against a slow client."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from hydraflow.codes import BookStatus
from tests.reference.bad_captures import (
    Draft,
    Followed,
)
from tests.system.conftest import ROOT, Hfx

CONFIG = str(ROOT / "config" / "capture.yaml")
LIVE = int(BookStatus.LIVE)
STREAMS = ("book", "orders", "fills")


@attrs.frozen
class Played:
    """What became of a capture. rows : book records by line; orders : decisions of new orders by line."""

    result: dict[str, Any]
    rows: dict[int, dict[str, Any]]
    orders: dict[int, list[dict[str, Any]]]


def play(hfx: Hfx, folder: Path, text: bytes, name: str = "capture") -> Played:
    """Run a capture, recorded."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes(text)
    streams = ",".join(f"{stream}={folder / stream}.jsonl" for stream in STREAMS)
    result = hfx.run(CONFIG, None, "--record", streams, HYDRAFLOW_CAPTURE=str(file))
    assert result["journal"]["verified"] and result["journal"]["messages"] == result["messages"]
    read = {stream: [json.loads(t) for t in (folder / f"{stream}.jsonl").read_text().splitlines()] for stream in STREAMS}
    orders = defaultdict(list)
    for row in read["orders"]:
        if row["event"] == "decision" and row["action"] == "NEW":
            orders[row["line"] - 1].append(row)
    return Played(result, {row["line"] - 1: row for row in read["book"]}, dict(orders))


def assert_as_client(played: Played, draft: Draft, client: Followed) -> None:
    """Assert that books, counters, errors and orders are those of the slow client."""
    result, ticks = played.result, [Decimal(1).scaleb(-d) for d in draft.clean.decimals]

    def shown(row: dict[str, Any]) -> tuple[int, ...]:
        prices = (Decimal(row[f"{side}_{what}"]) / tick for side in ("bid", "ask") for what, tick in zip(("price", "quantity"), ticks))
        return (int(BookStatus[row["status"]]), *map(int, prices))

    assert list(played.rows) == client.depth_lines
    for line, row in played.rows.items():
        assert shown(row) == client.shown[line], (line, row)
    for line, orders in played.orders.items():
        status, bid, _, ask, _ = client.shown[line]
        assert status == LIVE and 0 < bid < ask, (line, client.shown[line])
        for order in orders:
            assert (Decimal(order["bid_price"]) / ticks[0], Decimal(order["ask_price"]) / ticks[0]) == (bid, ask), order
    names = ("sequence_gaps", "crossed", "lost", "stale_transitions", "resyncs", "cleared", "checks_passed", "checks_failed", "deletes_unknown",
             "snapshots", "snapshots_ignored", "deltas_applied", "deltas_old", "levels_applied")  # fmt: skip
    assert {name: result["book"][name] for name in names} == {name: client.counts[name] for name in names}
    assert (result["frame_errors"], result["first_frame_errors"]) == draft.errors()
    assert result["frames"] == len(draft.lines)
