"""Drives the compiled `deserialize` over frames without an engine: for tests, benches and whoever needs messages.

    messages, levels = decode_capture(path)
    result = decode_frames([b'{"e":…}'], table([...]))

`Driver` lays out frames, output and state as the engine does, with room for everything, so nothing is ever gated.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from disruptor.compiled import compiled, entry
from disruptor.handler import params_record
from disruptor.inlining import only_inlined
from disruptor.layout import next_power_of_two
from disruptor.ring import PORT, Port
from handlers.deserialize import Deserialize, on_event
from hydraflow.instruments import infer, table
from hydraflow.records import FRAME, LEVEL, LEVELS_MAX, MESSAGE

__all__ = ["Driver", "decode_capture", "decode_frames", "frames_of", "frames_of_lines", "read_capture"]

_deserialize = compiled(on_event.function)


@entry
def drive(frames, payload, instruments, counters, state, params, decoded):
    """Call the handler for each frame; return the number of frames."""
    for n in range(len(frames)):
        _deserialize(frames[n], payload, instruments, counters, state, params, decoded)
    return len(frames)


def drive_plain(frames, payload, instruments, counters, state, params, decoded):
    """The same without compiling the loop; the helpers stay compiled unless NUMBA_DISABLE_JIT is set."""
    for n in range(len(frames)):
        on_event.function(frames[n], payload, instruments, counters, state, params, decoded)
    return len(frames)


@attrs.define
class Driver:
    """Everything that a run over these frames touches. `messages` and `levels` are views of what was published."""

    frames: np.ndarray
    payload: np.ndarray
    instruments: np.ndarray
    counters: np.ndarray
    state: np.ndarray
    params: np.ndarray
    decoded: Port

    @classmethod
    def make(
        cls, frames: np.ndarray, text: bytes, instruments: np.ndarray, *, levels: int | None = None, **params: int
    ) -> Driver:
        """frames : FRAME records into `text`. levels : payload units of the output (default: enough for any frames)."""
        half = next_power_of_two(max(len(text), 64))
        payload = np.zeros(2 * half, np.uint8)
        payload[: len(text)] = np.frombuffer(text, np.uint8)
        values = Deserialize(**params)
        state = np.zeros(1, on_event.state_dtype(values, instruments=instruments))
        on_event.prepare(state[0], values, instruments=instruments)
        slots = next_power_of_two(len(frames) + 1)
        units = next_power_of_two((len(text) // 8 if levels is None else levels) + LEVELS_MAX + 8)
        cell = np.zeros(1, PORT)
        cell[0]["payload_mask"] = units - 1
        cell[0]["mask"] = slots - 1
        port = Port(np.zeros(slots, MESSAGE), np.zeros(2 * units, LEVEL), cell[0])
        counters = np.zeros(1, on_event.counters_dtype())
        return cls(frames, payload, instruments, counters, state, params_record(values), port)

    def run(self, *, plain: bool = False) -> Driver:
        """Decode every frame, from the beginning."""
        for field in ("next", "payload_next"):
            self.decoded.cell[field] = 0
        self.counters[:] = np.zeros(1, self.counters.dtype)
        arguments = (self.frames, self.payload, self.instruments, self.counters[0], self.state[0], self.params[0])
        if plain:
            drive_plain(*arguments, self.decoded)
            return self
        with only_inlined(getattr(drive, "py_func", drive)):
            drive(*arguments, self.decoded)
        return self

    @property
    def messages(self) -> np.ndarray:
        return self.decoded.records[: int(self.decoded.cell["next"])]

    @property
    def levels(self) -> np.ndarray:
        return self.decoded.payload[: int(self.decoded.cell["payload_next"])]

    @property
    def errors(self) -> dict[int, int]:
        """FrameError → count, without zeros."""
        return {kind: int(count) for kind, count in enumerate(self.counters[0]["errors"]) if count}


def frames_of(
    texts: Sequence[bytes], *, errors: Sequence[int] = (), fence: bytes = b""
) -> tuple[np.ndarray, bytes]:
    """Return FRAME records, numbered from 0, and the bytes they point into. fence : what lies around each frame."""
    frames = np.zeros(len(texts), FRAME)
    position = len(fence)
    for n, text in enumerate(texts):
        frames[n]["receive_ns"] = 1_000 + n
        frames[n]["number"] = n
        frames[n]["payload_position"] = position
        frames[n]["payload_count"] = len(text)
        frames[n]["error"] = errors[n] if errors else 0
        position += len(text) + len(fence)
    return frames, fence + b"".join(text + fence for text in texts)


def frames_of_lines(text: bytes) -> np.ndarray:
    """Return FRAME records for lines `<receive ns> <json>`; they point into `text` itself."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == 10)
    starts = np.concatenate(([0], ends[:-1] + 1))
    frames = np.zeros(len(ends), FRAME)
    for n, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        blank = text.index(b" ", start, end)
        frame = frames[n]
        frame["receive_ns"] = int(text[start:blank])
        frame["number"] = n
        frame["payload_position"] = blank + 1
        frame["payload_count"] = end - blank - 1
    return frames


def read_capture(path: str | Path) -> bytes:
    """Return the uncompressed lines of a gzip capture."""
    with gzip.open(path) as file:
        return file.read()


def decode_frames(texts: Sequence[bytes], instruments: np.ndarray, *, plain: bool = False, **options: Any) -> Driver:
    """Decode frames given as bytes; options : `errors` per frame, `fence`, limits of Deserialize."""
    frames, text = frames_of(texts, errors=options.pop("errors", ()), fence=options.pop("fence", b""))
    return Driver.make(frames, text, instruments, **options).run(plain=plain)


def decode_capture(path: str | Path, instruments: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return (MESSAGE array, LEVEL array) of a capture; `payload_position` indexes the second.

    instruments : default: those found in the capture, with the ticks and lots of the decimals seen.
    """
    text = read_capture(path)
    if instruments is None:
        instruments = table(infer(text))
    driver = Driver.make(frames_of_lines(text), text, instruments, levels=len(text) // 16).run()
    return driver.messages, driver.levels
