"""deserialize, frame by frame: every kind, every wrapper, every error, and what LOST says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from disruptor.compiled import JIT_ENABLED
from handlers.deserialize.amm import SYNC_TOPIC
from hydraflow.codes import FrameError, Kind, Venue
from hydraflow.instruments import Instrument, table
from hydraflow.records import FLAG_BUYER_MAKER, FLAG_PARTIAL, FLAG_REST, LEVELS_MAX
from tests.handlers.test_deserialize_captures import published
from tests.reference.decode_oracle import Message, decode
from tests.reference.drive_frames import Driver, decode_frames, frames_of

ROOT = Path(__file__).parents[2]

BTC = Instrument(symbol="BTCUSDT", tick="0.10", lot="0.001")
ETH = Instrument(symbol="ETHUSDT", tick="0.01", lot="0.0001")
PERPETUAL = Instrument(symbol="BTCUSD_PERP", tick="0.1", lot="1")
QUARTER = Instrument(symbol="QUARTERUSDT", tick="0.25", lot="5")
POOL = Instrument(
    symbol="ETHUSDT-POOL", taker_fee_ppm=3000, venue=Venue.POOL, underlying="ETHUSDT",
    address="0x0d4a11d5EEaaC28EC3F61d100daF4d40471f1852", base_decimals=18, quote_decimals=6,
)  # fmt: skip
DECLARED = [BTC, ETH, PERPETUAL, QUARTER, POOL]

DEPTH = b'{"e":"depthUpdate","E":1700000000123,"T":1700000000120,"s":"BTCUSDT","U":10,"u":12,"pu":9,"b":[["100.10","1.5"],["99.90","0.000"]],"a":[["100.30","2.001"]]}'
SPOT_DEPTH = b'{"e":"depthUpdate","E":1700000000123,"s":"ETHUSDT","U":10,"u":12,"b":[],"a":[["2000.01000000","2.50000000"]]}'
COIN_DEPTH = b'{"e":"depthUpdate","E":1700000000123,"T":1700000000120,"s":"BTCUSD_PERP","ps":"BTCUSD","U":10,"u":12,"pu":9,"b":[["9999.9","17"]],"a":[]}'
TICKER = b'{"e":"bookTicker","u":400,"s":"BTCUSDT","b":"100.10","B":"31.210","a":"100.20","A":"40.660","T":1700000000456,"E":1700000000457}'
SPOT_TICKER = b'{"u":400900217,"s":"ETHUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}'.replace(b"190000", b"000000").replace(b"520000", b"000000")
COIN_TICKER = b'{"e":"bookTicker","u":17242169,"s":"BTCUSD_PERP","ps":"BTCUSD","b":"9548.1","B":"52","a":"9548.5","A":"11","T":1591268628155,"E":1591268628166}'
TRADE = b'{"e":"trade","E":1700000000999,"T":1700000000998,"s":"BTCUSDT","t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}'
SPOT_TRADE = b'{"e":"trade","E":1700000000999,"s":"ETHUSDT","t":12345,"p":"2000.10000000","q":"100.00000000","T":1700000000998,"m":true,"M":true}'
OLD_SPOT_TRADE = b'{"e":"trade","E":1700000000999,"s":"ETHUSDT","t":12345,"p":"2000.10000000","q":"100.00000000","b":88,"a":50,"T":1700000000998,"m":true,"M":true}'
AGGREGATE = b'{"e":"aggTrade","E":1700000000999,"s":"BTCUSDT","a":5933014,"p":"1000.1","q":"100","f":100,"l":105,"T":1700000000998,"m":true}'
NORMAL_AGGREGATE = AGGREGATE.replace(b'"f":', b'"nq":"100","f":')
COIN_AGGREGATE = b'{"e":"aggTrade","E":1591261134288,"a":424951,"s":"BTCUSD_PERP","p":"9643.5","q":"2","f":606073,"l":606073,"T":1591261134199,"m":false}'
SNAPSHOT = b'{"lastUpdateId":1027024,"bids":[["4.00","431.001"],["3.90","1"]],"asks":[["4.20","12.000"]]}'
FUTURES_SNAPSHOT = SNAPSHOT.replace(b',"bids', b',"E":1700000000999,"T":1700000000998,"bids')
COIN_SNAPSHOT = b'{"lastUpdateId":1027024,"symbol":"BTCUSD_PERP","pair":"BTCUSD","E":1700000000999,"T":1,"bids":[["4.0","431"]],"asks":[["4.1","12"]]}'

FAST = [DEPTH, SPOT_DEPTH, COIN_DEPTH, TICKER, SPOT_TICKER, COIN_TICKER, TRADE, SPOT_TRADE, AGGREGATE, NORMAL_AGGREGATE]
REST = [SNAPSHOT, FUTURES_SNAPSHOT]
EVERY = [*FAST, *REST, OLD_SPOT_TRADE, COIN_AGGREGATE, COIN_SNAPSHOT]


def wrapped(stream: bytes, frame: bytes) -> bytes:
    return b'{"stream":"' + stream + b'","data":' + frame + b"}"


def one(frame: bytes, declared: list[Instrument] | None = None, **options) -> Message | FrameError:
    """Return what became of one frame; a LOST message counts as its error."""
    driver = decode_frames([frame], table(declared or DECLARED), **options)
    if driver.errors:
        assert len(driver.errors) == 1
        return FrameError(next(iter(driver.errors)))
    (message,) = published(driver)
    return message


def lost(frame: bytes, declared: list[Instrument] | None = None, **options) -> list[tuple[int, int]]:
    """Return (symbol, FrameError) of the LOST messages of one frame."""
    driver = decode_frames([frame], table(declared or DECLARED), **options)
    messages = driver.messages
    assert (messages["kind"] == Kind.LOST).all()
    assert not messages["payload_count"].any()
    return list(zip(messages["symbol"].tolist(), messages["flags"].tolist(), strict=True))


def test_deserialize_reads_each_kind_of_event() -> None:
    assert one(DEPTH) == Message(
        Kind.DEPTH, 0, 1700000000123 * 10**6, 10, 12, 9, 0, 2, ((1001, 1500), (999, 0), (1003, 2001))
    )
    assert one(SPOT_DEPTH) == Message(Kind.DEPTH, 1, 1700000000123 * 10**6, 10, 12, -1, 0, 0, ((200001, 25000),))
    assert one(TICKER) == Message(
        Kind.TICKER, 0, 1700000000457 * 10**6, 0, 400, -1, 0, 1, ((1001, 31210), (1002, 40660))
    )
    assert one(SPOT_TICKER).venue_ns == 0
    assert one(TRADE) == Message(Kind.TRADE, 0, 1700000000999 * 10**6, 5266583935, 0, -1, 0, 0, ((618003, 6),))
    assert one(SPOT_TRADE).flags == FLAG_BUYER_MAKER
    assert one(AGGREGATE).first_update == 5933014
    assert one(SNAPSHOT, [BTC]) == Message(
        Kind.SNAPSHOT, 0, 0, 0, 1027024, -1, FLAG_REST, 2, ((40, 431001), (39, 1000), (42, 12000))
    )
    assert one(COIN_SNAPSHOT) == Message(
        Kind.SNAPSHOT, 2, 1700000000999 * 10**6, 0, 1027024, -1, 0, 1, ((40, 431), (41, 12))
    )


@pytest.mark.parametrize("frame", EVERY, ids=[f"{n}" for n in range(len(EVERY))])
def test_deserialize_equals_the_oracle_with_and_without_a_wrapper(frame) -> None:
    plain = one(frame)
    assert plain == decode(frame, DECLARED)
    assert isinstance(plain, Message)
    if frame not in REST:
        assert one(wrapped(b"btcusdt@something", frame)) == plain
    for tail in (b"\r", b"\n", b" \r\n\t "):
        assert one(frame + tail) == plain


def test_deserialize_takes_the_fast_path_for_every_usual_shape() -> None:
    frames = [*FAST, *REST, *(wrapped(b"x@depth@100ms", frame) for frame in FAST)]
    assert decode_frames(frames, table(DECLARED)).counters[0]["exact"] == 0


def test_deserialize_takes_partial_depth_streams_as_whole_books() -> None:
    for stream in (b"btcusdt@depth5", b"btcusdt@depth20@100ms", b"btcusdt@depth10@500ms"):
        message = one(wrapped(stream, DEPTH))
        assert (message.kind, message.first_update, message.last_update, message.previous_update) == (
            Kind.SNAPSHOT, 0, 12, -1,
        )  # fmt: skip
        assert message.flags == FLAG_PARTIAL
        assert message == decode(wrapped(stream, DEPTH), DECLARED)
    for stream in (b"btcusdt@depth", b"btcusdt@depth@0ms"):
        assert one(wrapped(stream, DEPTH)).kind == Kind.DEPTH


def test_deserialize_gives_a_snapshot_the_symbol_of_its_stream_or_the_only_one() -> None:
    spot_partial = wrapped(b"ethusdt@depth5@100ms", SNAPSHOT)
    assert (one(spot_partial).symbol, one(spot_partial).flags) == (1, FLAG_PARTIAL)
    assert (one(SNAPSHOT, [ETH, POOL]).symbol, one(SNAPSHOT, [ETH, POOL]).flags) == (0, FLAG_REST)
    assert (one(SNAPSHOT).symbol, one(SNAPSHOT).flags) == (65_535, FLAG_REST)
    for wrapper in (b'{"code":0,"data":%s}', b'{"id":"x","status":200,"result":%s,"rateLimits":[{}]}'):
        assert one(wrapper % SNAPSHOT, [BTC]) == one(SNAPSHOT, [BTC])


@pytest.mark.parametrize("declared", [[BTC], [ETH, POOL], [POOL, ETH], [POOL, BTC, ETH], [BTC, ETH], [ETH, BTC], DECLARED])
@pytest.mark.parametrize("levels", ["", '["4.00","431.001"]', '["4.00","1"],["3.95","2.00000000"]', '["3.9","0"],["2","7.5"]'])
def test_deserialize_reads_a_snapshot_the_same_on_both_paths(declared, levels) -> None:
    """The second spelling takes the exact path. 3.95 is off the first instrument's tick, and on another's."""
    for other in ("", '["4.20","12.000"]'):
        for bids, asks in ((levels, other), (other, levels)):
            for stamps in ("", ',"E":1700000000999,"T":1700000000998', ',"T":5'):
                frame = f'{{"lastUpdateId":102702400000{stamps},"bids":[{bids}],"asks":[{asks}]}}'.encode()
                assert one(frame, declared) == one(frame.replace(b":", b": "), declared) == decode(frame, declared)


def sync(
    reserve0: int, reserve1: int, *, address: str = POOL.address, topic: str = SYNC_TOPIC, removed: str = "false"
) -> bytes:
    return (
        '{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x4a","result":{"address":"%s",'
        '"topics":["0x%s"],"data":"0x%064x%064x","blockNumber":"0x1458c3f","transactionHash":"0xab","logIndex":"0x1f",'
        '"removed":%s}}}' % (address, topic, reserve0, reserve1, removed)
    ).encode()


def test_deserialize_scales_the_reserves_of_a_sync_log_exactly() -> None:
    message = one(sync(12_345 * 10**18 + 987_654_321, 24_690_123_456_789))
    units = 24_690_123_456_789  # 10^-6 USDT each, which is tick × lot here
    assert message == Message(Kind.POOL, 4, 0, 0x1F, 0x1458C3F, -1, 0, 0, ((123_450_000, units),))
    assert one(sync(12_345 * 10**18 - 1, 5)).levels == ((123_449_999, 5),)
    swapped = [ETH, POOL.__class__(**{**_fields(POOL), "base_is_token0": False})]
    assert one(sync(7, 10**18), swapped).levels == ((10_000, 7),)
    lower = sync(10**18, 1, address=POOL.address.lower())
    assert one(lower) == one(sync(10**18, 1))


@pytest.mark.parametrize("base_decimals", [0, 3, 4, 8, 18, 30])
@pytest.mark.parametrize("tick, lot", [("0.01", "0.0001"), ("0.25", "5"), ("7", "0.00000003"), ("0.00000001", "0.1")])
def test_deserialize_rounds_reserves_down_for_any_scale(base_decimals, tick, lot) -> None:
    from fractions import Fraction

    exchange = Instrument(symbol="AB", tick=tick, lot=lot)
    pool = Instrument(
        symbol="P", venue=Venue.POOL, underlying="AB", address="0x" + "00" * 19 + "ff", base_decimals=base_decimals,
        quote_decimals=6,
    )  # fmt: skip
    for reserve in (0, 1, 999_999_999_999, 2**64 - 1, 10**27 + 1, 2**112 - 1):
        base = Fraction(reserve, 10**base_decimals) // Fraction(lot)
        quote = Fraction(1234567890, 10**6) // (Fraction(lot) * Fraction(tick))
        result = one(sync(reserve, 1234567890, address=pool.address), [exchange, pool])
        assert result == (FrameError.OUT_OF_RANGE if base >= 2**62 else result)
        if base < 2**62:
            assert result.levels == ((base, quote),)


def test_deserialize_counts_reserves_that_no_pool_can_be_computed_with() -> None:
    """Handlers take reserves below 2^62 and ignored others: such a frame looked decoded and changed nothing."""
    exchange = Instrument(symbol="AB", tick="1", lot="1")
    pool = Instrument(symbol="P", venue=Venue.POOL, underlying="AB", address="0x" + "00" * 19 + "ff", base_decimals=0, quote_decimals=0)
    for base, quote in ((2**62 - 1, 2**62 - 1), (2**62, 1), (1, 2**62), (2**63 - 1, 2**63 - 1)):
        result = one(sync(base, quote, address=pool.address), [exchange, pool])
        if max(base, quote) < 2**62:
            assert result.levels == ((base, quote),)
        else:
            assert result == FrameError.OUT_OF_RANGE


def _fields(instrument: Instrument) -> dict:
    return {name: getattr(instrument, name) for name in Instrument.__slots__ if not name.startswith("_")}


def test_deserialize_says_what_is_wrong_with_a_log() -> None:
    assert one(sync(1, 2, removed="true")) == FrameError.IGNORED
    assert one(sync(1, 2, topic="00" * 32)) == FrameError.UNKNOWN
    assert one(sync(1, 2, address="0x" + "11" * 20)) == FrameError.UNKNOWN_SYMBOL
    assert one(sync(1, 2, address="0x11")) == FrameError.CORRUPT
    assert one(sync(2**112, 2)) == FrameError.OUT_OF_RANGE
    assert one(sync(1, 2).replace(b'"0x1f"', b"null")) == FrameError.CORRUPT
    assert one(sync(1, 2).replace(b'","blockNumber', b'00","blockNumber')) == FrameError.CORRUPT
    assert one(b'{"jsonrpc":"2.0","method":"eth_subscription","params":{"result":{"number":"0x1"}}}') == FrameError.UNKNOWN
    assert lost(sync(2**112, 2)) == []


PRICES = {
    "1e5": FrameError.BAD_PRICE, "1E5": FrameError.BAD_PRICE, "-1": FrameError.BAD_PRICE, "+1": FrameError.BAD_PRICE,
    "NaN": FrameError.BAD_PRICE, "": FrameError.BAD_PRICE, ".": FrameError.BAD_PRICE, "1.": FrameError.BAD_PRICE,
    ".5": FrameError.BAD_PRICE, "007": FrameError.BAD_PRICE, "00.1": FrameError.BAD_PRICE, " 1": FrameError.BAD_PRICE,
    "1 ": FrameError.BAD_PRICE, "1.2.3": FrameError.BAD_PRICE, "0x10": FrameError.BAD_PRICE, "1,5": FrameError.BAD_PRICE,
    "0": FrameError.BAD_PRICE, "0.00": FrameError.BAD_PRICE, "Infinity": FrameError.BAD_PRICE, "١": FrameError.BAD_PRICE,
    "1" * 40 + "e": FrameError.BAD_PRICE, "1" * 40: FrameError.OUT_OF_RANGE, "922337203685477580.8": FrameError.OUT_OF_RANGE,
    "922337203685477580.7": (1 << 63) - 1, "9" * 19: FrameError.OUT_OF_RANGE, "58710.25": FrameError.OFF_TICK,
    "58710.20": 587_102, "58710.2": 587_102, "58710": 587_100, "58710.2" + "0" * 40: 587_102,
    "58710.2" + "0" * 40 + "1": FrameError.OFF_TICK, "0.1": 1, "123456789.1": 1_234_567_891, "0.05": FrameError.OFF_TICK,
    "12345678.00": 123_456_780, "1" * 40 + ".01": FrameError.OUT_OF_RANGE,
}  # fmt: skip


@pytest.mark.parametrize("text", PRICES, ids=[text[:12] or "empty" for text in PRICES])
def test_deserialize_takes_a_price_exactly_or_says_why_not(text) -> None:
    frame = DEPTH.replace(b"100.30", text.encode())
    expected = PRICES[text]
    result = one(frame)
    assert result == decode(frame, DECLARED)
    if isinstance(expected, FrameError):
        assert result == expected
        assert lost(frame) == [(0, expected)]
    else:
        assert result.levels[-1] == (expected, 2001)


def test_deserialize_takes_a_quantity_exactly_or_says_why_not() -> None:
    for text, expected in {
        "0.000": 0, "0": 0, "2.0010": 2001, "2.0001": FrameError.OFF_TICK, "-0": FrameError.BAD_QUANTITY,
        "1e3": FrameError.BAD_QUANTITY, "": FrameError.BAD_QUANTITY, "9" * 17: FrameError.OUT_OF_RANGE,
        "9" * 15: 999_999_999_999_999_000,
    }.items():  # fmt: skip
        frame = DEPTH.replace(b"2.001", text.encode())
        result = one(frame)
        assert result == decode(frame, DECLARED)
        assert (result if isinstance(expected, FrameError) else result.levels[-1][1]) == expected


def test_deserialize_divides_by_ticks_that_are_no_power_of_ten() -> None:
    frame = DEPTH.replace(b"BTCUSDT", b"QUARTERUSDT").replace(b"99.90", b"99.75").replace(b"100.10", b"100.5")
    frame = frame.replace(b"100.30", b"100.25").replace(b"1.5", b"15").replace(b"2.001", b"5.000")
    assert one(frame).levels == ((402, 3), (399, 0), (401, 1))
    assert one(frame.replace(b"100.25", b"100.30")) == FrameError.OFF_TICK
    assert one(frame.replace(b'"15"', b'"16"')) == FrameError.OFF_TICK


ERRORS = {
    b"": FrameError.TRUNCATED, b"  \r\n": FrameError.TRUNCATED, b"{": FrameError.TRUNCATED, b'{"e"': FrameError.TRUNCATED,
    b"x": FrameError.CORRUPT, b"{]": FrameError.CORRUPT, b"\xef\xbb\xbf{}": FrameError.CORRUPT, b"nul": FrameError.TRUNCATED,
    b"null": FrameError.UNKNOWN, b"[]": FrameError.UNKNOWN, b"[1,2]": FrameError.UNKNOWN, b"12": FrameError.UNKNOWN,
    b"1e": FrameError.TRUNCATED, b"01": FrameError.CORRUPT, b'"x"': FrameError.UNKNOWN, b"{}": FrameError.UNKNOWN,
    b'{"result":null,"id":1}': FrameError.UNKNOWN, b'{"e":"kline","s":"BTCUSDT"}': FrameError.UNKNOWN,
    b'{"e":5}': FrameError.UNKNOWN, b"[1,]": FrameError.CORRUPT, b'{"a":1,}': FrameError.CORRUPT,
    b'{"a":"\xff"}': FrameError.CORRUPT, b'{"a":"\n"}': FrameError.CORRUPT, b'{"a":"\\x"}': FrameError.CORRUPT,
    b'{"a":"\\ud800"}': FrameError.CORRUPT, b'{"a":"\\ud83d\\ude00"}': FrameError.UNKNOWN, b'{"a":truE}': FrameError.CORRUPT,
    b'{"a":1} {': FrameError.CORRUPT, b"{'a':1}": FrameError.CORRUPT, b'{"a":NaN}': FrameError.CORRUPT,
    b"[" * 63 + b"]" * 63: FrameError.CORRUPT, b"[" * 62 + b"]" * 62: FrameError.UNKNOWN,
    b'{"e":"bookTicker","u":1,"s":"BTCUSDT"}': FrameError.CORRUPT, b'{"lastUpdateId":5}': FrameError.UNKNOWN,
    TRADE.replace(b"MARKET", b"INSURANCE_FUND"): FrameError.IGNORED,
    TRADE.replace(b"BTCUSDT", b"XRPUSDT"): FrameError.UNKNOWN_SYMBOL,
    TRADE.replace(b'"BTCUSDT"', b"7"): FrameError.CORRUPT, TRADE.replace(b"false", b"0"): FrameError.CORRUPT,
    TRADE.replace(b"0.006", b"0.000"): FrameError.BAD_QUANTITY, TRADE.replace(b"61800.30", b"0"): FrameError.BAD_PRICE,
    TRADE.replace(b'"61800.30"', b"61800.30"): FrameError.BAD_PRICE, TRADE.replace(b"5266583935", b"1.5"): FrameError.CORRUPT,
    TRADE.replace(b"5266583935", b"-5"): FrameError.CORRUPT, TRADE.replace(b"5266583935", b'"5"'): FrameError.CORRUPT,
    TRADE.replace(b"5266583935", b"9" * 19): FrameError.OUT_OF_RANGE, TRADE.replace(b"5266583935", b"007"): FrameError.CORRUPT,
    TRADE.replace(b"1700000000999", b"99999999999999999"): FrameError.OUT_OF_RANGE,
    DEPTH.replace(b'"U":10,', b""): FrameError.CORRUPT, DEPTH.replace(b'["100.30","2.001"]', b'["100.30"]'): FrameError.CORRUPT,
    DEPTH.replace(b'["100.30","2.001"]', b"[]"): FrameError.CORRUPT, DEPTH.replace(b'["100.30","2.001"]', b"7"): FrameError.CORRUPT,
    DEPTH.replace(b'[["100.30","2.001"]]', b"{}"): FrameError.CORRUPT,
}  # fmt: skip


@pytest.mark.parametrize("frame", ERRORS, ids=range(len(ERRORS)))
def test_deserialize_names_the_error_of_a_bad_frame(frame) -> None:
    assert one(frame) == ERRORS[frame]
    oracle = decode(frame, DECLARED)
    assert oracle == ERRORS[frame] or (oracle, ERRORS[frame]) == (FrameError.CORRUPT, FrameError.TRUNCATED) or frame[:9] == b"[" * 9


def test_deserialize_reads_stamps_in_microseconds_too() -> None:
    assert one(TRADE.replace(b"1700000000999", b"1700000000999123")).venue_ns == 1700000000999123 * 1000


def test_deserialize_counts_and_numbers_the_first_of_each_error() -> None:
    driver = decode_frames([TRADE, b"x", b"[]", b"y", DEPTH, b""], table(DECLARED))
    counters = driver.counters[0]
    assert driver.errors == {FrameError.CORRUPT: 2, FrameError.UNKNOWN: 1, FrameError.TRUNCATED: 1}
    assert [counters["first_error"][kind] for kind in (FrameError.CORRUPT, FrameError.UNKNOWN, FrameError.TRUNCATED)] == [1, 2, 5]
    assert (counters["frames"], counters["messages"], counters["levels"], counters["lost"]) == (6, 2, 3, 3)
    assert counters["bytes"] == len(TRADE) + len(DEPTH) + 4
    assert driver.messages["number"].tolist() == [0, 1, 3, 4, 5]


def test_deserialize_reports_a_book_lost_when_its_frame_is_spoiled() -> None:
    stream = wrapped(b"btcusdt@depth@0ms", DEPTH)
    assert lost(DEPTH[:-1]) == [(0, FrameError.TRUNCATED)]
    assert lost(DEPTH[:80]) == [(0, FrameError.TRUNCATED)]
    assert lost(DEPTH.replace(b'"U":10', b'"U"=10')) == [(0, FrameError.CORRUPT)]
    assert lost(stream[:60]) == [(0, FrameError.TRUNCATED)]
    assert lost(stream.replace(b"depthUpdate", b"depthUpdatf")) == [(0, FrameError.UNKNOWN)]
    assert lost(stream.replace(b'"BTCUSDT"', b'"BTCUSDU"')) == [(0, FrameError.UNKNOWN_SYMBOL)]
    assert lost(SNAPSHOT[:-1], [BTC]) == [(0, FrameError.TRUNCATED)]
    assert lost(SNAPSHOT[:-1]) == []
    assert lost(TICKER[:-1]) == lost(TRADE[:-1]) == []
    assert lost(DEPTH.replace(b"BTCUSDT", b"XRPUSDT")) == lost(DEPTH.replace(b"BTCUSDT", b"XRPUSDT")[:-1]) == []


def test_deserialize_reports_every_book_lost_when_it_cannot_tell_whose_frame_is_spoiled() -> None:
    for frame, error in {
        b"": FrameError.TRUNCATED, DEPTH[:10]: FrameError.TRUNCATED, DEPTH[:30]: FrameError.TRUNCATED,
        b"garbage": FrameError.CORRUPT, DEPTH[1:]: FrameError.CORRUPT, DEPTH.replace(b'"e":', b'"e"=', 1): FrameError.CORRUPT,
    }.items():  # fmt: skip
        assert lost(frame, [BTC]) == [(0, error)], frame
        assert lost(frame, [BTC, ETH]) == [(65_535, error)], frame
    ticker = b'{"u":4,"s":"BTCUSDT","b":"1.0","B":"2.0'
    stream = wrapped(b"btcusdt@trade", TRADE)
    assert lost(ticker) == lost(stream[:27]) == lost(wrapped(b"xrpusdt@depth", DEPTH)[:40]) == lost(sync(1, 2)[:-9]) == []


def test_deserialize_takes_over_the_error_that_a_source_found() -> None:
    assert lost(DEPTH, errors=[FrameError.NO_STAMP]) == [(0, FrameError.NO_STAMP)]
    assert lost(b"17x0 " + DEPTH, errors=[FrameError.NO_STAMP]) == [(0, FrameError.NO_STAMP)]
    assert lost(b"x {", [ETH], errors=[FrameError.NO_STAMP]) == [(0, FrameError.NO_STAMP)]
    assert lost(TICKER, errors=[FrameError.NO_STAMP]) == lost(b"# no frame", errors=[FrameError.NO_STAMP]) == []
    assert lost(b"", [ETH], errors=[FrameError.OVERSIZE]) == [(0, FrameError.OVERSIZE)]
    assert lost(b"", errors=[FrameError.OVERSIZE]) == [(65_535, FrameError.OVERSIZE)]


def test_deserialize_refuses_frames_beyond_its_limits() -> None:
    assert one(DEPTH, frame_bytes_max=len(DEPTH)).kind == Kind.DEPTH
    assert lost(DEPTH, frame_bytes_max=len(DEPTH) - 1) == [(0, FrameError.OVERSIZE)]
    assert one(DEPTH, levels_max=3).kind == Kind.DEPTH
    assert lost(DEPTH, levels_max=2) == [(0, FrameError.OVERSIZE)]
    assert lost(DEPTH, levels_max=1) == [(0, FrameError.OVERSIZE)]
    many = b",".join(b'["%d.1","1"]' % (k + 1) for k in range(LEVELS_MAX))
    frame = DEPTH.replace(b'["100.10","1.5"],["99.90","0.000"]', many)
    assert len(one(frame.replace(b'["100.30","2.001"]', b"")).levels) == LEVELS_MAX
    assert lost(frame) == [(0, FrameError.OVERSIZE)]


def test_deserialize_publishes_nothing_of_a_frame_that_fails_late() -> None:
    bad = DEPTH[:-2] + b"]"
    driver = decode_frames([bad, DEPTH], table(DECLARED))
    assert driver.messages["kind"].tolist() == [Kind.LOST, Kind.DEPTH]
    assert driver.messages["payload_position"].tolist() == [0, 0]
    assert len(driver.levels) == 3


def test_deserialize_knows_many_symbols_of_every_length() -> None:
    declared = [Instrument(symbol="S" * n + str(m), tick="0.1", lot="0.001") for n in range(1, 23) for m in range(20)]
    frames = [DEPTH.replace(b"BTCUSDT", instrument.symbol.encode()) for instrument in declared]
    driver = decode_frames(frames, table(declared))
    assert driver.errors == {}
    assert driver.messages["symbol"].tolist() == list(range(len(declared)))
    assert one(DEPTH.replace(b"BTCUSDT", b"S" * 25), declared) == FrameError.UNKNOWN_SYMBOL


def test_deserialize_reads_a_frame_that_crosses_the_end_of_the_payload_ring() -> None:
    frames, text = frames_of([DEPTH])
    driver = Driver.make(frames, text, table(DECLARED))
    half = len(driver.payload) // 2
    position = half - 50
    driver.payload[:] = 0
    driver.payload[position : position + len(text)] = list(text)
    driver.frames[0]["payload_position"] = 5 * half + position
    assert published(driver.run())[0] == decode(DEPTH, DECLARED)


@pytest.mark.skipif(not JIT_ENABLED, reason="un-jitted code does not read memory by address")
def test_deserialize_touches_nothing_around_a_frame() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.reference.alone_frame"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=500,
        stdin=subprocess.DEVNULL,
    )
    assert ran.returncode == 0, (ran.returncode, ran.stderr[-2000:])
