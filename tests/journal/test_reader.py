"""Reading a journal back: what load returns is what the handler saw; re-sealed journals verify."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.codes import Kind
from hydraflow.errors import DataError, InputNotFound
from hydraflow.journal import JournalReader, encode_header, load, verify
from hydraflow.records import INPUT_BYTES, INSTRUMENT, MESSAGE, REPORT
from tests.reference.journal_driver import write_journal
from tests.reference.log_driver import write_log
from tests.reference.reseal import change_quantity

INPUT = [n for n in MESSAGE.names if MESSAGE.fields[n][1] < INPUT_BYTES and n != "payload_position"]
WORK = [n for n in MESSAGE.names if MESSAGE.fields[n][1] >= INPUT_BYTES]


def assert_same(messages: np.ndarray, units: np.ndarray, loaded, count: int) -> None:
    assert len(loaded.messages) == count
    for name in INPUT:
        assert (loaded.messages[name] == messages[name][:count]).all(), name
    for name in WORK:
        assert not loaded.messages[name].any(), name
    capacity = len(units) // 2
    next_unit = 0
    for before, after in zip(messages[:count], loaded.messages, strict=True):
        size, start = int(before["payload_count"]), int(before["payload_position"]) % capacity
        assert after["payload_position"] == next_unit
        assert (loaded.units[next_unit : next_unit + size] == units[start : start + size]).all()
        next_unit += size
    assert len(loaded.units) == next_unit


@given(count=st.integers(0, 150), seed=st.integers(0, 1000), levels=st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_load_gives_back_what_the_handler_saw(count: int, seed: int, levels: int) -> None:
    with tempfile.TemporaryDirectory() as parent:
        messages, units, status = write_journal(Path(parent) / "j", count, seed=seed, levels=levels)
        reader = JournalReader(Path(parent) / "j")
        assert reader.verdict.verified and len(reader) == count == status.records
        assert_same(messages, units, reader.load(), count)


def test_load_spans_segments_and_stops_at_until(tmp_path: Path) -> None:
    messages, units, status = write_journal(tmp_path / "j", 6000, levels=60)
    assert status.segments > 1
    assert_same(messages, units, load(tmp_path / "j"), 6000)
    assert_same(messages, units, load(tmp_path / "j", until=5001), 5001)
    assert_same(messages, units, load(tmp_path / "j", until=99_999), 6000)
    assert len(load(tmp_path / "j", until=0).messages) == 0


def test_iteration_describes_messages(tmp_path: Path) -> None:
    messages, units, _ = write_journal(tmp_path / "j", 200)
    rows = list(JournalReader(tmp_path / "j"))
    assert [r["sequence"] for r in rows] == list(range(200))
    capacity = len(units) // 2
    kinds = set()
    for row, message in zip(rows, messages, strict=True):
        kinds.add(row["kind"])
        assert row["kind"] == Kind(int(message["kind"])).name
        assert all(row[n] == message[n] for n in INPUT if n != "kind")
        start, size = int(message["payload_position"]) % capacity, int(message["payload_count"])
        if row["kind"] == "REPORT" and size == 4:
            report = units[start : start + 4].view(np.int64).view(REPORT)[0]
            assert row["report"]["leaves_lots"] == report["leaves_lots"] and "pad" not in row["report"]
        else:
            assert row["levels"] == [[int(p), int(q)] for p, q in units[start : start + size]]
    assert len(kinds) == 8 and json.loads(json.dumps(rows)) == rows


def test_reader_returns_the_valid_beginning_of_a_torn_journal(tmp_path: Path) -> None:
    messages, units, _ = write_journal(tmp_path / "j", 300)
    path = tmp_path / "j" / "000000.hfj"
    path.write_bytes(path.read_bytes()[:-1000])
    reader = JournalReader(tmp_path / "j")
    assert not reader.verdict.verified and 250 < len(reader) < 300
    assert_same(messages, units, reader.load(), len(reader))


def test_resealed_journal_verifies_and_differs_in_one_quantity(tmp_path: Path) -> None:
    write_journal(tmp_path / "j", 6000, levels=60, seed=3)
    before = load(tmp_path / "j")
    sequence = int(np.flatnonzero(before.messages["payload_count"] > 0)[50])
    change_quantity(tmp_path / "j", tmp_path / "copy", sequence, 5)
    reader = JournalReader(tmp_path / "copy")
    after = reader.load()
    assert reader.verdict.verified and reader.verdict.records == 6000
    assert (after.messages == before.messages).all()
    changed = np.flatnonzero(after.units != before.units)
    assert changed.tolist() == [before.messages[sequence]["payload_position"]]
    assert after.units[changed[0]]["quantity_lots"] - before.units[changed[0]]["quantity_lots"] == 5


def test_reader_refuses_a_log_that_holds_no_messages(tmp_path: Path) -> None:
    write_log(tmp_path / "log", [bytes(80)], text=b"{}")
    with pytest.raises(DataError, match="record 0 is no message: its size does not fit its payload") as caught:
        JournalReader(tmp_path / "log")
    assert caught.value.exit_code == 65


def test_reader_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match="No such file or directory"):
        verify(tmp_path / "none")
    with pytest.raises(InputNotFound, match="no segment files"):
        verify(tmp_path)
    (tmp_path / "000000.hfj").write_bytes(b"x" * 5000)
    with pytest.raises(DataError, match="not a segment of a log"):
        verify(tmp_path)


def test_reader_hands_out_the_header(tmp_path: Path) -> None:
    instruments = np.zeros(2, INSTRUMENT)
    instruments["tick"] = 0.1
    text = encode_header(topology="name: x\n", handlers={}, instruments=instruments)
    write_journal(tmp_path / "j", 3, text=text)
    reader = JournalReader(tmp_path / "j")
    assert reader.header["topology"] == "name: x\n"
    assert reader.instruments.tobytes() == instruments.tobytes()
