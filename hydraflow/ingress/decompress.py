"""Bytes of a capture file: plain, gzip (several members too) or zstd, told apart by their first bytes, not by a suffix.

A damaged file gives everything that lies before the damage; then `damage` says what is wrong. Needs neither numba nor
numpy, so that tools start at once.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from hydraflow.errors import InputNotFound, Unavailable

__all__ = ["Decompressor", "lines", "prefix"]

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_DESCRIPTORS = ("/dev/fd/", "/dev/std", "/proc/self/fd/")  # what they lead to depends on who opens them
_READ = 1 << 16  # of a compressed file: what a damaged part can cost in time to read again byte by byte
_READ_ZSTD = 1 << 12  # zstd cannot be read again, so a damaged part is lost: keep it small
_READ_PLAIN = 1 << 20
_WRITE = 1 << 20  # bytes that a chunk has at most (zstd: of one block more)


class Decompressor:
    """Iterates over the decompressed bytes of a file in chunks.

    path : of the file. Raises: InputNotFound for a missing or unreadable file, a directory and a pipe, Unavailable for
    zstd without the library.
    codec : "plain", "gzip" or "zstd". damage : "" or what ended the input early, set when the iteration is over.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = os.fspath(path)
        self.damage = ""
        self._file = _open(self.path)
        try:
            self._head = self._file.read(4)
        except OSError as error:
            self._file.close()
            raise _not_found(self.path, f"cannot be read ({error.strerror})") from error
        self.codec = "gzip" if self._head[:2] == _GZIP else "zstd" if self._head == _ZSTD else "plain"
        if self.codec == "zstd":
            try:
                _zstandard()
            except Unavailable:
                self._file.close()
                raise

    def __iter__(self) -> Iterator[bytes]:
        chunks = {"gzip": self._gzip, "zstd": self._zstd, "plain": self._plain}[self.codec]
        try:
            yield from chunks()
        except OSError as error:
            self.damage = f"reading failed: {error.strerror}"
        finally:
            self.close()

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._file.close()

    def __del__(self) -> None:
        if hasattr(self, "_file"):  # a graph that failed to build never iterates
            self._file.close()

    def _read(self, size: int) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._file.read(size)

    def _plain(self) -> Iterator[bytes]:
        while chunk := self._read(_READ_PLAIN):
            yield chunk

    def _gzip(self) -> Iterator[bytes]:
        member: Any = zlib.decompressobj(31)
        between_members, data = True, b""
        while True:
            data = data or self._read(_READ)
            if between_members:
                data = data.lstrip(b"\0")  # padding to a block size
                while len(data) < len(_GZIP) and (more := self._read(_READ)):
                    data = (data + more).lstrip(b"\0")
                if not data:
                    return
                if not data.startswith(_GZIP):
                    self.damage = "bytes that are not gzip follow the last gzip member"
                    return
                between_members = False
            elif not data:
                self.damage = "the gzip data end before their end mark (truncated)"
                return
            before = member.copy()
            try:
                chunk = member.decompress(data, _WRITE)
            except zlib.error as error:
                yield from _salvage(before, data)
                self.damage = f"the gzip data are damaged ({error})"
                return
            data = member.unconsumed_tail
            if member.eof:
                data = member.unused_data
                member, between_members = zlib.decompressobj(31), True
            if chunk:
                yield chunk

    def _zstd(self) -> Iterator[bytes]:
        library = _zstandard()
        new_frame = library.ZstdDecompressor().decompressobj
        frame, between_frames, data = new_frame(), True, b""
        while True:
            data = data or self._read(_READ_ZSTD)
            if not data:
                if not between_frames:
                    self.damage = "the zstd data end before their end mark (truncated)"
                return
            between_frames = False
            try:
                chunk = frame.decompress(data)
            except library.ZstdError as error:
                self.damage = f"the zstd data are damaged ({error})"
                return
            data = b""
            if frame.eof:
                data = frame.unused_data
                frame, between_frames = new_frame(), True
            for begin in range(0, len(chunk), _WRITE):
                yield chunk[begin : begin + _WRITE]


def lines(path: str | os.PathLike) -> Iterator[bytes]:
    """Yield the lines of a capture without their line ends; damage ends the iteration silently.

    Raises: as Decompressor.
    """
    rest = b""
    for chunk in Decompressor(path):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
    if rest:
        yield rest.removesuffix(b"\r")


def prefix(path: str | os.PathLike, size: int) -> bytes:
    """Return the first `size` decompressed bytes of a capture, fewer when it is shorter. Raises: as Decompressor."""
    parts: list[bytes] = []
    missing = size
    source = Decompressor(path)
    try:
        for chunk in source:
            parts.append(chunk[:missing])
            missing -= len(parts[-1])
            if missing <= 0:
                break
    finally:
        source.close()
    return b"".join(parts)


def _salvage(member: Any, data: bytes) -> Iterator[bytes]:
    """Yield what comes out before the damage: byte by byte, because an error discards what its call had decoded."""
    out = bytearray()
    for i in range(len(data)):
        try:
            out += member.decompress(data[i : i + 1])
        except zlib.error:
            break
    if out:
        yield bytes(out)


def _open(path: str) -> BinaryIO:
    """Open a capture. A pipe gives its bytes once, and they are read twice: for the symbols, then for the run."""
    if os.path.abspath(path).startswith(_DESCRIPTORS):
        raise _not_found(path, "is a descriptor of one process, and a capture is read twice, by two")
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):  # before it is opened: that would wait for a writer
            raise _not_found(path, "is a pipe, and a capture is read twice")
        return open(path, "rb")
    except FileNotFoundError as error:
        raise _not_found(path, "no such file") from error
    except IsADirectoryError as error:
        raise _not_found(path, "is a directory") from error
    except PermissionError as error:
        raise _not_found(path, "permission denied") from error
    except (OSError, ValueError) as error:
        raise _not_found(path, f"cannot be opened ({error})") from error


def _not_found(path: str, what: str) -> InputNotFound:
    return InputNotFound(
        what, where=f"capture '{path}'", remedy="give the path of a file of lines '<receive ns> <json>' (plain, .gz, .zst)"
    )


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise Unavailable(
            "reading zstd needs the library 'zstandard'", remedy="pip install 'hydraflow-x[zstd]', or use gzip"
        ) from error
    return zstandard
