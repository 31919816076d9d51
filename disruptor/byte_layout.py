"""How messages of any length lie in a byte ring or a broadcast, and what compiled code sees of one.

Memory of a power of two of bytes, mapped twice back to back, so that no message is cut by the end. Positions count bytes
and only grow; position p lies at byte p & mask. A message is a *record*: one int64 header at a multiple of 8, then its
bytes, filled up to a multiple of 8.

    header = type_id << 32 | size & 0xFFFFFFFF        size = 8 + length of the message

Header and size are one word, so one atomic store shows both. In a byte ring `size` is negative from the claim until the
commit, and zero says that nothing is here yet. Type −1 is padding: readers skip it.

Other processes can write into all of it, so nothing that stands there is an index as it is. The mask comes from the array that is
mapped here (`mask_of`), and a reader stops before a record that cannot be one (`is_sound`): DAMAGED.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from disruptor.compiled import compiled
from disruptor.errors import CapacityError
from disruptor.layout import PAGE, next_power_of_two

__all__ = [
    "CAPACITY", "CAPACITY_MAX", "DAMAGED", "FULL", "HEADER_SIZE", "KIND", "MASK", "MAX_LENGTH", "NO_TYPE", "PADDING", "REFUSED_LENGTH", "REFUSED_TYPE", "TYPE_ID_MAX", "BytePort",
    "check_capacity", "check_length", "check_max_length", "check_type_id", "header_of", "is_position", "is_sound",
    "mask_of", "record_size", "rounded_up", "type_of",
]

HEADER_SIZE = 8
TYPE_ID_MAX = (1 << 31) - 1
CAPACITY_MAX = 1 << 30  # a size is an int32
PADDING = -1  # type of a record that no reader gets
NO_TYPE = -1  # what a reader gets when there is no message
DAMAGED = -2  # what a reader gets for a record that cannot be one

FULL = -1  # results of a claim instead of an index
REFUSED_LENGTH = -2
REFUSED_TYPE = -3

# Word indexes of the settings among the cells, written once.
CAPACITY = 96  # bytes
MASK = 97
MAX_LENGTH = 98  # of a message, bytes
KIND = 104  # which of disruptor.byte_memory

_SIGN = 0x80000000
_POSITION_MAX = 1 << 62  # far beyond all that will ever be written, and far from where sums of positions would wrap


class BytePort(NamedTuple):
    """One byte ring or broadcast as compiled code sees it, producer and reader alike."""

    bytes: Any  # uint8[2 * capacity]; the second half mirrors the first
    words: Any  # the same memory as int64
    cells: Any  # int64: positions and settings, 16 words apart


@compiled
def mask_of(words):
    """Return the capacity less one. words : of the port; they show the memory twice."""
    return (words.shape[0] << 2) - 1


@compiled
def is_position(position):
    """Return whether it can be one. Differences are taken of those only: what wraps is undefined, and compiled code relies on that."""
    return 0 <= position <= _POSITION_MAX


@compiled
def is_sound(header, room, longest):
    """Return whether a header can be that of a record: its type is one, it lies within `room` bytes, a message within `longest`."""
    size, kind = record_size(header), type_of(header)
    return HEADER_SIZE <= size and rounded_up(size) <= room and (kind == PADDING or (kind >= 0 and size - HEADER_SIZE <= longest))


@compiled
def header_of(type_id, size):
    """Return the header word."""
    return (type_id << 32) | (size & 0xFFFFFFFF)


@compiled
def record_size(header):
    """Return the size in a header word: negative while in progress, 0 for none."""
    return ((header & 0xFFFFFFFF) ^ _SIGN) - _SIGN


@compiled
def type_of(header):
    """Return the type id in a header word."""
    return header >> 32


@compiled
def rounded_up(size):
    """Return size (bytes) rounded up to a multiple of 8."""
    return (size + 7) & -8


def check_capacity(what: str, capacity: int) -> None:
    """Raises: CapacityError unless capacity is a power of two of bytes that fills pages."""
    if not PAGE <= capacity <= CAPACITY_MAX or capacity & (capacity - 1):
        remedy = min(max(next_power_of_two(capacity), PAGE), CAPACITY_MAX)
        raise CapacityError(
            f"{what}: capacity must be a power of two of bytes in {PAGE:,}..{CAPACITY_MAX:,}, got {capacity:,};"
            f" the nearest one that holds is {remedy:,}"
        )


def check_max_length(what: str, max_length: int | None, capacity: int) -> int:
    """Return the longest message that is allowed, by default an eighth of the capacity. Raises: CapacityError."""
    limit = capacity - 2 * HEADER_SIZE
    if max_length is None:
        return capacity // 8
    if not 0 <= max_length <= limit:
        raise CapacityError(
            f"{what}: max_length must be in 0..{limit:,} (the capacity of {capacity:,} less {2 * HEADER_SIZE} bytes),"
            f" got {max_length:,}"
        )
    return max_length


def check_length(what: str, length: int, max_length: int) -> None:
    """Raises: CapacityError when a message of `length` bytes is not allowed."""
    if length < 0:
        raise CapacityError(f"{what}: the length of a message must be >= 0, got {length:,}")
    if length > max_length:
        raise CapacityError(
            f"{what}: a message of {length:,} bytes exceeds max_length, {max_length:,} bytes;"
            " split it, raise max_length or take a larger capacity"
        )


def check_type_id(what: str, type_id: int) -> None:
    """Raises: CapacityError when type_id is not one that a message may have."""
    if not 0 <= type_id <= TYPE_ID_MAX:
        raise CapacityError(f"{what}: type_id must be in 0..{TYPE_ID_MAX:,}, got {type_id:,}")
