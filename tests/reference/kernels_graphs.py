"""Small handlers for random graphs: each with an access set of its own, all of them made of whole-number mixing and exact
arithmetic, so that a result is right or wrong and never nearly right."""

from __future__ import annotations

import attrs
import numpy as np

from disruptor.compiled import compiled
from disruptor.digest import fold
from disruptor.handler import handler
from disruptor.single_producer import claim, payload_claim, payload_index
from hydraflow.codes import Kind
from hydraflow.ingress.base import source

MARKET, TIMER = int(Kind.DEPTH), int(Kind.TIMER)
SYMBOLS = 8
EGRESS_MOST, ANSWERS_MOST = 2, 2


@attrs.frozen
class Ticks:
    """Of the source. stamps advance by 0 … 3 steps, so that some are equal."""

    count: int = 100
    seed: int = 1
    step_ns: int = 10
    virtual_start_ns: int = 1_000


@attrs.frozen
class Salt:
    salt: int = 1


@attrs.frozen
class Venue:
    salt: int = 1
    latency_ns: int = 25


@source(params=Ticks, state=[("sent", "i8"), ("last_ns", "i8")], counters=[("frames", "i8"), ("lines", "i8")], virtual=True)
def ticks(state, params, counters, frames, room):
    """Publish up to 16 frames a turn, without payload: all that follows is derived from stamp and number."""
    if state["sent"] >= params["count"]:
        return -1
    done = 0
    while done < 16 and done < room and state["sent"] < params["count"]:
        state["last_ns"] += params["step_ns"] * (fold(params["seed"], state["sent"]) & 3)
        record = claim(frames)
        record["receive_ns"] = params["virtual_start_ns"] + state["last_ns"]
        record["number"] = state["sent"]
        record["payload_position"] = frames.cell["payload_next"]
        record["payload_count"] = 0
        record["error"] = 0
        record["source"] = np.int32(params["seed"] & 0xFF)
        state["sent"] += 1
        counters["frames"] += 1
        done += 1
    return done


@handler(params=Salt, max_out={"decoded": 1}, max_payload={"decoded": 8})
def decode(event, params, decoded):
    """Make a message with 0 … 3 levels of payload out of a frame."""
    h = fold(fold(params["salt"], event["source"]), event["number"])
    message = claim(decoded)
    count = (h >> 8) & 3
    message["receive_ns"] = event["receive_ns"]
    message["venue_ns"] = 0
    message["number"] = event["number"]
    message["first_update"] = h
    message["last_update"] = fold(h, 1)
    message["previous_update"] = -1
    message["payload_count"] = np.uint32(count)
    message["bid_count"] = np.uint32(0)
    message["kind"] = np.uint8(MARKET)
    message["source"] = np.uint8(event["source"])
    message["symbol"] = np.uint16(h & (SYMBOLS - 1))
    message["flags"] = np.uint32((h >> 16) & 0xFFFF)
    at = payload_index(decoded)
    for k in range(count):
        decoded.payload[at + k]["price_ticks"] = fold(h, k)
        decoded.payload[at + k]["quantity_lots"] = k
    message["payload_position"] = payload_claim(decoded, count)


_STATE = [("h", "i8"), ("n", "i8")]


@compiled
def _mix(state, params, value):
    """Continue the state by a value; return it."""
    state["n"] += 1
    state["h"] = fold(state["h"] + params["salt"], value)
    return state["h"]


@handler(state=_STATE, params=Salt)
def bid_price(event, state, params):
    event["bid_price_ticks"] = _mix(state, params, event["first_update"])


@handler(state=_STATE, params=Salt)
def bid_quantity(event, state, params):
    event["bid_quantity_lots"] = _mix(state, params, event["bid_price_ticks"])


@handler(state=_STATE, params=Salt)
def ask_price(event, state, params):
    event["ask_price_ticks"] = _mix(state, params, event["bid_price_ticks"] ^ event["bid_quantity_lots"])


@handler(state=_STATE, params=Salt)
def ask_quantity(event, state, params):
    event["ask_quantity_lots"] = _mix(state, params, event["ask_price_ticks"] + event["number"])


@handler(state=_STATE, params=Salt)
def status(event, state, params):
    event["book_status"] = np.uint16(_mix(state, params, event["bid_quantity_lots"]) & 0xFFFF)


@handler(state=[("h", "i8"), ("n", "i8"), ("by_symbol", "i8", (SYMBOLS,))], params=Salt)
def changes(event, state, params):
    symbol = int(event["symbol"]) & (SYMBOLS - 1)
    state["by_symbol"][symbol] += 1
    event["book_changes"] = np.uint16(_mix(state, params, state["by_symbol"][symbol] + int(event["book_status"])) & 0x7)


