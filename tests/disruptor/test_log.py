"""Writing a log and reading it back: contents, segments, group commits, refusals."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import disruptor.log.writer as writer_module
from disruptor.errors import LogError
from disruptor.layout import CELL_WORDS
from disruptor.log import LogWords, LogWriter, read
from disruptor.log.commit import SLEEP_US_MAX
from disruptor.log.format import BLOCK, END_BYTES, HEADER, HEADER_BYTES
from disruptor.memory import anonymous
from tests.reference.log_driver import flush, naive_records, stage, write_log
from tests.reference.rest import sleeps_per_second

REPOSITORY = Path(__file__).resolve().parents[2]


def bodies(count: int, seed: int = 1, words: int = 60) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [rng.bytes(8 * int(rng.integers(0, words + 1))) for _ in range(count)]


def contents(folder: Path) -> list[tuple[int, bytes]]:
    return [(record.sequence, record.body.tobytes()) for record in read(folder)]


@given(
    sizes=st.lists(st.integers(0, 500), max_size=60),
    each=st.integers(1, 20),
    text=st.binary(max_size=9000),
    first=st.integers(0, 1 << 40),
    direct=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_log_gives_back_what_was_written(sizes: list[int], each: int, text: bytes, first: int, direct: bool) -> None:
    rng = np.random.default_rng(len(sizes))
    wanted = [rng.bytes(8 * size) for size in sizes]
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "a log"
        status = write_log(
            folder, wanted, each=each, text=text, first_sequence=first, direct=direct, segment_bytes=6 * BLOCK
        )
        log = read(folder)
        assert log.verdict.verified and log.verdict.end == "clean" and log.verdict.error == ""
        assert [(r.sequence, r.body.tobytes()) for r in log] == list(enumerate(wanted, first)) == naive_records(folder)
        assert log.text == text
        assert log.verdict.bytes == sum(16 + len(b) for b in wanted) == status.written_bytes
        assert status.durable_sequence == log.verdict.last_sequence == first + len(wanted) - 1


def test_log_rolls_into_segments_of_bounded_size(tmp_path: Path) -> None:
    wanted = bodies(600)
    status = write_log(tmp_path / "log", wanted, threaded=True, segment_bytes=8 * BLOCK)
    log = read(tmp_path / "log")
    assert contents(tmp_path / "log") == list(enumerate(wanted))
    assert status.segments == len(log.segments) > 4
    assert [s.path.name for s in log.segments] == [f"{k:06d}.hfj" for k in range(len(log.segments))]
    assert all(s.size <= 8 * BLOCK for s in log.segments)
    assert sorted(os.listdir(tmp_path / "log")) == [s.path.name for s in log.segments]


def test_log_segments_are_cut_to_their_records(tmp_path: Path) -> None:
    write_log(tmp_path / "log", bodies(300), segment_bytes=8 * BLOCK)
    log = read(tmp_path / "log")
    for segment in log.segments[:-1]:
        assert segment.end * 8 - segment.start == segment.size
    assert log.segments[-1].end * 8 - log.segments[-1].start + END_BYTES == log.segments[-1].size


def test_log_of_nothing_is_clean(tmp_path: Path) -> None:
    write_log(tmp_path / "log", [])
    verdict = read(tmp_path / "log").verdict
    assert (verdict.records, verdict.bytes, verdict.last_sequence, verdict.verified) == (0, 0, -1, True)
    assert (tmp_path / "log" / "000000.hfj").stat().st_size == HEADER_BYTES + END_BYTES


def test_log_takes_a_record_of_the_largest_size(tmp_path: Path) -> None:
    wanted = [b"\1" * 8, bytes(range(256)) * 8191, b"\2" * 8]
    size = 16 + len(wanted[1])
    write_log(tmp_path / "log", wanted, record_bytes_max=size, staging_bytes=4 << 20, segment_bytes=4 << 20)
    assert contents(tmp_path / "log") == list(enumerate(wanted))


def test_log_wraps_its_staging(tmp_path: Path) -> None:
    wanted = bodies(400, words=100)
    write_log(tmp_path / "log", wanted, each=5, staging_bytes=8192, record_bytes_max=1024)
    assert contents(tmp_path / "log") == list(enumerate(wanted))


def test_writer_shows_sequence_as_durable_after_each_commit(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "log", durable=True, segment_bytes=1 << 16, record_bytes_max=4096) as writer:
        assert writer.status().durable_sequence == -1
        for sequence in range(3):
            stage(writer, sequence, bytes(24))
            assert writer.status().durable_sequence == sequence - 1
            flush(writer)
            assert writer.status().durable_sequence == sequence
            assert read(tmp_path / "log").verdict.records == sequence + 1
            assert read(tmp_path / "log").verdict.end == "open"
    assert read(tmp_path / "log").verdict.verified


def test_writer_frees_staging_before_it_writes(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "log", segment_bytes=1 << 16, record_bytes_max=4096) as writer:
        stage(writer, 0, bytes(64))
        flush(writer)
        assert writer.status().consumed_bytes == writer.status().staged_bytes == 80


def test_writer_uses_given_cells_and_staging(tmp_path: Path) -> None:
    cells = anonymous(64 * CELL_WORDS * 8).array(np.int64)
    words = LogWords(*(CELL_WORDS * k for k in (40, 3, 17, 5, 60, 9)))
    with LogWriter(tmp_path / "first", segment_bytes=1 << 16, record_bytes_max=4096) as other:
        staging = other.staging
    writer = LogWriter(tmp_path / "log", cells=cells, words=words, staging=staging, segment_bytes=1 << 16, record_bytes_max=4096)
    stage(writer, 0, b"12345678")
    flush(writer)
    assert cells[40 * CELL_WORDS] == cells[3 * CELL_WORDS] == 24 and cells[17 * CELL_WORDS] == 0
    writer.close()
    assert contents(tmp_path / "log") == [(0, b"12345678")]


def test_writer_sleeps_while_nothing_is_staged(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log", segment_bytes=1 << 16, record_bytes_max=4096)
    writer.compile()
    thread = threading.Thread(target=writer.run)
    thread.start()
    assert thread.native_id is not None
    assert sleeps_per_second([thread.native_id]) < 2e6 / SLEEP_US_MAX
    assert thread.is_alive()
    writer.stop()
    thread.join()
    writer.close()


def test_writer_refuses_a_folder_that_exists(tmp_path: Path) -> None:
    write_log(tmp_path / "log", [b""])
    with pytest.raises(LogError, match="exists already: two logs never share a folder") as caught:
        LogWriter(tmp_path / "log")
    assert caught.value.errno == errno.EEXIST
    assert read(tmp_path / "log").verdict.verified


def test_writer_refuses_a_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogError, match=r"cannot create the folder .*Not a directory; choose another folder"):
        LogWriter(tmp_path / "file" / "log")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"staging_bytes": 10_000}, "staging_bytes must be a power of two >= 4,096, got 10,000; try 16,384"),
        ({"record_bytes_max": 20}, "record_bytes_max must be a multiple of 8 from 16 to 16,777,208, got 20"),
        ({"segment_bytes": 8192}, "segment_bytes must be a multiple of 4,096 and >= 1,056,768 (header, text, one record), got 8,192"),
        ({"on_error": "shrug"}, "on_error must be 'halt' or 'continue', got 'shrug'"),
    ],
)
def test_writer_refuses_sizes_that_cannot_work(tmp_path: Path, options: dict, text: str) -> None:
    with pytest.raises(LogError) as caught:
        LogWriter(tmp_path / "log", **options)
    assert str(caught.value) == text
    assert not (tmp_path / "log").exists()


def test_writer_goes_through_the_page_cache_when_direct_writing_is_refused_at_open(tmp_path: Path, monkeypatch) -> None:
    real = os.open

    def refuse(path, flags, *rest, **named):
        if flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(writer_module.os, "open", refuse)
    status = write_log(tmp_path / "log", bodies(300), threaded=True, durable=True)
    assert not status.direct
    assert contents(tmp_path / "log") == list(enumerate(bodies(300)))


def test_writer_goes_through_the_page_cache_when_direct_writing_is_refused_at_the_first_write(tmp_path: Path, monkeypatch) -> None:
    real = os.pwrite
    refused = []

    def refuse(fd, data, position):
        if not refused:
            refused.append(fd)
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(fd, data, position)

    monkeypatch.setattr(writer_module.os, "pwrite", refuse)
    status = write_log(tmp_path / "log", bodies(300))
    assert refused and not status.direct
    assert contents(tmp_path / "log") == list(enumerate(bodies(300)))


def test_writer_refuses_a_staged_record_out_of_sequence(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log", segment_bytes=1 << 16, record_bytes_max=4096)
    stage(writer, 0, b"")
    stage(writer, 2, b"")
    assert writer.run() == errno.EPROTO
    writer.stop()
    writer.close()


@pytest.fixture
def file_limit():
    """Sets the largest file size; Python ignores the signal, so that writes beyond it fail with EFBIG as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_writer_leaves_nothing_behind_when_no_segment_can_be_made(tmp_path: Path, file_limit) -> None:
    with LogWriter(tmp_path / "other", segment_bytes=1 << 16, record_bytes_max=4096) as other:
        staging = other.staging
    file_limit(BLOCK * 2)
    with pytest.raises(LogError, match=r"000000.hfj of 65,536 bytes: File too large; raise `ulimit -f`") as caught:
        LogWriter(tmp_path / "log", segment_bytes=1 << 16, record_bytes_max=4096, staging=staging)
    file_limit(resource.RLIM_INFINITY)
    assert caught.value.errno == errno.EFBIG
    assert not (tmp_path / "log").exists()


