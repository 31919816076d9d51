"""The capture source against a Python splitter: any chunks, any room, bad lines, real captures, pacing."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disruptor.memory import mirrored
from hydraflow.codes import FrameError
from hydraflow.errors import ConfigurationError, InputNotFound
from hydraflow.ingress.base import FINISHED
from hydraflow.ingress.capture.feed import CaptureFeed
from hydraflow.ingress.capture.state import CLOSED, CLOSED_WHOLE, RAW_BYTES_MIN, WRITTEN, CaptureParams
from hydraflow.ingress.capture.step import AHEAD_NS_MAX, STAMP_NS_MAX, capture
from hydraflow.records import FRAME_BYTES_MAX
from tests.reference.source_driver import SourceDriver, capture_driver

_NO_STAMP, _OVERSIZE = int(FrameError.NO_STAMP), int(FrameError.OVERSIZE)


def _expected(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """The naive splitter: (receive_ns, number, error, text) per frame."""
    pieces = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if pieces[-1] == b"":
        pieces.pop()
    frames, last = [], 0
    unit = _unit_of(pieces)
    stamps = [_stamp_of(piece, unit) for piece in pieces]
    known = next((n for n, piece in enumerate(pieces) if _stamp_of(piece, 1)), 0)  # from here on the unit is known
    for number, piece in enumerate(pieces):
        line = piece.removesuffix(b"\r").lstrip(b" \t")
        stamp = re.match(rb"([0-9]+)(?:[ \t]+|\Z)", line)
        if not line:
            continue
        if stamp is None or int(stamp[1]) * (unit if number >= known else 1) > STAMP_NS_MAX:
            frames.append((last, number, _NO_STAMP, line[:256]))
        else:
            own, following = stamps[number], stamps[number + 1] if number + 1 < len(stamps) else None
            if own is not None and own - last > AHEAD_NS_MAX and following is not None and own - following > AHEAD_NS_MAX:
                own = following if last == 0 else last if following - last <= AHEAD_NS_MAX else own
            last = last if own is None else own
            frames.append((last, number, 0, line[stamp.end() :]))
    return frames


def _unit_of(pieces: list[bytes]) -> int:
    """The unit of the stamps: what the first one looks like, if the line after it does not look otherwise."""

    def looks(stamp: int) -> int:
        return next((u for u in (10**9, 10**6, 10**3) if 1_230_000_000 <= stamp * u / 10**9 < 2_210_000_000), 1)

    stamps = [_stamp_of(piece, 1) for piece in pieces]
    first = next((n for n, stamp in enumerate(stamps) if stamp), None)
    if first is None:
        return 1
    following = stamps[first + 1] if first + 1 < len(stamps) else None
    unit = looks(stamps[first])
    return unit if following is None or looks(following) == unit else 1


def _stamp_of(piece: bytes, unit: int) -> int | None:
    stamp = re.match(rb"[ \t]*([0-9]+)[ \t]+[^ \t]", piece.removesuffix(b"\r"))
    return int(stamp[1]) * unit if stamp and int(stamp[1]) * unit <= STAMP_NS_MAX else None


def _run(path, data: bytes, **params) -> tuple[list, dict[str, int], SourceDriver]:
    path.write_bytes(data)
    driver = capture_driver(CaptureParams(path=str(path), **params))
    frames = [(f.receive_ns, f.number, f.error, f.text) for f in driver.frames()]
    counters = {name: int(driver.counters[0][name]) for name in driver.counters.dtype.names}
    assert driver.turn() == FINISHED
    return frames, counters, driver


_LINE = st.one_of(
    st.builds(lambda n, t: b"%d %b" % (n, t), st.integers(0, 1 << 64), st.binary(max_size=300)),
    st.builds(lambda n, t: b"17000000000000000%02d %b" % (n, t), st.integers(0, 99), st.sampled_from([b"{}", b'{"a":1}'])),
    st.builds(lambda n, t: b"%d %b" % (n * (AHEAD_NS_MAX // 2), t), st.integers(0, 9), st.sampled_from([b"{}", b"", b" "])),
    st.builds(lambda n, u: b"%d {}" % ((1_700_000_000_000_000_000 + n) // u), st.integers(0, 10**9), st.sampled_from([10**3, 10**6, 10**9])),
    st.sampled_from([b"", b" ", b"\t", b"\r", b"12", b"12 ", b" 12 {}", b"{}", b"x12 {}", b"12x {}", b"-1 {}", b"1.5 {}",
                     b"4611686018427387903 a", b"4611686018427387904 a", b"9223372036854775808 a", b"\xef\xbb\xbf1 {}", b"{" * 400, b"5\t\t{}\r"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_capture_splits_like_the_oracle_whatever_the_chunks_and_the_room(tmp_path_factory, data):
    text = data.draw(st.sampled_from([b"\n", b"\r\n"])).join(data.draw(st.lists(_LINE, max_size=60)))
    if data.draw(st.booleans()):
        text = b"\xef\xbb\xbf" + text
    path = tmp_path_factory.getbasetemp() / "fuzz"
    path.write_bytes(b"")
    driver = capture_driver(CaptureParams(path=str(path), burst=data.draw(st.integers(1, 9))), slots=8, payload=1 << 14)
    driver.feed.stop()
    cells = driver.feed.arrays["raw_cells"]
    raw = mirrored(1 << 13).array(np.uint8)  # small, so that it wraps
    driver._arrays = [raw, cells]
    sent, got, done, idle = 0, [], 0, 0
    while done != FINISHED:
        free = (1 << 13) - (sent - int(driver.state[0]["position"]))
        count = min(data.draw(st.integers(0, 3000)), free, len(text) - sent)
        raw[sent & 8191 : (sent & 8191) + count] = np.frombuffer(text[sent : sent + count], np.uint8)
        sent += count
        cells[WRITTEN] = sent
        if sent == len(text):
            cells[CLOSED] = CLOSED_WHOLE
        room = data.draw(st.integers(0, 8)) if idle < 20 else 8
        done = driver.turn(room=room, payload_room=data.draw(st.integers(0, 1000)) if idle < 20 else 1 << 14)
        idle = 0 if done else idle + 1
        got += [(f.receive_ns, f.number, f.error, f.text) for f in driver.take()]
    assert got == _expected(text)
    counters = driver.counters[0]
    assert int(counters["bytes"]) == len(text) and int(counters["frames"]) == len(got)
    stamps = [0, *(frame[0] for frame in got)]
    assert int(counters["backwards"]) == sum(b < a for a, b in itertools.pairwise(stamps))
    assert int(counters["no_stamp"]) == sum(frame[2] == _NO_STAMP for frame in got)


def test_capture_counts_bad_lines_with_the_first_of_each(tmp_path):
    text = b"\xef\xbb\xbf100 a\r\n\n  \nno stamp here\n90 b\nnor here\n80 c\n100 d"
    frames, counters, _ = _run(tmp_path / "c", text)
    assert frames == [(100, 0, 0, b"a"), (100, 3, _NO_STAMP, b"no stamp here"), (90, 4, 0, b"b"),
                      (90, 5, _NO_STAMP, b"nor here"), (80, 6, 0, b"c"), (100, 7, 0, b"d")]  # fmt: skip
    assert counters == {
        "frames": 6, "lines": 8, "bytes": len(text), "blank_lines": 2, "carriage_returns": 1, "byte_order_marks": 1,
        "no_stamp": 2, "first_no_stamp": 4, "oversize": 0, "first_oversize": 0, "backwards": 2, "first_backwards": 5, "ahead": 0, "first_ahead": 0,
        "truncated_input": 0, "first_truncated": 0, "starved_ticks": 0, "stamp_unit_ns": 0,
    }  # fmt: skip


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_capture_tells_the_unit_of_its_stamps_by_their_size(tmp_path, unit):
    stamps = [1_700_000_000 + n for n in (0, 1, 2, 9)]
    lines = b"no stamp\n" + b"".join(b"%d x\n" % (stamp * 10**9 // unit) for stamp in stamps)
    frames, counters, _ = _run(tmp_path / "c", lines)
    assert [f[0] for f in frames] == [0, *(stamp * 10**9 for stamp in stamps)]
    assert counters["stamp_unit_ns"] == (unit if unit > 1 else 0)
    assert counters["backwards"] == counters["ahead"] == 0 and counters["no_stamp"] == 1


def test_capture_leaves_nanoseconds_alone_where_one_stamp_lacks_digits(tmp_path):
    stamps = [1_700_000_000, 1_700_000_000_000_000_000, 1_700_000_000_000_000_001]
    frames, counters, _ = _run(tmp_path / "c", b"".join(b"%d x\n" % stamp for stamp in stamps))
    assert [f[0] for f in frames] == stamps and counters["stamp_unit_ns"] == 0


def test_capture_counts_a_stamp_that_its_unit_makes_too_large_as_none(tmp_path):
    frames, counters, _ = _run(tmp_path / "c", b"1700000000 x\n1700000001 y\n1700000000000000000 z\n1700000002 w\n")
    assert frames == [(1_700_000_000 * 10**9, 0, 0, b"x"), (1_700_000_001 * 10**9, 1, 0, b"y"),
                      (1_700_000_001 * 10**9, 2, _NO_STAMP, b"1700000000000000000 z"), (1_700_000_002 * 10**9, 3, 0, b"w")]
    assert (counters["stamp_unit_ns"], counters["first_no_stamp"]) == (10**9, 3)


def test_capture_does_not_believe_a_stamp_far_ahead_that_the_next_line_takes_back(tmp_path):
    hour = AHEAD_NS_MAX
    lines = [9 * hour, 10, 20, 9 * hour, 15, 30, 30 + hour, 31 + 2 * hour, 32 + 2 * hour, 40 + 8 * hour]
    frames, counters, _ = _run(tmp_path / "c", b"".join(b"%d x\n" % stamp for stamp in lines))
    assert [f[0] for f in frames] == [10, 10, 20, 20, 15, 30, *lines[6:]]
    assert (counters["ahead"], counters["first_ahead"], counters["backwards"], counters["first_backwards"]) == (2, 1, 1, 5)


@pytest.mark.parametrize("data", [b"", b"\n\n\r\n", b"\xef\xbb\xbf", gzip.compress(b"")], ids=["empty", "blank lines", "mark", "gzip"])
def test_capture_of_nothing_finishes_at_once(tmp_path, data):
    frames, counters, _ = _run(tmp_path / "c", data)
    assert frames == [] and counters["frames"] == 0


def test_capture_takes_a_line_of_16_mib_and_skips_longer_ones(tmp_path):
    longest = b"x" * FRAME_BYTES_MAX
    text = b"1 a\n2 %b\n3 %by\n4 b\n5 %b\n6 c\n7 %b" % (longest, longest, b"z" * (50 << 20), b"w" * (18 << 20))
    frames, counters, driver = _run(tmp_path / "c", text, buffer_bytes=RAW_BYTES_MIN)
    assert not driver.feed.prefilled
    assert [(f[0], f[1], f[2], len(f[3])) for f in frames] == [
        (1, 0, 0, 1), (2, 1, 0, FRAME_BYTES_MAX), (3, 2, _OVERSIZE, 256), (4, 3, 0, 1), (5, 4, _OVERSIZE, 256),
        (6, 5, 0, 1), (7, 6, _OVERSIZE, 256),
    ]  # fmt: skip
    assert (frames[1][3], frames[4][3]) == (longest, b"z" * 256)
    assert (counters["oversize"], counters["first_oversize"], counters["lines"]) == (3, 3, 7)
    assert counters["bytes"] == len(text)


def test_capture_skips_16_mib_of_blanks_and_of_no_stamp(tmp_path):
    text = b"1 a\n%b\nnope%b\n2 b\n" % (b" " * (17 << 20), b"q" * (17 << 20))
    frames, counters, _ = _run(tmp_path / "c", text)
    assert [(f[1], f[2], len(f[3])) for f in frames] == [(0, 0, 1), (1, _NO_STAMP, 0), (2, _NO_STAMP, 256), (3, 0, 1)]
    assert counters["lines"] == 4


def test_capture_larger_than_its_buffer_streams_through(tmp_path):
    lines = [b"%d %b" % (i, b"%d" % i * (1 + i % 700)) for i in range(60_000)]
    text = b"\n".join(lines) + b"\n"
    assert len(text) > 2 * RAW_BYTES_MIN
    frames, counters, driver = _run(tmp_path / "c", gzip.compress(text, 1), buffer_bytes=RAW_BYTES_MIN)
    assert not driver.feed.prefilled and counters["bytes"] == len(text)
    assert [b"%d %b" % (f[0], f[3]) for f in frames] == lines


def test_capture_uses_everything_before_the_damage_of_a_truncated_gzip(tmp_path):
    text = b"".join(b"%d %b\n" % (i, hashlib.sha256(b"%d" % i).hexdigest().encode()) for i in range(5_000))
    packed = gzip.compress(text)
    frames, counters, driver = _run(tmp_path / "c", packed[: len(packed) * 2 // 3])
    assert driver.feed.damage == "the gzip data end before their end mark (truncated)"
    got = b"".join(b"%d %b\n" % (f[0], f[3]) for f in frames)
    assert text.startswith(got[:-1]) and len(got) > len(text) // 2
    assert counters["truncated_input"] == 1 and counters["first_truncated"] == len(frames)
    assert driver.turn() == FINISHED and int(driver.counters[0]["truncated_input"]) == 1


def test_capture_counts_the_ticks_for_which_it_starved(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b"")
    driver = capture_driver(CaptureParams(path=str(path)))
    driver.feed.stop()
    raw, cells = driver.feed.arrays.values()
    assert [driver.turn(now=now) for now in (100, 170)] == [0, 0]
    raw[:8] = np.frombuffer(b"1 a\n2 b\n", np.uint8)
    cells[WRITTEN] = 6
    assert driver.turn(now=250) == 1 and int(driver.counters[0]["starved_ticks"]) == 150
    cells[WRITTEN] = 8
    cells[CLOSED] = CLOSED_WHOLE
    assert driver.turn(now=300) == 1
    assert int(driver.counters[0]["starved_ticks"]) == 200 and driver.turn(now=900) == FINISHED


def test_capture_publishes_at_recorded_time_times_speed(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b"1000000000 a\n1000000500 b\nbad\n1000004000 c\n1000003000 d\n1000009000 e\n")
    driver = capture_driver(CaptureParams(path=str(path), speed=0.5), ticks_per_second=1e9)
    driver.feed.start()
    seen, now = [], 70
    while driver.turn(now=now) != FINISHED:
        seen += [(frame.text, frame.stamp, now) for frame in driver.take()]
        now += 100
    assert [s[:2] for s in seen] == [(b"a", 70), (b"b", 1070), (b"bad", 1070), (b"c", 8070), (b"d", 8070), (b"e", 18070)]
    assert all(stamp <= now < stamp + 100 for _, stamp, now in seen)


def test_capture_publishes_at_a_fixed_rate(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b"5 a\n5 b\n5 c\n")
    driver = capture_driver(CaptureParams(path=str(path), rate=1e6), ticks_per_second=3e9)
    driver.feed.start()
    stamps = []
    for now in range(10, 7_000, 1_000):
        driver.turn(now=now)
        stamps += [(frame.stamp, now) for frame in driver.take()]
    assert stamps == [(10, 10), (3010, 3010), (6010, 6010)]


@pytest.mark.parametrize(("name", "what"), [("missing", "no such file"), (".", "is a directory")])
def test_capture_that_cannot_be_read_is_an_error_while_the_graph_is_built(tmp_path, name, what):
    with pytest.raises(InputNotFound, match=what) as error:
        capture.open(CaptureParams(path=str(tmp_path / name)))
    assert error.value.exit_code == 66


def test_capture_refuses_speed_with_rate(tmp_path):
    (tmp_path / "c").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="exclude each other"):
        capture_driver(CaptureParams(path=str(tmp_path / "c"), speed=1, rate=1))


def test_feed_stops_without_start_twice_and_in_the_middle(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b"1 a\n" * (20 << 20))
    params = CaptureParams(path=str(path), buffer_bytes=RAW_BYTES_MIN)
    for started in (False, True):
        feed = CaptureFeed(params)
        if started:
            feed.start()
            assert not feed.prefilled
        feed.stop()
        feed.stop()


def test_capture_without_jit_equals_the_oracle(tmp_path):
    text = b"\xef\xbb\xbf1 a\r\n\nbad\n3 {}\n2 x\n" + b"".join(b"17000000000000000%02d {\"n\":%d}\n" % (i, i) for i in range(60))
    path = tmp_path / "c"
    path.write_bytes(gzip.compress(text))
    command = [sys.executable, "-W", "error", "-m", "tests.reference.source_driver", str(path)]
    out = subprocess.run(command, env=dict(os.environ, NUMBA_DISABLE_JIT="1"), capture_output=True, text=True, check=True)
    expected = _expected(text)
    digest = hashlib.sha256(b"".join(b"%d %b\n" % (f[0], f[3]) for f in expected)).hexdigest()
    assert out.stdout.strip() == f"{len(expected)} (0, {len(expected) - 1}) ({_NO_STAMP}, 1) {digest}"


@pytest.mark.parametrize(("name", "lines"), [("usdm_btcusdt_20240808.gz", 93_954), ("spot_ethusdt_20240808.gz", 33_618)])
def test_capture_reads_every_line_of_a_real_capture(captures, name, lines):
    path = captures / "binance" / name
    driver = capture_driver(CaptureParams(path=str(path)))
    digest = hashlib.sha256()
    count = 0
    for frame in driver.frames():
        digest.update(b"%d %b\n" % (frame.receive_ns, frame.text))
        assert frame.number == count and frame.error == 0
        count += 1
    with gzip.open(path) as file:
        assert digest.hexdigest() == hashlib.file_digest(file, "sha256").hexdigest()
    counters = driver.counters[0]
    assert count == lines == int(counters["lines"]) and driver.feed.prefilled
    assert int(counters["starved_ticks"]) == int(counters["no_stamp"]) == int(counters["truncated_input"]) == 0
