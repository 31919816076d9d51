"""Wire bytes, decoded by something else: orjson for JSON, words of 32 bytes for call data."""

from __future__ import annotations

import random

import numpy as np
import orjson
import pytest

from disruptor.digest import SEED, fold
from handlers.mev import REFUSED, SPLIT
from handlers.text import put_decimal, put_hex_word, put_integer
from handlers.wire import WireParams, wire
from hydraflow.codes import Action, Kind, OrderType, Reason, Side, TimeInForce, Venue
from tests.reference.keccak import keccak_256
from tests.reference.line import Line, Stage, instrument, levels_message, order_line

NOW = 1_723_075_200_123_456_789
POOL_ADDRESS = bytes(range(20))
WETH, USDC = bytes([0xC0] * 20), bytes([0xA0] * 20)


def _instruments():
    pool = instrument(
        "ETHPOOL", venue=Venue.POOL, underlying=0, tick=0.01, lot=0.0001, price_decimals=2, quantity_decimals=4,
        base_decimals=18, quote_decimals=6,
    )
    for name, address in (("address", POOL_ADDRESS), ("base_token", WETH), ("quote_token", USDC)):
        pool[name] = np.frombuffer(address, np.uint8)
    coarse = instrument("PEPE1000", price_multiple=25, price_decimals=2, quantity_multiple=1, quantity_decimals=0)
    return np.array([instrument(), pool, coarse])


def _sent(lines, **params):
    line = Line(_instruments(), {"wire": Stage(wire, WireParams(**params))}, lambda event, _: lines)
    line.run([levels_message(Kind.DEPTH, NOW)])
    return line.sent, line.stages["wire"]


def _ready(side, price, quantity, **fields):
    venue = fields.pop("venue", Venue.EXCHANGE)
    return order_line(side, price, quantity, **({"venue": venue, "slices": 1, "limit_price_ticks": price} | fields))


def _call(data):
    """Return (selector, words) of hexadecimal call data."""
    raw = bytes.fromhex(data.removeprefix("0x"))
    assert (len(raw) - 4) % 32 == 0
    return raw[:4].hex(), [int.from_bytes(raw[i : i + 32]) for i in range(4, len(raw), 32)]


def test_wire_encodes_a_maker_as_binance_order_json():
    ((record, text),), stage = _sent([_ready(Side.BUY, 618_001, 10, order_id=77)])
    assert orjson.loads(text) == {
        "method": "order.place",
        "params": {
            "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "price": "61800.1",
            "quantity": "0.010", "newClientOrderId": "hfx-77", "timestamp": NOW // 1_000_000,
        },
    }
    assert text.startswith(b'{"method":"order.place","params":{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT",')
    assert (record["cause"], record["receive_ns"], record["order_id"], record["quantity_lots"]) == (0, NOW, 77, 10)
    assert (record["venue"], record["not_before_ns"], record["side"]) == (Venue.EXCHANGE, NOW, Side.BUY)
    assert stage.counters[0]["orders_sent"] == 1 and stage.counters[0]["bytes"] == len(text)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"time_in_force": TimeInForce.GTC}, "GTC"),
        ({"time_in_force": TimeInForce.IOC}, "IOC"),
        ({"time_in_force": TimeInForce.GTC, "type": OrderType.MARKET}, "IOC"),
    ],
)
def test_wire_names_the_time_in_force_and_keeps_the_limit_of_a_market_order(fields, expected):
    ((_, text),), _ = _sent([_ready(Side.SELL, 618_001, 10, limit_price_ticks=618_000, **fields)])
    params = orjson.loads(text)["params"]
    assert (params["side"], params["type"], params["timeInForce"]) == ("SELL", "LIMIT", expected)
    assert params["price"] == "61800.0"


def test_wire_writes_the_decimals_of_each_instrument():
    ((_, text),), _ = _sent([_ready(Side.BUY, 3, 12_345, symbol=2)])
    params = orjson.loads(text)["params"]
    assert (params["symbol"], params["price"], params["quantity"]) == ("PEPE1000", "0.75", "12345")


