"""The journal: copies the input part of every message and its payload into a staging stream; a thread writes it to disk.

Nothing else is needed to rebuild every handler's state: messages come in one order, and handlers are functions of them.
The work part is left out (handlers write it again), and `payload_position` is put down as 0 (where a payload lies in its
ring is no input). One record of disruptor.log.format per message: its header, the INPUT_BYTES of the message, its payload
units. The writer's thread adds the chained checksum, off the hot path.

Placed on the main ring with the byte stream `staging` as its output, before or beside every other handler.
"""

from __future__ import annotations

from disruptor.handler import handler
from disruptor.log.format import RECORD_HEADER_BYTES, RECORD_TYPE_DATA, record_word
from disruptor.single_producer import payload_claim, payload_index
from disruptor.stores import copy_bytes, store_half, store_word
from hydraflow.records import INPUT_BYTES, LEVEL, LEVELS_MAX

__all__ = ["MAX_RECORD_BYTES", "on_event"]

_FIXED = RECORD_HEADER_BYTES + INPUT_BYTES
_UNIT = LEVEL.itemsize
MAX_RECORD_BYTES = _FIXED + LEVELS_MAX * _UNIT


@handler(
    name="journal",
    counters=[("messages", "i8"), ("bytes", "i8")],
    max_out={"staging": 0},
    max_payload={"staging": MAX_RECORD_BYTES},
    reads=(
        "receive_ns", "venue_ns", "number", "first_update", "last_update", "previous_update", "payload_position",
        "payload_count", "bid_count", "kind", "source", "symbol", "flags",
    ),
    writes=(),
)
def on_event(event, sequence, payload, staging, counters):
    """Stage one message. Precondition: payload_count <= LEVELS_MAX, room for MAX_RECORD_BYTES (both kept by the engine)."""
    count = int(event["payload_count"])
    size = _FIXED + count * _UNIT
    target = staging.payload
    at = payload_index(staging)
    store_word(target, at, record_word(size, RECORD_TYPE_DATA))
    store_word(target, at + 8, sequence)
    store_word(target, at + 16, event["receive_ns"])
    store_word(target, at + 24, event["venue_ns"])
    store_word(target, at + 32, event["number"])
    store_word(target, at + 40, event["first_update"])
    store_word(target, at + 48, event["last_update"])
    store_word(target, at + 56, event["previous_update"])
    store_word(target, at + 64, 0)
    store_half(target, at + 72, count)
    store_half(target, at + 76, event["bid_count"])
    store_half(target, at + 80, int(event["kind"]) | int(event["source"]) << 8 | int(event["symbol"]) << 16)
    store_half(target, at + 84, event["flags"])
    if count > 0:
        mask = payload.shape[0] // 2 - 1
        copy_bytes(target, at + _FIXED, payload, (event["payload_position"] & mask) * _UNIT, count * _UNIT)
    payload_claim(staging, size)
    counters["messages"] += 1
    counters["bytes"] += size
