"""What `bench.processes` measures. Each returns one figure of one run."""

from __future__ import annotations

import itertools
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

__all__ = ["attach_ms", "one_way_ours", "one_way_zmq", "python_round_trip_us", "round_trip_processes_ns", "round_trip_threads_ns"]

SLOTS = 4096
_WORDS = [(f"w{k}", "i8") for k in range(8)]  # 64 bytes
_numbers = itertools.count()
_spawn = multiprocessing.get_context("spawn")


@contextmanager
def _folder() -> Iterator[str]:
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        yield folder


def round_trip_threads_ns(count: int) -> float:
    """Return the median round trip between two compiled handlers on two threads."""
    samples = OurRoundTrip(Work(kind="round_trip", slots=SLOTS)).run(count).samples_ns
    return float(np.median(samples))  # type: ignore[arg-type]


def round_trip_processes_ns(count: int) -> float:
    """The same, the second handler in another process."""
    with _folder() as folder, shared.create("there", FIELDS, slots=SLOTS, wait="busy-spin", lanes=0, folder=folder) as there:
        command = [sys.executable, "-m", "bench.processes.peer", "there", "back", folder, str(SLOTS), str(cores()[1])]
        peer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        try:
            with shared.attach("back", FIELDS, wait="busy-spin", folder=folder, timeout=300) as back:
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
    with _folder() as folder, shared.create("ticks", _WORDS, slots=SLOTS, folder=folder):
        for number in range(count + 1):
            began = time.perf_counter()
            ring = shared.attach("ticks", _WORDS, folder=folder)
            poller = ring.new_poller()
            if number:  # the first one loads machine code
                taken.append(time.perf_counter() - began)
            poller.close()
            ring.close()
            del poller, ring
    return 1e3 * float(np.median(taken))


def python_round_trip_us(count: int) -> float:
    """Return the median round trip between two processes whose ends are Python: publish, and look until the answer is there."""
    with _folder() as folder, shared.create("there", _WORDS, slots=64, wait="busy-spin", lanes=0, folder=folder) as there:
        peer = _spawn.Process(target=_echo, args=(folder, count), daemon=True)
        peer.start()
        ordinary = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {cores()[0]})
        try:
            with shared.attach("back", _WORDS, wait="busy-spin", folder=folder, timeout=300) as back:
                poller, record, samples = back.new_poller(), np.zeros(1, there.fields), np.zeros(count, np.int64)
                while not any(c.role == "consumer" and c.pid == peer.pid for c in there.clients()):
                    time.sleep(0.001)
                publish, take, clock = there.publish, poller.take_batch, time.perf_counter_ns
                for i in range(count):
                    before = clock()
                    publish(record)
                    while not len(take(1)):
                        pass
                    samples[i] = clock() - before
        finally:
            os.sched_setaffinity(0, ordinary)
            there.close()
            peer.join()
    return float(np.median(samples)) / 1e3


def _echo(folder: str, count: int) -> None:
    os.sched_setaffinity(0, {cores()[1]})
    with shared.create("back", _WORDS, slots=64, wait="busy-spin", lanes=0, folder=folder) as back:
        with shared.attach("there", _WORDS, wait="busy-spin", folder=folder) as there:
            poller, record = there.new_poller(), np.zeros(1, back.fields)
            for _ in range(count):
                while not len(poller.take_batch(1)):
                    pass
                back.publish(record)
            there.join(60)


def one_way_ours(count: int, batch: int = 100) -> float:
    """Return messages of 64 bytes per second, published from Python `batch` at a time, read as arrays by another process."""
    count -= count % batch
    with _folder() as folder, shared.create("ticks", _WORDS, slots=SLOTS, lanes=0, folder=folder) as ring:
        ready, done = _spawn.Pipe()
        peer = _spawn.Process(target=_sink, args=(folder, done, count), daemon=True)
        peer.start()
        ready.recv()
        records = np.zeros(batch, ring.fields)
        began = time.perf_counter()
        for _ in range(count // batch):
            ring.publish(records)
        assert ready.recv() == count
        taken = time.perf_counter() - began
        peer.join()
    return count / taken


def _sink(folder: str, control: Any, count: int) -> None:
    with shared.attach("ticks", folder=folder) as ring, ring.batches() as follower:
        control.send("ready")
        received = total = 0
        for batch in follower:
            received += len(batch)
            total += int(batch["w0"].sum())
            if received == count:
                break
        control.send(received)


def one_way_zmq(count: int) -> float:
    """The same by zmq, one message at a time: PUSH and PULL over ipc."""
    import zmq

    address = f"ipc://@hfx-bench-processes-{os.getpid()}-{next(_numbers)}"
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.bind(address)
        return _sent(count, _zmq_sink, (address,), socket.send)


def _zmq_sink(control: Any, count: int, address: str) -> None:
    import zmq

    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        socket.connect(address)
        control.send("ready")
        for _ in range(count):
            assert len(socket.recv()) == 64
        control.send(count)


def _sent(count: int, sink: Callable[..., None], arguments: tuple[Any, ...], send: Callable[[bytes], Any]) -> float:
    ready, theirs = _spawn.Pipe()
    peer = _spawn.Process(target=sink, args=(theirs, count, *arguments), daemon=True)
    peer.start()
    ready.recv()
    message = bytes(64)
    began = time.perf_counter()
    for _ in range(count):
        send(message)
    assert ready.recv() == count
    taken = time.perf_counter() - began
    peer.join()
    return count / taken
