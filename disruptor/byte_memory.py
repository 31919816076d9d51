"""The memory of a byte ring or a broadcast: made here, or attached to from another process.

Two memory files: the messages, mapped twice, and the cells. The settings among the cells say how large it is and of which
kind; they are written once.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from disruptor.byte_layout import CAPACITY, CAPACITY_MAX, HEADER_SIZE, KIND, MASK, MAX_LENGTH, BytePort
from disruptor.errors import LayoutError
from disruptor.layout import PAGE
from disruptor.memory import memfd, mirrored, mirrored_again, on_file

__all__ = ["BROADCAST", "RING_MULTI", "RING_SINGLE", "ByteMemory", "attached_memory", "new_memory"]

RING_SINGLE = int.from_bytes(b"1p-ring1", "little")  # the last digit is the version of the layout
RING_MULTI = int.from_bytes(b"np-ring1", "little")
BROADCAST = int.from_bytes(b"1-cast-1", "little")
_NAMES = {RING_SINGLE: "a byte ring for one producer", RING_MULTI: "a byte ring for many producers", BROADCAST: "a broadcast"}
_CELL_COUNT = 112


class ByteMemory(NamedTuple):
    """port : what compiled code takes; paths : where another process of this user finds the messages and the cells."""

    port: BytePort
    paths: tuple[str, str]
    notes: list[str]


def new_memory(
    name: str, capacity: int, max_length: int, kind: int, *, prefault: bool = False, lock: bool = False
) -> ByteMemory:
    """Make the memory. kind : RING_SINGLE, RING_MULTI or BROADCAST. Raises: MemoryMapError."""
    messages = mirrored(capacity, f"{name}-messages", prefault=prefault, lock=lock)
    cells_memory = memfd(8 * _CELL_COUNT, f"{name}-cells", prefault=prefault, lock=lock)
    cells = cells_memory.array(np.int64)
    cells[[CAPACITY, MASK, MAX_LENGTH, KIND]] = capacity, capacity - 1, max_length, kind
    process = f"/proc/{os.getpid()}/fd"
    return ByteMemory(
        BytePort(messages.array(np.uint8), messages.array(np.int64), cells),
        (f"{process}/{messages.fd}", f"{process}/{cells_memory.fd}"),
        messages.notes + cells_memory.notes,
    )


def attached_memory(what: str, paths: tuple[str, str], kinds: tuple[int, ...]) -> ByteMemory:
    """Map memory that `new_memory` made in a process that still lives. kinds : what it may be.

    Raises: LayoutError when it is something else, MemoryMapError or OSError when it cannot be mapped.
    """
    messages, cells_memory = mirrored_again(paths[0]), on_file(paths[1])
    cells = cells_memory.array(np.int64)
    kind = int(cells[KIND]) if cells.size >= _CELL_COUNT else 0
    if kind not in kinds:
        wanted = " or ".join(_NAMES[kind] for kind in kinds)
        raise LayoutError(f"{what}: {paths[1]} holds {_NAMES.get(kind, 'something else')}, not {wanted} of this version")
    if int(cells[CAPACITY]) != messages.size:
        raise LayoutError(
            f"{what}: {paths[0]} has {messages.size:,} bytes, but {paths[1]} speaks of {cells[CAPACITY]:,};"
            " take both paths from the same ring"
        )
    capacity, mask, longest = (int(cells[word]) for word in (CAPACITY, MASK, MAX_LENGTH))
    if not PAGE <= capacity <= CAPACITY_MAX or capacity & mask or mask != capacity - 1 or not 0 <= longest <= capacity - 2 * HEADER_SIZE:
        raise LayoutError(
            f"{what}: the settings in {paths[1]} are damaged: capacity {capacity:,}, mask {mask:,}, max_length {longest:,};"
            " let its maker make a new one"
        )
    return ByteMemory(BytePort(messages.array(np.uint8), messages.array(np.int64), cells), (paths[0], paths[1]), [])
