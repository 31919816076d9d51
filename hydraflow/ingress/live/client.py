"""The connection of a live source: asyncio and the library `websockets`; everything that is decided is decided elsewhere.

    connect → subscribe → frames go to the sink → the connection breaks → wait → connect → …

After every connection and every loss the books' snapshots are fetched and handed on as frames of their own. A snapshot
that was asked for before the latest loss is thrown away, and none is handed on while there is no connection: a book must
not come alive without the stream that keeps it so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any, Protocol
from urllib.parse import urlsplit

from hydraflow.errors import HydraFlowError, Unavailable
from hydraflow.ingress.live.backoff import Backoff
from hydraflow.ingress.live.http import get
from hydraflow.ingress.live.params import Figures, WebsocketParams
from hydraflow.ingress.live.resync import Resync
from hydraflow.ingress.live.streams import Streams, name_snapshot
from hydraflow.ingress.live.trouble import StaleFeed, Trouble, describe
from hydraflow.records import FRAME_BYTES_MAX

__all__ = ["Client", "Sink", "require_library"]

_TEND_SECONDS = 0.01  # how often held frames, books and silence are looked at
_FULL_SECONDS = 0.0005  # how often a full inbox is tried again
_CLOSE_SECONDS = 1.0  # for the venue's answer to our close frame
_LOOK_SECONDS = 0.1  # of silence that one look can find: while this thread gets no processor, nobody listens


class Sink(Protocol):
    """Where frames go."""

    resync_due: bool

    def offer(self, text: bytes, receive_ns: int) -> bool:
        """Take a frame; False: try again a little later."""

    def snapshot(self, text: bytes, receive_ns: int) -> bool:
        """Take a snapshot; False: there is no room, fetch it again later."""

    def lose(self, receive_ns: int) -> None:
        """The connection broke."""

    def flush(self) -> bool:
        """Pass on what is held."""


def require_library() -> None:
    """Raise Unavailable when the library is not installed."""
    try:
        import websockets.asyncio.client  # noqa: F401
    except ImportError as error:
        raise Unavailable(
            "live feeds need the library 'websockets'", remedy="pip install 'hydraflow-x[feeds]'"
        ) from error


class Client:
    """One connection that is kept up. `run` ends when it is cancelled, or when it gives up: then `failure` says why.

    not_live : returns the symbols whose books need a snapshot now. tend : called about a hundred times a second.
    """

    def __init__(
        self,
        params: WebsocketParams,
        streams: Streams,
        sink: Sink,
        figures: Figures,
        trouble: Trouble,
        *,
        not_live: Callable[[], Collection[str]] = tuple,
        tend: Callable[[], None] = lambda: None,
    ) -> None:
        self.failure: HydraFlowError | None = None
        self.connected = False
        self._params = params
        self._streams = streams
        self._sink = sink
        self._figures = figures
        self._trouble = trouble
        self._not_live = not_live
        self._tend = tend
        self._backoff = Backoff(params.retry_ns / 1e9, params.retry_most_ns / 1e9, params.stable_ns / 1e9, params.seed)
        self._resync = Resync(streams.differences, params.snapshot_every_ns / 1e9, params.snapshot_most_ns / 1e9)
        self._requests: set[asyncio.Task] = set()
        self._attempts = 0  # in a row without a frame
        self._connected_at = 0.0
        self._lost_at = 0.0  # 0: never had a connection
        self._heard = 0  # frames received at the last look
        self._silent_seconds = 0.0  # listened for so long since then, in vain
        self._looked_at = 0.0
        self._silence: asyncio.Timeout | None = None  # runs out when the feed is stale

    async def run(self) -> None:
        """Keep the connection up."""
        async with asyncio.TaskGroup() as group:
            tender = group.create_task(self._tend_always(group))
            try:
                held = await self._connect_once()
                while not self._given_up():
                    await asyncio.sleep(self._backoff.delay(held))
                    held = await self._connect_once()
            finally:
                tender.cancel()
                for request in self._requests:
                    request.cancel()

    def _given_up(self) -> bool:
        most = self._params.max_attempts
        if most and self._attempts >= most:
            times = f"{self._attempts} attempts" if self._attempts > 1 else "1 attempt"
            self.failure = Unavailable(
                f"gave up after {times}: {self._trouble.last}", where=self._params.url, remedy="look at the address and the network"
            )
        return self.failure is not None

    async def _connect_once(self) -> float:
        """Connect and read until the connection ends; return how many seconds it held, 0 when it never came about."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        params, seconds = self._params, self._params.timeout_ns / 1e9
        ping = params.ping_ns / 1e9 or None
        self._attempts += 1
        try:
            async with connect(
                params.url, compression=None, max_size=FRAME_BYTES_MAX, open_timeout=seconds, close_timeout=_CLOSE_SECONDS,
                ping_interval=ping, ping_timeout=seconds if ping else None,
            ) as socket:
                self._on_connected()
                if params.subscribe:
                    await socket.send(params.subscribe)
                await self._read(socket)
        except (OSError, WebSocketException, StaleFeed, EOFError, ImportError) as error:  # the last: a proxy that needs more
            self._trouble.say(f"{_host(params.url)}: {describe(error)}")
        except asyncio.CancelledError:  # the end, asked for
            self.connected = False
            raise
        return self._on_disconnected()

    async def _read(self, socket: Any) -> None:
        """Hand frames on until the connection ends (it raises then)."""
        self._silent_seconds = 0.0
        try:
            async with asyncio.timeout(None) as self._silence:
                while True:
                    text = await socket.recv(decode=False)
                    receive_ns = time.time_ns()
                    self._attempts = 0
                    self._figures.received += 1
                    while not self._sink.offer(text, receive_ns):
                        self._silent_seconds = 0.0
                        await asyncio.sleep(_FULL_SECONDS)
        except TimeoutError:
            if self._silence is None or not self._silence.expired():
                raise
            self._figures.stale_feeds += 1
            raise StaleFeed(f"no frame for {self._params.stale_ns / 1e9:g} s") from None
        finally:
            self._silence = None

    def _on_connected(self) -> None:
        now = time.monotonic()
        self.connected = True
        self._connected_at = now
        self._figures.connects += 1
        if self._lost_at:
            self._figures.reconnect_ms += round((now - self._lost_at) * 1e3)
        self._resync.lose()

    def _on_disconnected(self) -> float:
        if not self.connected:
            self._figures.failed_attempts += 1
            return 0.0
        self.connected = False
        self._lost_at = time.monotonic()
        self._figures.disconnects += 1
        self._resync.lose()
        self._sink.lose(time.time_ns())
        self._sink.resync_due = False  # nothing was asked for since
        return self._lost_at - self._connected_at

    async def _tend_always(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._sink.flush()
            if self._sink.resync_due:
                self._sink.resync_due = False
                self._resync.lose()
            if self.connected:
                self._resync.observe(self._not_live())
                for symbol in self._resync.due(time.monotonic()):
                    request = group.create_task(self._fetch(symbol))
                    self._requests.add(request)
                    request.add_done_callback(self._requests.discard)
            self._listen(time.monotonic())
            self._tend()
            await asyncio.sleep(_TEND_SECONDS)

    def _listen(self, now: float) -> None:
        """Give the connection up when it has been silent for too long."""
        self._silent_seconds += min(now - self._looked_at, _LOOK_SECONDS)
        self._looked_at = now
        if self._figures.received != self._heard:
            self._heard, self._silent_seconds = self._figures.received, 0.0
        stale = self._params.stale_ns / 1e9
        if stale and self._silence is not None and self._silent_seconds > stale:
            self._silence.reschedule(asyncio.get_running_loop().time())

    async def _fetch(self, symbol: str) -> None:
        """Fetch one snapshot and hand it on, if it is of use by then."""
        url = self._streams.snapshot_url(symbol)
        try:
            text = name_snapshot(await get(url, self._params.timeout_ns / 1e9), symbol)
        except (OSError, ValueError) as error:
            self._figures.snapshot_failures += 1
            self._trouble.say(f"{url}: {f'the answer {error}' if isinstance(error, ValueError) else describe(error)}")
            self._resync.arrived(symbol, False, time.monotonic() + _asked_to_wait(error))
            return
        if not self._resync.arrived(symbol, True) or not self.connected:
            return
        if self._sink.snapshot(text, time.time_ns()):
            self._figures.resyncs += 1
        else:
            self._figures.snapshot_failures += 1
            self._resync.want(symbol)


def _host(url: str) -> str:
    """Return an address without path and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _asked_to_wait(error: BaseException) -> float:
    """Return the seconds of a Retry-After header, 0 without one."""
    headers = getattr(error, "headers", None)
    value = headers.get("Retry-After", "") if headers is not None else ""
    return float(value) if value.isdecimal() else 0.0
