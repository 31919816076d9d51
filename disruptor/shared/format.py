"""The format of a ring file: what lies where. Numbers are little endian; every part begins at a page of 4,096 bytes.

    part       what
    header     HEADER, then the record's fields as JSON. `version` is written last: 0 means that making it was broken off
    common     one page: cells of the owner (BEAT, CLOSED, BELL, ANSWERS), and at its end the main ring's block (see
               disruptor.claims) but for its table of consumers, which each process has for itself
    seats      a PLACE cell and a position cell for each consumer of other processes
    lanes      a page for each producer of other processes: its PLACE, how far the owner has read, the lane's block
    marks      8 bytes a slot, only with availability="flags"
    records    the main ring's, then those of each lane

A PLACE belongs to the process whose word stands in it (see identity), put there by a compare-exchange with 0; that process
writes the rest of it, and the owner takes it back when the process is gone. Magic, version, owner and boot lie where they
are in every version, so that a dead owner's file is recognised whatever wrote it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import attrs
import numpy as np

from disruptor import claims
from disruptor.gating import GATING_WORDS
from disruptor.layout import CELL_WORDS, PAGE, record_dtype
from disruptor.sequence import PAGE_CELLS

__all__ = [
    "ANSWERS", "BEAT", "BELL", "BLOCK_WORDS", "CLOSED", "HEADER", "LANE_POSITION", "LAYOUT_HASH", "MAGIC", "PLACE_BEAT",
    "PLACE_FLAGS", "PLACE_LABEL", "PLACE_STATE", "PLACE_WORDS", "Plan", "SEAT_WORDS", "VERSION", "describe", "dtype_of", "hash_of",
    "header_hash",
]

MAGIC = b"disruptor-ring"
VERSION = 1

HEADER = record_dtype(
    [
        ("magic", "S16"),
        ("version", "i8"),  # written last
        ("owner", "i8"),  # the word of the owner's process
        ("boot", "S40"),  # boot id of the machine: words count from there
        ("header_hash", "u8"),  # over all that follows
        ("layout_hash", "u8"),  # over the places of all cells that processes share
        ("file_size", "i8"),
        ("descriptor_size", "i8"),  # bytes of JSON behind the header
        ("record_hash", "u8"),
        ("slots", "i8"),
        ("record_size", "i8"),  # of the main ring, its mark included
        ("multi", "i8"),  # whether several threads of the owner publish
        ("flags", "i8"),  # whether marks lie apart
        ("seats", "i8"),
        ("lanes", "i8"),
        ("lane_slots", "i8"),
        ("lane_record_size", "i8"),
        ("generation", "i8"),  # how many owners of this name had died before
        ("pid_space", "i8"),  # pid namespace of the owner
        ("start_wall_ns", "i8"),
        ("name", "S64"),
        ("pad", "i8", (31,)),
    ],
    size=512,
)

BLOCK_WORDS = (PAGE_CELLS * CELL_WORDS) - claims.GATING  # where a block begins in its page: its table starts the next one
BEAT = 0 * CELL_WORDS  # monotonic ns at which the owner was last seen at work
CLOSED = BEAT + 1
BELL = 1 * CELL_WORDS  # futex: counts what others want of the owner
ANSWERS = 2 * CELL_WORDS  # futex: counts what the owner has done

PLACE_STATE = 1  # words of a PLACE; word 0 is the process
PLACE_BEAT = 2
PLACE_FLAGS = 3  # 1: a handler of this process has died
PLACE_LABEL = 8  # 64 bytes of text
PLACE_WORDS = CELL_WORDS
SEAT_WORDS = 2 * CELL_WORDS
LANE_POSITION = CELL_WORDS  # in a lane's page: the sequence up to which the owner has read it


def _layout_hash() -> int:
    places = {name: value for name, value in vars(claims).items() if name.isupper() and isinstance(value, int)}
    own = [BLOCK_WORDS, BEAT, CLOSED, BELL, ANSWERS, PLACE_STATE, PLACE_BEAT, PLACE_FLAGS, PLACE_LABEL, SEAT_WORDS, LANE_POSITION]
    return _hash(json.dumps([sorted(places.items()), own, GATING_WORDS, CELL_WORDS, HEADER.itemsize]))


def describe(dtype: np.dtype) -> list[list[Any]]:
    """Return the fields of a record dtype as JSON values: [name, format or fields, shape]."""
    described = []
    for name in dtype.names or ():
        inner = dtype.fields[name][0]  # type: ignore[index]
        base, shape = inner.subdtype or (inner, ())
        described.append([name, base.str if base.names is None else describe(base), list(shape)])
    return described


def dtype_of(described: list[list[Any]]) -> np.dtype:
    """Return the dtype of what `describe` returned. Raises: ValueError, TypeError, LayoutError for what it did not."""
    fields = [(name, kind if isinstance(kind, str) else dtype_of(kind), tuple(shape)) for name, kind, shape in described]
    return record_dtype(fields)


def hash_of(dtype: np.dtype) -> int:
    """Return a 64-bit hash over names, formats, order and shapes of a record's fields."""
    return _hash(json.dumps(describe(dtype)))


def header_hash(raw: bytes) -> int:
    """Return the hash of a header's bytes, of what does not change once it is written."""
    return _hash(raw[_FIXED : HEADER.itemsize])


def _hash(what: str | bytes) -> int:
    raw = what.encode() if isinstance(what, str) else what
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")


LAYOUT_HASH = _layout_hash()
_FIXED = HEADER.fields["layout_hash"][1]  # type: ignore[index]


@attrs.frozen
class Plan:
    """Where the parts of a file begin, in bytes, from what its header says."""

    slots: int
    record_size: int
    flags: bool
    seats: int
    lanes: int
    lane_slots: int
    lane_record_size: int
    descriptor_size: int

    @classmethod
    def of(cls, header: Any) -> Plan:
        """Return the plan of a file with this header."""
        names = [field.name for field in attrs.fields(cls)]
        values: dict[str, Any] = {name: bool(header[name]) if name == "flags" else int(header[name]) for name in names}
        return cls(**values)

    @property
    def seat_pages(self) -> int:
        return -(-self.seats * SEAT_WORDS * 8 // PAGE)

    @property
    def common(self) -> int:
        return _up(HEADER.itemsize + self.descriptor_size)

    @property
    def seats_at(self) -> int:
        return self.common + PAGE

    @property
    def lanes_at(self) -> int:
        return self.seats_at + self.seat_pages * PAGE

    @property
    def marks_at(self) -> int:
        return self.lanes_at + self.lanes * PAGE

    @property
    def records_at(self) -> int:
        return self.marks_at + (_up(8 * self.slots) if self.flags else 0)

    def lane_records_at(self, lane: int) -> int:
        return self.records_at + _up(self.slots * self.record_size) + lane * _up(self.lane_slots * self.lane_record_size)

    @property
    def size(self) -> int:
        return self.lane_records_at(self.lanes)


def _up(size: int) -> int:
    return -(-size // PAGE) * PAGE
