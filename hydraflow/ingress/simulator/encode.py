"""Binance's JSON (USD-M futures, combined streams) and the pool's log, written as bytes. No allocation.

Every function writes at buffer[at], an index into a byte array with room, and returns the index after what it wrote.

Source: Binance USD-M futures API, streams `<symbol>@bookTicker`, `@trade`, `@depth@0ms`, REST `GET /fapi/v1/depth`;
Ethereum JSON-RPC `eth_subscription` of logs; Uniswap V2 pair, event `Sync(uint112 reserve0, uint112 reserve1)`.
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.literal import put_text
from disruptor.random import random_word
from disruptor.stores import copy_bytes
from hydraflow.ingress.simulator.pool import BASE_PER_LOT, QUOTE_PER_UNIT, quote_units
from hydraflow.ingress.simulator.state import FAR_LEVELS, WINDOW_MASK

__all__ = ["put_depth", "put_number", "put_pool", "put_snapshot", "put_ticker", "put_trade"]

_SYNC_TOPIC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"  # keccak256("Sync(uint112,uint112)")
_FIRST_BLOCK = 19_000_000  # seven hex digits, and so for years
_FIRST_BLOCK_NS = 1_700_000_000_000_000_000
_BLOCK_NS = 12_000_000_000

_PAIRS = np.frombuffer("".join(f"{i:02d}" for i in range(100)).encode(), np.uint8)
_TRIPLES = np.frombuffer("".join(f"{i:03d}" for i in range(1000)).encode(), np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_ZEROS = "0" * 48

_TICKER = '{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":'
_TICKER_BID = ',"s":"BTCUSDT","b":"'
_TICKER_BID_QUANTITY = '","B":"'
_TICKER_ASK = '","a":"'
_TICKER_ASK_QUANTITY = '","A":"'
_TICKER_TIME = '","T":'
_TICKER_EVENT = ',"E":'
_END = "}}"

_TRADE = '{"stream":"btcusdt@trade","data":{"e":"trade","E":'
_TRADE_TIME = ',"T":'
_TRADE_ID = ',"s":"BTCUSDT","t":'
_TRADE_PRICE = ',"p":"'
_TRADE_QUANTITY = '","q":"'
_TRADE_SOLD = '","X":"MARKET","m":true}}'
_TRADE_BOUGHT = '","X":"MARKET","m":false}}'

_DEPTH = '{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":'
_DEPTH_FIRST = ',"s":"BTCUSDT","U":'
_DEPTH_LAST = ',"u":'
_DEPTH_PREVIOUS = ',"pu":'
_DEPTH_BIDS = ',"b":['
_DEPTH_ASKS = '],"a":['
_DEPTH_END = "]}}"
_LEVEL = '["'
_LEVEL_QUANTITY = '","'
_LEVEL_END = '"],'

_SNAPSHOT = '{"lastUpdateId":'
_SNAPSHOT_BIDS = ',"bids":['
_SNAPSHOT_ASKS = '],"asks":['
_SNAPSHOT_END = "]}"

_POOL = (
    '{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x4a8a4c0517381924f9838102c5a4dcb7",'
    '"result":{"address":"0x'
)
_POOL_DATA = f'","topics":["{_SYNC_TOPIC}"],"data":"0x'
_POOL_BLOCK = '","blockNumber":"0x'
_POOL_HASH = '","transactionHash":"0x'
_POOL_INDEX = '","transactionIndex":"0x'
_POOL_BLOCK_HASH = '","blockHash":"0x'
_POOL_LOG = '","logIndex":"0x'
_POOL_END = '","removed":false}}}'


@compiled(inline=False)
def put_number(buffer, at, value):
    """Write an integer >= 0 in decimal."""
    digits = 1
    limit = 10
    while value >= limit and digits < 18:
        limit *= 10
        digits += 1
    if value >= limit:  # 19 digits
        digits += 1
    place = at + digits
    rest = value
    while rest >= 100:
        high = rest // 100
        place -= 2
        copy_bytes(buffer, place, _PAIRS, 2 * (rest - 100 * high), 2)
        rest = high
    if rest >= 10:
        copy_bytes(buffer, at, _PAIRS, 2 * rest, 2)
    else:
        buffer[at] = 48 + rest
    return at + digits


@compiled(inline=False)
def _put_price(buffer, at, ticks):
    """Write ticks of 0.10 with two decimals, as Binance does."""
    whole = ticks // 10
    at = put_number(buffer, at, whole)
    buffer[at] = 46
    buffer[at + 1] = 48 + ticks - 10 * whole
    buffer[at + 2] = 48
    return at + 3


@compiled(inline=False)
def _put_quantity(buffer, at, lots):
    """Write lots of 0.001 with three decimals."""
    whole = lots // 1000
    if whole < 10:
        buffer[at] = 48 + whole
        at += 1
    else:
        at = put_number(buffer, at, whole)
    buffer[at] = 46
    copy_bytes(buffer, at + 1, _TRIPLES, 3 * (lots - 1000 * whole), 3)
    return at + 4


@compiled(inline=False)
def _put_level(buffer, at, tick, lots):
    at = put_text(buffer, at, _LEVEL)
    at = _put_price(buffer, at, tick)
    at = put_text(buffer, at, _LEVEL_QUANTITY)
    at = _put_quantity(buffer, at, lots)
    return put_text(buffer, at, _LEVEL_END)


@compiled
def _venue_ms(state):
    """Return the venue's own clock: milliseconds, a little before it is received."""
    return state["receive_ns"] // 1_000_000 - 1


