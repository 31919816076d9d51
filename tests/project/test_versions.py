"""What docs/versions.md promises: nothing that was frozen is gone, and files of version 1, made here byte by byte from the documents
without any code of the library, read as they must; those of other versions are refused by name."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest

import hydraflow
from disruptor.counters import CounterReader
from disruptor.errors import CounterFileError
from hydraflow.errors import DataError
from hydraflow.journal import JournalReader
from hydraflow.topology import examine
from tests.reference.log_driver import crc32c
from tools.promises import FROZEN, broken, collect

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = (ROOT / "docs/versions.md").read_text()
HEADER = {"schema": "hfx.journal/1", "topology": "version: 1\n", "handlers": {}, "rings": {}, "name": "old", "instruments": [{
    "price_multiple": 1, "quantity_multiple": 1, "tick": 0.1, "lot": 0.001, "maker_fee_ppm": 0, "taker_fee_ppm": 0, "underlying": 0,
    "price_decimals": 1, "quantity_decimals": 3, "venue": 1, "symbol_length": 7, "base_decimals": 0, "quote_decimals": 0,
    "base_is_token0": 0, "symbol": "BTCUSDT", "address": "", "base_token": "", "quote_token": ""}]}
DEPTH, REPORT = 2, 32


# -- nothing is taken back


def test_nothing_that_was_promised_is_gone():
    assert broken(json.loads(FROZEN.read_text()), collect()) == []


@pytest.mark.parametrize(
    ("frozen", "now", "said"),
    [
        ({"a": {"x": 1}}, {"a": {"x": 1, "y": 2}, "b": 3}, []), ({"a": [1, 2]}, {"a": [2, 1, 3]}, []),
        ({"a": 1}, {}, ["/a is gone"]), ({"a": {"x": 1}}, {"a": {"x": 2}}, ["/a/x was 1, is 2"]), ({"a": [1, 2]}, {"a": [1]}, ["/a: 2 is gone"]),
        ({"a": [1]}, {"a": 1}, ["/a was [1], is 1"]),
    ],
)
def test_what_is_broken_is_named(frozen, now, said):
    assert broken(frozen, now) == said


def test_every_area_that_is_frozen_is_in_the_document():
    for area in json.loads(FROZEN.read_text()):
        assert f"`{area}`" in VERSIONS, area


def test_the_document_names_every_schema():
    named = set(re.findall(r"`(hfx\.[a-z.]+/\d+)`", VERSIONS))
    assert named == set(json.loads(FROZEN.read_text())["json schemas"])


# -- the topology file


@pytest.mark.parametrize("version", ["2", '"1"', "1.5", "0"])
def test_a_topology_of_another_version_is_refused_by_name(version):
    _, findings = examine(f"version: {version}\nname: x\nsources: [{{use: simulator}}]\n", "old.yaml", {})
    assert findings.failed and {d.code for d in findings.diagnostics} & {"HF004", "HF006", "HF011"}
    assert any("version" in d.message for d in findings.diagnostics)


# -- the journal


def message(kind: int, number: int, units: list[int], bids: int = 0) -> bytes:
    """The 72 bytes of docs/journal-format.md and payload units."""
    return struct.pack("<7qIIBBHI", 1_700_000_000_000_000_000 + number, 0, number, 5, 6, 4, 0, len(units) // 2, bids, kind, 0, 0, 0) + struct.pack(
        f"<{len(units)}q", *units)


def journal(folder: Path, version: int = 1, schema: str = "hfx.journal/1") -> Path:
    """Write a journal of two messages and an end record."""
    text = json.dumps(HEADER | {"schema": schema}).encode()
    size = 4096 + -(-len(text) // 4096) * 4096
    head = bytearray(size)
    struct.pack_into("<8s10q", head, 0, b"DISRLOG\n", version, size, 0, 0, 77, 1, 1 << 20, len(text), 0xFFFFFFFF, 0)
    head[4096 : 4096 + len(text)] = text
    checksum = crc32c(0xFFFFFFFF, bytes(head))
    struct.pack_into("<q", head, 80, checksum)
    report = [4, 618_001, 10, 0, 7, 0, 1_700_000_000_000_000_000, 0 | 3 << 16 | 1 << 24 | 1 << 32 | 1 << 40]
    bodies = [message(DEPTH, 0, [618_000, 5, 618_002, 6], bids=1), message(REPORT, 1, report)]
    out, size_of_all = bytearray(head), 0
    for sequence, body in enumerate(bodies):
        record = struct.pack("<qq", 1 << 56 | (16 + len(body)) << 32, sequence) + body
        checksum = crc32c(checksum, record)
        out += struct.pack("<I", checksum) + record[4:]
        size_of_all += len(record)
    end = struct.pack("<qqqq", 2 << 56 | 32 << 32, len(bodies), len(bodies), size_of_all)
    out += struct.pack("<I", crc32c(checksum, end)) + end[4:]
    folder.mkdir()
    (folder / "000000.hfj").write_bytes(bytes(out))
    return folder


def test_a_journal_of_version_1_reads_as_promised(tmp_path):
    reader = JournalReader(journal(tmp_path / "old-20231114T221320-1"))
    assert reader.verdict.verified and reader.verdict.end == "clean", reader.verdict
    depth, report = list(reader)
    assert (depth["kind"], depth["levels"], depth["bid_count"]) == ("DEPTH", [[618_000, 5], [618_002, 6]], 1)
    assert (report["kind"], report["report"]["price_ticks"], report["report"]["quantity_lots"]) == ("REPORT", 618_001, 10)
    run = hydraflow.open_run(reader.folder)
    fills = run.fills.columns("decimal")
    assert (run.name, run.complete) == ("old", True)
    assert (str(fills["price"][0]), str(fills["quantity"][0]), fills["side"][0], fills["liquidity"][0]) == ("61800.1", "0.010", "BUY", "MAKER")
    assert run.levels["side"].tolist() == [1, -1]


def test_a_journal_of_another_version_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"version 2"):
        JournalReader(journal(tmp_path / "new", version=2))
    reader = JournalReader(journal(tmp_path / "odd", schema="hfx.journal/2"))
    with pytest.raises(DataError, match=r"'hfx\.journal/2'; this program reads 'hfx\.journal/1'"):
        _ = reader.header


# -- the engine's file


def engine_file(path: Path, version: int = 1) -> Path:
    """Write the file of a dead engine with one cell, one counter, no histogram, by docs/cnc-format.md."""
    descriptor = {"cells": {"offset": 4096, "names": ["ring.main"]}, "handlers": [],
                  "counters": [{"name": "c", "offset": 4352, "fields": [{"name": "n", "offset": 0, "type": "<i8", "shape": [], "label": "n", "unit": ""}]}],
                  "histograms": {"offset": 4480, "words": 2384, "entries": []}, "errors": {"offset": 4480, "slots": 0}}
    text = json.dumps(descriptor).encode()
    out = bytearray(8192)
    struct.pack_into("<16s10qd3q64s256s", out, 0, b"disruptor-cnc", version, len(out), len(text), 2**22 + 1, 5, 10, 20, 3, 5, 0, 0.5, 0, 0, 0,
                     b"old", b"done")
    out[1024 : 1024 + len(text)] = text
    struct.pack_into("<q", out, 4096, 41)
    struct.pack_into("<q", out, 4352, 42)
    path.write_bytes(bytes(out))
    return path


def test_an_engine_file_of_version_1_reads_as_promised(tmp_path):
    shown = CounterReader(engine_file(tmp_path / "old.cnc")).snapshot()
    assert (shown["name"], shown["alive"], shown["generation"], shown["phase"]["text"]) == ("old", False, 3, "done")
    assert shown["cells"]["ring.main"] == 41 and shown["counters"]["c"]["n"] == 42


def test_an_engine_file_of_another_version_is_refused_by_name(tmp_path):
    with pytest.raises(CounterFileError, match=r"layout version 2, this reader knows 1; read it with the release that wrote it"):
        CounterReader(engine_file(tmp_path / "new.cnc", version=2))
