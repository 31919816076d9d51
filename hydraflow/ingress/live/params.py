"""What a live source is told, what it remembers, what it counts."""

from __future__ import annotations

from typing import Any

import attrs

from hydraflow.ingress.live.streams import check_address
from hydraflow.records import FRAME_BYTES_MAX

__all__ = ["COUNTERS", "FIGURES", "WEBSOCKET", "Figures", "WebsocketParams", "prepare"]

_SECOND = 1_000_000_000


def _text(description: str, unit: str, **options: Any) -> Any:
    return attrs.field(metadata={"description": description, "unit": unit}, **options)


def _count(default: int, description: str, unit: str, minimum: int = 0, maximum: int = 1 << 62) -> Any:
    return attrs.field(
        default=default,
        validator=[attrs.validators.ge(minimum), attrs.validators.le(maximum)],
        metadata={"description": description, "unit": unit, "range": (minimum, maximum)},
    )


def _address(*schemes: str, empty: bool = False) -> Any:
    def check(_instance: Any, _attribute: Any, value: str) -> None:
        wrong = "" if empty and not value else check_address(value, schemes)
        if wrong:
            raise ValueError(wrong)

    return check


@attrs.frozen(kw_only=True)
class WebsocketParams:
    """Parameters of the source `websocket`."""

    url: str = _text("address of the stream, wss:// or ws://", "address", validator=_address("wss", "ws"))
    snapshot_url: str = _text("REST snapshot of a book; {symbol} stands for the symbol; empty: none are fetched", "address",
                              default="", validator=_address("https", "http", empty=True))
    subscribe: str = _text("text sent after each connection, if the address does not name the streams", "text", default="")
    symbols: str = _text("whose books the streams carry, comma-separated; empty: as the stream names say", "text", default="")
    when_full: str = attrs.field(
        default="drop_and_resync",
        validator=attrs.validators.in_(("wait", "drop_and_resync", "conflate")),
        metadata={"description": "what happens to frames that find no room", "unit": "policy",
                  "choices": ("wait", "drop_and_resync", "conflate")},
    )
    burst: int = _count(256, "most frames published per turn of the loop", "frames", 1)
    buffer_frames: int = _count(4096, "frames held between the socket and the ring", "frames", 16, 1 << 20)
    buffer_bytes: int = _count(FRAME_BYTES_MAX, "bytes of them", "bytes", FRAME_BYTES_MAX, 1 << 32)
    hold_bytes: int = _count(16 << 20, "conflate: bytes held beyond that", "bytes")
    snapshot_every_ns: int = _count(_SECOND, "least time between two snapshots of a symbol", "ns", 1_000_000)
    snapshot_most_ns: int = _count(60 * _SECOND, "that time after snapshots that did not help, at most", "ns")
    retry_ns: int = _count(_SECOND // 4, "most that is waited before the first new attempt", "ns", 1)
    retry_most_ns: int = _count(30 * _SECOND, "the same after many failures: it doubles up to this", "ns", 1)
    stable_ns: int = _count(10 * _SECOND, "a connection that held as long was no failure", "ns")
    max_attempts: int = _count(0, "attempts in a row without a frame before the source gives up; 0: never", "attempts")
    stale_ns: int = _count(10 * _SECOND, "without a frame for so long, connect anew; 0: never", "ns")
    ping_ns: int = _count(20 * _SECOND, "time between two pings; 0: none", "ns")
    timeout_ns: int = _count(10 * _SECOND, "most that is waited for a connection, a pong, a snapshot", "ns", 1_000_000)
    seed: int = _count(0, "the same waits every time; 0: from the system", "number")


# what the thread counts; the step copies it into the counters when `version` has changed
FIGURES = (
    "version", "received", "dropped", "conflated", "markers", "resyncs", "snapshot_failures", "connects", "disconnects",
    "failed_attempts", "stale_feeds", "reconnect_ms",
)


class Figures:
    """The counts of one live source, kept by its thread."""

    def __init__(self) -> None:
        for name in FIGURES:
            setattr(self, name, 0)

    version: int
    received: int
    dropped: int
    conflated: int
    markers: int
    resyncs: int
    snapshot_failures: int
    connects: int
    disconnects: int
    failed_attempts: int
    stale_feeds: int
    reconnect_ms: int


COUNTERS = [
    ("frames", "i8"),  # published, snapshots and markers included
    ("bytes", "i8"),
    ("age_ns", "i8"),  # of the oldest frame that nobody has read, while frames wait; 0: none waits
    ("age_most_ns", "i8"),
    ("received", "i8"),  # frames from the socket
    ("dropped", "i8"),  # of these, given up because there was no room
    ("conflated", "i8"),  # of these, replaced by a newer best bid and offer of the same symbol
    ("markers", "i8"),  # frames of ours that make a book stale: something was lost
    ("resyncs", "i8"),  # REST snapshots handed on
    ("snapshot_failures", "i8"),
    ("connects", "i8"),
    ("disconnects", "i8"),
    ("failed_attempts", "i8"),
    ("stale_feeds", "i8"),  # connections given up because no frame came
    ("reconnect_ms", "i8"),  # time without connection, from the first one on
    ("pad", "i8"),
]

WEBSOCKET = [
    ("taken", "i8"),  # frames taken from the inbox
    ("version", "i8"),  # of the figures copied last
    ("source", "i8"),
    ("ns_per_tick", "f8"),
]


def prepare(state: Any, params: WebsocketParams, **context: Any) -> None:
    """Fill the zeroed state record. context : ticks_per_second, source_index (see ingress.base.Source)."""
    state["source"] = context.get("source_index", 0)
    state["ns_per_tick"] = 1e9 / context.get("ticks_per_second", 1e9)
