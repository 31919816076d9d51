"""`hfx simulate`: reproducible files, nothing half-written, exit codes."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest
from click.testing import CliRunner

from hydraflow.cli.simulate import simulate
from hydraflow.errors import InputOutputError, OutputError, UsageError
from hydraflow.ingress.decompress import lines
from hydraflow.ingress.simulator.batch import SimulatedLines
from hydraflow.ingress.simulator.state import SimulatorParams


def _run(*arguments: str):
    return CliRunner().invoke(simulate, list(arguments))


@pytest.fixture(scope="module")
def expected() -> bytes:
    return b"".join(bytes(b) for b in SimulatedLines(SimulatorParams(frames=500, seed=3)))


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_simulate_writes_the_frames_of_the_seed_compressed_by_suffix(tmp_path, expected, suffix):
    path = tmp_path / f"c{suffix}"
    result = _run("--frames", "500", "--seed", "3", "-o", str(path))
    assert result.exit_code == 0 and result.stdout == ""
    assert b"".join(line + b"\n" for line in lines(path)) == expected
    assert result.stderr == f"500 frames, {len(expected):,} bytes, sha256 {hashlib.sha256(expected).hexdigest()}\n"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_simulate_writes_to_stdout(expected):
    result = _run("--frames", "500", "--seed", "3", "-o", "-")
    assert result.stdout_bytes == expected and "500 frames" in result.stderr


def test_simulate_prints_json(tmp_path, expected):
    result = json.loads(_run("--frames", "500", "--seed", "3", "--json", "-o", str(tmp_path / "c")).stdout)
    assert result["schema"] == "hfx.simulate/1" and result["sha256"] == hashlib.sha256(expected).hexdigest()
    assert (result["frames"], result["seed"], result["bytes"]) == (500, 3, len(expected))
    assert result["counters"]["frames"] == 500


def test_simulate_refuses_to_overwrite_unless_forced(tmp_path):
    path = tmp_path / "c.gz"
    path.write_bytes(b"precious")
    result = _run("--frames", "5", "-o", str(path))
    assert isinstance(result.exception, OutputError) and result.exception.exit_code == 73
    assert str(result.exception) == f"output '{path}': exists; use --force to overwrite it"
    assert path.read_bytes() == b"precious"
    assert _run("--frames", "5", "--force", "-o", str(path)).exit_code == 0
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 5


def test_simulate_leaves_nothing_behind_when_it_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("hydraflow.ingress.compress.CompressedWriter.finish", _fail)
    result = _run("--frames", "5", "-o", str(tmp_path / "c"))
    assert isinstance(result.exception, InputOutputError)
    assert list(tmp_path.iterdir()) == []


def _fail(_writer) -> None:
    raise InputOutputError("no more room")


def test_simulate_names_a_full_disk_a_folder_and_a_missing_folder(tmp_path):
    full = _run("--frames", "5", "-o", "/dev/full").exception
    assert isinstance(full, InputOutputError) and full.exit_code == 74
    assert isinstance(_run("-o", str(tmp_path)).exception, OutputError)
    missing = _run("-o", str(tmp_path / "no" / "c")).exception
    assert isinstance(missing, OutputError) and "No such file or directory" in str(missing)


def test_simulate_refuses_json_beside_the_capture_on_stdout():
    result = _run("--json", "-o", "-")
    assert isinstance(result.exception, UsageError) and result.exception.exit_code == 2
    assert _run("--frames", "-1", "-o", "-").exit_code == 2


def test_simulate_writes_nothing_for_no_frames(tmp_path):
    assert _run("--frames", "0", "-o", str(tmp_path / "c")).exit_code == 0
    assert (tmp_path / "c").read_bytes() == b""
