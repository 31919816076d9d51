"""The true book: where the touch is, how it moves, and which ticks changed since the last depth message.

Every change of a tick advances the update id and puts the tick into `dirty` once. The price follows a fair price: a
mean-reverting random walk around an anchor, which jumps from regime to regime together with the volatility. Nobody is
told the fair price; it only decides which side improves, which side pulls back and who is the aggressor.

Invariants: `lots` is zero outside low..high and strictly between bid and ask; lots[bid] > 0 and lots[ask] > 0.
"""

from __future__ import annotations

from disruptor.compiled import compiled
from disruptor.random import random_word
from hydraflow.ingress.simulator.state import FAIR_SHIFT, REACH, WINDOW_MASK

__all__ = ["draw", "open_book", "quote", "stir", "stir_once", "sweep", "take", "wander"]

_SCAN = 64  # ticks looked through for the next level; beyond, somebody quotes
_PULL_MAX = 16  # levels that one quote change takes away


@compiled
def draw(state):
    """Return the next random word."""
    word = random_word(state["key"], state["counter"])
    state["counter"] += 1
    return word


@compiled
def _quantity(word):
    """Return 1 .. 3,970 lots, 993 on average, from 12 random bits."""
    return 1 + (word & 63) * ((word >> 6) & 63)


@compiled
def _set(state, tick, lots):
    """Put `lots` at a tick: advance the update id, remember the tick as changed."""
    slot = tick & WINDOW_MASK
    state["lots"][slot] = lots
    update = state["update_id"] + 1 + ((tick ^ state["update_id"]) & 7)
    state["update_id"] = update
    if state["first_update"] == 0:
        state["first_update"] = update
    if state["marked"][slot] == 0:
        state["marked"][slot] = 1
        state["dirty"][state["dirty_count"]] = tick
        state["dirty_count"] += 1


@compiled(inline=False)
def open_book(state):
    """Fill the empty window on both sides of the touch; readers know these levels from the first snapshot."""
    for distance in range(REACH):
        word = draw(state)
        dense = 5 if distance < 128 else 3
        for side in range(2):
            tick = state["bid"] - distance if side == 0 else state["ask"] + distance
            if distance == 0 or (word & 7) < dense:
                state["lots"][tick & WINDOW_MASK] = _quantity(word >> 3)
                state["sides"][tick & WINDOW_MASK] = 1 + side
            word >>= 20


@compiled
def _settle(state):
    """Let the window follow the touch: what is more than REACH away is deleted."""
    low = state["bid"] - REACH
    for tick in range(state["low"], low):
        if state["lots"][tick & WINDOW_MASK] != 0:
            _set(state, tick, 0)
    state["low"] = low
    high = state["ask"] + REACH
    for tick in range(high + 1, state["high"] + 1):
        if state["lots"][tick & WINDOW_MASK] != 0:
            _set(state, tick, 0)
    state["high"] = high


@compiled(inline=False)
def _remove_touch(state, side):
    """Take the best level of a side (+1 the asks, -1 the bids) away; the next one further out becomes the touch."""
    gone = state["ask"] if side > 0 else state["bid"]
    _set(state, gone, 0)
    found = gone
    for step in range(1, _SCAN):
        if state["lots"][(gone + side * step) & WINDOW_MASK] != 0:
            found = gone + side * step
            break
    if found == gone:  # nobody there: somebody quotes at the next tick
        found = gone + side
        _set(state, found, _quantity(draw(state)))
    if side > 0:
        state["ask"] = found
    else:
        state["bid"] = found
    _settle(state)


@compiled
def _push(state):
    """Return how far the fair price is above the mid, in half ticks."""
    return 2 * (state["fair"] >> FAIR_SHIFT) - state["bid"] - state["ask"]


@compiled
def wander(state, word):
    """Move the fair price by one step; now and then begin another regime."""
    volatility = state["volatility"]
    step = (((word & 0xFFFF) * (2 * volatility + 1)) >> 16) - volatility
    state["fair"] += step + ((state["anchor"] - state["fair"]) >> 9)
    if (word >> 16) & 4095 == 0:
        start = state["start_ticks"] << FAIR_SHIFT
        jump = ((word >> 28) & 1023) - 512  # ticks
        state["anchor"] = start + (((state["anchor"] - start) * 7) >> 3) + (jump << FAIR_SHIFT)
        state["volatility"] = 64 << ((word >> 38) & 3)


@compiled(inline=False)
def stir_once(state):
    """Change one deep level: near the touch more often than far from it."""
    word = draw(state)
    distance = 1 + ((word >> 1) & 15) * ((word >> 5) & 15)
    tick = state["bid"] - distance if word & 1 else state["ask"] + distance
    old = state["lots"][tick & WINDOW_MASK]
    lots = 0 if ((word >> 9) & 7) < 3 else _quantity(word >> 12)
    if lots == old:
        lots += 1
    _set(state, tick, lots)


@compiled(inline=False)
def _wave(state, word):
    """Requote everything near the touch: a depth message of hundreds of levels follows."""
    for distance in range(1, 64 + (word & 127)):
        other = draw(state)
        for side in range(2):
            tick = state["bid"] - distance if side == 0 else state["ask"] + distance
            _set(state, tick, 0 if (other & 7) < 3 else _quantity(other >> 3))
            other >>= 20


@compiled
def stir(state, word):
    """Change a few deep levels, rarely hundreds."""
    for _ in range(2 + (word & 1)):
        stir_once(state)
    if (word >> 1) & 511 == 0:
        _wave(state, word >> 10)


@compiled(inline=False)
def quote(state, word):
    """Change the touch: somebody improves it, pulls back from it, or changes the quantity there."""
    spread = state["ask"] - state["bid"]
    push = _push(state)
    up = push > 0
    distance = push if up else -push
    lots = _quantity(word >> 3)
    if spread > 1 and word & 7 != 0:
        step = 1 + (((word >> 15) & 0xFFFF) * (spread - 1) >> 16)
        if up:
            state["bid"] += step
            _set(state, state["bid"], lots)
        else:
            state["ask"] -= step
            _set(state, state["ask"], lots)
        _settle(state)
    elif distance >= 3:
        for _ in range(min(1 + (distance >> 3), _PULL_MAX)):
            _remove_touch(state, 1 if up else -1)
    else:
        tick = state["bid"] if (word >> 31) & 1 else state["ask"]
        if lots == state["lots"][tick & WINDOW_MASK]:
            lots += 1
        _set(state, tick, lots)


@compiled
def sweep(state, word):
    """Send an aggressive order: most are small, few go through several levels. It follows the fair price."""
    follows = (word & 7) < 5
    up = _push(state) > 0
    state["sweep_side"] = 1 if up == follows else -1
    size = (word >> 3) & 7
    bits = 63 if size < 4 else 511 if size < 7 else 4095
    state["sweep_lots"] = 1 + ((word >> 6) & bits)


@compiled
def take(state):
    """Let the aggressive order trade at the touch; return the lots of this trade. The price is the touch before."""
    side = state["sweep_side"]
    tick = state["ask"] if side > 0 else state["bid"]
    there = state["lots"][tick & WINDOW_MASK]
    lots = min(state["sweep_lots"], there)
    state["sweep_lots"] -= lots
    if lots == there:
        _remove_touch(state, side)
    else:
        _set(state, tick, there - lots)
    return lots
