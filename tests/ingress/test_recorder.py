"""Recordings read back as captures, survive a writer that dies, and never overwrite by accident."""

from __future__ import annotations

import pytest

from hydraflow.errors import InputOutputError, OutputError
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
    Recorder(path, force=True).close()
    assert path.read_bytes() == b""


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
