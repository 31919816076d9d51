"""The slow, obvious twin of handlers.risk: dictionaries, exact fractions, everything recomputed each time it is asked.

It shares no code with the fast one. Limits come in natural units and are compared as fractions of base and quote
currency, never as rounded lots.
"""

from __future__ import annotations

from fractions import Fraction

from hydraflow.codes import Action, OrderType, Reason, ReportStatus, TimeInForce

BIG = 1 << 40


def exact(value) -> Fraction:
    """Return a float as the decimal number that a person wrote."""
    return Fraction(repr(float(value)))


class NaiveInstrument:
    def __init__(self, record) -> None:
        self.tick = Fraction(int(record["price_multiple"]), 10 ** int(record["price_decimals"]))
        self.lot = Fraction(int(record["quantity_multiple"]), 10 ** int(record["quantity_decimals"]))
        self.underlying = int(record["underlying"])


class NaiveRisk:
    def __init__(self, params, instruments) -> None:
        self.params = params
        self.kill = params.kill
        self.instruments = [NaiveInstrument(record) for record in instruments]
        self.mids: dict[int, Fraction] = {}
        self.live: dict[int, bool] = {}
        self.fills: dict[int, list[tuple[int, int, int, int]]] = {}  # underlying → (side, price, lots, fee)
        self.positions: dict[int, int] = {}
        self.money: dict[int, Fraction] = {}  # PnL at the last mark
        self.open: dict[int, dict] = {}
        self.accepted_ids: set[int] = set()
        self.accepted_times: list[Fraction] = []
        self.next_ns = Fraction(0)
        self.interval = max(1, round(1e9 / params.orders_per_second))
        self.latched = False
        self.unknown = self.bad = self.overfills = 0

    # market data
    def on_market(self, symbol, live, bid, ask) -> None:
        if symbol >= len(self.instruments):
            return
        self.live[symbol] = bool(live and bid > 0 and ask > bid)
        if self.live[symbol]:
            moved = self.mids.get(symbol) != Fraction(bid + ask, 2)
            self.mids[symbol] = Fraction(bid + ask, 2)
            if moved and self.positions.get(symbol, 0):
                self.mark(symbol)

    def cash(self, symbol) -> int:
        return sum(-side * price * lots for side, price, lots, _ in self.fills.get(symbol, []))

    def fees(self, symbol) -> int:
        return sum(fee for _, _, _, fee in self.fills.get(symbol, []))

    def pnl_units(self, symbol) -> Fraction:
        """Recomputed from every fill there ever was."""
        return self.cash(symbol) + self.positions.get(symbol, 0) * self.mids.get(symbol, Fraction(0)) - self.fees(symbol)

    def mark(self, symbol) -> None:
        row = self.instruments[symbol]
        self.money[symbol] = self.running_pnl(symbol) * row.tick * row.lot
        if sum(self.money.values()) < -exact(self.params.loss_limit):
            self.latched = True

    def running_pnl(self, symbol) -> Fraction:
        state = self.__dict__.setdefault("_running", {})
        done, cash, fees = state.get(symbol, (0, 0, 0))
        for side, price, lots, fee in self.fills.get(symbol, [])[done:]:
            cash -= side * price * lots
            fees += fee
        state[symbol] = (len(self.fills.get(symbol, [])), cash, fees)
        return cash + self.positions.get(symbol, 0) * self.mids.get(symbol, Fraction(0)) - fees

    # reports
    def on_report(self, report) -> None:
        symbol, status, lots = int(report["symbol"]), int(report["status"]), int(report["quantity_lots"])
        if symbol >= len(self.instruments) or not 0 <= lots <= BIG:
            self.bad += 1
            return
        identity = int(report["order_id"]) % (1 << 56)
        order = self.open.get(identity)
        if order is None:
            self.unknown += 1
        if status in (ReportStatus.PARTIAL, ReportStatus.FILLED):
            self.on_fill(report, symbol, lots, order)
        elif order is not None and status in (ReportStatus.CANCELLED, ReportStatus.REJECTED):
            self.take(order, lots if lots else order["remaining"])

    def on_fill(self, report, symbol, lots, order) -> None:
        price, side, fee = int(report["price_ticks"]), int(report["side"]), int(report["fee_units"])
        if lots == 0 or not 0 <= price <= BIG or side not in (1, -1) or abs(fee) >= 1 << 60:
            self.bad += 1
            return
        underlying = self.instruments[symbol].underlying
        if order is not None:
            if order["underlying"] == underlying and order["side"] == side:
                self.overfills += lots > order["remaining"]
                self.take(order, lots)
            else:
                self.bad += 1
        self.fills.setdefault(underlying, []).append((side, price, lots, fee))
        self.positions[underlying] = self.positions.get(underlying, 0) + side * lots
        self.mids.setdefault(underlying, Fraction(price))
        self.mark(underlying)

    def take(self, order, lots) -> None:
        order["remaining"] -= min(lots, order["remaining"])
        if order["remaining"] == 0:
            del self.open[order["id"]]

    # decisions
    def open_lots(self, underlying, side) -> int:
        return sum(o["remaining"] for o in self.open.values() if o["underlying"] == underlying and o["side"] == side)

    def open_units(self, underlying) -> int:
        return sum(o["remaining"] * o["price"] for o in self.open.values() if o["underlying"] == underlying)

    def decide(self, line, now) -> Reason:
        if line["action"] == Action.CANCEL:
            target = self.open.get(int(line["target_id"]))
            if target is None:
                return Reason.UNKNOWN_ORDER
            target["cancelling"] = True
            return Reason.ACCEPTED
        reason = self.decide_new({name: int(line[name]) for name in line.dtype.names if name != "pad"}, now)
        if reason == Reason.ACCEPTED:
            self.accept(line, now)
        return reason

    def decide_new(self, line, now) -> Reason:
        price, lots, side, params = line["price_ticks"], line["quantity_lots"], line["side"], self.params
        if self.kill:
            return Reason.KILL_SWITCH
        if self.latched:
            return Reason.LOSS_LIMIT
        forces = {OrderType.LIMIT: list(TimeInForce), OrderType.MARKET: [TimeInForce.IOC]}.get(line["type"], [])
        if (
            line["action"] != Action.NEW or line["time_in_force"] not in forces or side not in (1, -1)
            or not 0 < price <= BIG or not 0 < lots <= BIG or line["symbol"] >= len(self.instruments)
            or not 0 < line["order_id"] < 1 << 56
        ):
            return Reason.BAD_ORDER
        if line["order_id"] <= max(self.accepted_ids, default=0):
            return Reason.DUPLICATE_ID
        instrument = self.instruments[line["symbol"]]
        underlying = instrument.underlying
        if not self.live.get(underlying):
            return Reason.BOOK_NOT_LIVE
        if lots * instrument.lot > exact(params.max_order_quantity):
            return Reason.MAX_ORDER_QUANTITY
        mid = self.mids[underlying]
        if abs(price - mid) * 1_000_000 > mid * params.collar_ppm:
            return Reason.PRICE_COLLAR
        value = instrument.tick * instrument.lot
        if price * lots * value > exact(params.max_order_notional):
            return Reason.MAX_ORDER_NOTIONAL
        if any(
            o["underlying"] == underlying and o["side"] == -side and o["rests"] and not o["cancelling"]
            and (price - o["price"]) * side >= 0
            for o in self.open.values()
        ):
            return Reason.SELF_CROSS
        worst = side * self.positions.get(underlying, 0) + self.open_lots(underlying, side) + lots
        if worst * instrument.lot > exact(params.max_position):
            return Reason.MAX_POSITION
        if (self.open_units(underlying) + price * lots) * value > exact(params.max_open_notional):
            return Reason.MAX_OPEN_NOTIONAL
        if len(self.open) >= params.max_open_orders:
            return Reason.MAX_OPEN_ORDERS
        if self.next_ns - now > (params.order_burst - 1) * self.interval:
            return Reason.RATE_LIMIT
        return Reason.ACCEPTED

    def accept(self, line, now) -> None:
        identity = int(line["order_id"])
        self.open[identity] = {
            "id": identity, "price": int(line["price_ticks"]), "remaining": int(line["quantity_lots"]),
            "side": int(line["side"]), "underlying": self.instruments[int(line["symbol"])].underlying,
            "rests": line["type"] == OrderType.LIMIT and line["time_in_force"] != TimeInForce.IOC, "cancelling": False,
        }
        self.accepted_ids = {identity}
        self.next_ns = max(self.next_ns, now) + self.interval