@handler(state=_STATE, params=Salt)
def orders(event, state, params, payload):
    total = event["ask_quantity_lots"]
    start = event["payload_position"] & (payload.shape[0] // 2 - 1)
    for k in range(int(event["payload_count"])):
        total ^= payload[start + k]["price_ticks"]
    event["order_count"] = np.uint16(_mix(state, params, total) & 0xFF)


@handler(state=_STATE, params=Salt)
def accepted(event, state, params):
    event["accepted_count"] = np.uint16(_mix(state, params, int(event["order_count"]) + 256 * int(event["book_changes"])) & 0xFF)


@handler(state=_STATE, params=Salt)
def fair(event, state, params):
    h = _mix(state, params, event["bid_price_ticks"] + event["ask_price_ticks"])
    event["fair_price"] = (h & 0xFFFF) / 8.0


@handler(state=_STATE, params=Salt)
def signal(event, state, params):
    event["signal"] = event["fair_price"] * 2.0 + (_mix(state, params, int(event["book_status"])) & 0xFF)


@handler(state=_STATE, params=Salt)
def watch_prices(event, state, params):
    _mix(state, params, event["bid_price_ticks"] ^ event["ask_price_ticks"] ^ int(event["fair_price"] * 8.0))


@handler(state=_STATE, params=Salt)
def watch_counts(event, state, params):
    _mix(state, params, int(event["book_changes"]) + (int(event["order_count"]) << 16) + (int(event["accepted_count"]) << 32))


@handler(state=_STATE, params=Salt)
def watch_input(event, sequence, state, params):
    _mix(state, params, event["last_update"] ^ event["receive_ns"] ^ sequence)


@handler(state=_STATE, params=Salt, max_out={"egress": EGRESS_MOST}, max_payload={"egress": 64})
def emit(event, sequence, state, params, egress):
    """Publish 0 … 2 records with 0 … 7 bytes each."""
    h = _mix(state, params, event["bid_price_ticks"] + int(event["order_count"]))
    for number in range(min((h >> 4) & 3, EGRESS_MOST)):
        record = claim(egress)
        record["cause"] = sequence
        record["receive_ns"] = event["receive_ns"]
        record["order_id"] = fold(h, number)
        count = (h >> (8 + number)) & 7
        at = payload_index(egress)
        for k in range(count):
            egress.payload[at + k] = np.uint8((h >> k) & 0xFF)
        record["payload_count"] = count
        record["payload_position"] = payload_claim(egress, count)


@compiled
def _take(state, params, egress, sequence):
    """Fold every record with its bytes that this message or an earlier one caused."""
    while egress.cell["next"] <= egress.cell["gate"]:
        record = egress.records[egress.cell["next"] & egress.cell["mask"]]
        if record["cause"] > sequence:
            break
        _mix(state, params, record["order_id"] ^ record["receive_ns"])
        at = record["payload_position"] & egress.cell["payload_mask"]
        for k in range(record["payload_count"]):
            _mix(state, params, int(egress.payload[at + k]))
        state["taken"] += 1
        egress.cell["next"] += 1


@handler(state=[*_STATE, ("taken", "i8")], params=Salt)
def tap(event, sequence, state, params, egress):
    """What leaves, read to the end."""
    _take(state, params, egress, sequence)


@handler(state=[*_STATE, ("taken", "i8"), ("emitted", "i8")], params=Venue, max_out={"feedback": ANSWERS_MOST})
def answer(event, sequence, state, params, egress, feedback):
    """What leaves, and up to two timers for each message of the market, due one latency later or more."""
    _take(state, params, egress, sequence)
    h = _mix(state, params, event["bid_price_ticks"])
    if event["kind"] == MARKET:
        for number in range(min((h >> 3) & 3, ANSWERS_MOST)):
            record = claim(feedback)
            record["due_ns"] = event["receive_ns"] + params["latency_ns"] + ((h >> (6 + number)) & 31)
            record["cause"] = sequence
            record["number"] = state["emitted"]
            record["token"] = fold(h, number)
            record["kind"] = np.uint8(TIMER)
            record["source"] = np.uint8(0)
            record["symbol"] = np.uint16(h & (SYMBOLS - 1))
            state["emitted"] += 1


@handler(state=_STATE, params=Salt)
def last(event, sequence, state, params):
    """Everything that a message holds when all have seen it."""
    h = fold(event["receive_ns"], sequence)
    h = fold(h, event["first_update"])
    h = fold(h, event["bid_price_ticks"])
    h = fold(h, event["bid_quantity_lots"])
    h = fold(h, event["ask_price_ticks"])
    h = fold(h, event["ask_quantity_lots"])
    h = fold(h, int(event["kind"]) + (int(event["symbol"]) << 16))
    h = fold(h, int(event["book_status"]) + (int(event["book_changes"]) << 16))
    h = fold(h, int(event["order_count"]) + (int(event["accepted_count"]) << 16))
    h = fold(h, int(event["fair_price"] * 8.0))
    _mix(state, params, fold(h, int(event["signal"] * 8.0)))
