"""A slow reader of the simulator's frames: what any client of the venue would conclude from them. The oracle of its tests.

It keeps two books: one that only follows snapshots and depth messages and checks the chain, and for each depth message
compares the best prices with the bookTicker of the same update id, whichever comes first.
"""

from __future__ import annotations

import json
from collections import Counter

__all__ = ["NaiveFeed"]

SYNC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"


class NaiveFeed:
    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.live = False
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.snapshot_update = 0
        self.waiting_for_first = False
        self.last_update = 0
        self.last_ticker: tuple | None = None
        self.last_depth: tuple | None = None
        self.traded_lots = 0
        self.touch_trades = 0
        self.pool_prices: list[float] = []
        self.level_counts: list[int] = []
        self.mids: list[int] = []

    def on_frame(self, text: bytes) -> None:
        frame = json.loads(text)
        data = frame.get("data", frame)
        kind = data.get("e") or ("snapshot" if "lastUpdateId" in data else "pool")
        self.seen[kind] += 1
        getattr(self, f"_on_{kind}")(data)

    def touch(self) -> tuple[int, int, int, int]:
        bid, ask = max(self.bids), min(self.asks)
        return bid, self.bids[bid], ask, self.asks[ask]

    def _on_snapshot(self, data: dict) -> None:
        self.bids = {ticks(p): lots(q) for p, q in data["bids"]}
        self.asks = {ticks(p): lots(q) for p, q in data["asks"]}
        assert list(self.bids) == sorted(self.bids, reverse=True)
        assert list(self.asks) == sorted(self.asks)
        assert all(self.bids.values()) and all(self.asks.values()) and max(self.bids) < min(self.asks)
        self.snapshot_update = data["lastUpdateId"]
        self.waiting_for_first = True
        self.live = True

    def _on_depthUpdate(self, data: dict) -> None:
        assert data["U"] <= data["u"] and data["pu"] < data["U"] and data["s"] == "BTCUSDT"
        self.level_counts.append(len(data["b"]) + len(data["a"]))
        if not self.live:
            return
        if self.waiting_for_first:
            if data["u"] < self.snapshot_update:
                return
            straddles = data["U"] <= self.snapshot_update <= data["u"]
            self.seen["straddled" if straddles else "missed"] += 1
            self.waiting_for_first = False
            if not straddles:
                self.live = False
                return
        elif data["pu"] != self.last_update:
            self.seen["gaps"] += 1
            self.live = False
            return
        self.last_update = data["u"]
        for side, levels in ((self.bids, data["b"]), (self.asks, data["a"])):
            for price, quantity in levels:
                if lots(quantity):
                    side[ticks(price)] = lots(quantity)
                else:
                    self.seen["unknown_deletes"] += ticks(price) not in side
                    side.pop(ticks(price), None)
        if max(self.bids) >= min(self.asks):
            self.seen["crossed"] += 1
            self.live = False
            return
        self.last_depth = (data["u"], self.touch())
        self.mids.append(sum(self.touch()[::2]))
        if self.last_ticker and self.last_ticker[0] == data["u"]:
            self.seen["ticker_first"] += 1
            assert self.last_ticker[1] == self.touch()

    def _on_bookTicker(self, data: dict) -> None:
        touch = (ticks(data["b"]), lots(data["B"]), ticks(data["a"]), lots(data["A"]))
        assert touch[0] < touch[2] and touch[1] > 0 and touch[3] > 0
        self.last_ticker = (data["u"], touch)
        if self.live and self.last_depth and self.last_depth[0] == data["u"]:
            self.seen["depth_first"] += 1
            assert self.last_depth[1] == touch

    def _on_trade(self, data: dict) -> None:
        assert data["X"] == "MARKET" and lots(data["q"]) > 0
        self.traded_lots += lots(data["q"])
        if self.last_ticker:
            bid, _, ask, _ = self.last_ticker[1]
            self.touch_trades += ticks(data["p"]) == (bid if data["m"] else ask)

    def _on_pool(self, data: dict) -> None:
        log = data["params"]["result"]
        assert data["method"] == "eth_subscription" and log["topics"] == [SYNC] and len(log["data"]) == 130
        base, quote = int(log["data"][2:66], 16), int(log["data"][66:], 16)
        assert base % 100_000 == 0 and quote % 100 == 0
        for field in ("blockNumber", "transactionIndex", "logIndex"):
            assert log[field] == hex(int(log[field], 16))
        assert len(log["transactionHash"]) == len(log["blockHash"]) == 66 and len(log["address"]) == 42
        self.pool_prices.append((quote // 100) / (base // 100_000))


def ticks(text: str) -> int:
    """Price text to ticks of 0.10."""
    whole, fraction = text.split(".")
    assert len(fraction) == 2 and fraction[1] == "0" and str(int(whole)) == whole
    return int(whole) * 10 + int(fraction[0])


def lots(text: str) -> int:
    """Quantity text to lots of 0.001."""
    whole, fraction = text.split(".")
    assert len(fraction) == 3 and str(int(whole)) == whole
    return int(whole) * 1000 + int(fraction)
