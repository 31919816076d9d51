"""Reading capture files in Python: formats by magic, several members, damage, missing files."""

from __future__ import annotations

import gzip
import os
import random
import sys
import zlib

import pytest

from hydraflow.errors import InputNotFound, Unavailable
from hydraflow.ingress.decompress import Decompressor, lines, prefix

zstandard = pytest.importorskip("zstandard")
_TEXT = b"".join(b"%d {\"n\":%d,\"x\":%d}\n" % (i, i, random.Random(i).getrandbits(200)) for i in range(20_000))


def _read(path):
    source = Decompressor(path)
    return source.codec, b"".join(source), source.damage


@pytest.mark.parametrize(
    ("codec", "pack"),
    [("plain", bytes), ("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)],
)
def test_decompressor_tells_formats_by_their_first_bytes(tmp_path, codec, pack):
    path = tmp_path / "capture.txt"  # no suffix that would help
    path.write_bytes(pack(_TEXT))
    assert _read(path) == (codec, _TEXT, "")
    assert list(lines(path)) == _TEXT.splitlines()
    assert prefix(path, 1000) == _TEXT[:1000] and prefix(path, 1 << 30) == _TEXT


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_decompressor_reads_all_members(tmp_path, pack):
    path = tmp_path / "c"
    path.write_bytes(pack(_TEXT) + pack(b"") + pack(b"more\n"))
    assert _read(path)[1:] == (_TEXT + b"more\n", "")


def test_decompressor_ignores_zero_padding_after_gzip(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(gzip.compress(_TEXT) + bytes(100_000) + gzip.compress(b"x") + bytes(513))
    assert _read(path)[1:] == (_TEXT + b"x", "")


def test_decompressor_names_garbage_after_gzip(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(gzip.compress(_TEXT) + b"\x1f")
    assert _read(path)[1:] == (_TEXT, "bytes that are not gzip follow the last gzip member")


def test_decompressor_gives_everything_before_the_cut_of_a_truncated_gzip(tmp_path):
    packed = gzip.compress(_TEXT)
    for cut in (11, len(packed) // 2, len(packed) - 9, len(packed) - 1):
        path = tmp_path / f"{cut}.gz"
        path.write_bytes(packed[:cut])
        _, text, damage = _read(path)
        assert text == zlib.decompressobj(31).decompress(packed[:cut])
        assert damage == "the gzip data end before their end mark (truncated)"


def test_decompressor_gives_everything_before_a_flipped_byte(tmp_path):
    packed = bytearray(gzip.compress(_TEXT))
    packed[len(packed) // 2] ^= 0xFF
    path = tmp_path / "c"
    path.write_bytes(packed)
    _, text, damage = _read(path)
    assert damage.startswith("the gzip data are damaged (")
    reader = zlib.decompressobj(31)
    expected = bytearray()
    with pytest.raises(zlib.error):
        for byte in packed:
            expected += reader.decompress(bytes([byte]))
    assert text == expected and len(text) > len(_TEXT) // 3


def test_decompressor_gives_the_blocks_before_the_cut_of_a_truncated_zstd(tmp_path):
    packed = zstandard.ZstdCompressor().compress(_TEXT)
    path = tmp_path / "c"
    path.write_bytes(packed[: len(packed) // 2])
    _, text, damage = _read(path)
    assert _TEXT.startswith(text) and len(text) > len(_TEXT) // 3
    assert damage == "the zstd data end before their end mark (truncated)"


def test_decompressor_reads_an_empty_file(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b"")
    assert _read(path) == ("plain", b"", "")
    assert list(lines(path)) == []


@pytest.mark.parametrize(("name", "what"), [("missing", "no such file"), (".", "is a directory")])
def test_decompressor_says_at_once_what_cannot_be_read(tmp_path, name, what):
    path = tmp_path / name
    with pytest.raises(InputNotFound) as error:
        Decompressor(path)
    remedy = "give the path of a file of lines '<receive ns> <json>' (plain, .gz, .zst)"
    assert str(error.value) == f"capture '{path}': {what}; {remedy}"
    assert error.value.exit_code == 66


def test_decompressor_refuses_a_pipe_without_waiting_for_its_writer(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(InputNotFound) as error:
        Decompressor(path)
    remedy = "give the path of a file of lines '<receive ns> <json>' (plain, .gz, .zst)"
    assert str(error.value) == f"capture '{path}': is a pipe, and a capture is read twice; {remedy}"


def test_decompressor_refuses_a_descriptor_whose_name_means_something_else_to_the_engine():
    remedy = "give the path of a file of lines '<receive ns> <json>' (plain, .gz, .zst)"
    for path in ("/dev/stdin", "/dev/fd/63", "/proc/self/fd/0"):
        with pytest.raises(InputNotFound) as error:
            Decompressor(path)
        assert str(error.value) == f"capture '{path}': is a descriptor of one process, and a capture is read twice, by two; {remedy}"


def test_decompressor_names_the_extra_when_zstandard_is_missing(tmp_path, monkeypatch):
    path = tmp_path / "c.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(_TEXT))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(Unavailable) as error:
        Decompressor(path)
    assert "pip install 'hydraflow-x[zstd]'" in str(error.value) and error.value.exit_code == 69


def test_lines_strip_carriage_returns_and_give_a_last_line_without_end(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b"1 a\r\n2 b\n\n3 c")
    assert list(lines(path)) == [b"1 a", b"2 b", b"", b"3 c"]
