"""Recordings read back as captures, survive a writer that dies, and never overwrite by accident."""

from __future__ import annotations

import os
import sys

import pytest

from hydraflow.errors import InputOutputError, OutputError, Unavailable
from hydraflow.ingress.decompress import Decompressor, lines
from hydraflow.ingress.recorder import Recorder


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_recorder_writes_lines_that_read_back(tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    with Recorder(path) as recorder:
        for i in range(5000):
            recorder.write(1_700_000_000_000_000_000 + i, b'{"n":%d}' % i)
    assert list(lines(path)) == [b'%d {"n":%d}' % (1_700_000_000_000_000_000 + i, i) for i in range(5000)]
    assert recorder.frames == 5000 and recorder.bytes == sum(len(line) + 1 for line in lines(path))
    recorder.close()


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_recorder_makes_frames_readable_at_the_interval_while_it_is_open(tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    now = [0.0]
    recorder = Recorder(path, flush_seconds=5, clock=lambda: now[0])
    recorder.write(1, b"{}")
    assert b"".join(Decompressor(path)) == b""
    now[0] = 5.0
    recorder.write(2, b"[]")
    assert b"".join(Decompressor(path)) == b"1 {}\n2 []\n"
    recorder.close()


def test_recorder_keeps_a_frame_with_line_ends_on_one_line(tmp_path):
    with Recorder(tmp_path / "r") as recorder:
        recorder.write(7, memoryview(b'{\r\n"a":\n1}'))
    assert (tmp_path / "r").read_bytes() == b'7 {  "a": 1}\n'


def test_recorder_refuses_to_overwrite_unless_forced(tmp_path):
    path = tmp_path / "r"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError) as error:
        Recorder(path)
    assert str(error.value) == f"output '{path}': exists; use --force to overwrite it" and error.value.exit_code == 73
    assert path.read_bytes() == b"precious"
    with Recorder(path, force=True) as recorder:
        recorder.write(1, b"{}")
    assert path.read_bytes() == b"1 {}\n"


def test_recorder_names_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="cannot be created: No such file or directory"):
        Recorder(tmp_path / "no" / "r")


def test_recorder_reports_a_full_disk_as_input_output_error():
    recorder = Recorder("/dev/full", force=True)
    recorder.write(1, b"{}")
    with pytest.raises(InputOutputError) as error:
        recorder.flush()
    assert error.value.exit_code == 74
    try:
        recorder.close()
    except (InputOutputError, OSError):
        pass


def _lines_of(path):
    return [bytes(line) for line in lines(path)]


def test_forced_recorder_keeps_the_old_file_until_there_is_a_frame(tmp_path):
    path = tmp_path / "r"
    path.write_bytes(b"1 old\n")
    recorder = Recorder(path, force=True)
    assert _lines_of(path) == [b"1 old"]
    recorder.write(2, b"new")
    recorder.flush()
    assert _lines_of(path) == [b"2 new"]
    recorder.write(3, b"newer")
    recorder.close()
    assert _lines_of(path) == [b"2 new", b"3 newer"] and os.listdir(tmp_path) == ["r"]


def test_forced_recorder_without_a_frame_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "r").write_bytes(b"1 old\n")
    Recorder(tmp_path / "r", force=True).close()
    assert _lines_of(tmp_path / "r") == [b"1 old"] and os.listdir(tmp_path) == ["r"]


@pytest.mark.parametrize("old", [b"1 old\n", None])
def test_forced_recorder_without_zstandard_loses_nothing(tmp_path, monkeypatch, old):
    path = tmp_path / "r.zst"
    if old:
        path.write_bytes(old)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(Unavailable):
        Recorder(path, force=True)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([old] if old else [])


def test_forced_recorder_follows_a_link_and_writes_into_a_device(tmp_path):
    (tmp_path / "r").write_bytes(b"1 old\n")
    (tmp_path / "link").symlink_to("r")
    with Recorder(tmp_path / "link", force=True) as recorder:
        recorder.write(2, b"new")
    assert (tmp_path / "link").is_symlink() and _lines_of(tmp_path / "r") == [b"2 new"]
    with Recorder("/dev/null", force=True) as recorder:
        recorder.write(2, b"new")
    assert not os.path.isfile("/dev/null")
