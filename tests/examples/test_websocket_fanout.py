"""examples.websocket_fanout: real clients on a free port; the fast see all, the slow are conflated or dropped."""

import asyncio
import json
import threading

import numpy as np
import pytest

from disruptor import RingBuffer

pytest.importorskip("websockets", reason="needs the package websockets")

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from examples.websocket_fanout import TICK, demonstrate, main, newest, serving, watch


def helpers():
    return [t.name for t in threading.enumerate() if t.name == "dis-aio"]


def test_fast_clients_get_every_tick_and_slow_ones_hold_nobody_back():
    clients = [("/every", 0.0), ("/latest", 0.0), ("/latest", 0.05), ("/every", 0.25)]
    ticks, fanout, (every, latest, slow, dropped) = asyncio.run(demonstrate(1.5, clients))
    assert ticks > 20_000
    assert (every.ticks, every.missed, every.gaps, every.newest, every.closed) == (ticks, 0, 0, ticks - 1, "")
    assert latest.newest == ticks - 1
    assert latest.ticks < ticks / 2
    assert slow.closed == "" and slow.messages < latest.messages
    assert fanout.dropped == 1 and fanout.clients == 0
    assert dropped.closed.startswith("1013 too slow: ")
    assert helpers() == []


def test_a_client_that_leaves_while_nothing_happens_is_forgotten_and_a_wrong_path_is_refused():
    async def main():
        ring = RingBuffer(TICK, 64, when_full="overwrite")
        async with serving(ring) as (fanout, port):
            async with connect(f"ws://127.0.0.1:{port}/latest") as client:
                while fanout.clients < 1 or not helpers():
                    await asyncio.sleep(0.001)
                ring.publish(name=[1, 0, 1], number=[0, 1, 2], value=[1.0, 2.0, 3.00004])
                told = json.loads(await client.recv())
            assert told == {"missed": 0, "ticks": [["amber", 1, 2.0], ["basalt", 2, 3.0]]}
            async with asyncio.timeout(10):
                while fanout.clients or helpers():
                    await asyncio.sleep(0.001)
            with pytest.raises(ConnectionClosed):
                async with connect(f"ws://127.0.0.1:{port}/other") as client:
                    await client.recv()
            assert (await asyncio.gather(watch(port, "/other")))[0].closed == "1008 there are /latest and /every"

    asyncio.run(main())


def test_newest_keeps_the_last_tick_of_each_name():
    batch = np.zeros(5, TICK)
    batch["name"], batch["number"] = [3, 1, 3, 3, 1], range(5)
    assert newest(batch)["number"].tolist() == [4, 3]


def test_it_prints_a_report(capsys):
    assert main(["0.5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "ticks in 0.5 s to 10 clients" in lines[0]
    assert len(lines) == 13
