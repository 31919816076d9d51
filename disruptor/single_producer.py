"""Claim and publish for a ring with a single producer.

All functions are compiled and inlined into the producer's loop; they also run un-jitted. `port` is a `Port`; `cells` the
int64 cells of the engine, `cursor` the word index of this ring's cursor in them, `consumers` the word indexes of its
consumers' cursors.

Source: LMAX SingleProducerSequencer (claim, cached gating sequence, publish), restated for records in mapped memory.
"""

from __future__ import annotations

from disruptor.atomics import load_acquire, prefetch_write, store_release
from disruptor.compiled import compiled

__all__ = ["claim", "lowest", "payload_claim", "payload_index", "payload_room", "publish", "room", "stream_room"]

_AHEAD = 16  # slots between the record that is claimed and the one whose line is asked for, to be written soon


@compiled
def lowest(cells, consumers):
    """Return the minimum of the cursors at word indexes `consumers` (a tuple of int). Order: acquire on each."""
    result = load_acquire(cells, consumers[0])
    for index in consumers:
        value = load_acquire(cells, index)
        if value < result:
            result = value
    return result


@compiled
def room(port, cells, consumers, wanted):
    """Return how many slots may be claimed now; reads the consumers only when fewer than `wanted` look free.

    Order: acquire on the consumers' cursors pairs with the release by which they free their slots.
    """
    cell = port.cell
    slots = cell["mask"] + 1
    free = cell["gate"] + 1 + slots - cell["next"]
    if free < wanted:
        cell["gate"] = lowest(cells, consumers)
        free = cell["gate"] + 1 + slots - cell["next"]
    return free


@compiled
def payload_room(port, cells, consumers, wanted):
    """Return how many payload units may be written now; looks again at the consumers only when fewer than `wanted`.

    Units are freed with their slot: the oldest unit in use is that of the oldest record a consumer may still read.
    """
    cell = port.cell
    capacity = cell["payload_mask"] + 1
    free = cell["payload_gate"] + capacity - cell["payload_next"]
    if free < wanted:
        cell["gate"] = lowest(cells, consumers)
        oldest = cell["gate"] + 1
        if oldest >= cell["next"]:
            cell["payload_gate"] = cell["payload_next"]
        else:
            position = port.records[oldest & cell["mask"]]["payload_position"]
            if position > cell["payload_gate"]:  # a record without payload may hold any position
                cell["payload_gate"] = position
        free = cell["payload_gate"] + capacity - cell["payload_next"]
    return free


@compiled
def stream_room(port, cells, consumers, wanted):
    """Return how many units of a byte stream (a payload ring without records) may be written now.

    consumers : word indexes of the positions, in units, up to which readers are done. Order: acquire on each.
    """
    cell = port.cell
    capacity = cell["payload_mask"] + 1
    free = cell["payload_gate"] + capacity - cell["payload_next"]
    if free < wanted:
        cell["payload_gate"] = lowest(cells, consumers)
        free = cell["payload_gate"] + capacity - cell["payload_next"]
    return free


@compiled
def claim(port):
    """Return the next record to fill. Precondition: the loop has made sure of room (`max_out`). Published by the loop."""
    cell = port.cell
    sequence = cell["next"]
    cell["next"] = sequence + 1
    prefetch_write(port.records, (sequence + _AHEAD) & cell["mask"])
    return port.records[sequence & cell["mask"]]


@compiled
def payload_index(port):
    """Return the index into port.payload where the next units are to be written (contiguous through the mirror)."""
    return port.cell["payload_next"] & port.cell["payload_mask"]


@compiled
def payload_claim(port, count):
    """Take `count` units, already written or about to be; return their absolute position for `payload_position`."""
    position = port.cell["payload_next"]
    port.cell["payload_next"] = position + count
    return position


@compiled
def publish(port, cells, cursor):
    """Make every claimed record visible. Order: release; pairs with the consumers' acquire on this cursor."""
    highest = port.cell["next"] - 1
    if highest != port.cell["published"]:
        port.cell["published"] = highest
        store_release(cells, cursor, highest)
