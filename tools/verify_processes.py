"""Kills processes that share a ring, at random points, and looks at what the others see of it.

    python -m tools.verify_processes --kills 500 [--seed 1] [--roles consumers,producers,owner]
    python -m tools.verify_processes --kills 0 --stop 60

consumers : a process publishes without pause while others attach, read in four ways, and are killed. A process that is not
            killed reads everything: no record may be missing or torn. The publisher must go on, and see each death within 1 s.
producers : processes attach, publish, note what `publish` has returned for, and are killed. The owner must get every record
            that was noted, in order, none torn; and the lane must be free again within 1 s.
owner     : a process makes the ring, publishes, notes what is published, and is killed. A reader must get every record that
            was noted, then OwnerGone within 1 s; a producer that waits for room gets it too; the next owner takes the name.

--stop    : each of the three is stopped (SIGSTOP) for so many seconds and then goes on; see tools.verify_stops.

Each record holds its number thirteen times and a checksum. Processes are forked from one that has loaded the library, so that
500 of them take minutes; each attaches by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from disruptor import OwnerGone, SharedRingError, shared
from tools.kill_roles import RECORD, faults, filled
from tools.verify_stops import STOPS

__all__ = ["main", "stop", "verify"]

LIMIT_SECONDS = 1.0
_HANG_SECONDS = 60.0


class Nursery:
    """A process that has loaded the library and forks others on demand."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tools.kill_roles"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def start(self, role: str, *arguments: Any) -> int:
        """Fork a process for a role; return its pid."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([role, *arguments]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and with it those that it has forked."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def kill(pid: int) -> float:
    """Kill a process; return when, in monotonic seconds."""
    at = time.monotonic()
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        raise RuntimeError(f"process {pid} had ended before it was killed") from None
    return at


def await_(what: str, condition: Callable[[], Any]) -> float:
    """Wait until a condition holds; return when. Raises: RuntimeError after a minute: a deadlock."""
    end = time.monotonic() + _HANG_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"deadlock: {what} not within {_HANG_SECONDS:g} s")
        time.sleep(0.001)
    return time.monotonic()


def consumers(kills: int, rng: random.Random, nursery: Nursery, folder: Path) -> dict[str, Any]:
    """Kill consumers while the owner publishes."""
    halt, published, stalls = threading.Event(), [0], [0.0]
    report = folder / "witness.json"
    with shared.create("kill-consumers", RECORD, slots=1024, folder=folder) as ring:
        witness = nursery.start("witness", "kill-consumers", str(folder), str(report))
        await_("the witness", lambda: any(c.role == "consumer" for c in ring.clients()))

        def publish() -> None:
            last = time.monotonic()
            while not halt.is_set():
                count = rng_of_publisher.randrange(1, 200)
                ring.publish(filled(published[0], count))
                published[0] += count
                now = time.monotonic()
                stalls[0], last = max(stalls[0], now - last), now

        rng_of_publisher = random.Random(rng.random())
        thread = threading.Thread(target=publish)
        thread.start()
        detected = []
        try:
            for number in range(kills):
                mode = ("follow", "poller", "compiled", "python")[number % 4]
                pid = nursery.start("consumer", "kill-consumers", str(folder), mode)
                if rng.random() < 0.8:
                    await_("a consumer", lambda pid=pid: any(c.pid == pid and c.role == "consumer" for c in ring.clients()))
                time.sleep(rng.random() * 0.02)
                at = kill(pid)
                await_("clearing up", lambda pid=pid: not any(c.pid == pid for c in ring.clients()))
                detected.append(time.monotonic() - at)
                before = published[0]
                await_("the publisher to go on", lambda before=before: published[0] > before)
        finally:
            halt.set()
            thread.join(_HANG_SECONDS)
        if thread.is_alive():
            raise RuntimeError("deadlock: the publisher hangs")
    await_("the witness's report", report.exists)
    seen = json.loads(report.read_text())
    return {
        "kills": kills, "published": published[0], "lost": published[0] - seen["read"], "torn": seen["torn"], "gaps": seen["gaps"],
        **_times(detected), "longest_stall_s": round(stalls[0], 3), "witness": witness > 0,
    }


def producers(kills: int, rng: random.Random, nursery: Nursery, folder: Path) -> dict[str, Any]:
    """Kill producers while the owner collects."""
    notes = np.memmap(folder / "notes", np.int64, "w+", shape=(kills,))
    got = np.zeros(kills, np.int64)
    torn = gaps = 0
    detected: list[float] = []

    def collect() -> None:
        nonlocal torn, gaps
        while len(batch := ring.collect()):
            torn += faults(batch)
            for producer in np.unique(batch["producer"]):
                numbers = batch["number"][batch["producer"] == producer]
                gaps += int(numbers[0] != got[producer]) + int((np.diff(numbers) != 1).sum())
                got[producer] = numbers[-1] + 1

    with shared.create("kill-producers", RECORD, slots=64, lanes=4, lane_slots=256, folder=folder) as ring:
        for number in range(kills):
            pid = nursery.start("producer", "kill-producers", str(folder), number, rng.randrange(1, 40), str(folder / "notes"), kills)
            if rng.random() < 0.8:
                await_("a producer", lambda number=number: (collect(), got[number] > 0)[1])
            end = time.monotonic() + rng.random() * 0.01
            while time.monotonic() < end:
                collect()
            at = kill(pid)
            await_("clearing up", lambda pid=pid: (collect(), not any(c.pid == pid for c in ring.clients()))[1])
            detected.append(time.monotonic() - at)
        collect()
    lost = int(np.maximum(0, np.asarray(notes) - got).sum())
    return {"kills": kills, "published": int(got.sum()), "lost": lost, "torn": torn, "gaps": gaps, **_times(detected)}


def owner(kills: int, rng: random.Random, nursery: Nursery, folder: Path) -> dict[str, Any]:
    """Kill owners while this process reads, and waits in a lane."""
    notes = np.memmap(folder / "owner-notes", np.int64, "w+", shape=(kills,))
    lost = torn = gaps = read = 0
    detected: list[float] = []
    for number in range(kills):
        pid = nursery.start("owner", "kill-owner", str(folder), number, str(folder / "owner-notes"), kills)
        ring = _attached("kill-owner", folder, pid)
        lane = shared.attach("kill-owner", RECORD, producer=True, folder=folder) if number % 4 == 0 else None
        blocked = _Blocked(lane) if lane is not None else None
        follower = ring.batches()
        begun = expected = None
        times: list[float] = []
        killer = threading.Timer(rng.random() * 0.02, lambda pid=pid, times=times: times.append(kill(pid)))
        killer.start()
        try:
            for batch in follower:
                torn += faults(batch)
                begun = int(batch["number"][0]) if begun is None else begun
                gaps += int(expected is not None and batch["number"][0] != expected) + int((np.diff(batch["number"]) != 1).sum())
                expected = int(batch["number"][-1]) + 1
                read += len(batch)
        except OwnerGone as gone:
            detected.append(time.monotonic() - times[0])
            if gone.orderly:
                raise RuntimeError("an owner that was killed is said to have closed its ring") from None
        killer.join()
        if begun is not None:
            lost += max(0, int(notes[number]) - (expected or 0))
        if blocked is not None:
            detected.append(blocked.ended() - times[0])
        follower.close()
        ring.close()
        if lane is not None:
            lane.close()
    return {"kills": kills, "read": read, "lost": lost, "torn": torn, "gaps": gaps, **_times(detected)}


class _Blocked:
    """A thread that publishes into a lane that nobody empties, until OwnerGone."""

    def __init__(self, lane: Any) -> None:
        self._lane, self._at = lane, 0.0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            number = 0
            while True:
                self._lane.publish(filled(number, 64))
                number += 64
        except OwnerGone:
            self._at = time.monotonic()

    def ended(self) -> float:
        """Return when it got the error. Raises: RuntimeError when it did not."""
        self._thread.join(_HANG_SECONDS)
        if self._thread.is_alive() or not self._at:
            raise RuntimeError("deadlock: a producer waits for an owner that is dead")
        return self._at


def _attached(name: str, folder: Path, pid: int) -> Any:
    """Attach to the ring of this very owner, not to what the one before has left."""
    end = time.monotonic() + _HANG_SECONDS
    while time.monotonic() < end:
        try:
            ring = shared.attach(name, RECORD, folder=folder, timeout=_HANG_SECONDS)
        except SharedRingError as error:
            if "was left by" not in str(error):
                raise
            continue
        if ring.owner_pid == pid:
            return ring
        ring.close()
    raise RuntimeError("deadlock: the next owner did not take the name")


def _times(seconds: list[float]) -> dict[str, Any]:
    ordered = sorted(seconds) or [0.0]
    return {
        "detected_p50_s": round(ordered[len(ordered) // 2], 3), "detected_max_s": round(ordered[-1], 3),
        "late": sum(s > LIMIT_SECONDS for s in ordered),
    }


_ROLES = {"consumers": consumers, "producers": producers, "owner": owner}


def verify(kills: int, seed: int, roles: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Return for each role what was counted. Raises: RuntimeError for a deadlock."""
    nursery = Nursery()
    try:
        return {role: _ROLES[role](kills, random.Random(f"{seed} {role}"), nursery, folder) for role in roles}
    finally:
        nursery.close()


