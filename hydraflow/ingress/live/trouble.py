"""Network errors in words, each distinct one said once; how often they come is what the counters are for."""

from __future__ import annotations

import socket
import ssl
import urllib.error
from collections.abc import Callable

from hydraflow.notes import note

__all__ = ["StaleFeed", "Trouble", "describe"]

_STATUS = {
    403: "forbidden: this network or region may be barred",
    404: "no such path: look at the address",
    418: "banned for asking too often: it ends by itself",
    429: "too many requests",
    451: "not served in this region: use the venue's address for yours",
}


class StaleFeed(Exception):
    """No frame has come for too long."""


def describe(error: BaseException) -> str:
    """Return one sentence about an error of a connection or a request: what happened and, where it helps, what to do."""
    if type(error) is urllib.error.URLError and isinstance(error.reason, BaseException):
        error = error.reason  # urllib wraps what happened
    if isinstance(error, StaleFeed):
        return str(error)
    status = error.code if isinstance(error, urllib.error.HTTPError) else _status_of(error)
    if status is not None:
        return f"answered HTTP {status} ({_STATUS.get(status, 'the venue refused')})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS failed: {error.verify_message}; look at the clock, the address and the certificates of this machine"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {getattr(error, 'reason', None) or error}; does the address speak TLS there?"
    if isinstance(error, socket.gaierror):
        return f"the host cannot be resolved ({error.strerror})"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused: is the host right, and does it listen there?"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    received = getattr(error, "rcvd", None)
    if type(error).__name__.startswith("ConnectionClosed"):
        ours = getattr(error, "sent", None)
        if ours is not None and ours.reason and not getattr(error, "rcvd_then_sent", None):
            return f"the connection was given up here, code {int(ours.code)} ({ours.reason})"
        if received is None:
            return "the connection broke off without a close frame"
        reason = f" ({received.reason})" if received.reason else ""
        return f"the venue closed the connection, code {int(received.code)}{reason}"
    if isinstance(error, ConnectionError):
        return "the connection was cut off"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{type(error).__name__}: {error}"


def _status_of(error: BaseException) -> int | None:
    """Return the HTTP status of a refused websocket handshake (websockets.exceptions.InvalidStatus)."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return int(status) if status is not None else None


class Trouble:
    """Says each distinct sentence once. write : gets whole lines."""

    def __init__(self, who: str, write: Callable[[str], object] | None = None) -> None:
        self._who = who
        self._write = write or note
        self._said: set[str] = set()
        self.last = ""

    def say(self, text: str) -> None:
        """Write `text` with its origin unless it was written before."""
        self.last = text
        if text not in self._said:
            self._said.add(text)
            self._write(f"hfx: {self._who}: {text}; trying again")
