"""One GET on a thread of its own: urllib blocks, and a request that hangs must not hold up the end of a run."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import threading
import urllib.error
import urllib.request

from hydraflow import __version__
from hydraflow.records import FRAME_BYTES_MAX

__all__ = ["get"]


async def get(url: str, timeout_seconds: float) -> bytes:
    """Return the body at `url`. Raises: OSError (URLError and HTTPError are), ValueError for an answer of no use."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bytes] = loop.create_future()

    def settle(result: bytes | Exception) -> None:
        if future.done():
            return
        if isinstance(result, bytes):
            future.set_result(result)
        else:
            future.set_exception(result)

    def work() -> None:
        result: bytes | Exception
        try:
            result = _read(url, timeout_seconds)
        except Exception as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it holds the connection
            result = error
        with contextlib.suppress(RuntimeError):  # the loop has gone meanwhile
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=work, name="snapshot", daemon=True).start()
    return await future


def _read(url: str, timeout_seconds: float) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": f"hydraflow-x/{__version__}", "Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as response:
            body = response.read(FRAME_BYTES_MAX + 1)
    except http.client.HTTPException as error:
        raise ValueError(f"is broken: {type(error).__name__}: {error}") from error
    if len(body) > FRAME_BYTES_MAX:
        raise ValueError(f"is longer than {FRAME_BYTES_MAX:,} bytes")
    return body
