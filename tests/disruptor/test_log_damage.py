"""Damage to a log: every flipped bit, every truncation, torn sectors, stale blocks. Nothing unproved is ever handed out."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from disruptor.errors import LogError
from disruptor.log import LogWriter, Verdict, read
from disruptor.log.format import BLOCK, END_BYTES, HEADER_BYTES
from tests.reference.log_driver import crc32c, flush, naive_records, stage, write_log

SECTOR = 512


def small_bodies(count: int) -> list[bytes]:
    return [bytes([k + 1]) * (8 * (k % 5)) for k in range(count)]


def judge(folder: Path) -> Verdict:
    """Verify; what cannot be opened is not verified either."""
    try:
        log = read(folder)
    except LogError as error:
        return Verdict(0, 0, -1, False, "foreign", str(error))
    assert len(list(log)) == log.verdict.records
    return log.verdict


@pytest.fixture
def small(tmp_path: Path) -> Path:
    write_log(tmp_path / "log", small_bodies(12), text=b'{"name": "x"}')
    return tmp_path / "log"


def test_verify_finds_every_flipped_bit(small: Path) -> None:
    path = small / "000000.hfj"
    intact = path.read_bytes()
    assert judge(small).verified
    begin = HEADER_BYTES + BLOCK  # every bit of the records, of the header's fields and text; a sample of its zeros
    rng = np.random.default_rng(3)
    bits = [*range(8 * 128), *range(8 * HEADER_BYTES, 8 * (HEADER_BYTES + 16)), *range(8 * begin, 8 * len(intact))]
    bits += rng.integers(8 * 128, 8 * begin, 500).tolist()
    fd = os.open(path, os.O_RDWR)
    for bit in bits:
        os.pwrite(fd, bytes([intact[bit // 8] ^ 1 << bit % 8]), bit // 8)
        verdict = judge(small)
        os.pwrite(fd, intact[bit // 8 : bit // 8 + 1], bit // 8)
        assert not verdict.verified, f"bit {bit}"
        if bit >= 8 * begin:
            assert verdict.error and verdict.position <= bit // 8 and verdict.segment == 0, f"bit {bit}"
    os.close(fd)
    assert judge(small).verified


def test_verify_finds_flipped_bits_in_many_segments(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    wanted = [rng.bytes(8 * int(rng.integers(200))) for _ in range(1200)]
    write_log(tmp_path / "log", wanted, segment_bytes=1 << 18)
    paths = sorted((tmp_path / "log").iterdir())
    assert len(paths) >= 4
    for _ in range(400):
        path = paths[int(rng.integers(len(paths)))]
        bit = int(rng.integers(8 * path.stat().st_size))
        with path.open("r+b") as file:
            file.seek(bit // 8)
            before = file.read(1)[0]
            file.seek(bit // 8)
            file.write(bytes([before ^ 1 << bit % 8]))
        verdict = judge(tmp_path / "log")
        assert not verdict.verified and verdict.end != "open"
        assert verdict.end == "foreign" or path == paths[-1] or verdict.end == "corrupt"
        with path.open("r+b") as file:
            file.seek(bit // 8)
            file.write(bytes([before]))
    assert judge(tmp_path / "log").verified


def test_verify_finds_every_truncation(small: Path) -> None:
    path = small / "000000.hfj"
    intact = path.read_bytes()
    begin = HEADER_BYTES + BLOCK
    sizes = np.cumsum([16 + len(b) for b in small_bodies(12)]).tolist()
    for length in range(begin, len(intact)):
        path.write_bytes(intact[:length])
        verdict = judge(small)
        whole = sum(size <= length - begin for size in sizes)
        assert not verdict.verified and verdict.records == whole, f"length {length}"
        assert verdict.end in ("open", "torn")
    for length in (0, 1, 127, 128, HEADER_BYTES - 1, HEADER_BYTES, begin - 1):
        path.write_bytes(intact[:length])
        assert not judge(small).verified


def test_verify_finds_what_follows_the_end_record(small: Path) -> None:
    path = small / "000000.hfj"
    with path.open("ab") as file:
        file.write(b"\0\0\0\1")
    verdict = judge(small)
    assert (verdict.end, verdict.verified, verdict.records) == ("corrupt", False, 12)
    assert verdict.error == "000000.hfj: something follows the end record"


def test_verify_takes_zeros_after_the_end_record(small: Path) -> None:
    """A machine that stops between the end record and the cut leaves the reserved zeros."""
    with (small / "000000.hfj").open("ab") as file:
        file.truncate(1 << 16)
    assert judge(small).verified


def test_verify_names_the_place_of_damage_in_the_middle(small: Path) -> None:
    path = small / "000000.hfj"
    data = bytearray(path.read_bytes())
    at = HEADER_BYTES + BLOCK + sum(16 + len(b) for b in small_bodies(4))
    data[at + 20] ^= 4
    path.write_bytes(data)
    assert judge(small) == Verdict(
        4, at - HEADER_BYTES - BLOCK, 3, False, "corrupt",
        f"000000.hfj, byte {at:,}: a record whose checksum does not continue the chain", 0, at,
    )


def test_verify_calls_a_half_written_last_record_torn(tmp_path: Path) -> None:
    write_log(tmp_path / "log", [b"12345678" * 40] * 5)
    path = tmp_path / "log" / "000000.hfj"
    data = path.read_bytes()
    path.write_bytes(data[: HEADER_BYTES + 4 * 336 + 100].ljust(1 << 16, b"\0"))
    verdict = judge(tmp_path / "log")
    assert (verdict.end, verdict.records) == ("torn", 4)


def test_read_stops_at_a_missing_segment(tmp_path: Path) -> None:
    write_log(tmp_path / "log", [bytes(3000)] * 60)
    (tmp_path / "log" / "000001.hfj").unlink()
    with pytest.raises(LogError, match=r"segment 000001\.hfj is missing"):
        read(tmp_path / "log")


def test_read_notices_missing_last_segments(tmp_path: Path) -> None:
    write_log(tmp_path / "log", [bytes(3000)] * 60)
    last = sorted((tmp_path / "log").iterdir())[-1]
    last.unlink()
    assert judge(tmp_path / "log").end == "open"


def test_read_refuses_a_segment_of_another_log(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_log(tmp_path / name, [bytes(3000)] * 60)
    shutil.copy(tmp_path / "two" / "000001.hfj", tmp_path / "one" / "000001.hfj")
    verdict = judge(tmp_path / "one")
    assert verdict.end == "corrupt" and verdict.segment == 1
    assert verdict.error == "000001.hfj: the header's checksum does not continue the chain"


def test_read_tells_what_is_not_a_log(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="No such file or directory") as caught:
        read(tmp_path / "none")
    assert caught.value.errno == 2
    with pytest.raises(LogError, match=r"no segment files \(000000\.hfj, …\); not a log"):
        read(tmp_path)
    (tmp_path / "000000.hfj").write_bytes(b"hello" * 2000)
    with pytest.raises(LogError, match=r"000000\.hfj: not a segment of a log"):
        read(tmp_path)


def test_read_refuses_another_version(small: Path) -> None:
    path = small / "000000.hfj"
    data = bytearray(path.read_bytes())
    struct.pack_into("<q", data, 8, 2)
    path.write_bytes(data)
    with pytest.raises(LogError, match="log version 2; this program reads version 1"):
        read(small)


def test_stale_records_of_an_earlier_log_never_count(tmp_path: Path) -> None:
    """Blocks that held another log's records, at the right place and sequence, right behind the last one of this log."""
    bodies = [b"abcdefgh" * 4] * 20
    write_log(tmp_path / "old", bodies, run_id=1)
    write_log(tmp_path / "new", bodies[:10], run_id=2)
    old = (tmp_path / "old" / "000000.hfj").read_bytes()
    path = tmp_path / "new" / "000000.hfj"
    new = path.read_bytes()
    cut = len(new) - END_BYTES
    path.write_bytes(new[:cut] + old[cut:])
    verdict = judge(tmp_path / "new")
    assert verdict.records == 10 and verdict.end in ("torn", "corrupt")