def stop(seconds: float, role: str, folder: Path) -> dict[str, Any]:
    """Stop a process in a role (consumer, producer, owner) for so long; return what was counted. Raises: RuntimeError for a deadlock."""
    nursery = Nursery()
    try:
        return STOPS[role](seconds, nursery.start, folder)
    finally:
        nursery.close()


def main() -> int:
    """Print the counts as JSON lines; return 1 when anything was lost, torn, out of order or late."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500, help="for each role")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--roles", default=",".join(_ROLES), help="some of consumers, producers, owner")
    parser.add_argument("--stop", type=float, default=0.0, metavar="SECONDS", help="also stop each for so long")
    options = parser.parse_args()
    bad = 0
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    for role in STOPS if options.stop else ():
        with tempfile.TemporaryDirectory(dir=base) as folder:
            found = stop(options.stop, role, Path(folder))
        print(json.dumps({"stopped": role, "seconds": options.stop, **found}), flush=True)
        bad += found["lost"] + found["torn"] + found["gaps"] + found["given_up"]
    for role in options.roles.split(",") if options.kills else ():
        with tempfile.TemporaryDirectory(dir=base) as folder:
            found = verify(options.kills, options.seed, [role], Path(folder))[role]
        print(json.dumps({"role": role, **found}), flush=True)
        bad += found["lost"] + found["torn"] + found["gaps"] + found["late"]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
