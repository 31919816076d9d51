"""Stops processes that share a ring (SIGSTOP), lets them go on, and looks whether anything was lost.

A stopped process lives: a consumer is waited for and gets everything, a producer keeps its lane, an owner is neither declared dead nor
replaced. Each returns what was counted; `python -m tools.verify_processes --stop 60` prints it.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from disruptor import SharedRingError, WaitTimeout, shared
from tools.kill_roles import RECORD, faults, filled

__all__ = ["STOPS", "stopped_consumer", "stopped_owner", "stopped_producer"]

_HANG_SECONDS = 300.0
_PART = 0.2  # seconds between two looks while a process is stopped


def stopped_consumer(seconds: float, start: Callable[..., int], folder: Path) -> dict[str, Any]:
    """Stop a consumer while its owner publishes; the ring fills, the owner waits, and the consumer reads all of it afterwards."""
    report = folder / "stopped.json"
    with shared.create("stopped", RECORD, slots=256, folder=folder) as ring:
        pid = start("witness", "stopped", str(folder), str(report))
        _until("the consumer", lambda: any(c.role == "consumer" for c in ring.clients()))
        published = 0
        ring.publish(filled(published, 100))
        published += 100
        os.kill(pid, signal.SIGSTOP)
        _until("the stop", lambda: any(c.condition == "stopped" for c in ring.clients()))
        end, refused = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            try:
                high = ring.next(timeout=_PART)
            except WaitTimeout:
                refused += 1
                continue
            ring.records[high & ring.mask] = filled(published, 1)[0]
            ring.publish(high)
            published += 1
        kept = [c.condition for c in ring.clients()] == ["stopped"]
        os.kill(pid, signal.SIGCONT)
        ring.publish(filled(published, 1000))
        published += 1000
    _until("the report", report.exists)
    seen = json.loads(report.read_text())
    return {
        "published": published, "lost": published - seen["read"], "torn": seen["torn"], "gaps": seen["gaps"], "waits_refused": refused,
        "given_up": int(not kept),
    }


def stopped_producer(seconds: float, start: Callable[..., int], folder: Path) -> dict[str, Any]:
    """Stop a producer of another process; its lane stays its own, and it goes on where it was."""
    notes = np.memmap(folder / "stopped-notes", np.int64, "w+", shape=(1,))
    got = torn = gaps = 0

    def collect() -> int:
        nonlocal got, torn, gaps
        batch = ring.collect()
        if len(batch):
            torn += faults(batch)
            gaps += int(batch["number"][0] != got) + int((np.diff(batch["number"]) != 1).sum())
            got = int(batch["number"][-1]) + 1
        return len(batch)

    with shared.create("stopped", RECORD, slots=64, lanes=1, lane_slots=256, folder=folder) as ring:
        pid = start("producer", "stopped", str(folder), 0, 17, str(folder / "stopped-notes"), 1)
        _until("the producer", lambda: (collect(), got > 1000)[1])
        os.kill(pid, signal.SIGSTOP)
        _until("the stop", lambda: any(c.condition == "stopped" for c in ring.clients()))
        while collect():
            pass
        before, taken, end = got, 0, time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(_PART)
            collect()
            try:
                shared.attach("stopped", RECORD, producer=True, folder=folder).close()
                taken += 1
            except SharedRingError:
                pass
        kept = got == before and [(c.role, c.condition) for c in ring.clients()] == [("producer", "stopped")]
        os.kill(pid, signal.SIGCONT)
        _until("the producer to go on", lambda: (collect(), got > before + 1000)[1])
        os.kill(pid, signal.SIGKILL)
        _until("clearing up", lambda: (collect(), not ring.clients())[1])
        while collect():
            pass
    return {"published": got, "lost": max(0, int(notes[0]) - got), "torn": torn, "gaps": gaps, "given_up": int(not kept) + taken}


def stopped_owner(seconds: float, start: Callable[..., int], folder: Path) -> dict[str, Any]:
    """Stop an owner; its reader waits and goes on with it, its lanes wait, nobody takes its name."""
    notes = np.memmap(folder / "stopped-notes", np.int64, "w+", shape=(1,))
    pid = start("owner", "stopped", str(folder), 0, str(folder / "stopped-notes"), 1)
    ring = shared.attach("stopped", RECORD, folder=folder, timeout=_HANG_SECONDS)
    counts = {"read": 0, "torn": 0, "gaps": 0}
    expected: list[int] = []
    ended: list[str] = []

    def read() -> None:
        try:
            for batch in ring.batches():
                counts["torn"] += faults(batch)
                numbers = batch["number"]
                counts["gaps"] += int(bool(expected) and numbers[0] != expected[0]) + int((np.diff(numbers) != 1).sum())
                expected[:] = [int(numbers[-1]) + 1]
                counts["read"] += len(batch)
        except SharedRingError as error:
            ended.append(type(error).__name__)

    reader = threading.Thread(target=read)
    reader.start()
    _until("reading", lambda: counts["read"] > 1000)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(_PART)
    taken, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(_PART)
        try:
            shared.create("stopped", RECORD, slots=64, folder=folder).close()
            taken += 1
        except SharedRingError as error:
            taken += "in use by process" not in str(error)
    gone, before = len(ended), counts["read"]
    os.kill(pid, signal.SIGCONT)
    _until("the owner to go on", lambda: counts["read"] > before + 1000)
    os.kill(pid, signal.SIGKILL)
    reader.join(_HANG_SECONDS)
    lost = max(0, int(notes[0]) - (expected or [0])[0])
    ring.close()
    return {**counts, "lost": lost, "given_up": gone + taken + int(ended != ["OwnerGone"])}


STOPS: dict[str, Callable[..., dict[str, Any]]] = {"consumer": stopped_consumer, "producer": stopped_producer, "owner": stopped_owner}


def _until(what: str, condition: Callable[[], Any]) -> None:
    end = time.monotonic() + _HANG_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"deadlock: {what} not within {_HANG_SECONDS:g} s")
        time.sleep(0.002)
