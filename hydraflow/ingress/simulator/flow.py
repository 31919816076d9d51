"""Which frame comes next. One call emits exactly one frame, so the bytes never depend on rings, room or bursts.

Per 100 frames there are about 62 *actions* (an aggressive order, a quote, a swap in the pool). An aggressive order makes
one trade per level; whoever changes the touch makes a bookTicker; every few actions all changes leave as one depth message.
Faults happen to depth messages: dropped (a gap), a bid planted above the best ask, a far level, a snapshot nobody needed.
A gap and a crossed book are followed by a REST snapshot `resync_ns` later. The stream goes on meanwhile, and a snapshot
always has changes pending, so the first depth message after it straddles its lastUpdateId.

The BBO of a bookTicker and that of the book are the same wherever their update ids are: a depth message may come between
a change of the touch and its bookTicker, or right after it.
"""

from __future__ import annotations

from disruptor.compiled import compiled
from hydraflow.ingress.simulator.encode import put_depth, put_pool, put_snapshot, put_ticker, put_trade
from hydraflow.ingress.simulator.market import draw, open_book, quote, stir, stir_once, sweep, take, wander
from hydraflow.ingress.simulator.pool import swap
from hydraflow.ingress.simulator.state import FAR_LEVELS

__all__ = ["next_frame"]

_DIRTY_ENOUGH = 1000  # a depth message leaves before the next action could overflow the list
_NOTHING, _TICKER, _TRADE, _DEPTH, _POOL, _SNAPSHOT = range(6)
_SWAPS = 2114  # of 65,536 actions; then _ORDERS more are aggressive orders, the others quotes
_ORDERS = 18_600


@compiled(inline=False)
def next_frame(state, params, counters, buffer, at):
    """Write the next frame at buffer[at] (FRAME_ROOM bytes must be there); return its length.

    state["receive_ns"] is its stamp, state["next_ns"] that of the frame after it.
    """
    state["receive_ns"] = state["next_ns"]
    end = at
    kind = _due(state)
    if kind == _DEPTH:
        far_index, crossed_tick = _spoil(state, params, counters)
        end = put_depth(state, buffer, at, crossed_tick, far_index)
        if state["dropped"] != 0:
            counters["gaps"] += 1
            kind = _NOTHING
        else:
            counters["depths"] += 1
            counters["levels"] += state["level_count"]
    if kind == _NOTHING:
        kind = _act(state)
    if kind == _TICKER:
        state["ticker_due"] = 0
        counters["tickers"] += 1
        end = put_ticker(state, buffer, at)
    elif kind == _TRADE:
        side = state["sweep_side"]
        tick = state["ask"] if side > 0 else state["bid"]
        lots = take(state)
        state["trade_id"] += 1
        state["ticker_due"] = 1
        counters["trades"] += 1
        end = put_trade(state, buffer, at, tick, lots, side)
    elif kind == _POOL:
        counters["pools"] += 1
        end = put_pool(state, buffer, at)
    elif kind == _SNAPSHOT:
        state["resync_due_ns"] = 0
        counters["snapshots"] += 1
        end = put_snapshot(state, buffer, at)
    state["number"] += 1
    _pass_time(state, params)
    counters["frames"] += 1
    counters["bytes"] += end - at
    return end - at


@compiled
def _due(state):
    """Return the kind of frame that has to go out now, _NOTHING when somebody may act."""
    if state["number"] == 0:
        open_book(state)
        stir_once(state)
        return _SNAPSHOT
    if state["sweep_lots"] > 0:
        return _TRADE
    if state["ticker_due"] != 0:  # a quarter of the depth messages that are due go before the bookTicker
        return _DEPTH if state["depth_in"] <= 0 and draw(state) & 3 == 0 else _TICKER
    if 0 < state["resync_due_ns"] <= state["receive_ns"] and state["first_update"] != 0:
        return _SNAPSHOT  # with changes pending, so that the next depth message straddles it
    if state["first_update"] != 0 and (state["depth_in"] <= 0 or state["dirty_count"] > _DIRTY_ENOUGH):
        return _DEPTH
    return _NOTHING


@compiled
def _act(state):
    """Let somebody do something; return the kind of frame that says so."""
    word = draw(state)
    wander(state, word >> 16)
    kind = word & 0xFFFF
    state["depth_in"] -= 1
    if state["ticker_due"] != 0:  # a depth message was dropped before its bookTicker
        return _TICKER
    if kind < _SWAPS:
        swap(state, draw(state))
        return _POOL
    stir(state, draw(state))
    if kind < _SWAPS + _ORDERS:
        sweep(state, draw(state))
        return _TRADE
    quote(state, draw(state))
    return _TICKER


@compiled
def _spoil(state, params, counters):
    """Decide what is wrong with the depth message that goes out now; return (far_index, crossed_tick) for put_depth."""
    word = draw(state)
    state["depth_in"] = 2 + (word & 0xFFFF) * 6 // 65_536
    if state["ticker_due"] == 0 and (word >> 16) & 3 != 0:  # else its u is that of the bookTicker before
        stir_once(state)
    fault = ((word >> 20) & 0xFFFFFFFF) * 1_000_000 >> 32
    gap = params["gap_ppm"]
    crossed = gap + params["crossed_ppm"]
    far = crossed + params["far_ppm"]
    resync = far + params["resync_ppm"]
    crossed_tick = 0
    far_index = -1
    state["dropped"] = 1 if fault < gap else 0
    if fault < crossed:
        if state["resync_due_ns"] == 0:
            state["resync_due_ns"] = state["receive_ns"] + params["resync_ns"]
        if fault >= gap:
            crossed_tick = state["ask"] + 1 + ((word >> 52) & 7)
            counters["crossed"] += 1
    elif fault < far:
        far_index = (word >> 52) & (FAR_LEVELS - 1)
        there = state["far_lots"][far_index]
        state["far_lots"][far_index] = 0 if there != 0 else 1000 + ((word >> 30) & 0xFFFF)
        state["update_id"] += 1
        counters["far_levels"] += 1
    elif fault < resync and state["resync_due_ns"] == 0:
        state["resync_due_ns"] = state["receive_ns"]
        counters["resyncs"] += 1
    return far_index, crossed_tick


@compiled
def _pass_time(state, params):
    """Draw when the next frame comes: what belongs together within a microsecond, actions in bursts."""
    word = draw(state)
    if state["sweep_lots"] > 0 or state["ticker_due"] != 0 or state["depth_in"] <= 0:
        state["next_ns"] += 200 + (word & 1023)
    elif word & 1 == 0:
        state["next_ns"] += 500 + ((word >> 1) & 4095)
    else:
        product = ((word >> 1) & 1023) * ((word >> 11) & 1023)
        state["next_ns"] += 1000 + ((product * params["interval_ns"]) * 25 >> 21)