@compiled
def _repeat(buffer, at, start, end):
    """Write buffer[start:end] again at `at`."""
    copy_bytes(buffer, at, buffer, start, end - start)
    return at + end - start


@compiled(inline=False)
def put_ticker(state, buffer, at):
    """bookTicker: the touch as of the last change."""
    bid, ask = state["bid"], state["ask"]
    at = put_text(buffer, at, _TICKER)
    at = put_number(buffer, at, state["update_id"])
    at = put_text(buffer, at, _TICKER_BID)
    at = _put_price(buffer, at, bid)
    at = put_text(buffer, at, _TICKER_BID_QUANTITY)
    at = _put_quantity(buffer, at, state["lots"][bid & WINDOW_MASK])
    at = put_text(buffer, at, _TICKER_ASK)
    at = _put_price(buffer, at, ask)
    at = put_text(buffer, at, _TICKER_ASK_QUANTITY)
    at = _put_quantity(buffer, at, state["lots"][ask & WINDOW_MASK])
    at = put_text(buffer, at, _TICKER_TIME)
    time = at
    end = put_number(buffer, at, _venue_ms(state))
    at = put_text(buffer, end, _TICKER_EVENT)
    at = _repeat(buffer, at, time, end)
    return put_text(buffer, at, _END)


@compiled(inline=False)
def put_trade(state, buffer, at, tick, lots, side):
    """trade: side +1 when the aggressor bought."""
    at = put_text(buffer, at, _TRADE)
    time = at
    end = put_number(buffer, at, _venue_ms(state))
    at = put_text(buffer, end, _TRADE_TIME)
    at = _repeat(buffer, at, time, end)
    at = put_text(buffer, at, _TRADE_ID)
    at = put_number(buffer, at, state["trade_id"])
    at = put_text(buffer, at, _TRADE_PRICE)
    at = _put_price(buffer, at, tick)
    at = put_text(buffer, at, _TRADE_QUANTITY)
    at = _put_quantity(buffer, at, lots)
    if side > 0:
        return put_text(buffer, at, _TRADE_BOUGHT)
    return put_text(buffer, at, _TRADE_SOLD)


