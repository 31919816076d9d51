"""A random flow for the risk stage: market data, order lines good and bad, and a venue that reports late.

The naive risk decides while the flow is made, because what the venue reports depends on what was let through. The venue
here is honest (it fills no more than it got, and names the quantity of a slice that ends); with `garbage` other reports
are mixed in that belong to nothing.
"""

from __future__ import annotations

import numpy as np

from hydraflow.codes import Action, BookStatus, Kind, OrderType, Reason, ReportStatus, TimeInForce
from hydraflow.records import ORDERS_PER_MESSAGE
from tests.reference.kernels_risk import TRACE


class Venue:
    """Keeps its own position, and reports with a random delay, in order per order."""

    def __init__(self, random, instruments) -> None:
        self.random, self.instruments = random, instruments
        self.alive: dict[int, dict] = {}
        self.waiting: list[list[dict]] = []  # one queue of reports per order
        self.positions = [0] * len(instruments)
        self.worst = [0] * len(instruments)  # largest |position| that ever was at the venue

    def take(self, line) -> None:
        if line["action"] == Action.CANCEL:
            order = self.alive.get(int(line["target_id"]))
            if order is not None:
                self.end(order, ReportStatus.CANCELLED)
            return
        order = {name: int(line[name]) for name in ("order_id", "symbol", "side", "price_ticks", "quantity_lots")}
        order["slices"] = int(self.random.integers(2, 5)) if self.random.random() < 0.1 else 1
        order["queue"] = []
        self.alive[order["order_id"]] = order
        self.waiting.append(order["queue"])
        if self.random.random() < 0.1:
            self.end(order, ReportStatus.REJECTED)
        else:
            order["queue"].append(self.report(order, ReportStatus.ACCEPTED, 0))

    def report(self, order, status, lots) -> dict:
        tag = int(self.random.integers(0, order["slices"])) << 56 if order["slices"] > 1 else 0
        return {
            "order_id": order["order_id"] | tag, "price_ticks": order["price_ticks"], "quantity_lots": lots,
            "fee_units": int(self.random.integers(-50, 200)), "symbol": order["symbol"], "status": status,
            "side": order["side"],
        }

    def end(self, order, status) -> None:
        lots = order["quantity_lots"] if order["slices"] > 1 or self.random.random() < 0.3 else 0
        order["queue"].append(self.report(order, status, lots))
        del self.alive[order["order_id"]]

    def trade(self) -> None:
        """Fill or end a random part of what is alive."""
        for order in list(self.alive.values()):
            chance = self.random.random()
            if chance < 0.25:
                lots = int(self.random.integers(1, order["quantity_lots"] + 1))
                order["quantity_lots"] -= lots
                underlying = int(self.instruments[order["symbol"]]["underlying"])
                self.positions[underlying] += order["side"] * lots
                self.worst[underlying] = max(self.worst[underlying], abs(self.positions[underlying]))
                last = order["quantity_lots"] == 0
                order["queue"].append(self.report(order, ReportStatus.FILLED if last else ReportStatus.PARTIAL, lots))
                if last:
                    del self.alive[order["order_id"]]
            elif chance < 0.3:
                self.end(order, ReportStatus.CANCELLED)

    def next_report(self) -> dict | None:
        """Return the oldest report of a random order."""
        self.waiting = [queue for queue in self.waiting if queue or any(o["queue"] is queue for o in self.alive.values())]
        ready = [queue for queue in self.waiting if queue]
        return ready[int(self.random.integers(len(ready)))].pop(0) if ready else None


