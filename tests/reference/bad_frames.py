"""The catalogue of bad frames: what takes the place of one good depth frame, and whether the book is stale behind it.

The frames are those of the simulator: `{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate",…,"s":"BTCUSDT",…}}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from hydraflow.codes import FrameError
from hydraflow.records import FRAME_BYTES_MAX, LEVELS_MAX
from tests.reference.bad_captures import Put, depth_of, with_levels

__all__ = ["BAD_FRAMES"]

Replace = Callable[[bytes], list[Put]]
TRADE = b'{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":5,"p":"%b","q":"%b","X":"%b","m":false}'
TICKER = b'{"e":"bookTicker","u":5,"s":"BTCUSDT","b":"%b","B":"%b","a":"61800.10","A":"1.000","T":1,"E":1}'
BAD_PRICES = {
    "1e5": "BAD_PRICE", "-1": "BAD_PRICE", "NaN": "BAD_PRICE", "Infinity": "BAD_PRICE", "": "BAD_PRICE", "0": "BAD_PRICE",
    "0x10": "BAD_PRICE", " 61800.1": "BAD_PRICE", "061800.1": "BAD_PRICE", "61800.1.1": "BAD_PRICE", "6" * 40: "OUT_OF_RANGE",
    "61800." + "1" * 40: "OFF_TICK", "61800.155": "OFF_TICK", "61800.123456789012345678": "OFF_TICK", "9" * 19: "OUT_OF_RANGE",
}  # fmt: skip
BAD_QUANTITIES = {
    "1e5": "BAD_QUANTITY", "-1": "BAD_QUANTITY", "-0": "BAD_QUANTITY", "NaN": "BAD_QUANTITY", "": "BAD_QUANTITY",
    "6" * 40: "OUT_OF_RANGE", "0." + "1" * 40: "OFF_TICK", "0.0001": "OFF_TICK",
}  # fmt: skip
NO_EVENTS = [b"{}", b"[]", b"null", b"7", b'{"result":null,"id":1}', b'{"e":"kline","s":"BTCUSDT","k":{}}']


def _bad(frame: bytes, error: str) -> list[Put]:
    return [Put(frame, FrameError[error], lost=True)]


def _harmless(bad: bytes, error: str) -> Replace:
    """A bad line of its own before the good frame."""
    return lambda frame: [Put(bad, FrameError[error]), Put(frame)]


def _replaced(error: str, old: bytes, new: bytes) -> Replace:
    def replace(frame: bytes) -> list[Put]:
        assert old in frame, (old, frame[:200])
        return _bad(frame.replace(old, new, 1), error)

    return replace


def _cut(size: int, *, bare: bool = False) -> Replace:
    return lambda frame: _bad((_bare(frame) if bare else frame)[:size], "TRUNCATED")


def _level(error: str, price: str, quantity: str, side: str = "b") -> Replace:
    level = [["61000.00", "1.000"], [price, quantity]]
    return lambda frame: _bad(with_levels(frame, *(level if side == key else [] for key in "ba")), error)


def _bare(frame: bytes) -> bytes:
    return json.dumps(depth_of(frame), separators=(",", ":")).encode()


def _padded(size: int) -> Callable[[bytes], bytes]:
    return lambda frame: frame[:-1] + b" " * (size - len(frame)) + b"}"


def _wide(count: int) -> Callable[[bytes], bytes]:
    """A frame with `count` levels: its own, and others away from the touch but inside the dense window, half of them bids."""

    def widen(frame: bytes) -> bytes:
        said = depth_of(frame)
        more = count - len(said["b"]) - len(said["a"])
        bids = [[f"{price // 10}.{price % 10}0", "0.001"] for price in range(610_000, 610_000 - more // 2, -1)]
        asks = [[f"{price // 10}.{price % 10}0", "0.001"] for price in range(626_000, 626_000 + more - more // 2)]
        return with_levels(frame, said["b"] + bids, said["a"] + asks)

    return widen


def _stamped(stamp: bytes, error: str | None = None, odd: str = "stamp_backwards") -> Replace:
    if error is None:
        return lambda frame: [Put(frame, stamp=stamp, odd=odd)]
    return lambda frame: [Put(frame, FrameError[error], lost=True, stamp=stamp)]


BAD_FRAMES: dict[str, tuple[Replace, bool]] = {
    **{f"cut at {size}": (_cut(size), True) for size in (0, 1, 12, 27, 40, 60, 100, 150, 190)},
    **{f"bare, cut at {size}": (_cut(size, bare=True), True) for size in (5, 20, 40, 60, 70, 120)},
    "cut before its last byte": (lambda frame: _bad(frame[:-1], "TRUNCATED"), True),
    "without its first byte": (lambda frame: _bad(frame[1:], "CORRUPT"), True),
    "one brace too many": (lambda frame: _bad(frame + b"}", "CORRUPT"), True),
    "twice in a line": (lambda frame: _bad(frame + frame, "CORRUPT"), True),
    "equals sign": (_replaced("CORRUPT", b'"U":', b'"U"='), True),
    "broken at the first key": (_replaced("CORRUPT", b'{"stream":', b'{"stream"='), True),
    "control character": (_replaced("CORRUPT", b"BTCUSDT", b"BTC\x00SDT"), True),
    "no UTF-8": (_replaced("CORRUPT", b"btcusdt", b"btc\xffsdt"), True),
    "unquoted NaN": (_replaced("CORRUPT", b'"b":[', b'"b":[[NaN,"1"],'), True),
    "without first id": (_replaced("CORRUPT", b'"U":', b'"V":'), True),
    "negative id": (_replaced("CORRUPT", b'"u":5', b'"u":-5'), True),
    "fractional id": (_replaced("CORRUPT", b',"pu":', b'.5,"pu":'), True),
    "id beyond int64": (_replaced("OUT_OF_RANGE", b'"u":5', b'"u":99999995'), True),
    "levels that are none": (_replaced("CORRUPT", b'"a":[', b'"a":[7,'), True),
    "level of one": (_replaced("CORRUPT", b'"b":[', b'"b":[["1.0"],'), True),
    "price without quotes": (_replaced("BAD_PRICE", b'"b":[', b'"b":[[61800.1,"1"],'), True),
    "price null": (_replaced("BAD_PRICE", b'"b":[', b'"b":[[null,"1"],'), True),
    "another event in a depth stream": (_replaced("UNKNOWN", b"depthUpdate", b"depthUpdatf"), True),
    **{f"price '{text[:9]}'": (_level(error, text, "1.000"), True) for text, error in BAD_PRICES.items()},
    "ask price NaN": (_level("BAD_PRICE", "NaN", "1.000", "a"), True),
    **{f"quantity '{text[:9]}'": (_level(error, "61000.10", text), True) for text, error in BAD_QUANTITIES.items()},
    **{f"beside {text.decode()}": (_harmless(text, "UNKNOWN"), False) for text in NO_EVENTS},
    "beside a ticker at NaN": (_harmless(TICKER % (b"NaN", b"1.000"), "BAD_PRICE"), False),
    "beside a ticker of -1": (_harmless(TICKER % (b"61800.00", b"-1"), "BAD_QUANTITY"), False),
    "beside a cut ticker": (_harmless((TICKER % (b"61800.00", b"1"))[:25], "TRUNCATED"), False),
    "beside a trade at 1e5": (_harmless(TRADE % (b"1e5", b"1.000", b"MARKET"), "BAD_PRICE"), False),
    "beside a trade of nothing": (_harmless(TRADE % (b"61800.10", b"0.000", b"MARKET"), "BAD_QUANTITY"), False),
    "beside a liquidation": (_harmless(TRADE % (b"61800.10", b"1.000", b"INSURANCE_FUND"), "IGNORED"), False),
    "beside a symbol too long": (_harmless((TRADE % (b"1", b"1", b"MARKET")).replace(b"BTC", b"B" * 30), "UNKNOWN_SYMBOL"), False),
    "at the limit of 16 MiB": (lambda frame: [Put(_padded(FRAME_BYTES_MAX)(frame))], False),
    "above 16 MiB": (lambda frame: _bad(_padded(FRAME_BYTES_MAX + 1)(frame), "OVERSIZE"), True),
    "at the limit of 65,536 levels": (lambda frame: [Put(_wide(LEVELS_MAX)(frame))], False),
    "65,537 levels": (lambda frame: _bad(_wide(LEVELS_MAX + 1)(frame), "OVERSIZE"), True),
    "without stamp": (_stamped(b"", "NO_STAMP"), True),
    "stamp with a letter": (_stamped(b"17000x0000000000000", "NO_STAMP"), True),
    "stamp beyond time": (_stamped(b"9223372036854775807", "NO_STAMP"), True),
    "stamp with a sign": (_stamped(b"-1700000000000000000", "NO_STAMP"), True),
    "beside a remark": (lambda frame: [Put(b"# a remark", FrameError.NO_STAMP, stamp=b""), Put(frame)], False),
    "beside a ticker without stamp": (
        lambda frame: [Put(TICKER % (b"61800.00", b"1.000"), FrameError.NO_STAMP, stamp=b""), Put(frame)], False),
    "stamp backwards": (_stamped(b"1600000000000000000"), False),
    "stamp zero": (_stamped(b"0"), False),
    "stamp of 2030": (_stamped(b"1900000000000000000", odd="stamp_ahead"), False),
}  # fmt: skip
