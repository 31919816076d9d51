"""The journal's header: everything in it comes back, and changed handlers are named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from handlers.journal import on_event
from hydraflow.errors import DataError
from hydraflow.journal import (
    SCHEMA,
    changed_handlers,
    decode_header,
    encode_header,
    instruments_from_json,
    instruments_to_json,
    source_hash,
)
from hydraflow.records import INSTRUMENT


def table() -> np.ndarray:
    instruments = np.zeros(2, INSTRUMENT)
    for k, record in enumerate(instruments):
        record["price_multiple"], record["quantity_multiple"] = 25, 1
        record["tick"], record["lot"] = 0.1 + k / 3, 1e-8
        record["maker_fee_ppm"], record["underlying"] = -50, k
        record["symbol"][:7] = np.frombuffer(b"BTCUSDT", np.uint8)
        record["symbol_length"] = 7
    instruments[1]["address"][:] = np.frombuffer(bytes(range(236, 256)), np.uint8)
    return instruments


def test_header_comes_back() -> None:
    handlers = {"book": {"use": "book", "source": "ab", "parameters": {"window": np.int64(64)}}}
    text = encode_header(topology="a: ü\n", handlers=handlers, instruments=table(), rings={"main": 4096}, seed=np.float64(0.5))
    content = decode_header(text)
    assert content["schema"] == SCHEMA and content["topology"] == "a: ü\n" and content["rings"] == {"main": 4096}
    assert content["handlers"]["book"]["parameters"] == {"window": 64} and content["seed"] == 0.5
    assert instruments_from_json(content["instruments"]).tobytes() == table().tobytes()


def test_header_is_the_same_for_the_same_content() -> None:
    one = encode_header(topology="", handlers={"a": {}, "b": {}}, instruments=table())
    assert one == encode_header(topology="", handlers={"b": {}, "a": {}}, instruments=table())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff", "the journal's header is not JSON"),
        (b"[]", "the journal's header has schema None; this program reads 'hfx.journal/1'"),
        (b'{"schema": "hfx.journal/9"}', "the journal's header has schema 'hfx.journal/9'"),
    ],
)
def test_decode_refuses_what_is_no_header(text: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        decode_header(text)


def test_instruments_refuse_unknown_fields() -> None:
    rows = json.loads(json.dumps(instruments_to_json(table())))
    rows[0]["colour"] = 1
    with pytest.raises(DataError, match="'colour'"):
        instruments_from_json(rows)


def test_changed_handlers_are_named() -> None:
    header = {"handlers": {"journal": {"source": source_hash(on_event)}, "book": {"source": "old"}}}
    assert changed_handlers(header, {"journal": source_hash(on_event), "book": "new", "added": "x"}) == ["book"]
    assert len(source_hash(on_event)) == 64 and source_hash(len) == ""
