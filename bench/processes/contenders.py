"""What `bench.processes` measures. Each returns one figure of one run."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.disruptor import kernels
from bench.disruptor.machine import cores
from bench.disruptor.ours_graphs import calibration
from bench.disruptor.ours_round_trip import OurRoundTrip
from bench.disruptor.work import FIELDS, SEED, Work
from disruptor import Disruptor, into, shared, thread

__all__ = ["attach_ms", "folder", "prepared_round_trip_us", "python_round_trip_us", "round_trip_processes_ns", "round_trip_threads_ns"]

SLOTS = 4096
_WORDS = [(f"w{k}", "i8") for k in range(8)]  # 64 bytes
_spawn = multiprocessing.get_context("spawn")


@contextmanager
def folder() -> Iterator[str]:
    """Make a folder for ring files, in memory where there is some."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as where:
        yield where


def round_trip_threads_ns(count: int) -> float:
    """Return the median round trip between two compiled handlers on two threads."""
    samples = OurRoundTrip(Work(kind="round_trip", slots=SLOTS)).run(count).samples_ns
    return float(np.median(samples))  # type: ignore[arg-type]


def round_trip_processes_ns(count: int) -> float:
    """The same, the second handler in another process."""
    with folder() as where, shared.create("there", FIELDS, slots=SLOTS, wait="busy-spin", lanes=0, folder=where) as there:
        command = [sys.executable, "-m", "bench.processes.peer", "there", "back", where, str(SLOTS), str(cores()[1])]
        peer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        try:
            with shared.attach("back", FIELDS, wait="busy-spin", folder=where, timeout=300) as back:
                assert peer.stdout is not None and peer.stdout.readline() == "ready\n"
                graph = Disruptor(back, wait="busy-spin", placement=[thread("ping", cpu=cores()[0])])
                graph.then(into(kernels.ping, there=there))
                state = graph.state("ping")
                state["count"], state["gap"] = count, 0
                there.publish(**{f"w{k}": SEED - 1 + k for k in range(8)})
                with graph:
                    while graph.sequence_of("ping") < count and not graph.failure:
                        time.sleep(0.01)
                samples = state["samples"][:count] * calibration().ns_per_tick
        finally:
            there.close()
            peer.wait()
    return float(np.median(samples))


def attach_ms(count: int) -> float:
    """Return the median time of attaching and of a consumer's being let in, of `count` times, in a process that has loaded all."""
    taken = []
    with folder() as where, shared.create("ticks", _WORDS, slots=SLOTS, folder=where):
        for number in range(count + 1):
            began = time.perf_counter()
            ring = shared.attach("ticks", _WORDS, folder=where)
            poller = ring.new_poller()
            if number:  # the first one loads machine code
                taken.append(time.perf_counter() - began)
            poller.close()
            ring.close()
            del poller, ring
    return 1e3 * float(np.median(taken))


def python_round_trip_us(count: int) -> float:
    """Return the median round trip between two processes whose ends are Python: publish, and look until the answer is there."""
    return _round_trip_us(count, _plain)


def prepared_round_trip_us(count: int) -> float:
    """The same by the prepared ends: `ring.sender()` and `poller.receiver()`."""
    return _round_trip_us(count, _prepared)


def _plain(ring: Any, poller: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    record, publish, take = np.zeros(1, ring.fields), ring.publish, poller.take_batch
    return lambda: publish(record), lambda: len(take(1))


def _prepared(ring: Any, poller: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    return ring.sender().send, poller.receiver().receive


def _round_trip_us(count: int, ends: Callable[..., Any]) -> float:
    with folder() as where, shared.create("there", _WORDS, slots=64, wait="busy-spin", lanes=0, folder=where) as there:
        peer = _spawn.Process(target=_echo, args=(where, count, ends), daemon=True)
        peer.start()
        ordinary = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {cores()[0]})
        try:
            with shared.attach("back", _WORDS, wait="busy-spin", folder=where, timeout=300) as back:
                send, receive = ends(there, back.new_poller())
                samples, clock = np.zeros(count, np.int64), time.perf_counter_ns
                while not any(c.role == "consumer" and c.pid == peer.pid for c in there.clients()):
                    time.sleep(0.001)
                for i in range(count):
                    before = clock()
                    send()
                    while not receive():
                        pass
                    samples[i] = clock() - before
        finally:
            os.sched_setaffinity(0, ordinary)
            there.close()
            peer.join()
    return float(np.median(samples)) / 1e3


def _echo(where: str, count: int, ends: Callable[..., Any]) -> None:
    os.sched_setaffinity(0, {cores()[1]})
    with shared.create("back", _WORDS, slots=64, wait="busy-spin", lanes=0, folder=where) as back:
        with shared.attach("there", _WORDS, wait="busy-spin", folder=where) as there:
            send, receive = ends(back, there.new_poller())
            for _ in range(count):
                while not receive():
                    pass
                send()
            there.join(60)
