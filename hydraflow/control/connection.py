"""The engine's socket, NAME.sock beside its CnC file: one JSON object asked, one answered, a line each (schema hfx.control/1).

The folder is the user's own (0700), and the engine asks the kernel who is at the other end. Requests are answered one after
the other, so two writers cannot get between each other.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hydraflow.errors import OutputError, Unavailable, UsageError

__all__ = ["SCHEMA", "Listener", "alive_engines", "ask"]

SCHEMA = "hfx.control/1"
BYTES_MOST = 1 << 20  # of a request
_REQUEST_SECONDS = 1.0  # in which a request must have come whole
_ANSWER_SECONDS = 30.0
_NO_DESCRIPTOR_SECONDS = 0.1
_FULL_SECONDS = 0.01  # until a place in the queue is looked for again
_UCRED = struct.Struct("3i")


class Listener:
    """The engine's end. answer : called with each request on the listener's own thread; what it returns is sent back."""

    def __init__(self, path: Path, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.path = path
        self._answer = answer
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)

    def start(self) -> None:
        """Make the socket and its thread. Raises: OutputError."""
        self.path.unlink(missing_ok=True)  # of an engine of this name that was killed; it is dead, or ours could not run
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _short(self.path) as address:
                listening.bind(address)
            os.chmod(self.path, 0o600)
            listening.listen(16)
        except OSError as error:
            listening.close()
            raise OutputError(f"cannot make the control socket: {error.strerror}", where=str(self.path)) from error
        self._socket = listening
        self._thread.start()

    def stop(self) -> None:
        """Answer no more and remove the socket. May be called twice, and without start."""
        if self._socket is None:
            return
        listening, self._socket = self._socket, None
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(_REQUEST_SECONDS + 1)
        listening.close()
        self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while (listening := self._socket) is not None:
            try:
                connection, _ = listening.accept()
            except OSError:
                if self._socket is None:
                    return
                time.sleep(_NO_DESCRIPTOR_SECONDS)  # the process has too many files open: who asks waits
                continue
            with connection, contextlib.suppress(OSError):  # who asked has gone, or does not come to the point
                answer = json.dumps(self._answered(connection)).encode() + b"\n"
                connection.settimeout(_REQUEST_SECONDS)
                connection.sendall(answer)

    def _answered(self, connection: socket.socket) -> dict[str, Any]:
        if _peer(connection) not in (os.geteuid(), 0):
            return {"schema": SCHEMA, "ok": False, "code": 77, "error": "this engine belongs to another user"}
        try:
            request = json.loads(_line(connection, _REQUEST_SECONDS))
        except (ValueError, RecursionError):
            return {"schema": SCHEMA, "ok": False, "code": 65, "error": "the request is not one line of JSON"}
        if not isinstance(request, dict) or request.get("schema") != SCHEMA:
            return {"schema": SCHEMA, "ok": False, "code": 65, "error": f"the request has not the schema {SCHEMA}"}
        return {"schema": SCHEMA, **self._answer(request)}


def ask(name: str, do: str, **request: Any) -> dict[str, Any]:
    """Ask the engine `name` and return its answer, {"ok": …}; a refusal is an answer too.

    Raises: Unavailable when it does not run, does not listen yet, or does not answer; UsageError for a name no engine can have.
    """
    from disruptor.counters_reader import CounterReader
    from disruptor.errors import CounterFileError, MemoryMapError

    path = _path_of(name)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, _short(path) as address:
            _connect(connection, address)
            connection.settimeout(_ANSWER_SECONDS)
            connection.sendall(json.dumps({"schema": SCHEMA, "do": do, **request}).encode() + b"\n")
            return json.loads(_line(connection, _ANSWER_SECONDS, 64 * BYTES_MOST))
    except TimeoutError as error:
        raise Unavailable(f"engine '{name}' has not answered for {_ANSWER_SECONDS:g} s", remedy=f"see hfx stat {name}") from error
    except (OSError, ValueError) as error:
        cause = error
    try:
        reader = CounterReader(path.with_suffix(".cnc"))
    except (OSError, CounterFileError, MemoryMapError):
        raise Unavailable(f"no engine is called '{name}'", remedy=_who_runs(path.parent)) from cause
    shown = reader.snapshot()
    if shown["exit_code"] is not None:
        raise Unavailable(f"engine '{name}' has ended, exit code {shown['exit_code']}", remedy=_who_runs(path.parent)) from cause
    if not shown["alive"]:
        raise Unavailable(f"engine '{name}' is dead: it ended without saying so", remedy=f"see hfx stat {name}") from cause
    doing = shown["phase"]["text"] or "starting"
    raise Unavailable(f"engine '{name}' does not listen: it is not running yet, or no longer ({doing})",
                      remedy="try again in a moment") from cause


def _path_of(name: str) -> Path:
    from disruptor.counters import counter_path
    from disruptor.errors import CounterFileError, MemoryMapError

    try:
        return counter_path(name, create_folder=False).with_suffix(".sock")
    except CounterFileError as error:
        raise UsageError(str(error)) from error
    except MemoryMapError as error:
        raise Unavailable(str(error)) from error


def alive_engines(folder: Path | None = None) -> list[str]:
    """Return the engines of this user that run, by name. Raises: Unavailable for a folder that must not be trusted."""
    from disruptor.counters_reader import CounterReader
    from disruptor.errors import CounterFileError, MemoryMapError
    from disruptor.memory import runtime_folder

    try:
        folder = folder or runtime_folder(create=False)
    except MemoryMapError as error:
        raise Unavailable(str(error)) from error
    alive = []
    for path in sorted(folder.glob("*.cnc")):
        with contextlib.suppress(OSError, CounterFileError):
            reader = CounterReader(path)
            if reader.alive and reader.snapshot()["exit_code"] is None:
                alive.append(path.stem)
    return alive


def _who_runs(folder: Path) -> str:
    alive = alive_engines(folder)
    return f"running: {', '.join(alive)}" if alive else "none runs; start one with `hfx run FILE`"


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a name for the socket that fits into its address, 107 bytes, however long the folder's is."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _peer(connection: socket.socket) -> int:
    """Return the user at the other end."""
    return _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))[1]


def _connect(connection: socket.socket, address: str) -> None:
    """Connect; while the queue of those who ask is full, the kernel says "try again" at once and does not wait."""
    end = time.monotonic() + _ANSWER_SECONDS
    connection.settimeout(_ANSWER_SECONDS)
    while True:
        try:
            return connection.connect(address)
        except BlockingIOError:
            if time.monotonic() > end:
                raise TimeoutError from None
            time.sleep(_FULL_SECONDS)


def _line(connection: socket.socket, seconds: float, most: int = BYTES_MOST) -> bytes:
    """Return what comes until the first line end. Raises: ValueError for none, or a line that is too long; TimeoutError when it is
    not there after so many seconds, however it comes."""
    text = bytearray()
    end = time.monotonic() + seconds
    while not text.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(1 << 16)
        if not part or len(text) > most:
            raise ValueError("no whole line")
        text += part
    return bytes(text)