def test_torn_commits_never_lose_what_was_durable_nor_invent_records(tmp_path: Path) -> None:
    """A power cut leaves any subset of a commit's sectors: images of two commits mixed sector by sector."""
    rng = np.random.default_rng(11)
    wanted = [rng.bytes(8 * int(rng.integers(0, 90))) for _ in range(150)]
    writer = LogWriter(tmp_path / "log", segment_bytes=1 << 17, record_bytes_max=1024)
    path = tmp_path / "log" / "000000.hfj"
    images, durable = [path.read_bytes()], [0]
    staged = 0
    while staged < len(wanted):
        for _ in range(int(rng.integers(1, 12))):
            if staged < len(wanted):
                stage(writer, staged, wanted[staged])
                staged += 1
        flush(writer)
        images.append(path.read_bytes())
        durable.append(staged)
    writer.close()
    target = tmp_path / "image"
    target.mkdir()
    for k in range(len(images) - 1):
        before, after = (np.frombuffer(i, np.uint8).reshape(-1, SECTOR) for i in (images[k], images[k + 1]))
        differing = np.flatnonzero((before != after).any(axis=1))
        for _ in range(12):
            mixed = before.copy()
            kept = differing[rng.random(len(differing)) < 0.5]
            mixed[kept] = after[kept]
            (target / "000000.hfj").write_bytes(mixed.tobytes())
            found = [(r.sequence, r.body.tobytes()) for r in read(target)]
            assert found == list(enumerate(wanted))[: len(found)] == naive_records(target)
            assert durable[k] <= len(found) <= durable[k + 1]


def test_chain_is_crc32c() -> None:
    """The check value of RFC 3720, inverted before and after, as the raw chain gives it."""
    from disruptor.log.format import chain_words

    assert crc32c(0xFFFFFFFF, b"123456789") ^ 0xFFFFFFFF == 0xE3069283
    data = bytes(range(64))
    words = np.frombuffer(data, np.int64).copy()
    assert chain_words(0xFFFFFFFF, words, 0, 8) == crc32c(0xFFFFFFFF, data)
    assert chain_words(0x12345678, words, 2, 3) == crc32c(0x12345678, data[16:40])
