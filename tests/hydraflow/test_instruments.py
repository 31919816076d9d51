"""Instruments: exact scales from decimal text, clear faults, and scales read off a capture."""

from __future__ import annotations

import json

import pytest

from hydraflow.codes import Venue
from hydraflow.errors import ConfigurationError
from hydraflow.instruments import Instrument, infer, inverse_symbols, table

POOL = {"venue": Venue.POOL, "underlying": "BTCUSDT", "address": "0x004375dff511095cc5a197a54140a24efef3a416"}
BTC = Instrument(symbol="BTCUSDT", tick="0.10", lot="0.001", maker_fee_ppm=-50, taker_fee_ppm=400)


@pytest.mark.parametrize(
    "step, decimals, multiple",
    [("0.10", 1, 1), ("0.1", 1, 1), ("0.25", 2, 25), ("1", 0, 1), ("5", 0, 5), ("100", 0, 100), ("1e-8", 8, 1),
     ("2.50", 1, 25), ("0.00000001", 8, 1), ("1E+2", 0, 100)],
)  # fmt: skip
def test_table_makes_exact_scales_of_decimal_text(step, decimals, multiple) -> None:
    (record,) = table([Instrument(symbol="A", tick=step, lot=step)])
    assert (record["price_decimals"], record["price_multiple"]) == (decimals, multiple)
    assert (record["quantity_decimals"], record["quantity_multiple"]) == (decimals, multiple)
    assert record["tick"] == record["lot"] == float(step)


def test_table_fills_every_field() -> None:
    pool = Instrument(symbol="POOL", taker_fee_ppm=3000, base_decimals=8, quote_decimals=6, base_is_token0=False, **POOL)
    exchange, other = table([BTC, pool])
    assert bytes(exchange["symbol"][: exchange["symbol_length"]]) == b"BTCUSDT"
    assert (exchange["maker_fee_ppm"], exchange["taker_fee_ppm"], exchange["underlying"]) == (-50, 400, 0)
    assert exchange["venue"] == Venue.EXCHANGE
    assert (other["venue"], other["underlying"], other["taker_fee_ppm"]) == (Venue.POOL, 0, 3000)
    assert (other["price_decimals"], other["quantity_decimals"]) == (1, 3)
    assert (other["base_decimals"], other["quote_decimals"], other["base_is_token0"]) == (8, 6, 0)
    assert bytes(other["address"]).hex() == POOL["address"][2:]


FAULTS = {
    "'A': tick must be a decimal number above 0 such as '0.10', got '0'": [Instrument(symbol="A", tick="0", lot="1")],
    "'A': lot must be a decimal number above 0 such as '0.10', got 'x'": [Instrument(symbol="A", tick="1", lot="x")],
    "'A': tick must be decimal text such as '0.10', got the float 0.1": [Instrument(symbol="A", tick=0.1, lot="1")],
    "'a': symbols are upper case; did you mean 'A'?": [Instrument(symbol="a", tick="1", lot="1")],
    "'': a symbol is 1 to 24 printable ASCII characters": [Instrument(symbol="", tick="1", lot="1")],
    "'BTCUSDT' is declared 2 times": [BTC, BTC],
    "'P': underlying 'BTCUSDT' is not declared; declared: P": [Instrument(symbol="P", tick="1", lot="1", **POOL)],
    "'P': tick and lot must be those of 'BTCUSDT' (0.10, 0.001)": [BTC, Instrument(symbol="P", tick="1", lot="1", **POOL)],
    "'P': address must be 40 hexadecimal digits, got '0x12'": [BTC, Instrument(symbol="P", **{**POOL, "address": "0x12"})],
    "'A': taker_fee_ppm must lie between -1,000,000 and 1,000,000, got 2,000,000": [
        Instrument(symbol="A", tick="1", lot="1", taker_fee_ppm=2_000_000)
    ],
    "'A': tick 0.0000000000000000001 needs more than 18 decimals or a multiple above 2,147,483,647": [
        Instrument(symbol="A", tick="0.0000000000000000001", lot="1")
    ],
}


@pytest.mark.parametrize("text", FAULTS)
def test_table_says_what_is_wrong(text) -> None:
    with pytest.raises(ConfigurationError) as caught:
        table(FAULTS[text])
    assert str(caught.value) == text


def test_table_reports_every_fault_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        table([Instrument(symbol="a", tick="0", lot="-1"), Instrument(symbol="B", tick="", lot="1")])
    assert len(str(caught.value).splitlines()) == 4


def lines(*events: dict, spaced: bool = False) -> bytes:
    separators = (", ", ": ") if spaced else (",", ":")
    return b"".join(b"%d %s\n" % (n, json.dumps(e, separators=separators).encode()) for n, e in enumerate(events))


def depth(symbol: str, *levels: tuple[str, str]) -> dict:
    return {"e": "depthUpdate", "s": symbol, "U": 1, "u": 2, "b": [list(level) for level in levels], "a": []}


