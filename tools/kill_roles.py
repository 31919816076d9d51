"""What the processes do that `tools.verify_processes` kills. Run as a program it forks one of them for each line it reads."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from disruptor import Disruptor, handler, shared

__all__ = ["RECORD", "faults", "filled"]

_COPIES = 13
RECORD = [("number", "i8"), ("producer", "i8"), ("copies", "i8", (_COPIES,)), ("check", "i8")]
_DIE_WITH_PARENT = 1
_FACTOR = 0x1E3779B97F4A7C15


def filled(first: int, count: int, producer: int = 0) -> np.ndarray:
    """Return `count` records numbered from `first` on."""
    records = np.zeros(count, RECORD)
    records["number"] = np.arange(first, first + count)
    records["producer"] = producer
    records["copies"] = records["number"][:, None]
    with np.errstate(over="ignore"):
        records["check"] = records["number"] * _FACTOR ^ producer
    return records


def faults(batch: np.ndarray) -> int:
    """Return how many records are torn."""
    with np.errstate(over="ignore"):
        check = batch["number"] * _FACTOR ^ batch["producer"]
    return int((((batch["copies"] != batch["number"][:, None]).any(axis=1)) | (batch["check"] != check)).sum())


@handler(state=[("seen", "i8"), ("torn", "i8")])
def checking(event, state):
    """Count what is seen and what is torn."""
    state["seen"] += 1
    for i in range(_COPIES):
        if event["copies"][i] != event["number"]:
            state["torn"] += 1


@handler(jit=False)
def looking(batch, first_sequence):
    """A Python batch handler: look at everything."""
    if faults(batch):
        raise RuntimeError("torn")


def consumer(name: str, folder: str, mode: str) -> None:
    """Read until killed."""
    ring = shared.attach(name, RECORD, folder=folder)
    if mode == "follow":
        for _ in ring.follow():
            pass
    elif mode == "poller":
        poller = ring.new_poller()
        while True:
            poller.take_batch(timeout=1)
    else:
        with Disruptor(ring).then(checking if mode == "compiled" else looking):
            ring.join()


def witness(name: str, folder: str, report: str) -> None:
    """Read everything from the first record on, and report."""
    ring = shared.attach(name, RECORD, folder=folder)
    read = torn = gaps = 0
    for batch in ring.batches():
        torn += faults(batch)
        gaps += int(batch["number"][0] != read) + int((np.diff(batch["number"]) != 1).sum())
        read = int(batch["number"][-1]) + 1
    Path(report + ".part").write_text(json.dumps({"read": read, "torn": torn, "gaps": gaps}))
    os.rename(report + ".part", report)


def producer(name: str, folder: str, number: int, most: int, notes: str, count: int) -> None:
    """Publish until killed; note what is published."""
    noted = np.memmap(notes, np.int64, "r+", shape=(count,))
    lane = shared.attach(name, RECORD, producer=True, folder=folder)
    done = 0
    while True:
        size = done % most + 1
        lane.publish(filled(done, size, number))
        done += size
        noted[number] = done


def owner(name: str, folder: str, number: int, notes: str, count: int) -> None:
    """Make the ring and publish until killed; note what is published."""
    noted = np.memmap(notes, np.int64, "r+", shape=(count,))
    ring = shared.create(name, RECORD, slots=512, lanes=2, lane_slots=64, folder=folder)
    done = 0
    while True:
        ring.publish(filled(done, done % 50 + 1))
        done += done % 50 + 1
        noted[number] = done


_ROLES: dict[str, Any] = {role.__name__: role for role in (consumer, witness, producer, owner)}


def _rehearse() -> None:
    """Do once what the roles do, and end every thread: what is forked afterwards has its machine code."""
    with tempfile.TemporaryDirectory() as folder, shared.create("rehearsal", RECORD, slots=64, folder=folder) as ring:
        with shared.attach("rehearsal", RECORD, folder=folder) as here, shared.attach("rehearsal", producer=True, folder=folder) as lane:
            poller, batches, follower = here.new_poller(), here.batches(), here.follow()
            with Disruptor(here).then(checking), Disruptor(here).then(looking):
                for count in (1, 7, 40):
                    ring.publish(filled(0, count))
                    lane.publish(filled(0, count))
                    ring.collect()
                    assert faults(poller.take_batch()) == faults(next(batches)) == 0
                    for _ in range(count):
                        next(follower)


def main() -> None:
    """Fork a process for each line of JSON, [role, arguments …], and print its pid."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    _rehearse()
    print("ready", flush=True)
    for line in sys.stdin:
        role, *arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(role, arguments)
        print(pid, flush=True)


def _become(role: str, arguments: list[Any]) -> None:
    status = 1
    try:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)  # else it would go on when the whole is broken off
        os.close(0)
        os.close(1)
        _ROLES[role](*arguments)
        status = 0
    except BaseException as error:  # whatever it is: it must not go on as a copy of its parent
        os.write(2, f"{role}: {type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
