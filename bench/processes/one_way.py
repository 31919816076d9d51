"""Messages of 64 bytes from one process to another, per second: ours, zmq, tachyon-ipc; one message a call, and many.

Each returns the rate of one run, from the first call until the reader has said that it has everything.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.processes.contenders import SLOTS, folder
from disruptor import shared

__all__ = ["BATCH", "ours", "ours_arrays", "tachyon", "tachyon_drained", "zmq", "zmq_arrays"]

BATCH = 100
_SIZE = 64
_WORDS = [(f"w{k}", "i8") for k in range(_SIZE // 8)]
_numbers = itertools.count()
_spawn = multiprocessing.get_context("spawn")
_ARENA = 1 << 20  # bytes of tachyon's ring; ours has 4,096 slots of 64 bytes, zmq's default is 1,000 messages on each side


def ours(count: int) -> float:
    """One `send` and one `receive` for each message."""

    def begin(ring: Any) -> tuple[Callable[[], Any], int]:
        return ring.sender().send, count

    return _through_ring(count, _receive_each, begin)


def ours_arrays(count: int) -> float:
    """`publish` of arrays of BATCH records, read as arrays."""
    count -= count % BATCH

    def begin(ring: Any) -> tuple[Callable[[], Any], int]:
        records = np.zeros(BATCH, ring.fields)
        return lambda: ring.publish(records), count // BATCH

    return _through_ring(count, _receive_arrays, begin)


def zmq(count: int) -> float:
    """PUSH and PULL over ipc, one message a call on each side."""
    return _through_zmq(count, _SIZE, count)


def zmq_arrays(count: int) -> float:
    """The same with BATCH records in each of its messages."""
    return BATCH * _through_zmq(count // BATCH, _SIZE * BATCH, count // BATCH)


def tachyon(count: int) -> float:
    """`send`, and iterating: one message a call on each side. Its only back-pressure is an exception: sent again then."""
    return _through_tachyon(count, _tachyon_each)


def tachyon_drained(count: int) -> float:
    """`send`, which has no form for many, and `drain_batch` of what is there."""
    return _through_tachyon(count, _tachyon_drained)


def _through_ring(count: int, sink: Callable[..., None], begin: Callable[[Any], tuple[Callable[[], Any], int]]) -> float:
    with folder() as where, shared.create("ticks", _WORDS, slots=SLOTS, lanes=0, folder=where) as ring:
        send, calls = begin(ring)
        return _sent(count, sink, (where,), send, calls)


def _receive_each(control: Any, count: int, where: str) -> None:
    with shared.attach("ticks", folder=where) as ring, ring.new_poller() as poller:
        receiver = poller.receiver()
        receive = receiver.receive
        control.send("ready")
        for _ in range(count):
            while not receive():
                pass
        control.send(count)


def _receive_arrays(control: Any, count: int, where: str) -> None:
    with shared.attach("ticks", folder=where) as ring, ring.batches() as follower:
        control.send("ready")
        received = total = 0
        for batch in follower:
            received += len(batch)
            total += int(batch["w0"].sum())
            if received == count:
                break
        control.send(received)


def _through_zmq(count: int, size: int, calls: int) -> float:
    import zmq as library

    address = f"ipc://@hfx-bench-processes-{os.getpid()}-{next(_numbers)}"
    with library.Context() as context, context.socket(library.PUSH) as socket:
        socket.bind(address)
        message = bytes(size)
        return _sent(count, _zmq_sink, (address, size), lambda: socket.send(message), calls)


def _zmq_sink(control: Any, count: int, address: str, size: int) -> None:
    import zmq as library

    with library.Context() as context, context.socket(library.PULL) as socket:
        socket.connect(address)
        control.send("ready")
        for _ in range(count):
            assert len(socket.recv()) == size
        control.send(count)


def _through_tachyon(count: int, sink: Callable[..., None]) -> float:
    from tachyon import Bus

    with folder() as where:
        path = str(Path(where) / "bus")
        connected: list[Any] = []

        def connect() -> Any:
            end = time.monotonic() + 60
            while True:
                try:
                    return Bus.connect(path)
                except (OSError, RuntimeError):
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.01)

        def send() -> None:
            bus = connected[0]
            while True:
                with contextlib.suppress(Exception):  # full; it has no type of its own for that
                    return bus.send(message)

        message = bytes(_SIZE)
        return _sent(count, sink, (path,), send, count, lambda: connected.append(connect()))


def _tachyon_each(control: Any, count: int, path: str) -> None:
    from tachyon import Bus

    control.send("ready")
    with Bus.listen(path, _ARENA) as bus:
        for number, message in enumerate(bus, 1):
            assert message.size == _SIZE
            if number == count:
                break
        control.send(count)


def _tachyon_drained(control: Any, count: int, path: str) -> None:
    from tachyon import Bus

    control.send("ready")
    with Bus.listen(path, _ARENA) as bus:
        received = 0
        while received < count:
            with bus.drain_batch() as batch:
                received += len(batch)
        control.send(received)


def _sent(
    count: int, sink: Callable[..., None], arguments: tuple[Any, ...], send: Callable[[], Any], calls: int,
    prepare: Callable[[], Any] = lambda: None,
) -> float:
    ready, theirs = _spawn.Pipe()
    peer = _spawn.Process(target=sink, args=(theirs, count, *arguments), daemon=True)
    peer.start()
    ready.recv()
    prepare()
    began = time.perf_counter()
    for _ in range(calls):
        send()
    assert ready.recv() == count
    taken = time.perf_counter() - began
    peer.join()
    return count / taken
