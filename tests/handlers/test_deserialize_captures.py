"""deserialize against orjson and Decimal over the real captures, level by level."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from hydraflow.codes import Kind
from hydraflow.instruments import Instrument, infer, table
from tests.reference.decode_oracle import Message, decode
from tests.reference.drive_frames import Driver, decode_frames, frames_of_lines, read_capture

USDM = ("usdm_btcusdt_20240808.gz", 93_954, 443_521, {Kind.SNAPSHOT: 1, Kind.DEPTH: 6_551, Kind.TICKER: 66_089,
                                                      Kind.TRADE: 21_313})  # fmt: skip
SPOT = ("spot_ethusdt_20240808.gz", 33_618, 106_814, {Kind.SNAPSHOT: 1, Kind.DEPTH: 3_434, Kind.TICKER: 24_077,
                                                      Kind.TRADE: 6_106})  # fmt: skip


def published(driver: Driver) -> list[Message]:
    """Return what was published in the oracle's form."""
    levels = driver.levels.tolist()
    fields = ("kind", "symbol", "venue_ns", "first_update", "last_update", "previous_update", "flags", "bid_count")
    columns = [driver.messages[field].tolist() for field in fields]
    starts = driver.messages["payload_position"].tolist()
    counts = driver.messages["payload_count"].tolist()
    return [
        Message(*row, tuple(levels[start : start + count]))
        for row, start, count in zip(zip(*columns, strict=True), starts, counts, strict=True)
    ]


@pytest.mark.parametrize("name, lines, changes, kinds", [USDM, SPOT], ids=["usdm", "spot"])
def test_deserialize_equals_the_oracle_on_every_frame_of_a_capture(captures, name, lines, changes, kinds) -> None:
    text = read_capture(captures / "binance" / name)
    instruments = infer(text)
    driver = Driver.make(frames_of_lines(text), text, table(instruments), levels=len(text) // 16).run()
    assert driver.errors == {}
    messages = published(driver)
    assert len(messages) == lines
    assert Counter(message.kind for message in messages) == kinds
    assert sum(len(message.levels) for message in messages if message.kind == Kind.DEPTH) == changes
    frames = [line.partition(b" ")[2] for line in text.splitlines()]
    different = [n for n, frame in enumerate(frames) if decode(frame, instruments) != messages[n]]
    assert different == []
    assert driver.messages["number"].tolist() == list(range(lines))
    assert driver.messages["receive_ns"].tolist() == [int(line.partition(b" ")[0]) for line in text.splitlines()]
    assert driver.counters[0]["exact"] == 0
    spaced = text.replace(b":", b": ")
    exact = Driver.make(frames_of_lines(spaced), spaced, table(instruments), levels=len(text) // 16).run()
    assert exact.counters[0]["exact"] == lines
    assert exact.messages.tobytes() == driver.messages.tobytes()
    assert exact.levels.tobytes() == driver.levels.tobytes()


@pytest.mark.parametrize("name", [USDM[0], SPOT[0]], ids=["usdm", "spot"])
def test_infer_finds_the_scale_of_each_capture_in_well_under_a_second(captures, name) -> None:
    found = infer(read_capture(captures / "binance" / name))
    expected = {USDM[0]: ("BTCUSDT", "0.1", "0.001"), SPOT[0]: ("ETHUSDT", "0.01", "0.00001")}[name]
    assert [(one.symbol, one.tick, one.lot) for one in found] == [expected]


_UNJITTED = """
import sys
from hydraflow.instruments import Instrument, table
from tests.handlers.test_deserialize_captures import sample_digest
print(sample_digest(sys.stdin.buffer.read()))
"""


def sample_digest(text: bytes) -> str:
    """Return a hash over everything that the frames of `text` decode to."""
    import hashlib

    driver = decode_frames(text.splitlines(), table([Instrument(symbol="BTCUSDT", tick="0.10", lot="0.001")]))
    digest = hashlib.sha256(driver.messages.tobytes())
    digest.update(driver.levels.tobytes())
    digest.update(driver.counters.tobytes())
    return digest.hexdigest()


def test_deserialize_gives_the_same_bytes_when_it_is_not_compiled(captures) -> None:
    lines = read_capture(captures / "binance" / USDM[0]).splitlines()
    frames = [line.partition(b" ")[2] for line in lines]
    sample = [frame for frame in frames[:400] if len(frame) < 4_000]
    sample += [frame.replace(b":", b" : ") for frame in sample[:40]]
    sample += [frame[: 7 * k] for k, frame in enumerate(sample[:40])] + [frame.replace(b"0", b"x", 9) for frame in sample[:40]]
    text = b"\n".join(frame for frame in sample if frame)
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run(
        [sys.executable, "-W", "error", "-c", _UNJITTED], input=text, env=environment, capture_output=True, check=False
    )
    assert plain.stderr == b""
    assert plain.stdout.decode().strip() == sample_digest(text)
