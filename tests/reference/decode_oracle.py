"""What a frame means, by orjson and Decimal: the slow and obvious twin of handlers.deserialize.

    decode(frame, instruments) → Message or FrameError

It shares no code with the handler. For bytes that are no JSON it says CORRUPT without telling TRUNCATED apart.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import orjson

from hydraflow.codes import FrameError, Kind, Venue
from hydraflow.instruments import Instrument
from hydraflow.records import FLAG_BUYER_MAKER, FLAG_PARTIAL, FLAG_REST, LEVELS_MAX

_NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_INT64 = 1 << 63


class Message(NamedTuple):
    """The fields of a MESSAGE that deserialize sets, and its levels."""

    kind: int
    symbol: int
    venue_ns: int = 0
    first_update: int = 0
    last_update: int = 0
    previous_update: int = -1
    flags: int = 0
    bid_count: int = 0
    levels: tuple[tuple[int, int], ...] = ()


class _Failed(Exception):
    def __init__(self, error: FrameError) -> None:
        self.error = error


def decode(frame: bytes, instruments: list[Instrument]) -> Message | FrameError:
    """Return what the frame means for these exchange instruments, or why it means nothing."""
    try:
        value = _loads(frame)
    except ValueError:
        return FrameError.CORRUPT
    try:
        return _event(value, instruments)
    except _Failed as failed:
        return failed.error


def _loads(frame: bytes) -> Any:
    try:
        return orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        if "infinity" not in str(error):
            raise
    return json.loads(frame)  # 1e999 is good JSON; orjson alone refuses it


def _event(value: Any, instruments: list[Instrument]) -> Message:
    if not isinstance(value, dict):
        raise _Failed(FrameError.UNKNOWN)
    stream = value.get("stream")
    for _ in range(3):
        if "e" in value or "lastUpdateId" in value:
            break
        inner = next((value[k] for k in ("data", "result") if isinstance(value.get(k), dict)), None)
        if inner is None:
            break
        value = inner
    stream = stream if isinstance(stream, str) else ""
    kind = value.get("e")
    if "e" not in value:
        if {"lastUpdateId", "bids", "asks"} <= value.keys():
            return _snapshot(value, stream, instruments)
        if {"u", "s", "b", "B", "a", "A"} <= value.keys():
            return _ticker(value, stream, instruments)
    if kind == "depthUpdate":
        return _depth(value, stream, instruments)
    if kind == "bookTicker":
        return _ticker(value, stream, instruments)
    if kind == "trade":
        return _trade(value, stream, instruments, "t")
    if kind == "aggTrade":
        return _trade(value, stream, instruments, "a")
    raise _Failed(FrameError.UNKNOWN)


def _symbol(value: dict, stream: str, instruments: list[Instrument]) -> int | None:
    named = value["s"] if "s" in value else value.get("symbol")
    if "s" not in value and "symbol" not in value:
        if not stream:
            return None
        named = stream.partition("@")[0]
        named = "".join(c.upper() if c.isascii() else c for c in named)
    if not isinstance(named, str):
        raise _Failed(FrameError.CORRUPT if "s" in value else FrameError.UNKNOWN_SYMBOL)
    for index, instrument in enumerate(instruments):
        if instrument.symbol == named and instrument.venue == Venue.EXCHANGE:
            return index
    raise _Failed(FrameError.UNKNOWN_SYMBOL)


def _needed_symbol(value: dict, stream: str, instruments: list[Instrument]) -> int:
    symbol = _symbol(value, stream, instruments)
    if symbol is None:
        raise _Failed(FrameError.CORRUPT)
    return symbol


def _integer(value: dict, key: str) -> int:
    number = value.get(key)
    if isinstance(number, float) and number >= _INT64:
        raise _Failed(FrameError.OUT_OF_RANGE)  # orjson gives a float beyond 64 bits
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise _Failed(FrameError.CORRUPT)
    if number >= _INT64:
        raise _Failed(FrameError.OUT_OF_RANGE)
    return number


def _stamp(value: dict) -> int:
    if "E" not in value:
        return 0
    number = _integer(value, "E")
    if number < 9 * 10**12:
        return number * 10**6
    if 10**14 <= number < 9 * 10**15:
        return number * 1000
    raise _Failed(FrameError.OUT_OF_RANGE)


@cache
def _scaled(text: str, step: str, bad: FrameError) -> int:
    if not _NUMBER.fullmatch(text):
        raise _Failed(bad)
    whole, _, fraction = text.partition(".")
    unit = Decimal(step).normalize()
    decimals = max(0, -int(unit.as_tuple().exponent))
    if int(whole + fraction.ljust(decimals, "0")[:decimals]) >= _INT64:
        raise _Failed(FrameError.OUT_OF_RANGE)
    scaled, rest = divmod(int(whole + fraction), 10 ** max(0, len(fraction) - decimals))
    scaled *= 10 ** max(0, decimals - len(fraction))
    multiple = int(unit * 10**decimals)
    if rest or scaled % multiple:
        raise _Failed(FrameError.OFF_TICK)
    return scaled // multiple


def _amount(value: Any, step: str, bad: FrameError) -> int:
    if not isinstance(value, str):
        raise _Failed(bad)
    return _scaled(value, step, bad)


def _levels(value: Any, instrument: Instrument, room: int) -> list[tuple[int, int]]:
    if not isinstance(value, list):
        raise _Failed(FrameError.CORRUPT)
    levels = []
    for level in value:
        if len(levels) == room:
            raise _Failed(FrameError.OVERSIZE)
        if not isinstance(level, list) or not level:
            raise _Failed(FrameError.CORRUPT)
        price = _amount(level[0], str(instrument.tick), FrameError.BAD_PRICE)
        if price == 0:
            raise _Failed(FrameError.BAD_PRICE)
        if len(level) < 2:
            raise _Failed(FrameError.CORRUPT)
        levels.append((price, _amount(level[1], str(instrument.lot), FrameError.BAD_QUANTITY)))
    return levels


def _both(value: dict, keys: tuple[str, str], instrument: Instrument) -> tuple[int, tuple]:
    bids = _levels(value.get(keys[0]), instrument, LEVELS_MAX)
    asks = _levels(value.get(keys[1]), instrument, LEVELS_MAX - len(bids))
    return len(bids), (*bids, *asks)


def _is_partial(stream: str) -> bool:
    return re.search(r"@depth(.?)", f"{stream}@depth", re.DOTALL)[1] in set("0123456789")


def _depth(value: dict, stream: str, instruments: list[Instrument]) -> Message:
    symbol = _needed_symbol(value, stream, instruments)
    first, last = _integer(value, "U"), _integer(value, "u")
    previous = _integer(value, "pu") if "pu" in value else -1
    stamp = _stamp(value)
    bid_count, levels = _both(value, ("b", "a"), instruments[symbol])
    if _is_partial(stream):
        return Message(Kind.SNAPSHOT, symbol, stamp, 0, last, -1, FLAG_PARTIAL, bid_count, levels)
    return Message(Kind.DEPTH, symbol, stamp, first, last, previous, 0, bid_count, levels)


def _snapshot(value: dict, stream: str, instruments: list[Instrument]) -> Message:
    symbol = _symbol(value, stream, instruments)
    flags = FLAG_PARTIAL if _is_partial(stream) else 0
    exchange = [i for i, instrument in enumerate(instruments) if instrument.venue == Venue.EXCHANGE]
    if symbol is None:
        symbol = exchange[0] if len(exchange) == 1 else 65_535
        flags = FLAG_REST
    last, stamp = _integer(value, "lastUpdateId"), _stamp(value)
    if symbol != 65_535:
        return Message(Kind.SNAPSHOT, symbol, stamp, 0, last, -1, flags, *_both(value, ("bids", "asks"), instruments[symbol]))
    for index in exchange:  # anyone's: in the ticks of the first instrument in which every level is exact, which it names
        try:
            sides = _both(value, ("bids", "asks"), instruments[index])
        except _Failed as failed:
            if failed.error != FrameError.OFF_TICK:
                raise
        else:
            return Message(Kind.SNAPSHOT, symbol, stamp, index, last, -1, flags, *sides)
    raise _Failed(FrameError.OFF_TICK)


def _level(value: dict, keys: tuple[str, str], instrument: Instrument) -> tuple[int, int]:
    if keys[0] not in value or keys[1] not in value:
        raise _Failed(FrameError.CORRUPT)
    price = _amount(value[keys[0]], str(instrument.tick), FrameError.BAD_PRICE)
    return price, _amount(value[keys[1]], str(instrument.lot), FrameError.BAD_QUANTITY)


def _ticker(value: dict, stream: str, instruments: list[Instrument]) -> Message:
    symbol = _needed_symbol(value, stream, instruments)
    last, stamp = _integer(value, "u"), _stamp(value)
    levels = tuple(_level(value, keys, instruments[symbol]) for keys in (("b", "B"), ("a", "A")))
    return Message(Kind.TICKER, symbol, stamp, 0, last, -1, 0, 1, levels)


def _trade(value: dict, stream: str, instruments: list[Instrument], key: str) -> Message:
    if "X" in value and value["X"] != "MARKET":
        raise _Failed(FrameError.IGNORED)
    symbol = _needed_symbol(value, stream, instruments)
    trade, stamp = _integer(value, key), _stamp(value)
    level = _level(value, ("p", "q"), instruments[symbol])
    if level[0] == 0:
        raise _Failed(FrameError.BAD_PRICE)
    if level[1] == 0:
        raise _Failed(FrameError.BAD_QUANTITY)
    if not isinstance(value.get("m"), bool):
        raise _Failed(FrameError.CORRUPT)
    flags = FLAG_BUYER_MAKER if value["m"] else 0
    return Message(Kind.TRADE, symbol, stamp, trade, 0, -1, flags, 0, (level,))
