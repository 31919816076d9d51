"""A venue on the loopback interface: the simulator's frames over a real websocket, its books over HTTP, faults on demand.

    python -m tests.reference.feed_server --frames 100000 --rate 2000 --every 20000

Both are served at one port: `ws://127.0.0.1:PORT/stream?streams=…` and `http://127.0.0.1:PORT/depth?symbol=BTCUSDT`. The
server keeps its own plain book, so that a snapshot can be asked for at any moment, and remembers the best prices at every
update id: what a client shows as LIVE can be held against them.

There is one position in the stream for all connections; the frames that a client misses while it is away are lost to it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http
import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from hydraflow.ingress.simulator.batch import SimulatedLines
from hydraflow.ingress.simulator.state import SimulatorParams

__all__ = ["FeedServer", "simulated_frames"]

CLOSE, ABORT, GAP, SILENCE = "close", "abort", "gap", "silence"
_DEADLINE_SECONDS = 60
_QUIET = logging.Logger("feed-server", logging.CRITICAL + 1)


def simulated_frames(frames: int, seed: int) -> Iterator[bytes]:
    """Yield the simulator's frames without faults of its own, pools left out."""
    params = SimulatorParams(frames=frames, seed=seed, gap_ppm=0, crossed_ppm=0, resync_ppm=0)
    for block in SimulatedLines(params):
        for line in bytes(block).splitlines():
            text = line.partition(b" ")[2]
            if not text.startswith(b'{"jsonrpc"'):
                yield text


class _Book:
    """The venue's book, as plain as can be."""

    def __init__(self) -> None:
        self.update = 0
        self.sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}

    def apply(self, data: dict[str, Any]) -> None:
        for side, levels in self.sides.items():
            for price, quantity in data[side]:
                if float(quantity):
                    levels[price] = quantity
                else:
                    levels.pop(price, None)
        self.update = data["u"]

    def best(self) -> tuple[str, str, str, str]:
        bids, asks = self.sides["b"], self.sides["a"]
        bid, ask = max(bids, key=float), min(asks, key=float)
        return bid, bids[bid], ask, asks[ask]

    def snapshot(self) -> bytes:
        bids = sorted(self.sides["b"].items(), key=lambda level: -float(level[0]))
        asks = sorted(self.sides["a"].items(), key=lambda level: float(level[0]))
        return json.dumps({"lastUpdateId": self.update, "E": 1, "T": 1, "bids": bids, "asks": asks}).encode()