@compiled
def _side_of(state, tick):
    """Return 1 when the tick has a bid, 2 an ask, 0 nothing."""
    if state["lots"][tick & WINDOW_MASK] == 0:
        return 0
    return 1 if tick <= state["bid"] else 2


@compiled(inline=False)
def _collect(state, side):
    """Sort the changed ticks that concern a side (1 bids, 2 asks) into `scratch`; return how many.

    Those are the ticks that are there now, those that a reader may have there (delete), and those that came and went
    unseen: the venue reports them as deletes of levels nobody knew. A wave goes outwards from the touch, bids downwards,
    so the list is read from the end for bids: inserting what is sorted already costs nothing.
    """
    count = 0
    scratch = state["scratch"]
    last = state["dirty_count"] - 1
    for i in range(last + 1):
        tick = state["dirty"][i if side == 2 else last - i]
        seen = state["sides"][tick & WINDOW_MASK]
        now = _side_of(state, tick)
        unseen = now == 0 and seen == 0 and (2 * tick < state["bid"] + state["ask"]) == (side == 1)
        if now == side or (seen & side) != 0 or unseen:
            place = count
            while place > 0 and scratch[place - 1] > tick:
                scratch[place] = scratch[place - 1]
                place -= 1
            scratch[place] = tick
            count += 1
    return count


@compiled
def _far_tick(state, index):
    """Return the price of a far level: bids go down from 50 % of the start price, asks up from 150 %."""
    half = FAR_LEVELS // 2
    if index < half:
        return state["start_ticks"] // 2 - 16 * index
    return state["start_ticks"] * 3 // 2 + 16 * (index - half)


@compiled(inline=False)
def put_depth(state, buffer, at, crossed_tick, far_index):
    """depthUpdate with every change since the last one, prices ascending; then nothing is dirty any more.

    crossed_tick : a bid there is added that does not exist, 0: none. far_index : far level to report, -1: none.
    """
    half = FAR_LEVELS // 2
    levels = (crossed_tick != 0) + (far_index >= 0)
    at = put_text(buffer, at, _DEPTH)
    time = at
    end = put_number(buffer, at, _venue_ms(state))
    at = put_text(buffer, end, _TRADE_TIME)
    at = _repeat(buffer, at, time, end)
    at = put_text(buffer, at, _DEPTH_FIRST)
    at = put_number(buffer, at, state["first_update"])
    at = put_text(buffer, at, _DEPTH_LAST)
    at = put_number(buffer, at, state["update_id"])
    at = put_text(buffer, at, _DEPTH_PREVIOUS)
    at = put_number(buffer, at, state["previous_update"])
    at = put_text(buffer, at, _DEPTH_BIDS)
    for side in range(1, 3):
        opened = at
        if 0 <= far_index < half and side == 1:
            at = _put_level(buffer, at, _far_tick(state, far_index), state["far_lots"][far_index])
        count = _collect(state, side)
        for i in range(count):
            tick = state["scratch"][i]
            lots = state["lots"][tick & WINDOW_MASK] if _side_of(state, tick) == side else 0
            at = _put_level(buffer, at, tick, lots)
        if crossed_tick != 0 and side == 1:
            at = _put_level(buffer, at, crossed_tick, 1 + (crossed_tick & 1023))
        if far_index >= half and side == 2:
            at = _put_level(buffer, at, _far_tick(state, far_index), state["far_lots"][far_index])
        at = _close_list(at, opened)
        if side == 1:
            at = put_text(buffer, at, _DEPTH_ASKS)
        levels += count
    state["level_count"] = levels
    for i in range(state["dirty_count"]):
        tick = state["dirty"][i]
        state["sides"][tick & WINDOW_MASK] = _side_of(state, tick)
        state["marked"][tick & WINDOW_MASK] = 0
    state["dirty_count"] = 0
    state["previous_update"] = state["update_id"]
    state["first_update"] = 0
    return put_text(buffer, at, _DEPTH_END)


