"""Damaged and oddly dressed capture files through the whole engine: each used up to the damage, or refused in one line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hydraflow.ingress.capture import lines
from tests.reference.bad_captures import (
    Draft,
    simulated,
)
from tests.system.conftest import Hfx
from tests.system.played import CONFIG, STREAMS, Played, play


@pytest.fixture(scope="module")
def honest(hfx: Hfx, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path, Played]:
    """A capture without faults, the folder of its records, and its run."""
    folder = tmp_path_factory.mktemp("honest")
    text = Draft(simulated(6_000, 19)).text()
    played = play(hfx, folder, text)
    assert played.result["frame_errors"] == {} and played.result["fills"] > 20
    return text, folder, played


def _zstd(text: bytes) -> bytes:
    return pytest.importorskip("zstandard").compress(text)


DRESSES: dict[str, Callable[[bytes], bytes]] = {
    "CRLF, BOM, no last line end": lambda text: b"\xef\xbb\xbf" + text[:-1].replace(b"\n", b"\r\n"),
    "gzip of two members and padding": lambda text: gzip.compress(text[:99_999]) + gzip.compress(text[99_999:]) + bytes(512),
    "zstd": _zstd,
}


@pytest.mark.parametrize("dress", DRESSES)
def test_same_lines_in_another_dress_give_the_same_run(hfx, honest, tmp_path, dress):
    text, folder, played = honest
    result = play(hfx, tmp_path, DRESSES[dress](text)).result
    assert result["state_hash"] == played.result["state_hash"]
    assert result["frame_errors"] == {}
    for stream in STREAMS:
        assert (tmp_path / f"{stream}.jsonl").read_bytes() == (folder / f"{stream}.jsonl").read_bytes()


def _cut_in(what: bytes) -> Callable[[bytes], bytes]:
    """A plain capture that ends within the first `what` behind its middle."""
    return lambda text: text[: text.index(what, len(text) // 2) + len(what) // 2]


# what is left of the file, and what is counted besides the last line
DAMAGES: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "truncated gzip": (lambda text: gzip.compress(text)[:-99_999], True),
    "truncated zstd": (lambda text: _zstd(text)[:-99_999], True),
    "cut in a frame": (_cut_in(b'"depthUpdate"'), False),
    "cut in a stamp": (_cut_in(b"1700000000"), False),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_used_up_to_the_damage(hfx, honest, tmp_path, damage):
    text, _, played = honest
    spoil, packed = DAMAGES[damage]
    part = play(hfx, tmp_path, spoil(text))
    errors, firsts, frames = part.result["frame_errors"], part.result["first_frame_errors"], part.result["frames"]
    assert 0.2 * text.count(b"\n") < frames < 0.9 * text.count(b"\n")
    assert errors.pop("truncated_input", 0) == packed and firsts.pop("truncated_input", frames) == frames
    assert list(errors.values()) in ([], [1]) and errors.keys() <= {"truncated", "corrupt", "out_of_range"}, errors
    assert set(firsts.values()) <= {frames}
    whole = [line for line in played.rows if line < frames - len(errors)]
    assert list(part.rows) == whole and all(part.rows[line] == played.rows[line] for line in whole)
    before = {line: orders for line, orders in played.orders.items() if line < frames - len(errors)}
    assert part.orders == before and len(before) > 20


@pytest.mark.parametrize("place", [0.3, 0.6])
def test_gzip_with_a_changed_byte_is_right_up_to_it_and_never_stops_the_run(hfx, honest, tmp_path, place):
    """What follows the byte is garbage, and only the checksum at the very end says so."""
    text, _, played = honest
    packed = bytearray(gzip.compress(text))
    packed[int(len(packed) * place)] ^= 0xFF
    part = play(hfx, tmp_path, bytes(packed))
    begin = next(n for n, (a, b) in enumerate(zip(text.split(b"\n"), lines(tmp_path / "capture"), strict=False)) if a != b)
    assert part.result["frame_errors"]["truncated_input"] == 1
    assert part.result["first_frame_errors"].pop("truncated_input") == part.result["sources"]["capture"]["lines"]
    assert min(part.result["first_frame_errors"].values(), default=begin + 1) > begin
    assert begin > place / 2 * len(played.rows)
    for mine, honest_ones in ((part.rows, played.rows), (part.orders, played.orders)):
        assert {n: row for n, row in mine.items() if n < begin} == {n: row for n, row in honest_ones.items() if n < begin}
    assert all(order["book_status"] == "LIVE" for orders in part.orders.values() for order in orders)


def test_report_names_what_was_bad_and_where_it_began(hfx, honest, tmp_path):
    bad = honest[0].splitlines(keepends=True)
    depth = next(n for n, line in enumerate(bad) if n > 500 and b'"depthUpdate"' in line)
    bad[depth] = bad[depth][:100] + b"\n"
    bad[200] = b"no stamp\n"
    bad[900] = b"1" + bad[900]
    (tmp_path / "capture").write_bytes(b"".join(bad))
    record = f"book={tmp_path / 'book.jsonl'}"  # recording is part of the compiled graph of all these runs
    report = hfx.start("run", CONFIG, "--quiet", "--hiccups", "0", "--stall", "120", "--record", record, HYDRAFLOW_CAPTURE=str(tmp_path / "capture")).stdout
    assert "bad input\n" in report
    for words in ("truncated              1, first at line", "no stamp               2, first at line 201", "lost frames            1, first at line"):
        assert words in report, report
    assert f"first at line {depth + 1:,}\n" in report


USELESS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "holds no line"),
    "blank": (b"\n\r\n\n", "none of its 3 lines is a frame that names a symbol"),
    "gzip of nothing": (gzip.compress(b""), "holds no line"),
    "one line without end": (b"1" * 99, "its only line is no frame that names a symbol"),
    "gzip cut in its head": (gzip.compress(b"1 {}")[:5], "holds no line: the gzip data end before their end mark (truncated)"),
    "prose": (b"It was a dark and stormy night;\nthe rain fell in torrents.\n", "none of its 2 lines is a frame that names a symbol"),
}


@pytest.mark.parametrize("useless", USELESS)
def test_file_without_a_frame_is_one_error_and_leaves_nothing_behind(hfx, tmp_path, useless):
    data, what = USELESS[useless]
    (tmp_path / "capture").write_bytes(data)
    state = tmp_path / "state"
    ran = hfx.start("run", CONFIG, "--quiet", "--json", "--record", f"book={tmp_path / 'book.jsonl'}", code=65,
                    HYDRAFLOW_CAPTURE=str(tmp_path / "capture"), XDG_STATE_HOME=str(state))
    remedy = "give a file of lines '<receive ns> <json>', as hfx record and hfx simulate write them"
    assert ran.stderr == f"hfx: capture '{tmp_path / 'capture'}': {what}; {remedy}\n"
    assert ran.stdout == ""
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["capture"]
    assert not [path for path in state.rglob("*") if path.is_file()]


def test_frame_spoiled_beyond_telling_puts_the_books_of_all_symbols_in_doubt(hfx, tmp_path):
    """Not compiled: a graph of two books would be compiled for this test alone."""
    first = simulated(250, 23)
    both: list[bytes] = []
    for stamp, frame in zip(first.stamps, first.frames, strict=True):
        frame = frame if frame.startswith(b'{"stream"') else b'{"stream":"btcusdt@depth","data":%b}' % frame
        both += [b"%d %b" % (stamp, f) for f in (frame, frame.replace(b"btcusdt", b"ethusdt").replace(b"BTCUSDT", b"ETHUSDT"))]
    bad = next(n for n in range(len(both) // 2, len(both)) if b"depthUpdate" in both[n] and b"BTCUSDT" in both[n])
    both[bad] = both[bad].partition(b" ")[0] + b' {"stream":"e'
    both.insert(bad // 2, both[bad // 2].partition(b" ")[0] + b' {"e":"kline","s":"ETHU')
    bad += 2  # counted from 1
    (tmp_path / "capture").write_bytes(b"\n".join(both))
    streams = ",".join(f"{stream}={tmp_path / stream}.jsonl" for stream in STREAMS)
    result = hfx.run(CONFIG, None, "--record", streams, HYDRAFLOW_CAPTURE=str(tmp_path / "capture"), NUMBA_DISABLE_JIT="1")
    rows = [json.loads(text) for text in (tmp_path / "book.jsonl").read_text().splitlines()]
    assert {row["symbol"] for row in rows if row["line"] > bad} == {"BTCUSDT", "ETHUSDT"}
    wrong = [row for row in rows if (row["status"] == "LIVE") is not (row["line"] < bad or row["symbol"] == "ETHUSDT")]
    assert not wrong, (bad, len(rows), wrong[:6])
    orders = [json.loads(text) for text in (tmp_path / "orders.jsonl").read_text().splitlines()]
    decided = {symbol: [row["line"] for row in orders if row["event"] == "decision" and row["action"] == "NEW" and row["symbol"] == symbol]
               for symbol in ("BTCUSDT", "ETHUSDT")}
    assert 0 < max(decided["BTCUSDT"]) < bad < max(decided["ETHUSDT"])
    assert result["frame_errors"] == {"truncated": 2} and result["first_frame_errors"]["truncated"] == (bad - 2) // 2 + 1
    assert [result["book"][name] for name in ("lost", "stale_transitions", "cleared", "sequence_gaps")] == [1, 2, 1, 0]
