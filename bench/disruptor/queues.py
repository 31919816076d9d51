"""Python's alternatives within one process: one record at a time, and there and back, on two pinned threads.

A message is 64 bytes made beforehand; the receiver only counts it. That is less work than ours does, in their favour.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.disruptor.machine import cores
from bench.disruptor.work import Missing, Run, Work
from disruptor.threads import PinnedThread

__all__ = ["IN_PROCESS", "one_by_one", "ping_pong"]

MESSAGE = bytes(range(64))
_numbers = itertools.count()
Ends = tuple[Callable[[bytes], Any], Callable[[], bytes]]  # send, receive (blocks)


def one_by_one(name: str) -> Callable[[Work], Any]:
    """Return what makes the contender `name` for throughput."""
    return lambda work: _Async(work) if name == "asyncio.Queue" else _Threads(IN_PROCESS[name], work)


def ping_pong(name: str) -> Callable[[Work], Any]:
    """Return what makes the contender `name` for round trips."""
    return lambda work: _AsyncTrips(work) if name == "asyncio.Queue" else _Trips(IN_PROCESS[name], work)


class _Threads:
    processes: tuple[int, ...] = ()

    def __init__(self, make: Callable[[int], Ends], work: Work) -> None:
        self._work = work
        self._make = make
        make(2)  # Missing is raised here

    def run(self, count: int) -> Run:
        send, receive = self._make(self._work.slots)
        received = 0

        def sink() -> None:
            nonlocal received
            for _ in range(count):
                received += len(receive()) == len(MESSAGE)

        def source() -> None:
            for _ in range(count):
                send(MESSAGE)

        ns, waited = _together(sink, source)
        return Run(count=count, ns=ns, total=self._work.expected(received), waited_ns=waited)

    def close(self) -> None:
        """Nothing is held between runs."""


class _Trips(_Threads):
    def run(self, count: int) -> Run:
        there, arrives = self._make(self._work.slots)
        back, returns = self._make(self._work.slots)
        samples = np.zeros(count, np.int64)

        def echo() -> None:
            for _ in range(count):
                back(arrives())

        def ping() -> None:
            for i in range(count):
                before = time.perf_counter_ns()
                there(MESSAGE)
                returns()
                samples[i] = time.perf_counter_ns() - before

        ns, waited = _together(echo, ping)
        return Run(count=count, ns=ns, total=self._work.expected(int((samples > 0).sum())), samples_ns=samples, waited_ns=waited)


class _Async:
    processes: tuple[int, ...] = ()

    def __init__(self, work: Work) -> None:
        self._work = work

    def run(self, count: int) -> Run:
        return asyncio.run(self._run(count))

    async def _run(self, count: int) -> Run:
        line: asyncio.Queue[bytes] = asyncio.Queue(self._work.slots)
        received = 0

        async def sink() -> None:
            nonlocal received
            for _ in range(count):
                received += len(await line.get()) == len(MESSAGE)

        async def source() -> None:
            for _ in range(count):
                await line.put(MESSAGE)

        began = time.perf_counter_ns()
        await asyncio.gather(sink(), source())
        return Run(count=count, ns=time.perf_counter_ns() - began, total=self._work.expected(received))

    def close(self) -> None:
        """Nothing is held between runs."""


class _AsyncTrips(_Async):
    async def _run(self, count: int) -> Run:
        there: asyncio.Queue[bytes] = asyncio.Queue(self._work.slots)
        back: asyncio.Queue[bytes] = asyncio.Queue(self._work.slots)
        samples = np.zeros(count, np.int64)

        async def echo() -> None:
            for _ in range(count):
                await back.put(await there.get())

        async def ping() -> None:
            for i in range(count):
                before = time.perf_counter_ns()
                await there.put(MESSAGE)
                await back.get()
                samples[i] = time.perf_counter_ns() - before

        began = time.perf_counter_ns()
        await asyncio.gather(echo(), ping())
        ns = time.perf_counter_ns() - began
        return Run(count=count, ns=ns, total=self._work.expected(int((samples > 0).sum())), samples_ns=samples)


def _together(second: Callable[[], None], first: Callable[[], None]) -> tuple[int, int]:
    """Run both on a core each; return the ns until both have ended, and what they waited for a core."""
    one, two = cores()
    threads = [PinnedThread(second, name="second", cpus={two}), PinnedThread(first, name="first", cpus={one})]
    began = time.perf_counter_ns()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
        if thread.error is not None:
            raise thread.error
    return time.perf_counter_ns() - began, sum(t.usage().wait_ns for t in threads)


def _queue(slots: int) -> Ends:
    line: queue.Queue[bytes] = queue.Queue(slots)
    return line.put, line.get


def _simple_queue(slots: int) -> Ends:
    line: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    return line.put, line.get


def _deque(slots: int) -> Ends:
    line: deque[bytes] = deque()
    pop = line.popleft

    def receive() -> bytes:
        while True:
            try:
                return pop()
            except IndexError:
                time.sleep(0)

    return line.append, receive


def _zmq(slots: int) -> Ends:
    try:
        import zmq
    except ImportError:
        raise Missing("pip install pyzmq") from None
    context = zmq.Context.instance()
    out, into = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    for end in (out, into):
        end.setsockopt(zmq.LINGER, 0)
        end.set_hwm(slots)
    address = f"inproc://{next(_numbers)}"
    out.bind(address)
    into.connect(address)
    return out.send, into.recv


def _culsans(slots: int) -> Ends:
    try:
        import culsans
    except ImportError:
        raise Missing("pip install culsans") from None
    line = culsans.Queue(slots)
    return line.sync_q.put, line.sync_q.get


IN_PROCESS: dict[str, Any] = {
    "queue.Queue": _queue, "queue.SimpleQueue": _simple_queue, "deque + sleep(0)": _deque, "asyncio.Queue": None,
    "pyzmq inproc": _zmq, "culsans": _culsans,
}