@compiled
def _close_list(at, opened):
    """Step back over the comma after the last element."""
    return at - 1 if at > opened else at


@compiled(inline=False)
def put_snapshot(state, buffer, at):
    """REST answer with the whole book as of the last change: bids best first, then asks best first."""
    half = FAR_LEVELS // 2
    at = put_text(buffer, at, _SNAPSHOT)
    at = put_number(buffer, at, state["update_id"])
    at = put_text(buffer, at, _TICKER_EVENT)
    time = at
    end = put_number(buffer, at, _venue_ms(state))
    at = put_text(buffer, end, _TRADE_TIME)
    at = _repeat(buffer, at, time, end)
    at = put_text(buffer, at, _SNAPSHOT_BIDS)
    for side in range(2):
        opened = at
        reach = state["bid"] - state["low"] if side == 0 else state["high"] - state["ask"]
        for distance in range(reach + 1):
            tick = state["bid"] - distance if side == 0 else state["ask"] + distance
            lots = state["lots"][tick & WINDOW_MASK]
            if lots != 0:
                at = _put_level(buffer, at, tick, lots)
        for index in range(side * half, side * half + half):
            if state["far_lots"][index] != 0:
                at = _put_level(buffer, at, _far_tick(state, index), state["far_lots"][index])
        at = _close_list(at, opened)
        if side == 0:
            at = put_text(buffer, at, _SNAPSHOT_ASKS)
    for i in range(state["dirty_count"]):  # a reader of this snapshot has the tick where it is now
        tick = state["dirty"][i]
        slot = tick & WINDOW_MASK
        state["sides"][slot] = state["sides"][slot] | _side_of(state, tick)
    return put_text(buffer, at, _SNAPSHOT_END)


@compiled(inline=False)
def _put_hex(buffer, at, value):
    """Write 16 hex digits, most significant first."""
    for i in range(16):
        buffer[at + i] = _HEX[(value >> (60 - 4 * i)) & 15]
    return at + 16


@compiled(inline=False)
def _put_hash(buffer, at, key, counter):
    """Write 64 hex digits that look like a hash and depend on (key, counter)."""
    for i in range(4):
        at = _put_hex(buffer, at, random_word(key, 4 * counter + i))
    return at


@compiled
def _put_uint256(buffer, at, value):
    at = put_text(buffer, at, _ZEROS)
    return _put_hex(buffer, at, value)


@compiled(inline=False)
def put_pool(state, buffer, at):
    """eth_subscription message with the pool's Sync log: reserve0 is base, reserve1 is quote."""
    block = _FIRST_BLOCK + max(state["receive_ns"] - _FIRST_BLOCK_NS, 0) // _BLOCK_NS
    at = put_text(buffer, at, _POOL)
    copy_bytes(buffer, at, state["address"], 0, 40)
    at = put_text(buffer, at + 40, _POOL_DATA)
    at = _put_uint256(buffer, at, state["pool_base_lots"] * BASE_PER_LOT)
    at = _put_uint256(buffer, at, quote_units(state) * QUOTE_PER_UNIT)
    at = put_text(buffer, at, _POOL_BLOCK)
    at = _put_hex(buffer, at, block << 36) - 9  # seven digits
    at = put_text(buffer, at, _POOL_HASH)
    at = _put_hash(buffer, at, state["key"], state["number"])
    at = put_text(buffer, at, _POOL_INDEX)
    at = _put_hex(buffer, at, (16 + (state["number"] & 127)) << 56) - 14  # two digits
    at = put_text(buffer, at, _POOL_BLOCK_HASH)
    at = _put_hash(buffer, at, block, block)
    at = put_text(buffer, at, _POOL_LOG)
    at = _put_hex(buffer, at, (16 + (state["number"] & 63)) << 56) - 14
    return put_text(buffer, at, _POOL_END)
