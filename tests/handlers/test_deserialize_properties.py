"""deserialize on what nobody planned: any order of keys, whitespace and escapes; cut and damaged bytes; any decimal."""

from __future__ import annotations

import random
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.deserialize.amm import SYNC_TOPIC
from hydraflow.codes import FrameError, Kind
from hydraflow.instruments import table
from tests.handlers.test_deserialize_captures import published
from tests.handlers.test_deserialize_frames import DECLARED, EVERY, POOL, sync, wrapped
from tests.reference.decode_oracle import Message, decode
from tests.reference.drive_frames import Driver, decode_frames

INSTRUMENTS = table(DECLARED)
FENCES = [b"7" * 64, b'"],["1.5","2.5"]]}}' * 4, b"\x00" * 64]  # what lies around a frame must not matter


def results(frames: list[bytes], **options) -> tuple[list[Message | FrameError], Driver]:
    """Return per frame what was decoded, or its error; LOST messages are left out."""
    driver = decode_frames(frames, INSTRUMENTS, **options)
    messages = dict(zip(driver.messages["number"].tolist(), published(driver), strict=True))
    found: list[Message | FrameError] = []
    for n in range(len(frames)):
        message = messages.get(n)
        found.append(message if message is not None and message.kind != Kind.LOST else FrameError.NONE)
    return found, driver


def same_or_error(frames: list[bytes], oracle: Callable = decode) -> None:
    """Assert that every frame decodes to what the oracle says, and to an error where the oracle has one."""
    found, driver = results(frames)
    failed = 0
    for frame, result in zip(frames, found, strict=True):
        expected = oracle(frame, DECLARED)
        if isinstance(expected, Message):
            assert result == expected, frame
        else:
            assert result == FrameError.NONE, (frame, expected)
            failed += 1
    assert sum(driver.errors.values()) == failed


@pytest.mark.parametrize("frame", [*EVERY, wrapped(b"btcusdt@depth@0ms", EVERY[0]), sync(10**20, 10**12)])
def test_deserialize_calls_every_prefix_truncated_and_reads_nothing_behind_it(frame) -> None:
    prefixes = [frame[:n] for n in range(len(frame))]
    outcomes = []
    for fence in FENCES:
        driver = decode_frames(prefixes, INSTRUMENTS, fence=fence)
        assert driver.errors == {FrameError.TRUNCATED: len(prefixes)}
        assert set(driver.messages["kind"].tolist()) <= {Kind.LOST}
        assert len(driver.levels) == 0
        outcomes.append(driver.messages.tobytes())
    assert len(set(outcomes)) == 1


@pytest.mark.parametrize("frame", [*EVERY, wrapped(b"ethusdt@depth@100ms", EVERY[1]), wrapped(b"btcusdt@depth20", EVERY[0])])
def test_deserialize_equals_the_oracle_or_fails_when_a_byte_is_damaged(frame) -> None:
    dice = random.Random(frame)
    damaged = []
    for index in range(len(frame)):
        for byte in (frame[index] ^ (1 << dice.randrange(8)), dice.choice(b'"\\{}[]:,.0e-\n\xff'), dice.randrange(256)):
            damaged.append(frame[:index] + bytes([byte]) + frame[index + 1 :])
        damaged.append(frame[:index] + frame[index + 1 :])
        damaged.append(frame[:index] + frame[index : index + 1] + frame[index:])
    same_or_error(damaged)


def test_deserialize_never_takes_damaged_reserves_for_others() -> None:
    frame = sync(12_345 * 10**18, 24_690_123_456_789)
    damaged = [frame[:n] + bytes([b ^ (1 << k)]) + frame[n + 1 :] for n, b in enumerate(frame) for k in range(8)]
    found, _ = results(damaged)
    for text, result in zip(damaged, found, strict=True):
        expected = _reserves(text)
        assert (result.levels[0] if isinstance(result, Message) else None) in (expected, None)
        assert isinstance(result, Message) == (expected is not None)


