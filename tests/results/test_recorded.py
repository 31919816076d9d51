"""The two forms of `--record` hold the same rows; what is cut off, foreign or damaged is said."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hydraflow.errors import DataError
from hydraflow.results.recorded import RECORDED, read_lines, read_npy, scales_of_lines, stream_of
from hydraflow.results.scales import Scales
from hydraflow.rows import ORDER_ROW, REPORT_ROW
from hydraflow.runtime.npy_file import NpyFile
from tests.reference.recorded_run import INSTRUMENTS, RecordedRun

STREAMS = tuple(RECORDED)
SCALES = Scales.of_records(INSTRUMENTS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run recorded in both forms: {stream: path} of each."""
    folder, run = tmp_path_factory.mktemp("recorded"), RecordedRun()
    paths = {ending: {s: folder / f"{s}{ending}" for s in STREAMS} for ending in (".jsonl", ".npy")}
    for ending in paths:
        run.record({s: str(p) for s, p in paths[ending].items()}).close()
    return run, paths[".jsonl"], paths[".npy"]


@pytest.mark.parametrize("stream", STREAMS)
def test_both_forms_hold_the_same_rows(made, stream):
    _, lines, npy = made
    rows, problem = read_lines(lines[stream], RECORDED[stream], SCALES)
    mapped = read_npy(npy[stream])
    assert problem == "" and len(rows) > 10
    assert isinstance(mapped, np.memmap) and (np.load(npy[stream]) == mapped).all()
    for field in rows.dtype.names:
        if (stream, field) != ("fills", "reason"):  # lines do not say it
            assert (rows[field] == mapped[field]).all(), field


def test_the_rows_are_those_of_the_lane_and_of_the_reports(made):
    run, _, npy = made
    orders = read_npy(npy["orders"])
    expected = [(s, int(run.orders[s, k]["order_id"])) for s, m in enumerate(run.messages) for k in range(int(m["order_count"]))]
    assert list(zip(orders["sequence"].tolist(), orders["order_id"].tolist())) == expected
    fills = read_npy(npy["fills"])
    executed = [(s, int(r["fee_units"])) for s, r in run.reports if r["status"] in (2, 3) and r["quantity_lots"]]
    assert list(zip(fills["sequence"].tolist(), fills["fee_units"].tolist())) == executed
    assert len(executed) < len(run.reports)


def test_a_stream_is_known_by_what_it_holds(made, tmp_path):
    _, lines, npy = made
    for stream in STREAMS:
        assert stream_of(lines[stream]) == stream_of(npy[stream]) == stream
    other = tmp_path / "other.jsonl"
    other.write_text('{"a": 1}\n')
    np.save(tmp_path / "numbers.npy", np.zeros(3, [("x", "i8")]))
    (tmp_path / "orders.jsonl").touch()
    (tmp_path / "notes.txt").touch()
    assert [stream_of(tmp_path / name) for name in ("other.jsonl", "numbers.npy", "orders.jsonl", "notes.txt")] == ["", "", "orders", ""]


def test_ticks_that_nothing_declares_are_the_decimals_that_were_written(made):
    _, lines, _ = made
    found = {s.symbol: (str(s.tick), str(s.lot)) for s in scales_of_lines(lines)}
    assert found == {"BTCUSDT": ("0.1", "0.001"), "ETHUSDT": ("0.01", "0.00001")}  # 0.25 has two decimals


def test_a_line_that_was_cut_off_is_left_out_and_said(made, tmp_path):
    _, lines, _ = made
    content = lines["fills"].read_bytes()
    (tmp_path / "fills.jsonl").write_bytes(content[:-20])
    count = content.count(b"\n")
    rows, problem = read_lines(tmp_path / "fills.jsonl", "fills", SCALES)
    assert len(rows) == count - 1
    assert problem == f"fills.jsonl ends in the middle of line {count}; {count - 1} whole lines are there"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda rows: [rows[0], b"{", *rows[1:]], "line 2 is not JSON"),
        (lambda rows: [rows[0].replace(b'"sequence"', b'"sequel"'), *rows[1:]], None),
        (lambda rows: [rows[0].replace(b"USDT", b"XXXX"), *rows[1:]], "line 1 is none of a recorded run: KeyError"),
    ],
)
def test_a_damaged_line_is_named(made, tmp_path, change, what):
    _, lines, _ = made
    path = tmp_path / "fills.jsonl"
    path.write_bytes(b"\n".join(change(lines["fills"].read_bytes().splitlines())) + b"\n")
    if what is None:
        assert read_lines(path, "fills", SCALES)[0]["sequence"][0] == 0  # an unknown key is one of a later version
        return
    with pytest.raises(DataError, match=what) as caught:
        read_lines(path, "fills", SCALES)
    assert str(caught.value).startswith(f"HF654: {path}: ") and caught.value.exit_code == 65


def test_rows_are_made_in_parts(made, monkeypatch):
    from hydraflow.results import recorded

    whole, _ = read_lines(made[1]["book"], "books", SCALES)
    monkeypatch.setattr(recorded, "_PART", 7)
    parts, _ = read_lines(made[1]["book"], "books", SCALES)
    assert len(whole) > 14 and (parts == whole).all()


def test_a_price_that_is_no_multiple_of_the_tick_is_damage(made, tmp_path):
    path = tmp_path / "fills.jsonl"
    path.write_bytes(re.sub(rb'"price":"[\d.]+"', b'"price":"1.0313"', made[1]["fills"].read_bytes(), count=1))
    with pytest.raises(DataError, match="is no multiple of"):
        read_lines(path, "fills", SCALES)


def test_a_file_that_was_never_finished_has_its_whole_rows(tmp_path):
    with open(tmp_path / "orders.npy", "wb") as file:
        written = NpyFile(file, ORDER_ROW)
        written.append(np.zeros(5, ORDER_ROW))
        file.write(b"half a row")
    assert len(read_npy(tmp_path / "orders.npy")) == 0
    assert len(read_npy(tmp_path / "orders.npy", unfinished=True)) == 5


@pytest.mark.parametrize("count", [0, 1, 9, 10_000])
def test_the_header_keeps_its_length_whatever_the_count(tmp_path, count):
    with open(tmp_path / "x.npy", "wb") as file:
        written = NpyFile(file, REPORT_ROW)
        written.append(np.ones(count, REPORT_ROW))
        written.finish()
    assert np.load(tmp_path / "x.npy").shape == (count,) == read_npy(tmp_path / "x.npy").shape


def test_an_npy_file_that_was_cut_off_is_refused(made, tmp_path):
    path = tmp_path / "orders.npy"
    path.write_bytes(made[2]["orders"].read_bytes()[:-1])
    with pytest.raises(DataError, match=r"HF654: .*it ends after \d+ of \d+ rows"):
        read_npy(path)
    path.write_bytes(b"\x93NUMPY\x01")
    with pytest.raises(DataError, match="HF654"):
        read_npy(path)