def scales(text: bytes, declared=()) -> list[tuple[str, str, str]]:
    return [(one.symbol, one.tick, one.lot) for one in infer(text, declared)]


@pytest.mark.parametrize("spaced", [False, True])
def test_infer_takes_the_most_decimals_of_each_symbol_without_trailing_zeros(spaced) -> None:
    text = lines(
        {"stream": "x@depth", "data": depth("BTCUSDT", ("58710.20", "0.100"), ("58710.00", "5.000"))},
        depth("SHIBUSDT", ("0.00001834", "100.00")),
        {"e": "trade", "s": "ETHUSDT", "p": "2000.01", "q": "0.5", "t": 1, "m": True},
        {"u": 5, "s": "ETHUSDT", "b": "2000.000", "B": "0.0001", "a": "2000.1", "A": "7"},
        depth("BTCUSDT", ("1", "0.001")),
        spaced=spaced,
    )
    expected = [("BTCUSDT", "0.1", "0.001"), ("SHIBUSDT", "0.00000001", "1"), ("ETHUSDT", "0.01", "0.0001")]
    assert scales(text) == expected
    assert scales(text, [Instrument(symbol="SHIBUSDT")]) == [expected[0], expected[2]]


def test_infer_counts_a_snapshot_without_symbol_for_the_only_one() -> None:
    snapshot = {"lastUpdateId": 1, "bids": [["1.234", "5.67"]], "asks": []}
    one = depth("AUSDT", ("1.2", "5"))
    assert scales(lines(snapshot, one)) == [("AUSDT", "0.001", "0.01")]
    assert scales(lines(snapshot, one, depth("B", ("1", "2")))) == [("AUSDT", "0.1", "1"), ("B", "1", "1")]
    assert scales(lines(snapshot)) == []
    named = {"stream": "busdt@depth5", "data": snapshot}
    assert scales(lines(named)) == [("BUSDT", "0.001", "0.01")]


def test_infer_takes_no_tick_from_one_spoiled_number_among_many() -> None:
    honest = [depth("A", (f"{n}.10", f"{n}.5000")) for n in range(1, 100)]
    spoiled = depth("A", ("61800.123456789012345678", "0.00000001"))
    assert scales(lines(*honest, spoiled)) == [("A", "0.1", "0.1")]
    assert scales(lines(*honest, {**spoiled, "b": [], "a": spoiled["b"]})) == [("A", "0.1", "0.1")]
    assert scales(lines(*honest[1:], spoiled, spoiled)) == [("A", "0.000000000000000001", "0.00000001")]


def test_infer_looks_at_nothing_that_is_not_decoded() -> None:
    others = [
        {"e": "markPriceUpdate", "s": "A", "p": "61794.15123456", "r": "0.00038167"},
        {"stream": "a@markPrice@1s", "data": {"e": "markPriceUpdate", "s": "A", "p": "61794.15123456"}},
        {"e": "24hrTicker", "s": "A", "p": "0.0015", "b": "1.00001", "B": "1", "a": "1.00002", "A": "1", "q": "18.12345678", "u": 1},
        {"stream": "!miniTicker@arr", "data": [{"e": "24hrMiniTicker", "s": "A", "q": "1.23456789"}]},
        {"e": "markPriceUpdate", "s": "B", "p": "1.5"},
        {"s": "C", "p": "1.5"},
    ]
    assert scales(lines(depth("A", ("1.5", "2")), *others)) == [("A", "0.1", "1")]


def test_infer_takes_numbers_without_trailing_zeros_as_they_are() -> None:
    assert scales(lines(*(depth("A", (str(n), f"{n / 100:g}")) for n in range(1, 100)))) == [("A", "1", "0.01")]


def test_infer_skips_what_it_cannot_read() -> None:
    good = lines(depth("A", ("1.5", "2")))
    for bad in (b"", b"\n\n", b"17 {\n", b'17 {"s":"B","p":"1.5\n', b"17\n", b"\xff\xfe\n", b'17 {"s":5,"p":"1.5"}\n',
                b'17 {"e":"trade","s":"A","p":"1.23x","q":"-1.234","b":[[],["1.2.3"],7,["1e-9","2"],[{}]],"a":"x"}\n'):  # fmt: skip
        assert scales(bad + good) == [("A", "0.1", "1")], bad
        assert scales(good + bad.rstrip(b"\n")) == [("A", "0.1", "1")], bad
    assert scales(b"") == []


def test_inverse_contracts_are_told_by_their_symbols():
    names = ["BTCUSD_PERP", "ETHUSD_240927", "BTCUSDT", "BTCUSDT_240927", "USD_PERP", "BTCUSD", "1000SHIBUSDC"]
    found = inverse_symbols(table([Instrument(symbol=name, tick="0.1", lot="1") for name in names]))
    assert found == ["BTCUSD_PERP", "ETHUSD_240927"]