class FeedServer:
    """Serves `frames` simulated frames on a thread of its own; a context manager.

    events : {index of a frame: what happens before it}: close, abort (no close frame), gap (the next depth message is not
    sent), silence (nothing is sent until the client comes back). hold : after an event at most that many frames go out
    before somebody has fetched a snapshot; 0: no matter. away : frames lost to a client that has to come back. rate :
    frames per second, 0: as fast as they are taken. refuse : HTTP status of handshakes; snapshot_status : of the next
    snapshots, one after the other.

    delivered : frames that the client's library is known to have. finished : set when all frames have been delivered.
    """

    def __init__(
        self, *, frames: int = 20_000, seed: int = 7, events: dict[int, str] | None = None, hold: int = 0, away: int = 50,
        rate: float = 0.0, refuse: int = 0, snapshot_status: tuple[int, ...] = (), texts: list[bytes] | None = None,
    ) -> None:
        self.texts = list(simulated_frames(frames, seed)) if texts is None else texts
        self.events = dict(events or {})
        self.delivered = 0
        self.connections = 0
        self.snapshots = 0
        self.truth: dict[int, tuple[str, str, str, str]] = {}
        self.sent: list[int] = []
        self.heard: list[str] = []
        self.finished = threading.Event()
        self.paused = threading.Event()
        self._hold, self._away, self._rate = hold, away, rate
        self.refuse = refuse
        self.snapshot_status = list(snapshot_status)
        self._book = _Book()
        self._position = 0
        self._skip_depth = False
        self._transports: list[asyncio.Transport] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed-server", daemon=True)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/stream?streams=btcusdt@depth@0ms/btcusdt@bookTicker/btcusdt@trade"

    @property
    def snapshot_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/depth?symbol=BTCUSDT&limit=1000"

    @property
    def last_update(self) -> int:
        """Update id at which the venue's book stands."""
        return self._book.update

    def __enter__(self) -> FeedServer:
        self._thread.start()
        assert self._ready.wait(_DEADLINE_SECONDS), "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_DEADLINE_SECONDS)

    def wait(self, condition: Any, what: str, seconds: float = _DEADLINE_SECONDS) -> None:
        """Wait until condition() is true. Raises: AssertionError after `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s; {self!r}"
            time.sleep(0.005)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with serve(
            self._stream, "127.0.0.1", 0, process_request=self._answer, compression=None, close_timeout=0.2,
            ping_interval=None, logger=_QUIET,
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._ready.set()
            await self._stop.wait()
        for transport in self._transports:  # on a slow machine one may still be open, and would be found so by a later test
            transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Serve the snapshot over HTTP; let websocket handshakes pass."""
        self._transports.append(connection.transport)
        if request.path.startswith("/depth"):
            status = self.snapshot_status.pop(0) if self.snapshot_status else 200
            self._start_book()
            body = self._book.snapshot() if status == 200 else b'{"code":-1003,"msg":"no"}'
            self.snapshots += status == 200
            headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
            return Response(status, http.HTTPStatus(status).phrase, headers, body)
        if self.refuse:
            return connection.respond(http.HTTPStatus(self.refuse), "no")
        return None

    async def _stream(self, socket: ServerConnection) -> None:
        self.connections += 1
        if self.connections > 1:
            for _ in range(min(self._away, len(self.texts) - self._position)):
                self._take(self._position)
                self._position += 1
        reader = asyncio.create_task(self._drain(socket))
        try:
            await self._send_all(socket)
        except ConnectionClosed:
            pass
        finally:
            reader.cancel()

    async def _drain(self, socket: ServerConnection) -> None:
        """Read what the client says (subscriptions), so that pongs are handled too."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.heard.append(str(await socket.recv()))

    async def _send_all(self, socket: ServerConnection) -> None:
        allowance = self._hold or len(self.texts)
        asked = self.snapshots if self._hold else -1
        unconfirmed = 0
        began, sent = time.monotonic(), 0
        while self._position < len(self.texts):
            event = self.events.pop(self._position, "")
            if event in (CLOSE, ABORT, SILENCE):
                await self._confirm(socket, unconfirmed)
                if event == SILENCE:
                    await socket.wait_closed()
                elif event == CLOSE:
                    await socket.close(1001, "maintenance")
                else:
                    socket.transport.abort()
                return
            if event == GAP:
                self._skip_depth = True
                if self._hold:
                    allowance, asked = self._hold, self.snapshots
            while self.paused.is_set() or (allowance <= 0 and self.snapshots <= asked):
                await asyncio.sleep(0.001)
            if allowance <= 0:
                allowance = len(self.texts)
            index = self._position
            self._position += 1
            if self._take(index):
                await socket.send(self.texts[index], text=True)
                self.sent.append(index)
                unconfirmed += 1
                allowance -= 1
            sent += 1
            if self._rate and sent / self._rate > time.monotonic() - began:
                await asyncio.sleep(0.01)
            elif sent & 63 == 0:
                await asyncio.sleep(0)  # let requests for snapshots in
        await self._confirm(socket, unconfirmed)
        self.finished.set()
        await self._stop.wait()

    async def _confirm(self, socket: ServerConnection, count: int) -> None:
        """Wait for the pong that shows that all frames before it have arrived."""
        await (await socket.ping())
        self.delivered += count

    def _start_book(self) -> None:
        """Read the snapshot with which the simulator begins."""
        if self._book.update == 0:
            data = json.loads(next(t for t in self.texts if t.startswith(b'{"lastUpdateId"')))
            self._book.update = data["lastUpdateId"]
            self._book.sides = {"b": dict(data["bids"]), "a": dict(data["asks"])}

    def _take(self, index: int) -> bool:
        """Let the venue's own book follow frame `index`; return whether it is to be sent."""
        text = self.texts[index]
        if text.startswith(b'{"lastUpdateId"'):
            self._start_book()
            return False
        if b'"depthUpdate"' in text:
            self._start_book()
            self._book.apply(json.loads(text)["data"])
            self.truth[self._book.update] = self._book.best()
            if self._skip_depth:
                self._skip_depth = False
                return False
        return True

    def __repr__(self) -> str:
        return (f"<FeedServer {self._position:,} of {len(self.texts):,} frames, {self.delivered:,} delivered, "
                f"{self.connections} connections, {self.snapshots} snapshots>")


def main() -> None:
    parser = argparse.ArgumentParser(description="A venue on the loopback interface")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=2000.0, help="frames per second, 0: flat out")
    parser.add_argument("--every", type=int, default=0, help="disconnect after so many frames")
    given = parser.parse_args()
    events = {i: (CLOSE, ABORT)[n & 1] for n, i in enumerate(range(given.every, given.frames, given.every))} if given.every else {}
    with FeedServer(frames=given.frames, seed=given.seed, rate=given.rate, events=events) as server:
        print(f"export HYDRAFLOW_WS='{server.url}' HYDRAFLOW_SNAPSHOT='{server.snapshot_url}'", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.finished.wait()


if __name__ == "__main__":
    main()
