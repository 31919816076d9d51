"""Writes a capture: one line `<receive ns> <json>` per frame, compressed by the file's suffix."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from types import TracebackType

from hydraflow.errors import OutputError
from hydraflow.ingress.compress import CompressedWriter, codec_of

__all__ = ["Recorder"]

_BATCH = 1 << 18  # bytes gathered before the codec sees them


class Recorder:
    """A capture file being written. What was flushed survives a crash: `capture` reads it up to there.

    path : .gz and .zst compress. flush_seconds : at the latest so long after a frame was written a later `write` (or
    `flush`) makes it readable. force : overwrite, as soon as there is a frame to put in the place of what is there: until
    then, and when there never is one, the old file stays. clock : seconds.
    frames, bytes : written so far, before compression.
    Raises: OutputError when the file exists or cannot be created, InputOutputError when writing fails, Unavailable for
    zstd without its library.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        flush_seconds: float = 1.0,
        force: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = os.fspath(path)
        self.frames = 0
        self.bytes = 0
        self._clock = clock
        self._flush_seconds = flush_seconds
        self._flushed = clock()
        self._batch = bytearray()
        self._beside = ""  # where the frames lie before they take the place of an older file
        try:
            old = _mode(self.path)
            if force and stat.S_ISREG(old):
                self._place = os.path.realpath(self.path)
                folder, name = os.path.split(self._place)
                self._beside = os.path.join(folder, f".{name}.{os.getpid()}.part")
            self._file = open(self._beside or self.path, "wb" if force and old and not self._beside else "xb")
        except FileExistsError as error:
            raise OutputError("exists", where=f"output '{self.path}'", remedy="use --force to overwrite it") from error
        except OSError as error:
            raise OutputError(
                f"cannot be created: {error.strerror}", where=f"output '{self.path}'", remedy="name another place"
            ) from error
        try:
            self._writer = CompressedWriter(self._file, codec_of(self.path), self.path)
        except BaseException:
            self._file.close()
            if self._beside or not old:
                os.unlink(self._beside or self.path)
            raise

    def write(self, receive_ns: int, text: bytes | bytearray | memoryview) -> None:
        """Append one frame. Line ends inside it become blanks (in JSON both are white space)."""
        before = len(self._batch)
        self._batch += b"%d " % receive_ns
        self._batch += bytes(text).replace(b"\n", b" ").replace(b"\r", b" ")
        self._batch += b"\n"
        self.frames += 1
        self.bytes += len(self._batch) - before
        if len(self._batch) >= _BATCH:
            self._drain()
        if self._clock() - self._flushed >= self._flush_seconds:
            self.flush()

    def flush(self) -> None:
        """Make every frame so far readable by others."""
        self._drain()
        self._writer.flush()
        self._take_place()
        self._flushed = self._clock()

    def close(self) -> None:
        """Finish and close the file. May be called twice."""
        if self._file.closed:
            return
        try:
            self._drain()
            self._writer.finish()
            self._take_place()
        finally:
            self._file.close()
            if self._beside:
                os.unlink(self._beside)

    def _take_place(self) -> None:
        """Put the recording where the older file lies, once it holds a frame."""
        if self._beside and self.frames:
            os.replace(self._beside, self._place)
            self._beside = ""

    def _drain(self) -> None:
        if self._batch:
            data, self._batch = self._batch, bytearray()
            self._writer.write(bytes(data))

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _mode(path: str) -> int:
    """Return the type and permissions of what lies at `path`, 0 when nothing does."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return 0
