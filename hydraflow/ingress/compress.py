"""Writes a file plain, as gzip or as zstd, by its suffix; what was flushed can be read even if the writer dies."""

from __future__ import annotations

import os
import zlib
from typing import Any, BinaryIO, Protocol

from hydraflow.errors import InputOutputError, Unavailable

__all__ = ["CompressedWriter", "codec_of"]

_GZIP_LEVEL = 4
_ZSTD_LEVEL = 3


class _Codec(Protocol):
    def compress(self, data: Any) -> bytes: ...
    def sync(self) -> bytes: ...
    def finish(self) -> bytes: ...


def codec_of(path: str | os.PathLike) -> str:
    """Return "gzip" for .gz, "zstd" for .zst and .zstd, else "plain"."""
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    return {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}.get(suffix, "plain")


class CompressedWriter:
    """Writes bytes through a codec into an open binary file.

    path : for messages. Raises: Unavailable for zstd without its library; InputOutputError when writing fails. A broken
    pipe stays what it is.
    """

    def __init__(self, file: BinaryIO, codec: str, path: str) -> None:
        self._file = file
        self._path = path
        codecs: dict[str, type[_Codec]] = {"plain": _Plain, "gzip": _Gzip, "zstd": _Zstd}
        self._codec = codecs[codec]()

    def write(self, data: bytes | memoryview) -> None:
        """Compress and write `data`."""
        self._put(self._codec.compress(data))

    def flush(self) -> None:
        """Make everything written so far readable."""
        self._put(self._codec.sync())
        self._flush_file()

    def finish(self) -> None:
        """Write the end mark and flush; the file stays open."""
        self._put(self._codec.finish())
        self._flush_file()

    def _put(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _failed(self._path, error) from error

    def _flush_file(self) -> None:
        try:
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _failed(self._path, error) from error


def _failed(path: str, error: OSError) -> InputOutputError:
    return InputOutputError(
        f"writing failed: {error.strerror}", where=f"output '{path}'", remedy="make room, or write to another place"
    )


class _Plain:
    def compress(self, data: bytes | memoryview) -> Any:
        return data

    def sync(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b""


class _Gzip:
    def __init__(self) -> None:
        self._zlib = zlib.compressobj(_GZIP_LEVEL, wbits=31)  # no name and no time in the header

    def compress(self, data: bytes | memoryview) -> bytes:
        return self._zlib.compress(data)

    def sync(self) -> bytes:
        return self._zlib.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._zlib.flush(zlib.Z_FINISH)


class _Zstd:
    def __init__(self) -> None:
        try:
            import zstandard
        except ImportError as error:
            raise Unavailable(
                "writing zstd needs the library 'zstandard'", remedy="pip install 'hydraflow-x[zstd]', or use gzip"
            ) from error
        self._block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        self._zstd = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()

    def compress(self, data: bytes | memoryview) -> bytes:
        return self._zstd.compress(data)

    def sync(self) -> bytes:
        return self._zstd.flush(self._block)

    def finish(self) -> bytes:
        return self._zstd.flush()