class Flow:
    """Makes messages into a Bench and keeps what the naive risk said: reasons per line, one row of totals per message."""

    def __init__(self, bench, naive, seed, garbage=True) -> None:
        self.bench, self.naive, self.garbage = bench, naive, garbage
        self.random = np.random.default_rng(seed)
        self.venue = Venue(self.random, bench.instruments)
        self.mids = [600_000, 30_000, 600_000]
        self.now = 1_000_000
        self.reasons: list[list[int]] = []
        self.rows = np.zeros_like(bench.trace)
        self.reports: list[dict] = []

    def make(self, count) -> None:
        for _ in range(count):
            self.now += int(self.random.integers(0, 3_000_000))
            choice = self.random.random()
            if choice < 0.3:
                self.market()
            elif choice < 0.7:
                self.report_message()
            else:
                self.order_message()
            self.note()

    def market(self, **fields):
        symbol = int(self.random.integers(0, 2)) if self.random.random() < 0.97 else 7
        if symbol < 2:
            self.mids[symbol] += int(self.random.integers(-30, 31))
            self.mids[2] = self.mids[0]
            bid = self.mids[symbol]
        else:
            bid = 100
        status = BookStatus.LIVE if self.random.random() < 0.97 else BookStatus.STALE
        ask = bid + int(self.random.integers(0 if self.random.random() < 0.05 else 1, 4))
        kind = [Kind.DEPTH, Kind.TICKER, Kind.TRADE, Kind.SNAPSHOT][int(self.random.integers(4))]
        event = self.bench.message(
            kind=kind, symbol=symbol, book_status=status, bid_price_ticks=bid, ask_price_ticks=ask, receive_ns=self.now,
            **fields,
        )
        self.naive.on_market(symbol, status == BookStatus.LIVE, bid, ask)
        if self.random.random() < 0.3:
            self.venue.trade()
        return event

    def report_message(self) -> None:
        self.bench.message(kind=Kind.REPORT, receive_ns=self.now)
        report = self.venue.next_report()
        if report is None or (self.garbage and self.random.random() < 0.02):
            report = self.nonsense()
        self.bench.report(**report)
        self.reports.append(report)
        self.naive.on_report({"leaves_lots": 0, **report})

    def nonsense(self) -> dict:
        """A report on an unknown order: of no effect, or a fill out of nowhere (only with `garbage`)."""
        draw = self.random.integers
        known = list(self.naive.open)
        identity = known[int(draw(len(known)))] if known and self.garbage and draw(3) == 0 else 5
        report = {
            "order_id": identity, "price_ticks": 600_000, "quantity_lots": 0, "fee_units": 0, "symbol": int(draw(0, 2)),
            "status": ReportStatus.ACCEPTED, "side": 1,
        }
        if self.garbage:
            report["status"] = int(draw(0, 8))
            report["quantity_lots"] = int(draw(-1, 4))
            report["symbol"] = int(draw(0, 5))
            report["side"] = int(draw(-2, 3))
            report["fee_units"] = [0, 5, 1 << 61][int(draw(3))]
        return report

    def order_message(self) -> None:
        event = self.market(order_count=0)
        if event["symbol"] > 1:
            return
        position = self.bench.next - 1
        count = int(self.random.integers(1, ORDERS_PER_MESSAGE + 1))
        event["order_count"] = count
        decided = []
        for k in range(count):
            line = self.bench.orders[position, k]
            self.line(line, position * ORDERS_PER_MESSAGE + k + 1, int(event["symbol"]))
            reason = int(self.naive.decide(line, self.now))
            decided.append(reason)
            if reason == Reason.ACCEPTED:
                self.venue.take(line)
        self.reasons.extend([position, k, reason] for k, reason in enumerate(decided))

    def line(self, line, order_id, symbol) -> None:
        draw = self.random.integers
        side = 1 if draw(2) else -1
        line["order_id"], line["symbol"], line["side"] = order_id, 2 if symbol == 0 and draw(5) == 0 else symbol, side
        line["action"], line["type"] = Action.NEW, OrderType.LIMIT
        line["time_in_force"] = [TimeInForce.GTC, TimeInForce.IOC, TimeInForce.POST_ONLY][int(draw(3))]
        line["price_ticks"] = self.mids[symbol] - side * int(draw(-2, 20))
        line["quantity_lots"] = int(draw(1, 30))
        odd = int(draw(40))
        if odd < 8:
            known = list(self.naive.open)
            line["action"] = Action.CANCEL
            line["target_id"] = known[int(draw(len(known)))] if known and draw(4) else 3
        elif odd == 8:
            line["quantity_lots"] = int(draw(-1, 1 << 62)) if draw(2) else int(draw(95, 110))
        elif odd == 9:
            line["price_ticks"] = self.mids[symbol] + side * (self.mids[symbol] // 100 + int(draw(-4, 5)))
        elif odd == 10:
            line["price_ticks"] = int(draw(-2, 1 << 62))
        elif odd == 11:
            field = ["side", "type", "time_in_force", "action"][int(draw(4))]
            line[field] = int(draw(0, 5))
        elif odd == 12:
            line["order_id"] = int(draw(-1, order_id + 1))
        elif odd == 13:
            line["type"], line["time_in_force"] = OrderType.MARKET, TimeInForce.IOC
        elif odd == 14:
            line["symbol"] = int(draw(3, 1 << 16))
        elif odd < 18:
            line["quantity_lots"] = int(draw(60, 101))

    def note(self) -> None:
        """Keep what the naive risk thinks of every account after the newest message."""
        naive, row = self.naive, self.rows[self.bench.next - 1]
        for symbol in range(row.shape[0]):
            instrument = naive.instruments[symbol]
            naive.running_pnl(symbol)
            _, cash, fees = naive._running[symbol]
            money = naive.money.get(symbol, 0) * 2 * 10**9
            row[symbol] = (
                naive.positions.get(symbol, 0), cash, fees, 0, int(2 * naive.mids.get(symbol, 0)),
                naive.open_lots(symbol, 1), naive.open_lots(symbol, -1), naive.open_units(symbol), int(money),
            )
            assert instrument.underlying in (symbol, 0)
        assert row.shape[1] == TRACE