def test_wire_encodes_a_cancel():
    ((record, text),), stage = _sent([_ready(Side.BUY, 0, 0, action=Action.CANCEL, target_id=77, order_id=81)])
    assert orjson.loads(text) == {
        "method": "order.cancel",
        "params": {"symbol": "BTCUSDT", "origClientOrderId": "hfx-77", "timestamp": NOW // 1_000_000},
    }
    assert (record["action"], record["order_id"], record["target_id"]) == (Action.CANCEL, 81, 77)
    assert stage.counters[0]["cancels_sent"] == 1 and stage.counters[0]["orders_sent"] == 0


@pytest.mark.parametrize("private", [0, 1])
def test_wire_encodes_a_sale_in_a_pool(private):
    line = _ready(Side.SELL, 345_678, 25_000, venue=Venue.POOL, pool=1, order_id=9, private_relay=private)
    recipient = {"recipient_high": 0x11223344, "recipient_middle": -2, "recipient_low": 5}
    ((record, text),), stage = _sent([line], **recipient)
    message = orjson.loads(text)
    assert message["method"] == "swap"
    assert message["params"]["clientOrderId"] == "hfx-9"
    assert message["params"]["pair"] == "0x" + POOL_ADDRESS.hex()
    assert message["params"]["notBefore"] == NOW // 1_000_000
    assert message["params"]["private"] is bool(private)
    selector, words = _call(message["params"]["data"])
    assert selector == "38ed1739"
    assert words == [
        25_000 * 10**14,  # 2.5 WETH in wei
        345_678 * 25_000,  # 3,456.78 × 2.5 = 8,641.95 USDC; a unit is 0.01 × 0.0001 = one base unit of USDC
        0xA0,
        0x11223344 << 128 | (2**64 - 2) << 64 | 5,
        NOW // 10**9 + 120,
        2,
        int.from_bytes(WETH),
        int.from_bytes(USDC),
    ]
    assert record["private_relay"] == private and stage.counters[0]["private"] == private


def test_wire_encodes_a_purchase_in_a_pool_by_its_exact_output():
    ((_, text),), _ = _sent([_ready(Side.BUY, 345_678, 25_000, venue=Venue.POOL, pool=1)])
    selector, words = _call(orjson.loads(text)["params"]["data"])
    assert selector == "8803dbee"
    assert words[:2] == [25_000 * 10**14, 345_678 * 25_000]
    assert words[6:] == [int.from_bytes(USDC), int.from_bytes(WETH)]


def test_wire_encodes_amounts_of_more_than_64_bits():
    lots = (1 << 62) // 7
    ((_, text),), _ = _sent([_ready(Side.SELL, 1, lots, venue=Venue.POOL, pool=1)])
    _, words = _call(orjson.loads(text)["params"]["data"])
    assert words[0] == lots * 10**14 > 2**100


def test_wire_rounds_for_the_trader_where_a_token_is_coarser_than_a_unit():
    line = _ready(Side.SELL, 3, 7, venue=Venue.POOL, pool=1)
    instruments = _instruments()
    instruments[1]["quote_decimals"] = 5  # one base unit of the token is ten units
    amounts = []
    for side in (Side.SELL, Side.BUY):
        line["side"] = side
        run = Line(instruments, {"wire": Stage(wire)}, lambda event, _: [line.copy()])
        run.run([levels_message(Kind.DEPTH, NOW)])
        amounts.append(_call(orjson.loads(run.sent[0][1])["params"]["data"])[1][1])
    assert amounts == [3, 2]  # 2.1: at least 3 for a sale, at most 2 for a purchase


def test_wire_sends_the_parts_of_a_split_order_one_after_the_other():
    line = _ready(Side.SELL, 345_678, 1003, venue=Venue.POOL, pool=1, order_id=6, slices=4, mev_reason=SPLIT)
    sent, stage = _sent([line], slice_gap_ns=2_000_000_000)
    assert [int(r["quantity_lots"]) for r, _ in sent] == [250, 250, 250, 253]
    assert [int(r["order_id"]) for r, _ in sent] == [6 | part << 56 for part in range(4)]
    assert [int(r["not_before_ns"]) - NOW for r, _ in sent] == [0, 2 * 10**9, 4 * 10**9, 6 * 10**9]
    amounts = [_call(orjson.loads(text)["params"]["data"])[1][0] for _, text in sent]
    assert amounts == [lots * 10**14 for lots in (250, 250, 250, 253)]
    assert (stage.counters[0]["orders_sent"], stage.counters[0]["slices"]) == (1, 4)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"route_reason": Reason.NO_ROUTE, "venue": Venue.NONE}, Reason.NO_ROUTE),
     ({"mev_reason": REFUSED, "venue": Venue.POOL, "pool": 1}, Reason.MEV_EXPOSURE)],
)
def test_wire_sends_no_bytes_for_a_refused_line(fields, reason):
    ((record, text),), stage = _sent([_ready(Side.BUY, 5, 5, **fields)])
    assert (text, int(record["venue"]), int(record["reason"])) == (b"", Venue.NONE, reason)
    assert stage.counters[0]["refused"] == 1 and stage.counters[0]["orders_sent"] == 0


def test_wire_ignores_lines_that_risk_rejected():
    sent, stage = _sent([_ready(Side.BUY, 5, 5, reason=Reason.RATE_LIMIT)])
    assert sent == [] and stage.state[0]["wire_hash"] == SEED


def test_wire_hash_covers_every_byte_in_order():
    lines = [_ready(Side.BUY, 618_001, 10, order_id=1), _ready(Side.SELL, 618_002, 9, order_id=2)]
    sent, stage = _sent(lines)
    expected = SEED
    for _, text in sent:
        for start in range(0, len(text), 8):
            expected = fold(expected, int.from_bytes(text[start : start + 8], "little"))
        expected = fold(expected, len(text))
    assert int(stage.state[0]["wire_hash"]) == expected
    assert stage.digest() != _sent(lines[::-1])[1].digest()


def test_text_writes_what_python_writes():
    generator = random.Random(3)
    target = np.zeros(128, np.uint8)
    for _ in range(200):
        value, decimals = generator.getrandbits(generator.randrange(64)), generator.randrange(10)
        value = min(value, 2**63 - 1)
        end = put_decimal(target, 3, value, decimals)
        digits = str(value).rjust(decimals + 1, "0")
        expected = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
        assert target[3:end].tobytes().decode() == expected
        assert target[: put_integer(target, 0, value)].tobytes().decode() == str(value)
        assert target[: put_hex_word(target, 0, value, -1)].tobytes().decode() == f"{value << 64 | 2**64 - 1:064x}"


def test_selectors_are_the_hashes_of_the_router_functions():
    arguments = b"(uint256,uint256,address[],address,uint256)"
    assert keccak_256(b"").hex().startswith("c5d2460186f7233c927e7db2dcc703c0")  # the known hash of nothing
    assert keccak_256(b"swapExactTokensForTokens" + arguments)[:4].hex() == "38ed1739"
    assert keccak_256(b"swapTokensForExactTokens" + arguments)[:4].hex() == "8803dbee"
