"""Encodes every order that may leave into the egress ring: one EGRESS record and its bytes per order, or per part of one.

A line leaves when risk accepted it, route found a venue and mev did not refuse it. A line that risk accepted and a later
stage refused sends nothing, but risk still holds exposure for it: it becomes a record with venue NONE, no bytes and the
reason, which the venue end answers with REJECTED.

The parts of a split order leave `slice_gap_ns` apart (EGRESS.not_before_ns), so that arbitrage can restore the pool's
price in between. `wire_hash` runs over every byte sent, eight at a time, each order padded with zeros and closed by its
length; equal hashes mean equal wire bytes in equal order.
"""

from __future__ import annotations

import attrs
import numpy as np

from disruptor.compiled import compiled
from disruptor.digest import SEED, fold
from disruptor.handler import handler
from disruptor.single_producer import claim, payload_claim, payload_index
from handlers.encode import BYTES_MAX, put_cancel, put_place, put_swap
from handlers.mev import REFUSED, SLICES_MAX
from hydraflow.codes import Action, Reason, Venue
from hydraflow.records import ORDERS_PER_MESSAGE

__all__ = ["WireParams", "wire"]

_CANCEL = int(Action.CANCEL)
_NOWHERE, _POOL = int(Venue.NONE), int(Venue.POOL)
_MEV_EXPOSURE = int(Reason.MEV_EXPOSURE)
_RECORDS_MAX = ORDERS_PER_MESSAGE * SLICES_MAX
_NS = 1_000_000_000


def _bits(default: int, text: str):
    return attrs.field(default=default, metadata={"description": text})


@attrs.frozen
class WireParams:
    """How pool orders are written."""

    slice_gap_ns: int = attrs.field(
        default=12_000_000_000, metadata={"description": "time between the parts of a split order", "unit": "ns"}
    )
    deadline_s: int = attrs.field(
        default=120, metadata={"description": "a swap not mined by then is void", "unit": "s"}
    )
    recipient_high: int = _bits(0, "account that receives the tokens: its upper 4 bytes")
    recipient_middle: int = _bits(0, "the next 8 bytes, as a signed 64-bit number")
    recipient_low: int = _bits(0, "the last 8 bytes, as a signed 64-bit number")


def _prepare(state, params, **context):
    state["wire_hash"] = SEED


@compiled(inline=False)
def _digest(state, params):
    return fold(fold(state["wire_hash"], state["records"]), state["bytes"])


@compiled(inline=False)
def _hash_bytes(digest, payload, start, count):
    """Continue the digest by payload[start : start + count], little endian words padded with zeros, then the count."""
    for first in range(0, count, 8):
        word = np.int64(0)
        for i in range(min(8, count - first)):
            word |= np.int64(payload[start + first + i]) << np.int64(8 * i)
        digest = fold(digest, word)
    return fold(digest, count)


@compiled(inline=False)
def _new_record(egress, event, sequence, order, order_id):
    """Claim a record and fill all of it but the payload; price, quantity and venue are those of the whole line."""
    record = claim(egress)
    record["cause"] = sequence
    record["receive_ns"] = event["receive_ns"]
    record["not_before_ns"] = event["receive_ns"]
    record["order_id"] = order_id
    record["target_id"] = order["target_id"]
    record["price_ticks"] = order["limit_price_ticks"]
    record["quantity_lots"] = order["quantity_lots"]
    record["symbol"] = order["symbol"]
    record["action"] = order["action"]
    record["type"] = order["type"]
    record["time_in_force"] = order["time_in_force"]
    record["side"] = order["side"]
    record["venue"] = order["venue"]
    record["private_relay"] = order["private_relay"]
    record["pool"] = order["pool"]
    record["reason"] = 0
    record["payload_count"] = 0
    record["payload_position"] = egress.cell["payload_next"]
    return record


@compiled
def _close(record, egress, start, end, state, counters):
    """Take the bytes start..end of the payload into the record, the hash and the counts."""
    count = end - start
    record["payload_count"] = count
    record["payload_position"] = payload_claim(egress, count)
    state["wire_hash"] = _hash_bytes(state["wire_hash"], egress.payload, start, count)
    state["records"] += 1
    state["bytes"] += count
    counters["bytes"] += count


@compiled(inline=False)
def _send_swaps(order, event, sequence, state, params, instruments, counters, egress):
    parts = min(max(np.int64(order["slices"]), 1), SLICES_MAX)
    part_lots = order["quantity_lots"] // parts
    pool = instruments[order["pool"]]
    for part in range(parts):
        order_id = order["order_id"] | (part << 56)
        record = _new_record(egress, event, sequence, order, order_id)
        lots = part_lots if part < parts - 1 else order["quantity_lots"] - part_lots * (parts - 1)
        not_before_ns = event["receive_ns"] + part * params["slice_gap_ns"]
        record["quantity_lots"] = lots
        record["not_before_ns"] = not_before_ns
        start = payload_index(egress)
        times = (not_before_ns, not_before_ns // _NS + params["deadline_s"])
        end = put_swap(egress.payload, start, pool, order, order_id, order["limit_price_ticks"], lots, times, params)
        _close(record, egress, start, end, state, counters)
    counters["orders_sent"] += 1
    if parts > 1:
        counters["slices"] += parts
    if order["private_relay"] != 0:
        counters["private"] += 1


@compiled(inline=False)
def _send_exchange(order, event, sequence, state, instruments, counters, egress):
    record = _new_record(egress, event, sequence, order, order["order_id"])
    instrument = instruments[order["symbol"]]
    start = payload_index(egress)
    if order["action"] == _CANCEL:
        end = put_cancel(egress.payload, start, instrument, order["target_id"], event["receive_ns"])
        counters["cancels_sent"] += 1
    else:
        price, lots = order["limit_price_ticks"], order["quantity_lots"]
        end = put_place(egress.payload, start, instrument, order, order["order_id"], price, lots, event["receive_ns"])
        counters["orders_sent"] += 1
    _close(record, egress, start, end, state, counters)


@compiled(inline=False)
def _send_line(order, event, sequence, state, params, instruments, counters, egress):
    if order["reason"] != 0 or order["action"] == 0:
        return
    refusal = np.int64(order["route_reason"])
    if refusal == 0 and order["mev_reason"] == REFUSED:
        refusal = _MEV_EXPOSURE
    if refusal != 0:
        record = _new_record(egress, event, sequence, order, order["order_id"])
        record["venue"] = _NOWHERE
        record["reason"] = refusal
        counters["refused"] += 1
    elif order["venue"] == _POOL and order["action"] != _CANCEL:
        _send_swaps(order, event, sequence, state, params, instruments, counters, egress)
    else:
        _send_exchange(order, event, sequence, state, instruments, counters, egress)


@handler(
    name="wire",
    state=[("wire_hash", "i8"), ("records", "i8"), ("bytes", "i8")],
    params=WireParams,
    counters=[
        (name, "i8") for name in ("orders_sent", "cancels_sent", "bytes", "slices", "private", "refused")
    ],
    max_out={"egress": _RECORDS_MAX},
    max_payload={"egress": _RECORDS_MAX * BYTES_MAX},
    prepare=_prepare,
    digest=_digest,
)
def wire(event, sequence, end_of_batch, state, params, instruments, orders, counters, egress):
    """Encode the message's order lines, in order."""
    count = event["order_count"]
    if count > 0:
        slot = sequence & (orders.shape[0] - 1)
        for k in range(min(int(count), ORDERS_PER_MESSAGE)):
            _send_line(orders[slot, k], event, sequence, state, params, instruments, counters, egress)
