"""A free list of slot indexes 0..capacity-1, flat in a handler's state.

    state=[("slots", pool_fields(1024)), ("orders", ORDER_FIELDS, (1024,))]
    slot = pool_take(state["slots"])

Zeroed memory is a pool with every slot free. Slots that were never used are handed out in order; a slot given back is
the next to be taken. Which slot an object got is not logical content: digests must not depend on it.
"""

from __future__ import annotations

from typing import Any

from disruptor.compiled import compiled
from disruptor.errors import CapacityError

__all__ = ["pool_fields", "pool_give", "pool_holds", "pool_take"]

_TAKEN = -1


def pool_fields(capacity: int) -> list[Any]:
    """Return the state fields of a pool of exactly `capacity` slots. Raises: CapacityError when capacity < 1."""
    if capacity < 1:
        raise CapacityError(f"pool: capacity must be >= 1, got {capacity}")
    return [
        ("count", "i8"),  # slots taken now
        ("fresh", "i8"),  # slots below this one have been taken at least once
        ("head", "i8"),  # 1 + the slot to be taken next; 0: none was given back
        ("pad", "i8"),
        ("links", "i8", (capacity,)),  # of a taken slot: -1; of one given back: the `head` before it
    ]


@compiled
def pool_take(pool):
    """Take a slot and return its index, or -1 when none is left."""
    links = pool["links"]
    head = pool["head"]
    if head != 0:
        slot = head - 1
        pool["head"] = links[slot]
    else:
        slot = pool["fresh"]
        if slot >= links.shape[0]:
            return -1
        pool["fresh"] = slot + 1
    links[slot] = _TAKEN
    pool["count"] += 1
    return slot


@compiled
def pool_give(pool, slot):
    """Give a slot back; returns slot, or -1 when it was not taken (nothing changes)."""
    if not pool_holds(pool, slot):
        return -1
    pool["links"][slot] = pool["head"]
    pool["head"] = slot + 1
    pool["count"] -= 1
    return slot


@compiled
def pool_holds(pool, slot):
    """Return whether `slot` is taken. Any int64 may be asked."""
    links = pool["links"]
    return 0 <= slot < links.shape[0] and links[slot] == _TAKEN
