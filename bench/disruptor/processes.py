"""Python's alternatives between two processes: one record at a time, and there and back.

The other process lives as long as the row. A message is 64 bytes made beforehand; the receiver only counts it.
"""

from __future__ import annotations

import ctypes
import itertools
import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Protocol

import numpy as np

from bench.disruptor.machine import cores
from bench.disruptor.work import Missing, Run, Work

__all__ = ["BETWEEN", "one_way", "there_and_back"]

MESSAGE = bytes(range(64))
_numbers = itertools.count()
_spawn = multiprocessing.get_context("spawn")


class Line(Protocol):
    """One direction. It is sent to the other process; each end is opened in the process that uses it."""

    def source(self) -> Callable[[bytes], Any]:
        """Return what sends."""

    def sink(self) -> Callable[[], Any]:
        """Return what receives, and blocks."""


def one_way(name: str) -> Callable[[Work], Any]:
    """Return what makes the contender `name` for throughput."""
    return lambda work: _Between(BETWEEN[name], work, "sink")


def there_and_back(name: str) -> Callable[[Work], Any]:
    """Return what makes the contender `name` for round trips."""
    return lambda work: _Between(BETWEEN[name], work, "echo")


class _Between:
    def __init__(self, make: Callable[[int], Line], work: Work, task: str) -> None:
        there, back = make(work.slots), make(work.slots)
        self._work, self._task = work, task
        self._control, theirs = _spawn.Pipe()
        self._peer = _spawn.Process(target=_peer, args=(theirs, there, back, cores()[1]), daemon=True)
        self._peer.start()
        self._send, self._receive = there.source(), back.sink()
        self._control.recv()
        self.processes = (int(self._peer.pid or 0),)

    def run(self, count: int) -> Run:
        ordinary = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {cores()[0]})
        try:
            return self._sink(count) if self._task == "sink" else self._echo(count)
        finally:
            os.sched_setaffinity(0, ordinary)

    def close(self) -> None:
        self._control.send(None)
        self._peer.join(10)
        if self._peer.is_alive():
            self._peer.terminate()

    def _sink(self, count: int) -> Run:
        send = self._send
        self._control.send(("sink", count))
        began = time.perf_counter_ns()
        for _ in range(count):
            send(MESSAGE)
        received = self._control.recv()
        return Run(count=count, ns=time.perf_counter_ns() - began, total=self._work.expected(received))

    def _echo(self, count: int) -> Run:
        send, receive, samples, returned = self._send, self._receive, np.zeros(count, np.int64), 0
        self._control.send(("echo", count))
        began = time.perf_counter_ns()
        for i in range(count):
            before = time.perf_counter_ns()
            send(MESSAGE)
            returned += len(receive()) == len(MESSAGE)
            samples[i] = time.perf_counter_ns() - before
        ns = time.perf_counter_ns() - began
        self._control.recv()
        return Run(count=count, ns=ns, total=self._work.expected(returned), samples_ns=samples)


def _peer(control: Connection, there: Line, back: Line, cpu: int) -> None:
    """The other process: takes ("sink" or "echo", count) until it gets None."""
    os.sched_setaffinity(0, {cpu})
    receive, send = there.sink(), back.source()
    control.send("ready")
    while (task := control.recv()) is not None:
        received = 0
        for _ in range(task[1]):
            message = receive()
            received += len(message) == len(MESSAGE)
            if task[0] == "echo":
                send(message)
        control.send(received)


class _Queue:
    def __init__(self, slots: int) -> None:
        self._queue = _spawn.Queue(min(slots, 32767))  # the most that its semaphore counts

    def source(self) -> Callable[[bytes], Any]:
        return self._queue.put

    def sink(self) -> Callable[[], Any]:
        return self._queue.get


class _SimpleQueue(_Queue):
    def __init__(self, slots: int) -> None:
        self._queue = _spawn.SimpleQueue()


class _Pipe:
    def __init__(self, slots: int) -> None:
        self._reader, self._writer = _spawn.Pipe(duplex=False)

    def source(self) -> Callable[[bytes], Any]:
        return self._writer.send_bytes

    def sink(self) -> Callable[[], Any]:
        return self._reader.recv_bytes


class _Zmq:
    def __init__(self, slots: int) -> None:
        try:
            import zmq  # noqa: F401
        except ImportError:
            raise Missing("pip install pyzmq") from None
        self._slots = slots
        self._address = f"ipc://@hfx-bench-{os.getpid()}-{next(_numbers)}"  # abstract: no file

    def source(self) -> Callable[[bytes], Any]:
        return self._socket("bind").send

    def sink(self) -> Callable[[], Any]:
        return self._socket("connect").recv

    def _socket(self, how: str) -> Any:
        import zmq

        socket = zmq.Context.instance().socket(zmq.PAIR)
        socket.setsockopt(zmq.LINGER, 0)
        socket.set_hwm(self._slots)
        getattr(socket, how)(self._address)
        return socket


class _FasterFifo:
    def __init__(self, slots: int) -> None:
        try:
            import faster_fifo
            import faster_fifo_reduction  # noqa: F401
        except ImportError:
            raise Missing("pip install faster-fifo") from None
        self._queue = faster_fifo.Queue(slots * 128)

    def source(self) -> Callable[[bytes], Any]:
        return self._queue.put

    def sink(self) -> Callable[[], Any]:
        get = self._queue.get
        return lambda: get(timeout=3600.0)


class _Iceoryx:
    class Message(ctypes.Structure):
        _fields_ = [("words", ctypes.c_int64 * 8)]

        def __len__(self) -> int:
            return ctypes.sizeof(self)

    def __init__(self, slots: int) -> None:
        try:
            import iceoryx2  # noqa: F401
        except ImportError:
            raise Missing("pip install iceoryx2") from None
        self._slots = slots
        self._name = f"hfx-bench-{os.getpid()}-{next(_numbers)}"
        self._kept: list[Any] = []

    def source(self) -> Callable[[bytes], Any]:
        import iceoryx2 as iox

        publisher = self._service().publisher_builder().backpressure_strategy(iox.BackpressureStrategy.RetryUntilDelivered).create()

        def send(message: Any) -> None:
            publisher.loan_uninit().write_payload(_Iceoryx.Message.from_buffer_copy(message)).send()

        return send

    def sink(self) -> Callable[[], Any]:
        receive = self._service().subscriber_builder().create().receive

        def take() -> Any:
            while (sample := receive()) is None:
                pass
            return bytes(sample.payload().contents)

        return take

    def _service(self) -> Any:
        import iceoryx2 as iox

        node = iox.NodeBuilder.new().create(iox.ServiceType.Ipc)
        self._kept.append(node)
        builder = node.service_builder(iox.ServiceName.new(self._name)).publish_subscribe(_Iceoryx.Message)
        return builder.enable_safe_overflow(False).subscriber_max_buffer_size(self._slots).open_or_create()


BETWEEN: dict[str, Callable[[int], Any]] = {
    "multiprocessing.Queue": _Queue, "multiprocessing.SimpleQueue": _SimpleQueue, "multiprocessing.Pipe": _Pipe,
    "pyzmq ipc": _Zmq, "faster-fifo": _FasterFifo, "iceoryx2": _Iceoryx,
}
