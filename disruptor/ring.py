"""A ring of records with one producer, and what a compiled handler sees of it.

    ring = Ring("main", MESSAGE, slots=4096, payload=("u1", 1 << 20))

A ring may carry a *payload*: a second, mirror-mapped ring of small units (bytes, levels) for the variable part of each
record. The record's `payload_position` (absolute, in units) and `payload_count` say which units are its own; they are
freed with the slot. Unit p lives at payload[p & payload_mask], and the mirror makes the following units contiguous.

Compiled code gets a `Port` (producer's end) or an `Inlet` (consumer's end inside another ring's handler).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from disruptor.errors import CapacityError, LayoutError
from disruptor.layout import CACHE_PAIR, PAGE, next_power_of_two, record_dtype
from disruptor.memory import Mapping, anonymous, mirrored

__all__ = ["Inlet", "PORT", "Port", "Ring"]

# What the producer knows of its ring; private to the producing thread.
PORT = record_dtype(
    [
        ("next", "i8"),  # next sequence to claim; also the count of records claimed so far
        ("gate", "i8"),  # cached minimum of the consumers' cursors
        ("published", "i8"),  # highest sequence already visible to others
        ("payload_next", "i8"),  # next payload unit to write, absolute
        ("payload_gate", "i8"),  # cached: payload units before this one are free again
        ("payload_mask", "i8"),
        ("mask", "i8"),
        ("refused", "i8"),  # times a claim found no room (the stage was gated)
        ("mark", "i8"),  # `next` before the record in hand: what a call that fails had claimed is taken back to here
        ("payload_mark", "i8"),  # `payload_next` likewise
        ("pad", "i8", (6,)),
    ],
    size=CACHE_PAIR,
)


class Port(NamedTuple):
    """The producer's end. Use with `claim`, `payload_room`, `payload_claim` of disruptor.single_producer."""

    records: Any  # records[slots]
    payload: Any  # units[2 * capacity]; the second half mirrors the first
    cell: Any  # a PORT record


class Inlet(NamedTuple):
    """A consumer's end that a handler drains itself, up to `cell.gate` (set by the loop before the call)."""

    records: Any
    payload: Any
    cell: Any  # a PORT record: next = next sequence to read, gate = highest readable


class Ring:
    """Fixed-size records in mapped memory, one producer.

    name : for messages; dtype : the record; slots : power of two; payload : (unit dtype, capacity in units) or None.
    prefault : touch every page now, so that no page fault comes with the first lap. lock : lock the pages in memory too;
    what is refused stands in `notes`.
    records : records[slots] that lie elsewhere already, in a file for example; None: memory of its own.
    stamps : keep one int64 time stamp per slot beside the records (never part of the record).
    Raises: CapacityError for sizes, LayoutError for a payload ring whose record lacks payload_position/payload_count.
    """

    def __init__(
        self,
        name: str,
        dtype: Any,
        slots: int,
        *,
        payload: tuple[Any, int] | None = None,
        stamps: bool = False,
        huge: bool = False,
        prefault: bool = False,
        lock: bool = False,
        records: np.ndarray | None = None,
    ) -> None:
        if slots < 1 or slots & (slots - 1):
            raise CapacityError(
                f"ring '{name}': slots must be a power of two, got {slots}; the next one is {next_power_of_two(slots)}"
            )
        self.name = name
        self.dtype = record_dtype(dtype, name=f"ring '{name}'")
        self.slots = slots
        self.mask = slots - 1
        self.mappings: list[Mapping] = []
        self._touch = {"prefault": prefault, "lock": lock}
        self.records = self._map(slots * self.dtype.itemsize, huge).array(self.dtype, slots) if records is None else records
        self.payload, self.payload_capacity = self._make_payload(payload)
        self.stamps = self._map(slots * 8, False).array(np.int64, slots) if stamps else np.zeros(0, np.int64)
        self.port = self._map(PORT.itemsize, False).array(PORT, 1)
        self.reset()

    def reset(self) -> None:
        """Put the producer back to the beginning: nothing claimed, nothing published."""
        port = self.port[0]
        port["next"] = 0
        port["gate"] = -1
        port["published"] = -1
        port["payload_next"] = 0
        port["payload_gate"] = 0
        port["payload_mask"] = max(self.payload_capacity - 1, 0)
        port["mask"] = self.mask
        port["refused"] = 0

    def new_inlet_cell(self) -> np.ndarray:
        """Return a fresh PORT array of length 1 for one more reader that drains this ring inside its handler."""
        cell = self._map(PORT.itemsize, False).array(PORT, 1)
        cell[0]["gate"] = -1
        cell[0]["payload_mask"] = max(self.payload_capacity - 1, 0)
        cell[0]["mask"] = self.mask
        return cell

    @property
    def footprint(self) -> int:
        """Bytes of memory that records and payload occupy."""
        return sum(mapping.size for mapping in self.mappings)

    @property
    def notes(self) -> list[str]:
        """What the kernel refused (huge pages, locking), a sentence each."""
        return [note for mapping in self.mappings for note in mapping.notes]

    def _make_payload(self, payload: tuple[Any, int] | None) -> tuple[np.ndarray, int]:
        if payload is None:
            return np.zeros(0, np.uint8), 0
        unit, capacity = np.dtype(payload[0]), int(payload[1])
        for field in ("payload_position", "payload_count"):
            if field not in (self.dtype.names or ()):
                raise LayoutError(f"ring '{self.name}': a ring with payload needs the record field '{field}'")
        size = capacity * unit.itemsize
        if capacity < 1 or capacity & (capacity - 1) or size % PAGE:
            raise CapacityError(
                f"ring '{self.name}': payload must be a power of two of units that fills whole pages of 4,096 bytes,"
                f" got {capacity} × {unit.itemsize} bytes"
            )
        mapping = mirrored(size, f"{self.name}-payload", **self._touch)
        self.mappings.append(mapping)
        return mapping.array(unit, 2 * capacity), capacity

    def _map(self, size: int, huge: bool) -> Mapping:
        mapping = anonymous(size, huge=huge, **self._touch)
        self.mappings.append(mapping)
        return mapping

    def __repr__(self) -> str:
        return f"<Ring '{self.name}' {self.slots:,} × {self.dtype.itemsize} bytes>"
