"""Recomputes a recorded run from the raw capture, with the standard library alone, and says where it does not agree.

    python outsider.py CAPTURE RECORDS RESULT LIMITS

RECORDS is the folder of book.jsonl, orders.jsonl and fills.jsonl (`hfx run --record`), RESULT what `hfx run --json`
printed, LIMITS a JSON object with tick, lot, the fees and the limits of risk. One instrument, one capture.
"""

import bisect
import gzip
import heapq
import json
import sys
from decimal import ROUND_CEILING
from decimal import Decimal as D
from pathlib import Path


def tops_of(capture):
    """Return line numbers and (u, bid, bid quantity, ask, ask quantity) after each of them, by Binance's rules."""
    sides, heaps, early, synced, lines, tops = ({}, {}), ([], []), [], False, [], []

    def apply(data, keys):
        for side, sign, key in ((0, -1, keys[0]), (1, 1, keys[1])):
            for price, quantity in ((D(p), D(q)) for p, q in data[key]):
                if quantity and price not in sides[side]:
                    heapq.heappush(heaps[side], sign * price)
                sides[side][price] = quantity
                if not quantity:
                    del sides[side][price]

    for line, text in enumerate(gzip.open(capture, "rt"), 1):
        data = json.loads(text.partition(" ")[2])
        data = data.get("data", data)
        if "lastUpdateId" in data:
            apply(data, ("bids", "asks"))
            synced, u = True, data["lastUpdateId"]
            for delta in early:
                if delta["u"] > u:
                    apply(delta, "ba")
                    u = delta["u"]
        elif data.get("e") == "depthUpdate" and synced:
            apply(data, "ba")
            u = data["u"]
        else:
            early += [data] if data.get("e") == "depthUpdate" else []
            continue
        for side, sign in ((0, -1), (1, 1)):
            while sign * heaps[side][0] not in sides[side]:
                heapq.heappop(heaps[side])
        bid, ask = -heaps[0][0], heaps[1][0]
        lines.append(line)
        tops.append((u, bid, sides[0][bid], ask, sides[1][ask]))
    return lines, tops


def main(capture, records, result, limits):
    rows = {s: [json.loads(t) for t in Path(records, f"{s}.jsonl").open()] for s in ("book", "orders", "fills")}
    result = json.loads(Path(result).read_text())
    limit = {name: D(str(value)) for name, value in json.loads(limits).items()}
    lines, tops = tops_of(capture)
    wrong, by_line, unit = [], dict(zip(lines, tops, strict=True)), limit["tick"] * limit["lot"]
    position, cash, fees, opened, rate_ns = D(0), D(0), D(0), {}, 0
    interval = max(1, round(10**9 / float(limit["orders_per_second"])))

    def check(holds, what, row):
        if not holds:
            wrong.append(f"{what}: {row}")

    live = [row for row in rows["book"] if row["status"] == "LIVE"]
    for row in live:
        mine = (row["u"], *(D(row[f"{side}_{what}"]) for side in ("bid", "ask") for what in ("price", "quantity")))
        check(by_line[row["line"]] == mine, f"best prices, not {by_line[row['line']]}", row)
    check(len(live) == sum(line > lines[0] for line in lines), "depth lines", len(live))
    for row in rows["orders"]:
        side, price, quantity = {"BUY": 1, "SELL": -1}[row["side"]], D(row["price"]), D(row["quantity"])
        order = opened.get(row["order_id"])
        if row["event"] == "report":
            if row["status"] in ("PARTIAL", "FILLED"):
                position, cash, fees = position + side * quantity, cash - side * price * quantity, fees + D(row["fee"])
                rate = limit[f"{row['liquidity'].lower()}_fee_ppm"]
                exact = (price * quantity / unit * rate / 10**6).to_integral_value(ROUND_CEILING) * unit
                check(D(row["fee"]) == exact, f"fee, not {exact}", row)
                check(order and quantity <= order["left"], "fill of what is not open", row)
            if order and row["status"] not in ("ACCEPTED", "CANCEL_REJECTED"):
                order["left"] -= quantity or order["left"]
                if order["left"] <= 0:
                    del opened[row["order_id"]]
        elif row["reason"] == "ACCEPTED" and row["action"] == "CANCEL":
            check(row["target_id"] in opened, "cancel of what is not open", row)
            opened[row["target_id"]]["rests"] = False
        elif row["reason"] == "ACCEPTED":
            _, bid, _, ask, _ = tops[bisect.bisect_right(lines, row["line"]) - 1]
            same = sum(o["left"] for o in opened.values() if o["side"] == side)
            money = price * quantity + sum(o["price"] * o["left"] for o in opened.values())
            check(quantity <= limit["max_order_quantity"], "order quantity", row)
            check(price * quantity <= limit["max_order_notional"], "order notional", row)
            check(position * side + same + quantity <= limit["max_position"], "position", row)
            check(money <= limit["max_open_notional"], "open notional", row)
            check(len(opened) < limit["max_open_orders"], "open orders", row)
            check(abs(2 * price - bid - ask) * 10**6 <= (bid + ask) * limit["collar_ppm"], "collar", row)
            check(not any(o["rests"] and side * (price - o["price"]) >= 0 for o in opened.values() if o["side"] != side),
                  "own order crossed", row)
            check(rate_ns - row["receive_ns"] <= (limit["order_burst"] - 1) * interval, "rate", row)
            check(cash + position * (bid + ask) / 2 - fees >= -limit["loss_limit"], "loss", row)
            rate_ns = max(rate_ns, row["receive_ns"]) + interval
            opened[row["order_id"]] = {"side": side, "price": price, "left": quantity, "rests": row["time_in_force"] != "IOC"}
    _, bid, _, ask, _ = tops[-1]
    signed = [(1 if f["side"] == "BUY" else -1, D(f["price"]), D(f["quantity"]), D(f["fee"])) for f in rows["fills"]]
    sums = (sum(s * q for s, _, q, _ in signed), -sum(s * p * q for s, p, q, _ in signed), sum(f for *_, f in signed))
    check(sums == (position, cash, fees), "position, cash and fees of the fills", sums)
    check(position == result["position_lots"][0] * limit["lot"], "position of the report", result["position_lots"][0])
    pnl = cash + position * (bid + ask) / 2 - fees
    check(abs(pnl - D(str(result["pnl"]))) < D("1e-6"), f"PnL, not {pnl}", result["pnl"])
    check(result["fills"] == len(signed), "fills", result["fills"])
    print(json.dumps({"book_rows": len(live), "decisions": sum(r["event"] == "decision" for r in rows["orders"]),
                      "fills": len(signed), "position": str(position), "fees": str(fees), "pnl": str(pnl), "wrong": wrong[:20]}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
