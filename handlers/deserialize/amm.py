"""Reserves of a Uniswap V2 pool from the log of its Sync event, scaled exactly to lots and units.

    {"method":"eth_subscription","params":{"result":{"address":…,"topics":[SYNC],"data":…,"blockNumber":…,"logIndex":…}}}

A reserve is a uint112 in the token's smallest unit: four 32-bit limbs here. base lots = reserve ÷ 10^base_decimals ÷ lot,
quote units = reserve ÷ 10^quote_decimals ÷ (tick × lot), both rounded down once. Either must stay below 2^62.

Source: Uniswap V2 core, IUniswapV2Pair (event Sync(uint112,uint112)); Solidity ABI specification, event encoding;
Ethereum JSON-RPC, eth_subscribe "logs".
"""

from __future__ import annotations

import numpy as np

from disruptor.compiled import compiled
from disruptor.single_producer import payload_index
from disruptor.words import byte_at
from handlers.amm import AMOUNT_MAX
from handlers.deserialize.grammar import hex_digit, skip_space, skip_string
from handlers.deserialize.members import ADDRESS, BLOCK_NUMBER, DATA, LOG_INDEX, REMOVED, TOPICS
from handlers.deserialize.symbols import POOL, find
from hydraflow.codes import FrameError, Kind

__all__ = ["SYNC_TOPIC", "scaled_reserve", "sync_log"]

SYNC_TOPIC = "1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"
_TOPIC = np.array([int(digit, 16) for digit in SYNC_TOPIC], np.int64)
DECODED = 0
_CORRUPT, _UNKNOWN = int(FrameError.CORRUPT), int(FrameError.UNKNOWN)
_OUT_OF_RANGE, _UNKNOWN_SYMBOL = int(FrameError.OUT_OF_RANGE), int(FrameError.UNKNOWN_SYMBOL)
_IGNORED, _POOL_KIND = int(FrameError.IGNORED), int(Kind.POOL)
_LIMB = (1 << 32) - 1
_FOUR, _EIGHT, _ONE = np.int64(4), np.int64(8), np.int64(1)
_RESERVE_ZEROS = 36  # hexadecimal digits of a 256-bit word above a uint112
_WORD_DIGITS = 64


@compiled(inline=False)
def sync_log(text, end, state, instruments, decoded, message):
    """Decode the log whose members lie in state["at"] into one POOL level; return DECODED or a FrameError."""
    at = state["at"]
    if at[REMOVED] >= 0 and byte_at(text, at[REMOVED]) == 116:
        return _IGNORED
    if not _is_sync(text, at[TOPICS], end):
        return _UNKNOWN
    pool = _pool(text, at[ADDRESS], end, state)
    if pool < 0:
        return -pool - 1
    block = _quantity(text, at[BLOCK_NUMBER], end)
    log_index = _quantity(text, at[LOG_INDEX], end)
    if block < 0 or log_index < 0 or _hex_count(text, at[DATA], end) != 2 * _WORD_DIGITS:
        return _CORRUPT
    instrument = instruments[pool]
    first = _reserve_at(text, at[DATA] + 3, instrument, instrument["base_is_token0"] != 0)
    second = _reserve_at(text, at[DATA] + 3 + _WORD_DIGITS, instrument, instrument["base_is_token0"] == 0)
    if not (0 <= first < AMOUNT_MAX and 0 <= second < AMOUNT_MAX):  # what no pool handler can compute with
        return _OUT_OF_RANGE
    unit = decoded.payload[payload_index(decoded)]
    unit["price_ticks"] = first if instrument["base_is_token0"] != 0 else second
    unit["quantity_lots"] = second if instrument["base_is_token0"] != 0 else first
    message["first_update"] = log_index
    message["last_update"] = block
    message["payload_count"] = 1
    message["kind"] = _POOL_KIND
    message["symbol"] = pool
    return DECODED


@compiled(inline=False)
def _hex_count(text, index, end):
    """Return the number of digits of the JSON string "0x…" at `index`, -1 when it is no such string."""
    if index < 0 or byte_at(text, index) != 34:
        return -1
    stop = skip_string(text, index, end) - 1
    if stop - index < 3 or byte_at(text, index + 1) != 48 or byte_at(text, index + 2) != 120:
        return -1
    for place in range(index + 3, stop):
        if hex_digit(byte_at(text, place)) < 0:
            return -1
    return stop - index - 3


