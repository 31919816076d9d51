"""Tasks for stealing pools, and deques under two threads."""

from __future__ import annotations

from disruptor.atomics import load_acquire, store_release
from disruptor.compiled import compiled, entry
from disruptor.deque import EMPTY, TAKEN, deque_push, deque_room, deque_steal, deque_take
from disruptor.handler import handler
from disruptor.stealing import task_push, task_room

TREE = [("node", "i8"), ("depth", "i8")]


@compiled
def mixed(value):
    """A mix of 31 bits; no product exceeds 62."""
    value &= 0x7FFFFFFF
    value = (value ^ (value >> 15)) * 0x2C1B3C6D & 0x7FFFFFFF
    value = (value ^ (value >> 12)) * 0x297A2D39 & 0x7FFFFFFF
    return value ^ (value >> 15)


@handler(state=[("nodes", "i8"), ("digest", "i8"), ("spoiled", "i8")])
def tree(event, state, spawn):
    """Count the nodes of a tree whose shape follows from a hash: 0 to 3 children, none at depth 0."""
    node, depth = int(event["node"]), int(event["depth"])
    state["nodes"] += 1
    state["digest"] ^= node
    if depth > 0:
        for k in range(node & 3):
            at = task_room(spawn)
            if at < 0:
                state["spoiled"] += 1
            else:
                spawn.tasks[at]["node"] = mixed(4 * node + k + 1)
                spawn.tasks[at]["depth"] = depth - 1
                task_push(spawn)
    if event["node"] != node or event["depth"] != depth:
        state["spoiled"] += 1


@handler
def marks(event, shared_counts):
    shared_counts[event["node"]] += 1


@handler(state=[("sum", "i8")])
def fails(event, state):
    state["sum"] += 10 // int(event["depth"])


@entry
def own(cells, place, tasks, hand, seen, halt, count):
    """Push 0 .. count − 1, now and then taking some back; seen[n] counts what was taken. Returns how often it was full."""
    full = 0
    mask = tasks.shape[0] - 1
    n = 0
    while n < count:
        at = deque_room(cells, place, mask)
        if at < 0:
            full += 1
        else:
            tasks[at]["node"] = n
            tasks[at]["depth"] = ~n
            deque_push(cells, place)
            n += 1
        if at < 0 or n % 3 == 0:
            if deque_take(cells, place, tasks, 0, mask, hand) == TAKEN:
                if hand[0]["depth"] != ~hand[0]["node"]:
                    return -1
                seen[hand[0]["node"]] += 1
    while deque_take(cells, place, tasks, 0, mask, hand) != EMPTY:
        if hand[0]["depth"] != ~hand[0]["node"]:
            return -1
        seen[hand[0]["node"]] += 1
    store_release(halt, 0, 1)
    return full


@entry
def thieve(cells, place, tasks, hand, seen, halt):
    """Steal until the owner has ended and nothing is left; seen[n] counts what was stolen. Returns how many, −1 for a torn task."""
    stolen = 0
    mask = tasks.shape[0] - 1
    while True:
        over = load_acquire(halt, 0)
        found = deque_steal(cells, place, tasks, 0, mask, hand)
        if found == TAKEN:
            if hand[0]["depth"] != ~hand[0]["node"]:
                return -1
            seen[hand[0]["node"]] += 1
            stolen += 1
        elif found == EMPTY and over != 0:
            return stolen
