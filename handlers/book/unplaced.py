"""Snapshots without a symbol that came before anything told whose they are: kept until a price does.

A REST answer names no symbol. Where a capture begins with those of several symbols, nothing is known of any book yet; a
guess would put one symbol's levels into another's book, and where a venue numbers all symbols from one counter not even the
ids would give it away. So they wait: each message that says a price looks whether one of them can be placed now.

Few are kept, levels one behind the other. When there is no room, all that wait are given up for the new one: who sends
unnamed snapshots all the time is no REST answer.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.digest import fold
from handlers.book.resolve import UNDECIDED, resolve_symbol
from handlers.book.scale import scale_between
from handlers.book.sync import on_snapshot

__all__ = ["fold_unplaced", "keep_snapshot", "place_kept"]


@compiled(inline=False)
def keep_snapshot(state, event, payload, counters):
    """Keep an unnamed snapshot, or count it as ignored when it is larger than all room there is."""
    kept = state["unplaced"]
    levels = state["unplaced_levels"]
    capacity = levels.shape[0] // 2
    count = np.int64(event["payload_count"])
    if count > capacity:
        counters["snapshots_ignored"] += 1
        return
    waiting = int(state["unplaced_count"])
    start = 0
    if waiting > 0:
        start = int(kept[waiting - 1]["payload_position"]) + np.int64(kept[waiting - 1]["payload_count"])
    if waiting == kept.shape[0] or start + count > capacity:
        counters["snapshots_ignored"] += waiting
        waiting = 0
        start = 0
    head = kept[waiting]
    head["first_update"] = event["first_update"]
    head["last_update"] = event["last_update"]
    head["payload_position"] = start
    head["payload_count"] = count
    head["bid_count"] = np.int64(event["bid_count"])
    head["flags"] = np.int64(event["flags"])
    place = int(event["payload_position"]) & (payload.shape[0] // 2 - 1)
    for index in range(count):
        levels[start + index]["price_ticks"] = payload[place + index]["price_ticks"]
        levels[start + index]["quantity_lots"] = payload[place + index]["quantity_lots"]
    state["unplaced_count"] = waiting + 1
    counters["snapshots_kept"] += 1


@compiled(inline=False)
def place_kept(state, instruments, number, counters):
    """Give each snapshot that waits to the book whose it is, if that is known by now; nobody's are ignored."""
    books = state["books"]
    kept = state["unplaced"]
    levels = state["unplaced_levels"][0:]  # a plain array, like the payload
    waiting = 0
    for index in range(int(state["unplaced_count"])):
        head = kept[index]
        symbol = resolve_symbol(books, instruments, head, levels)
        if symbol == UNDECIDED:
            other = kept[waiting]
            _move(other, head)
            waiting += 1
        elif symbol < 0:
            counters["snapshots_ignored"] += 1
        else:
            scale = scale_between(instruments, int(head["first_update"]), symbol)
            on_snapshot(books[symbol], head, levels, scale, number, counters)
    state["unplaced_count"] = waiting


@compiled
def _move(target, head):
    """Copy the head of a snapshot; its levels stay where they are."""
    target["first_update"] = head["first_update"]
    target["last_update"] = head["last_update"]
    target["payload_position"] = head["payload_position"]
    target["payload_count"] = head["payload_count"]
    target["bid_count"] = head["bid_count"]
    target["flags"] = head["flags"]


@compiled(inline=False)
def fold_unplaced(digest, state):
    """Fold what waits into a digest."""
    levels = state["unplaced_levels"]
    for index in range(int(state["unplaced_count"])):
        head = state["unplaced"][index]
        digest = fold(digest, head["first_update"])
        digest = fold(digest, head["last_update"])
        digest = fold(digest, head["bid_count"])
        digest = fold(digest, head["flags"])
        start = int(head["payload_position"])
        for place in range(start, start + int(head["payload_count"])):
            digest = fold(digest, levels[place]["price_ticks"])
            digest = fold(digest, levels[place]["quantity_lots"])
    return digest