@compiled(inline=False)
def _is_sync(text, index, end):
    if byte_at(text, index) != 91:
        return False
    index = skip_space(text, index + 1, end)
    if _hex_count(text, index, end) != _WORD_DIGITS:
        return False
    for k in range(_WORD_DIGITS):
        if hex_digit(byte_at(text, index + 3 + k)) != _TOPIC[k]:
            return False
    return True


@compiled(inline=False)
def _pool(text, index, end, state):
    """Return the instrument of the address at `index`, or -1 - FrameError."""
    if _hex_count(text, index, end) != 40:
        return -1 - _CORRUPT
    first = 0
    second = 0
    third = 0
    for k in range(20):
        value = hex_digit(byte_at(text, index + 3 + 2 * k)) * 16 + hex_digit(byte_at(text, index + 4 + 2 * k))
        if k % 8 == 7 and value > 127:
            value -= 256  # the sign of the word
        if k < 8:
            first |= value << (8 * k)
        elif k < 16:
            second |= value << (8 * (k - 8))
        else:
            third |= value << (8 * (k - 16))
    symbol = find(state, first, second, third, POOL)
    return symbol if symbol >= 0 else -1 - _UNKNOWN_SYMBOL


@compiled(inline=False)
def _quantity(text, index, end):
    """Return the integer written as "0x…" at `index`, -1 when it is none or has more than 15 digits."""
    count = _hex_count(text, index, end)
    if count < 1 or count > 15:
        return -1
    value = 0
    for k in range(count):
        value = value * 16 + hex_digit(byte_at(text, index + 3 + k))
    return value


@compiled(inline=False)
def _reserve_at(text, index, instrument, base):
    """Return the reserve in the 64 hexadecimal digits from `index`, in lots (base) or units; -1 when out of range."""
    for k in range(_RESERVE_ZEROS):
        if byte_at(text, index + k) != 48:
            return -1
    high = _limb(text, index + _RESERVE_ZEROS, _FOUR)
    upper = _limb(text, index + 40, _EIGHT)
    lower = _limb(text, index + 48, _EIGHT)
    low = _limb(text, index + 56, _EIGHT)
    decimals = np.int64(instrument["quantity_decimals"])
    if base:
        exponent = decimals - np.int64(instrument["base_decimals"])
        return scaled_reserve(high, upper, lower, low, exponent, np.int64(instrument["quantity_multiple"]), _ONE)
    exponent = decimals + np.int64(instrument["price_decimals"]) - np.int64(instrument["quote_decimals"])
    return scaled_reserve(
        high, upper, lower, low, exponent, np.int64(instrument["quantity_multiple"]), np.int64(instrument["price_multiple"])
    )


@compiled(inline=False)
def _limb(text, index, count):
    value = 0
    for k in range(count):
        value = value * 16 + hex_digit(byte_at(text, index + k))
    return value


@compiled(inline=False)
def scaled_reserve(high, upper, lower, low, exponent, first_divisor, second_divisor):
    """Return floor(reserve × 10^exponent ÷ (first_divisor × second_divisor)), -1 when it does not fit int64.

    high…low : 32-bit limbs of the reserve; exponent : −60..36; divisors : 1..2^31 − 1.
    """
    for _ in range(max(exponent, 0)):
        low *= 10
        lower = lower * 10 + (low >> 32)
        upper = upper * 10 + (lower >> 32)
        high = high * 10 + (upper >> 32)
        low, lower, upper = low & _LIMB, lower & _LIMB, upper & _LIMB
        if high > _LIMB:  # beyond 128 bits: no divisors bring that back into int64
            return -1
    rest = max(-exponent, 0)
    while rest > 0:
        step = 1
        for _ in range(min(rest, 9)):
            step *= 10
        high, upper, lower, low = _divided(high, upper, lower, low, step)
        rest -= 9
    high, upper, lower, low = _divided(high, upper, lower, low, first_divisor)
    high, upper, lower, low = _divided(high, upper, lower, low, second_divisor)
    if high > 0 or upper > 0 or lower >> 31 > 0:
        return -1
    return lower << 32 | low


@compiled(inline=False)
def _divided(high, upper, lower, low, divisor):
    """Return the limbs divided by a divisor of at most 31 bits, rounded down. Source: Knuth 4.3.1, exercise 16."""
    if divisor <= 1:
        return high, upper, lower, low
    first = high // divisor
    value = (high % divisor) << 32 | upper
    second = value // divisor
    value = (value % divisor) << 32 | lower
    third = value // divisor
    value = (value % divisor) << 32 | low
    return first, second, third, value // divisor
