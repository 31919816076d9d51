"""The source `websocket`: frames of a live venue, with their REST snapshots, into the frames ring.

A Python thread (`live.feed`) holds the connection; the step here moves what it has posted and never waits for it. Frames
carry the wall clock of their reception; latency is measured from the time-stamp counter of the same moment.
"""

from __future__ import annotations

from typing import Any

from disruptor.atomics import load_acquire, store_release
from disruptor.compiled import compiled
from disruptor.single_producer import claim, payload_claim, payload_index
from disruptor.stores import copy_bytes
from hydraflow.ingress.base import source
from hydraflow.ingress.live.feed import LiveFeed
from hydraflow.ingress.live.inbox import CLOSED, POSTED, TAKEN
from hydraflow.ingress.live.params import COUNTERS, FIGURES, WEBSOCKET, WebsocketParams, prepare
from hydraflow.records import FRAME_BYTES_MAX

__all__ = ["websocket"]

_SHOWN = {name: index for index, name in enumerate(FIGURES)}
_RECEIVED, _DROPPED, _CONFLATED, _MARKERS = (_SHOWN[n] for n in ("received", "dropped", "conflated", "markers"))
_RESYNCS, _SNAPSHOT_FAILURES = _SHOWN["resyncs"], _SHOWN["snapshot_failures"]
_CONNECTS, _DISCONNECTS, _FAILED = _SHOWN["connects"], _SHOWN["disconnects"], _SHOWN["failed_attempts"]
_STALE_FEEDS, _RECONNECT_MS = _SHOWN["stale_feeds"], _SHOWN["reconnect_ms"]


def _open(params: WebsocketParams, **context: Any) -> LiveFeed:
    return LiveFeed(params, **context)


@source(
    params=WebsocketParams,
    state=WEBSOCKET,
    counters=COUNTERS,
    prepare=prepare,
    open=_open,
    max_out={"frames": 1},
    max_payload={"frames": FRAME_BYTES_MAX},
)
def websocket(
    state, params, counters, frames, room, payload_room, now, stamps, inbox, inbox_payload, inbox_stamps, inbox_cells,
    figures,
):  # fmt: skip
    """Publish the frames that have been posted; see ingress.base."""
    mask = inbox.shape[0] - 1
    byte_mask = inbox_payload.shape[0] // 2 - 1
    published = 0
    closed = load_acquire(inbox_cells, CLOSED)  # before POSTED: when it is set, POSTED is final
    posted = load_acquire(inbox_cells, POSTED)
    while published < params["burst"] and published < room and state["taken"] <= posted:
        slot = state["taken"] & mask
        length = inbox[slot]["payload_count"]
        if length > payload_room:
            break
        index = payload_index(frames)
        copy_bytes(frames.payload, index, inbox_payload, inbox[slot]["payload_position"] & byte_mask, length)
        frame = claim(frames)
        frame["receive_ns"] = inbox[slot]["receive_ns"]
        frame["number"] = inbox[slot]["number"]
        frame["payload_position"] = payload_claim(frames, length)
        frame["payload_count"] = length
        frame["error"] = inbox[slot]["error"]
        frame["source"] = state["source"]
        stamps[(frames.cell["next"] - 1) & frames.cell["mask"]] = inbox_stamps[slot]
        counters["frames"] += 1
        counters["bytes"] += length
        state["taken"] += 1
        payload_room -= length
        published += 1
    if published > 0:
        store_release(inbox_cells, TAKEN, state["taken"] - 1)
    if state["taken"] <= posted:
        _show_age(state, counters, frames, stamps, published, inbox_stamps[state["taken"] & mask], now)
    elif counters["age_ns"] != 0:
        counters["age_ns"] = 0
    _show_figures(state, counters, figures)
    if published == 0 and closed != 0 and state["taken"] > posted:
        return -1
    return published


@compiled
def _show_age(state, counters, frames, stamps, published, inbox_stamp, now):
    """Say how old the oldest frame is that nobody has read, while frames wait for a turn or for room."""
    oldest = inbox_stamp
    unread = frames.cell["gate"] + 1
    if published == 0 and unread < frames.cell["next"]:  # the ring is full, so `gate` was read anew in this turn
        oldest = stamps[unread & frames.cell["mask"]]
    age = max(0, int((now - oldest) * state["ns_per_tick"]))
    counters["age_ns"] = age
    if age > counters["age_most_ns"]:
        counters["age_most_ns"] = age


@compiled
def _show_figures(state, counters, figures):
    """Copy what the thread counts, when it has changed."""
    version = load_acquire(figures, 0)
    if version == state["version"]:
        return
    state["version"] = version
    counters["received"] = figures[_RECEIVED]
    counters["dropped"] = figures[_DROPPED]
    counters["conflated"] = figures[_CONFLATED]
    counters["markers"] = figures[_MARKERS]
    counters["resyncs"] = figures[_RESYNCS]
    counters["snapshot_failures"] = figures[_SNAPSHOT_FAILURES]
    counters["connects"] = figures[_CONNECTS]
    counters["disconnects"] = figures[_DISCONNECTS]
    counters["failed_attempts"] = figures[_FAILED]
    counters["stale_feeds"] = figures[_STALE_FEEDS]
    counters["reconnect_ms"] = figures[_RECONNECT_MS]
