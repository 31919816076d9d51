"""A share of a ring's records: those whose key has this handler's remainder.

Several handlers on one ring, each with its own state, divide the records among them: of `count` shards, number `index` gets
the records whose field `field`, a whole number, is `index` modulo `count`; it passes all others by, and its sequence moves
on with them. Records of one key meet one state in the order of the ring, every record has exactly one owner, and so shards
never write to the same record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from disruptor.compiled import compiled
from disruptor.errors import LayoutError

__all__ = ["Shard", "check_key", "shard_of"]


@attrs.frozen(kw_only=True)
class Shard:
    """field : of the record, a whole number; index : this one's number, 0 … count − 1; count : how many there are."""

    field: str
    index: int
    count: int


@compiled
def shard_of(key, count):
    """Return which of `count` shards owns a key: the remainder of whole numbers, 0 … count − 1, for negative keys too."""
    return np.int64(key) % np.int64(count)


@compiled
def shard_of_unsigned(key, count):
    """As `shard_of`, for keys that may not fit 63 bits."""
    return np.int64(np.uint64(key) % np.uint64(count))


def check_key(dtype: np.dtype, field: str) -> str:
    """Return "" when records of this dtype can be divided by a field, else why not, as the end of a sentence."""
    known: Mapping[str, Any] = dtype.fields or {}
    if field not in known:
        return "which the record does not have"
    kind = known[field][0]
    if kind.subdtype is not None:
        return f"which is an array of {kind.subdtype[0].name} {kind.subdtype[1]}"
    return "" if kind.kind in "iu" else f"which holds {kind.name}, not a whole number"


def owner_function(dtype: np.dtype, shard: Shard):
    """Return the compiled function (key, count) → owner for the shard's field. Raises: LayoutError when it can be no key."""
    wrong = check_key(dtype, shard.field)
    if wrong:
        raise LayoutError(f"records cannot be divided by '{shard.field}', {wrong}")
    return shard_of_unsigned if dtype[shard.field] == np.uint64 else shard_of
