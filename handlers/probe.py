"""A tap for any place of the main graph: counts messages by kind and keeps a checksum of what it saw.

`probe` reads the input part and the payload only, so it may stand anywhere; two probes that saw the same input have the
same digest. `work_probe` reads the book's and the strategy's fields as well and must stand after both.
"""

from __future__ import annotations

from disruptor.atomics import crc32c_word
from disruptor.compiled import compiled
from disruptor.digest import fold
from disruptor.handler import handler
from hydraflow.reports import payload_start

__all__ = ["KINDS", "probe", "work_probe"]

KINDS = 128

_STATE = [("messages", "i8"), ("units", "i8"), ("checksum", "i8"), ("by_kind", "i8", (KINDS,))]


@compiled(inline=False)
def _digest(state, params):
    result = fold(fold(fold(0, state["messages"]), state["units"]), state["checksum"])
    for kind in range(KINDS):
        result = fold(result, state["by_kind"][kind])
    return result


@compiled
def _see_input(event, payload, state):
    """Count the message and return the checksum continued by its input part and the ends of its payload."""
    state["messages"] += 1
    state["by_kind"][int(event["kind"]) & (KINDS - 1)] += 1
    count = int(event["payload_count"])
    state["units"] += count
    names = int(event["kind"]) | int(event["source"]) << 8 | int(event["symbol"]) << 16 | int(event["flags"]) << 32
    counts = count | int(event["bid_count"]) << 32
    crc = crc32c_word(state["checksum"], event["receive_ns"])
    crc = crc32c_word(crc, event["venue_ns"])
    crc = crc32c_word(crc, event["number"])
    crc = crc32c_word(crc, event["first_update"])
    crc = crc32c_word(crc, event["last_update"])
    crc = crc32c_word(crc, event["previous_update"])
    crc = crc32c_word(crc32c_word(crc, names), counts)
    if count > 0:
        start = payload_start(payload, event["payload_position"])
        for unit in range(start, start + count, max(1, count - 1)):
            crc = crc32c_word(crc, payload[unit]["price_ticks"])
            crc = crc32c_word(crc, payload[unit]["quantity_lots"])
    return crc


@handler(name="probe", state=_STATE, digest=_digest)
def probe(event, sequence, end_of_batch, state, payload):
    """See the input part and the first and last payload unit of a message."""
    state["checksum"] = int(_see_input(event, payload, state))


@handler(name="work_probe", state=_STATE, digest=_digest)
def work_probe(event, sequence, end_of_batch, state, payload):
    """See the same, and what book, strategy and risk wrote."""
    crc = _see_input(event, payload, state)
    crc = crc32c_word(crc, event["bid_price_ticks"])
    crc = crc32c_word(crc, event["bid_quantity_lots"])
    crc = crc32c_word(crc, event["ask_price_ticks"])
    crc = crc32c_word(crc, event["ask_quantity_lots"])
    decisions = int(event["book_status"]) | int(event["order_count"]) << 16 | int(event["accepted_count"]) << 32
    state["checksum"] = int(crc32c_word(crc, decisions))