def _reserves(text: bytes) -> tuple[int, int] | None:
    try:
        value = orjson.loads(text)
        log = value["params"]["result"]
        data, block, index = log["data"], log["blockNumber"], log["logIndex"]
        if value["method"] != "eth_subscription" or log.get("removed") is True or "e" in value or not isinstance(log, dict):
            return None
        if log["address"][:2] != "0x" or bytes.fromhex(log["address"][2:]) != bytes.fromhex(POOL.address[2:]):
            return None
        if log["topics"][0].lower() != "0x" + SYNC_TOPIC or log["topics"][0][:2] != "0x" or len(data) != 130:
            return None
        words = bytes.fromhex(data[2:] if data[:2] == "0x" else "-")
        if len(words) != 64 or any(t[:2] != "0x" or int(t[2:].replace("_", "?"), 16) < 0 for t in (block, index)):
            return None
    except (KeyError, TypeError, ValueError, AttributeError, orjson.JSONDecodeError):
        return None
    reserves = [int.from_bytes(words[:32], "big"), int.from_bytes(words[32:], "big")]
    base, quote = reserves[0] // 10**14, reserves[1]
    return (base, quote) if max(reserves) < 1 << 112 and max(base, quote) < 1 << 62 else None


SPACE = st.text(" \t\r\n", max_size=2)
_ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=5), st.sampled_from(["1e5", "0.50", "-1"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=4,
)


def dump(draw: Callable, value: object) -> str:
    """Write JSON with members in any order, whitespace anywhere, and characters escaped at will."""
    space = draw(SPACE)
    if isinstance(value, dict):
        members = draw(st.permutations(list(value.items())))
        inner = (",").join(f"{space}{text(draw, k)}{space}:{dump(draw, v)}" for k, v in members)
        return f"{space}{{{inner}{space}}}{space}"
    if isinstance(value, list):
        return f"{space}[{','.join(dump(draw, item) for item in value)}{space}]{space}"
    return space + (text(draw, value) if isinstance(value, str) else orjson.dumps(value).decode()) + space


def text(draw: Callable, value: str) -> str:
    if not draw(st.booleans()) or not draw(st.booleans()):
        return orjson.dumps(value).decode()
    place = draw(st.integers(0, len(value)))
    escaped = "".join(f"\\u{ord(c):04X}" if ord(c) < 0x10000 else c for c in value[place : place + 1])
    return '"' + orjson.dumps(value[:place]).decode()[1:-1] + escaped + orjson.dumps(value[place + 1 :]).decode()[1:-1] + '"'


@st.composite
def rewritten(draw) -> bytes:
    value = orjson.loads(draw(st.sampled_from(EVERY)))
    for key in draw(st.lists(st.text(max_size=3), max_size=2)):
        value.setdefault(key, draw(_ODD))
    if draw(st.integers(0, 3)) == 0 and value:
        key = draw(st.sampled_from(sorted(value)))
        if draw(st.booleans()):
            del value[key]
        else:
            value[key] = draw(_ODD)
    wrapping = draw(st.sampled_from(["", "stream", "data", "result"]))
    if wrapping == "stream":
        value = {"stream": draw(st.sampled_from(["btcusdt@depth5", "ethusdt@depth@100ms", "x@trade"])), "data": value}
    elif wrapping:
        value = {wrapping: value, "code": 0}
    return dump(draw, value).encode("utf-8", "surrogatepass")


@settings(max_examples=300, deadline=None)
@given(st.lists(rewritten(), min_size=1, max_size=8))
def test_deserialize_equals_the_oracle_in_any_spelling(frames) -> None:
    same_or_error(frames)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(
    st.from_regex(r"[0-9]{0,12}(\.[0-9]{0,12})?", fullmatch=True),
    st.from_regex(r"(0|[1-9][0-9]{0,21})(\.[0-9]{1,3}0{0,20})?", fullmatch=True),
    st.text("0123456789.-+eE", max_size=8),
), min_size=1, max_size=20))  # fmt: skip
def test_deserialize_equals_the_oracle_for_any_decimal(numbers) -> None:
    frames = []
    for number in numbers:
        frames.append(EVERY[0].replace(b"100.30", number.encode()))
        frames.append(EVERY[1].replace(b"2.50000000", number.encode()))
        frames.append(EVERY[3].replace(b"31.210", number.encode()))
    same_or_error(frames)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=80), min_size=1, max_size=10))
def test_deserialize_survives_any_bytes(frames) -> None:
    same_or_error(frames)