def test_writer_stops_at_a_failed_write_and_keeps_what_was_before(tmp_path: Path, file_limit) -> None:
    wanted = bodies(100, words=20)
    writer = LogWriter(tmp_path / "log", segment_bytes=1 << 16, record_bytes_max=4096)
    for sequence in range(50):
        stage(writer, sequence, wanted[sequence])
    flush(writer)
    file_limit(BLOCK * 2)
    for sequence in range(50, 100):
        stage(writer, sequence, wanted[sequence])
    assert writer.run() == errno.EFBIG
    status = writer.close()
    file_limit(resource.RLIM_INFINITY)
    assert (status.errno, status.error_segment, status.durable_sequence, status.records) == (errno.EFBIG, 0, 49, 50)
    assert writer.error_text().endswith("File too large; 50 records before it are intact")
    assert "000000.hfj, byte " in writer.error_text()
    log = read(tmp_path / "log")
    assert log.verdict.records >= 50 and log.verdict.end in ("open", "torn") and not log.verdict.verified
    assert contents(tmp_path / "log") == list(enumerate(wanted))[: log.verdict.records]


@pytest.mark.parametrize("on_error", ["halt", "continue"])
def test_writer_ends_the_log_when_no_next_segment_can_be_made(tmp_path: Path, file_limit, on_error: str) -> None:
    wanted = [bytes([k]) * 7000 for k in range(40)]
    writer = LogWriter(tmp_path / "log", segment_bytes=1 << 16, record_bytes_max=8192, on_error=on_error)
    file_limit((1 << 16) - BLOCK // 2)
    for sequence, body in enumerate(wanted):
        stage(writer, sequence, body)
    writer.stop()
    assert writer.run() == errno.EFBIG
    status = writer.close()
    file_limit(resource.RLIM_INFINITY)
    assert status.records == 8 and status.dropped_records == (32 if on_error == "continue" else 0)
    assert (status.consumed_bytes == status.staged_bytes) == (on_error == "continue")
    assert contents(tmp_path / "log") == list(enumerate(wanted))[:8]
    assert os.listdir(tmp_path / "log") == ["000000.hfj"]


FULL_DISK = """
import errno, sys
from pathlib import Path
from disruptor.errors import LogError
from disruptor.log import LogWriter, read
from tests.reference.log_driver import flush, stage
root = Path(sys.argv[1])
writer = LogWriter(root / "log", segment_bytes=1 << 20, record_bytes_max=1 << 16, staging_bytes=1 << 20)
sequence = 0
while not writer.status().errno:
    stage(writer, sequence, bytes([sequence % 255 + 1]) * 32768)
    flush(writer)
    sequence += 1
status = writer.close()
assert status.errno == errno.ENOSPC, status
assert read(root / "log").verdict.records == status.records >= 90, status
try:
    LogWriter(root / "other", segment_bytes=2 << 20)
except LogError as error:
    print(error)
    assert not (root / "other").exists()
"""


def test_writer_says_when_the_disk_is_full(tmp_path: Path) -> None:
    mount = tmp_path / "small disk"
    mount.mkdir()
    command = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" -c "$3" "$1"'
    if shutil.which("unshare") is None:
        pytest.skip("skipped: no unshare (package util-linux)")
    probe = subprocess.run(["unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$1"', "sh", str(mount)], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("skipped: no right to mount a small disk")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", command, "sh", str(mount), sys.executable, FULL_DISK],
        capture_output=True, text=True, check=False, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr
    assert "No space left on device; make room on that disk, choose another folder or a smaller segment" in done.stdout


def test_close_refuses_while_the_writer_runs(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log", segment_bytes=1 << 16, record_bytes_max=4096)
    thread = threading.Thread(target=writer.run)
    thread.start()
    while not writer._running:
        pass
    with pytest.raises(LogError, match="the writer still runs; stop it and join its thread before closing"):
        writer.close()
    writer.stop()
    thread.join()
    assert writer.close() == writer.close()


def test_abandoned_log_keeps_its_files_and_has_no_end_record(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log", segment_bytes=1 << 16, record_bytes_max=4096)
    opened = len(os.listdir("/proc/self/fd"))
    writer.abandon()
    assert len(os.listdir("/proc/self/fd")) == opened - 2
    writer.abandon()
    assert writer.close().records == 0
    assert read(tmp_path / "log").verdict.end == "open"


def test_header_words_are_what_the_compiled_writer_writes() -> None:
    """`roll` writes the header of later segments word by word."""
    assert [HEADER.fields[name][1] // 8 for name in HEADER.names[:11]] == list(range(11))
    assert HEADER.names[:11] == (
        "magic", "version", "header_bytes", "segment", "first_sequence", "run_id", "created_ns", "segment_bytes",
        "text_bytes", "seed", "checksum",
    )
