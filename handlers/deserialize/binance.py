"""The handler `deserialize`: one frame of bytes in, at most one message out.

It reads Binance spot, USD-M and COIN-M (depth, partial depth, bookTicker, trade, aggTrade, REST snapshots) and the Sync
logs of Uniswap V2 pools. Its meaning is stateless, so it may run ahead of the sequencer: the state holds the table of
symbols, fixed before the run, and scratch that no frame leaves to the next.

A message is published whole or not at all: the next free record of the output is the draft, payload units are written
behind it, and both are claimed only after the frame has been read to its last byte. A frame that cannot be decoded is
counted by FrameError; if it would have changed the book of a known symbol, a LOST message says so in its place. One that
is spoiled beyond telling may have changed any book: then every book is lost, for a wrong book costs more than a stale one.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from disruptor.compiled import compiled
from disruptor.digest import SEED, fold
from disruptor.handler import handler
from disruptor.single_producer import claim, payload_claim
from disruptor.words import byte_at
from handlers.deserialize.envelope import UNTOLD, identify
from handlers.deserialize.exact import exact_frame
from handlers.deserialize.members import KEYS
from handlers.deserialize.symbols import ANY_SYMBOL, fill_table, symbol_fields
from handlers.deserialize.usual import UNUSUAL, usual_frame
from hydraflow.codes import FrameError, Kind
from hydraflow.records import FRAME_BYTES_MAX, LEVELS_MAX

__all__ = ["COUNTERS", "Deserialize", "on_event"]

ERROR_KINDS = 16
COUNTERS = [
    ("frames", "i8"),
    ("messages", "i8"),  # decoded, without LOST
    ("levels", "i8"),  # of depth and snapshot messages
    ("bytes", "i8"),
    ("exact", "i8"),  # frames that took the exact path
    ("lost", "i8"),  # LOST messages
    ("errors", "i8", (ERROR_KINDS,)),  # by FrameError
    ("first_error", "i8", (ERROR_KINDS,)),  # frame number of the first of each kind; meaningless while its count is 0
]

_TRUNCATED, _CORRUPT = int(FrameError.TRUNCATED), int(FrameError.CORRUPT)
_OVERSIZE, _NO_STAMP = int(FrameError.OVERSIZE), int(FrameError.NO_STAMP)
_IGNORED = int(FrameError.IGNORED)
_OPEN = 123
_LOST = int(Kind.LOST)
_SNAPSHOT, _DEPTH = int(Kind.SNAPSHOT), int(Kind.DEPTH)


def _limit(most: int, description: str, unit: str) -> Any:
    return attrs.field(default=most, validator=attrs.validators.in_(range(1, most + 1)),
                       metadata={"description": description, "unit": unit, "range": (1, most)})


@attrs.frozen(kw_only=True)
class Deserialize:
    """Limits. A frame beyond one of them is counted OVERSIZE and its book goes stale."""

    frame_bytes_max: int = _limit(FRAME_BYTES_MAX, "longest frame that is read", "bytes")
    levels_max: int = _limit(LEVELS_MAX, "most levels of one frame", "levels")


def _state(params: Any, *, instruments: np.ndarray, **context: Any) -> list[Any]:
    return [("at", "i8", (KEYS,)), *symbol_fields(instruments)]


def _prepare(state: Any, params: Any, *, instruments: np.ndarray, **context: Any) -> None:
    fill_table(state, instruments)


@compiled
def _digest(state, params):
    """The scratch is no state; what is left is fixed by the instruments."""
    return fold(SEED, state["only_symbol"])


@handler(
    name="deserialize",
    params=Deserialize,
    state=_state,
    prepare=_prepare,
    digest=_digest,
    counters=COUNTERS,
    max_out={"decoded": 1},
    max_payload={"decoded": LEVELS_MAX + 8},
)
def on_event(event, payload, instruments, counters, state, params, decoded):
    """Decode one FRAME into `decoded`."""
    size = int(event["payload_count"])
    begin = int(event["payload_position"]) & (payload.shape[0] // 2 - 1)
    end = begin + size
    counters["frames"] += 1
    counters["bytes"] += size
    message = _draft(decoded, event)
    error = int(event["error"])
    if error == 0:
        if size > params["frame_bytes_max"]:
            error = _OVERSIZE
        else:
            levels_max = int(params["levels_max"])
            error = usual_frame(payload, begin, end, instruments, state, decoded, message, levels_max)
            if error == UNUSUAL:
                counters["exact"] += 1
                message = _draft(decoded, event)
                error = exact_frame(payload, begin, end, instruments, state, decoded, message, levels_max)
    if error == 0:
        counters["messages"] += 1
        kind = message["kind"]
        if kind == _DEPTH or kind == _SNAPSHOT:
            counters["levels"] += message["payload_count"]
        message["payload_position"] = payload_claim(decoded, np.int64(message["payload_count"]))
        claim(decoded)
    else:
        _failed(error, event, payload, begin, end, counters, state, decoded)


@compiled
def _draft(decoded, event):
    """Return the record that `claim` would hand out next, blank but for what the frame gives. It is not claimed."""
    cell = decoded.cell
    message = decoded.records[cell["next"] & cell["mask"]]
    message["receive_ns"] = event["receive_ns"]
    message["venue_ns"] = 0
    message["number"] = event["number"]
    message["first_update"] = 0
    message["last_update"] = 0
    message["previous_update"] = -1
    message["payload_position"] = cell["payload_next"]
    message["payload_count"] = 0
    message["bid_count"] = 0
    message["kind"] = 0
    message["source"] = event["source"]
    message["symbol"] = 0
    message["flags"] = 0
    message["bid_price_ticks"] = 0
    message["bid_quantity_lots"] = 0
    message["ask_price_ticks"] = 0
    message["ask_quantity_lots"] = 0
    message["book_status"] = 0
    message["book_changes"] = 0
    message["order_count"] = 0
    message["accepted_count"] = 0
    message["fair_price"] = 0.0
    message["signal"] = 0.0
    return message


@compiled(inline=False)
def _failed(error, event, payload, begin, end, counters, state, decoded):
    """Count the frame, and tell the book of its symbol if there is one."""
    kind = error & (ERROR_KINDS - 1)
    if counters["errors"][kind] == 0:
        counters["first_error"][kind] = event["number"]
    counters["errors"][kind] += 1
    if error == _IGNORED:
        return
    if error == _NO_STAMP:  # the whole line is here: what stands where the stamp should be, and the frame
        begin = _first_brace(payload, begin, end)
        if begin == end:
            return
    symbol = identify(payload, begin, end, state)
    spoiled = error == _TRUNCATED or error == _CORRUPT or error == _NO_STAMP
    if (symbol == UNTOLD and spoiled) or (symbol < 0 and error == _OVERSIZE):  # nothing but depth is that large
        symbol = state["only_symbol"] if state["only_symbol"] >= 0 else ANY_SYMBOL
    if symbol < 0:
        return
    message = _draft(decoded, event)
    message["kind"] = _LOST
    message["symbol"] = symbol
    message["flags"] = error
    counters["lost"] += 1
    claim(decoded)


@compiled
def _first_brace(payload, begin, end):
    while begin < end and byte_at(payload, begin) != _OPEN:
        begin += 1
    return begin
