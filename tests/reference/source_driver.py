"""Runs a source against a frames ring, turn by turn, and reads every frame: the loop and the consumer of a test.

    python -m tests.reference.source_driver FRAMES SEED     prints the SHA-256 of the capture lines (jitted or not)
    python -m tests.reference.source_driver PATH            prints frame count, error kinds and SHA-256 of a capture
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from disruptor.handler import params_record
from disruptor.ring import Port, Ring
from hydraflow.ingress.base import FINISHED, Source
from hydraflow.ingress.capture.state import CaptureParams
from hydraflow.ingress.capture.step import capture
from hydraflow.ingress.simulator.source import simulator
from hydraflow.ingress.simulator.state import SimulatorParams
from hydraflow.records import FRAME
from tests.reference.kernels_sources import capture_turn, simulator_turn

__all__ = ["Frame", "SourceDriver", "capture_driver", "simulator_driver"]


class Frame(NamedTuple):
    receive_ns: int
    number: int
    error: int
    stamp: int
    text: bytes


class SourceDriver:
    """One source, one ring, one reader. `turn` calls the step once; `frames` runs it to its end."""

    def __init__(self, source: Source, turn: Any, params: Any, *, slots: int, payload: int, **context: Any) -> None:
        self.ring = Ring("frames", FRAME, slots, payload=("u1", payload), stamps=True)
        self.state = np.zeros(1, source.state_dtype(params))
        self.counters = np.zeros(1, source.counters_dtype())
        self.feed = source.open(params, **context) if source.open else None
        self._params = params_record(params)
        self._arrays = list(self.feed.arrays.values()) if self.feed else []
        self._port = Port(self.ring.records, self.ring.payload, self.ring.port[0])
        self._turn = turn
        self._read = 0
        source.prepare(self.state[0], params, **context)

    def turn(self, *, now: int = 0, room: int | None = None, payload_room: int | None = None) -> int:
        """Call the step once with what is free, or less."""
        cell = self.ring.port[0]
        oldest = self.ring.records[self._read & self.ring.mask]["payload_position"]
        used = int(cell["payload_next"] - oldest) if self._read < cell["next"] else 0
        free_slots = self.ring.slots - int(cell["next"] - self._read)
        free_bytes = self.ring.payload_capacity - used
        room = free_slots if room is None else min(room, free_slots)
        payload_room = free_bytes if payload_room is None else min(payload_room, free_bytes)
        before = int(cell["next"]), int(cell["payload_next"])
        done = int(
            self._turn(
                self.state[0], self._params[0], self.counters[0], self._port, room, payload_room, now,
                self.ring.stamps, *self._arrays,
            )
        )  # fmt: skip
        claimed = int(cell["next"]) - before[0]
        assert claimed == max(done, 0) and claimed <= room and int(cell["payload_next"]) - before[1] <= payload_room
        return done

    def take(self) -> Iterator[Frame]:
        """Read what was published since the last call."""
        mask = self.ring.payload_capacity - 1
        while self._read < self.ring.port[0]["next"]:
            record = self.ring.records[self._read & self.ring.mask]
            begin = int(record["payload_position"]) & mask
            text = self.ring.payload[begin : begin + int(record["payload_count"])].tobytes()
            stamp = int(self.ring.stamps[self._read & self.ring.mask])
            self._read += 1
            yield Frame(int(record["receive_ns"]), int(record["number"]), int(record["error"]), stamp, text)

    def frames(self, **limits: int) -> Iterator[Frame]:
        """Start the feed, run to the end, stop the feed; `limits` go to every `turn`."""
        if self.feed:
            self.feed.start()
        try:
            deadline = time.monotonic() + 60
            while (done := self.turn(**limits)) != FINISHED:
                yield from self.take()
                if done == 0:
                    assert time.monotonic() < deadline, "no frame for a minute"
                    time.sleep(0)
        finally:
            if self.feed:
                self.feed.stop()


def simulator_driver(params: SimulatorParams, *, slots: int = 1024, payload: int = 1 << 21, **context: Any) -> SourceDriver:
    return SourceDriver(simulator, simulator_turn, params, slots=slots, payload=payload, **context)


def capture_driver(params: CaptureParams, *, slots: int = 1024, payload: int = 1 << 25, **context: Any) -> SourceDriver:
    return SourceDriver(capture, capture_turn, params, slots=slots, payload=payload, **context)


def main(arguments: list[str]) -> None:
    digest = hashlib.sha256()
    errors: list[int] = []
    if len(arguments) == 2:
        driver = simulator_driver(SimulatorParams(frames=int(arguments[0]), seed=int(arguments[1])))
    else:
        driver = capture_driver(CaptureParams(path=arguments[0]))
    for frame in driver.frames():
        digest.update(b"%d %b\n" % (frame.receive_ns, frame.text))
        errors.append(frame.error)
    print(len(errors), *sorted({e: errors.count(e) for e in errors}.items()), digest.hexdigest())


if __name__ == "__main__":
    main(sys.argv[1:])
