"""`hfx journal verify` and `hfx journal dump`: output, exit codes, texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hydraflow.cli import main
from hydraflow.journal import encode_header
from hydraflow.records import INSTRUMENT
from tests.reference.journal_driver import write_journal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = encode_header(topology="name: x\n", handlers={}, instruments=np.zeros(1, INSTRUMENT))
    write_journal(tmp_path / "my journal", 40, text=text)
    return tmp_path / "my journal"


def damage(folder: Path) -> None:
    path = folder / "000000.hfj"
    data = bytearray(path.read_bytes())
    data[-1500] ^= 1
    path.write_bytes(data)


def test_verify_says_what_is_there(folder: Path, capsys) -> None:
    assert main(["journal", "verify", str(folder)]) == 0
    size = (folder / "000000.hfj").stat().st_size
    assert capsys.readouterr().out == f"{folder}: 40 messages, {size:,} bytes, 1 segments, verified\n"


def test_verify_prints_json(folder: Path, capsys) -> None:
    assert main(["journal", "verify", str(folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == {
        "schema": "hfx.journal.verify/1", "path": str(folder), "messages": 40, "segments": 1, "last_sequence": 39,
        "bytes": (folder / "000000.hfj").stat().st_size, "verified": True, "end": "clean", "error": "", "segment": -1,
        "position": -1,
    }


def test_verify_ends_with_65_on_damage(folder: Path, capsys) -> None:
    damage(folder)
    assert main(["journal", "verify", str(folder), "--json"]) == 65
    result = json.loads(capsys.readouterr().out)
    assert not result["verified"] and 0 < result["messages"] < 40 and result["end"] == "corrupt"
    assert main(["journal", "verify", str(folder)]) == 65
    captured = capsys.readouterr()
    assert captured.out.endswith("corrupt\n")
    assert captured.err.startswith("hfx: 000000.hfj, byte ")


def test_verify_ends_with_66_without_journal(tmp_path: Path, capsys) -> None:
    assert main(["journal", "verify", str(tmp_path / "none")]) == 66
    assert capsys.readouterr().err == f"hfx: journal {tmp_path / 'none'}: No such file or directory; give the journal's folder: the report of its run names it\n"


def test_dump_prints_a_line_for_each_message(folder: Path, capsys) -> None:
    assert main(["journal", "dump", str(folder)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [r["sequence"] for r in rows] == list(range(40))
    assert main(["journal", "dump", str(folder), "--from", "10", "--count", "5"]) == 0
    assert [json.loads(line)["sequence"] for line in capsys.readouterr().out.splitlines()] == [10, 11, 12, 13, 14]


def test_dump_prints_what_is_intact_of_a_damaged_journal(folder: Path, capsys) -> None:
    damage(folder)
    assert main(["journal", "dump", str(folder)]) == 65
    captured = capsys.readouterr()
    assert 0 < len(captured.out.splitlines()) < 40
    assert captured.err.endswith("what comes before it is intact\n")


def test_dump_prints_the_header(folder: Path, capsys) -> None:
    assert main(["journal", "dump", str(folder), "--header"]) == 0
    assert json.loads(capsys.readouterr().out)["topology"] == "name: x\n"
