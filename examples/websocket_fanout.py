"""A websocket server that fans one ring out to any number of clients; slow ones are conflated or dropped, nobody waits.

    python -m examples.websocket_fanout [SECONDS]     server and ten clients on this machine, 3 seconds by default

    ticks ─▶ ring ─┬▶ observer ─▶ client of /latest   conflated: the newest value of each name, as fast as it can take them
                   └▶ observer ─▶ client of /every    every tick; one that falls behind by a ring is dropped, and told so

Every client has an observer of its own. Observers hold nobody back: the producer publishes at its own speed whatever the
clients do, and each client knows how many ticks it has missed. Needs the package `websockets`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import numpy as np
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from disruptor import RingBuffer, aio

TICK = [
    ("name", "i8"),  # index into NAMES
    ("number", "i8"),  # of the tick, from 0
    ("value", "f8"),
]
NAMES = ("amber", "basalt", "cobalt", "delta", "ember", "fjord", "garnet", "harbor")
TOO_SLOW = 1013  # the close code "try again later"
BUFFER_BYTES = 4096  # what the server and the kernel keep for a client that does not read


class Fanout:
    """Serves the ticks of a ring. dropped : clients that were too slow for /every; clients : those connected now."""

    def __init__(self, ring: RingBuffer) -> None:
        self.ring = ring
        self.dropped = 0
        self.clients = 0

    async def __call__(self, client: ServerConnection) -> None:
        """Serve one client until it leaves, or is dropped."""
        path = client.request.path if client.request is not None else ""
        if path not in ("/latest", "/every"):
            await client.close(1008, "there are /latest and /every")
            return
        self.clients += 1
        leaving = None
        try:
            async with aio.batches(self.ring, observer=True, batch_limit=256 if path == "/every" else self.ring.slots) as stream:
                leaving = asyncio.create_task(_end_with(client, stream))
                async for batch in stream:
                    if path == "/latest":
                        await client.send(message(newest(batch), stream.lost))
                    elif stream.lost:
                        self.dropped += 1
                        await client.close(TOO_SLOW, f"too slow: {stream.lost} ticks were overwritten")
                        return
                    else:
                        await client.send(message(batch, 0))
        except ConnectionClosed:
            pass
        finally:
            self.clients -= 1
            if leaving is not None:
                leaving.cancel()


async def _end_with(client: ServerConnection, stream: aio.Stream) -> None:
    """End the stream when the client has gone: it may be waiting for a tick that never comes."""
    await client.wait_closed()
    stream.close()


def newest(batch: np.ndarray) -> np.ndarray:
    """Return the last tick of each name, in the order of the names."""
    _, from_end = np.unique(batch["name"][::-1], return_index=True)
    return batch[len(batch) - 1 - from_end]


def message(ticks: np.ndarray, missed: int) -> str:
    """Return the JSON text for some ticks."""
    rows = [[NAMES[t["name"]], int(t["number"]), round(float(t["value"]), 4)] for t in ticks]
    return json.dumps({"missed": missed, "ticks": rows})


@asynccontextmanager
async def serving(ring: RingBuffer) -> AsyncIterator[tuple[Fanout, int]]:
    """Serve a ring on a free port of the loopback interface; give (the server, its port)."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)  # inherited by each connection
    fanout = Fanout(ring)
    async with serve(fanout, sock=listening, compression=None, write_limit=BUFFER_BYTES, close_timeout=2):
        yield fanout, listening.getsockname()[1]


async def produce(ring: RingBuffer, seconds: float, per_second: int = 20_000, seed: int = 7) -> int:
    """Publish random walks for so long, a batch each 5 ms; return the number of ticks."""
    rng = np.random.default_rng(seed)
    values = np.full(len(NAMES), 100.0)
    number, start = 0, time.monotonic()
    while (elapsed := time.monotonic() - start) < seconds:
        due = int(elapsed * per_second) - number
        if due > 0:
            names = rng.integers(0, len(NAMES), due)
            steps = rng.normal(0, 0.01, due)
            walk = np.empty(due)
            for name in range(len(NAMES)):
                mine = names == name
                walk[mine] = values[name] + np.cumsum(steps[mine])
                values[name] = walk[mine][-1] if mine.any() else values[name]
            ring.publish(name=names, number=np.arange(number, number + due), value=walk)
            number += due
        await asyncio.sleep(0.005)
    return number


@attrs.define
class Seen:
    """What a client has got. closed : the code and reason with which the server closed, "" when it did not."""

    path: str
    pause: float
    messages: int = 0
    ticks: int = 0
    missed: int = 0
    newest: int = -1
    gaps: int = 0
    closed: str = ""


async def watch(port: int, path: str, pause: float = 0.0) -> Seen:
    """Be a client until the server closes. pause : seconds that it takes over each message."""
    seen = Seen(path, pause)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    async with connect(f"ws://127.0.0.1:{port}{path}", sock=raw, compression=None, max_queue=1) as server:
        try:
            while True:
                _take(seen, json.loads(await server.recv()))
                if pause:
                    await asyncio.sleep(pause)
        except ConnectionClosed as end:
            if end.rcvd is not None and end.rcvd.code != 1001:
                seen.closed = f"{end.rcvd.code} {end.rcvd.reason}"
    return seen


def _take(seen: Seen, told: dict[str, Any]) -> None:
    numbers = [number for _, number, _ in told["ticks"]]
    seen.messages += 1
    seen.ticks += len(numbers)
    seen.missed = told["missed"]
    if seen.path == "/every" and seen.newest >= 0:
        seen.gaps += sum(b - a != 1 for a, b in zip([seen.newest, *numbers], numbers, strict=False))
    seen.newest = max(seen.newest, *numbers)


async def demonstrate(seconds: float, clients: list[tuple[str, float]]) -> tuple[int, Fanout, list[Seen]]:
    """Serve these clients (path, pause) for so long; return the number of ticks, the server and what each client saw."""
    ring = RingBuffer(TICK, 4096, name="ticks", when_full="overwrite")
    async with serving(ring) as (fanout, port):
        tasks = [asyncio.create_task(watch(port, path, pause)) for path, pause in clients]
        async with asyncio.timeout(20):
            while fanout.clients < len(clients):
                await asyncio.sleep(0.01)
        ticks = await produce(ring, seconds)
        await asyncio.sleep(0.1)
    return ticks, fanout, list(await asyncio.gather(*tasks))


def main(arguments: list[str]) -> int:
    """Print what each client saw. Returns an exit code."""
    seconds = float(arguments[0]) if arguments else 3.0
    clients = [("/every", 0.0)] * 3 + [("/latest", 0.0)] * 3 + [("/latest", 0.1)] * 2 + [("/every", 0.25)] * 2
    ticks, fanout, seen = asyncio.run(demonstrate(seconds, clients))
    print(f"{ticks:,} ticks in {seconds:g} s to {len(clients)} clients; {fanout.dropped} of them dropped\n")
    print(f"{'client':<10}{'pause':>8}{'messages':>10}{'ticks':>10}{'missed':>10}{'newest':>10}  closed")
    for s in seen:
        print(f"{s.path:<10}{s.pause * 1e3:>5.0f} ms{s.messages:>10,}{s.ticks:>10,}{s.missed:>10,}{s.newest:>10,}  {s.closed or 'by the end'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
