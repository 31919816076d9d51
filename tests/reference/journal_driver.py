"""Feeds the journal handler and its writer the way an engine does; random messages that depend only on seed and sequence."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from disruptor.atomics import load_acquire, pause, store_release
from disruptor.compiled import compiled, entry
from disruptor.log import LogWriter
from disruptor.log.commit import step_writer
from disruptor.ring import Port
from disruptor.single_producer import stream_room
from handlers.journal import MAX_RECORD_BYTES
from handlers.journal import on_event as journal
from hydraflow.codes import Kind
from hydraflow.records import LEVEL, MESSAGE

__all__ = ["COUNTERS", "Feed", "random_messages", "stage_messages", "write_journal", "write_journal_of"]

COUNTERS = journal.counters_dtype()
KINDS = (Kind.SNAPSHOT, Kind.DEPTH, Kind.TICKER, Kind.TRADE, Kind.POOL, Kind.LOST, Kind.REPORT, Kind.TIMER)

_on_event = compiled(journal.function)


@entry
def stage_messages(cells, staged, consumed, error, messages, units, first, records, payload, ports, counters):
    """Hand messages to the handler, publishing each; wait for room. Returns how many went in before an error cell rose.

    units : LEVEL[2 × capacity]; records, payload, ports : of the staging ring; first : sequence of messages[0].
    """
    port = Port(records, payload, ports[0])
    for i in range(messages.shape[0]):
        while stream_room(port, cells, (consumed,), MAX_RECORD_BYTES) < MAX_RECORD_BYTES:
            if load_acquire(cells, error) > 0:
                return i
            pause()
        _on_event(messages[i], first + i, units, port, counters[0])
        store_release(cells, staged, ports[0]["payload_next"])
    return messages.shape[0]


class Feed:
    """A LogWriter with its handler in front."""

    def __init__(self, folder: Path, **options: Any) -> None:
        options.setdefault("record_bytes_max", MAX_RECORD_BYTES)
        options.setdefault("staging_bytes", 4 << 20)
        options.setdefault("segment_bytes", 2 << 20)
        self.writer = LogWriter(folder, **options)
        self.counters = np.zeros(1, COUNTERS)
        self.thread: threading.Thread | None = None
        self.result: int | None = None

    def start(self) -> None:
        """Let the writer run in a thread."""
        self.writer.compile()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def stage(self, messages: np.ndarray, units: np.ndarray, first: int = 0) -> int:
        """Pass messages through the handler."""
        w, staging = self.writer, self.writer.staging
        return stage_messages(
            w.cells, w.words.staged, w.words.consumed, w.words.error, messages, units, first,
            staging.records, staging.payload, staging.port, self.counters,
        )

    def turn(self) -> int:
        """Take one turn of the writer in this thread."""
        return step_writer(*self.writer._arguments())

    def finish(self) -> Any:
        """Stop, join, close; return the status."""
        self.writer.stop()
        if self.thread is not None:
            self.thread.join()
            if self.result is None:
                raise RuntimeError("the writer's thread has failed")
        return self.writer.close()

    def _run(self) -> None:
        self.result = self.writer.run()


def random_messages(count: int, seed: int = 7, levels: int = 12, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return MESSAGE[count] and LEVEL[2 × capacity], every field random, the work part too. Each message depends on
    (seed, its sequence) only, so that a longer run begins with the same messages."""
    messages = np.zeros(count, MESSAGE)
    capacity = 1 << max(count * max(levels, 1) - 1, 511).bit_length()
    units = np.zeros(2 * capacity, LEVEL)
    raw = messages.view(np.uint8).reshape(count, MESSAGE.itemsize)
    used = 0
    for i, message in enumerate(messages):
        rng = np.random.default_rng((seed, first + i))
        raw[i] = np.frombuffer(rng.bytes(MESSAGE.itemsize), np.uint8)
        size = int(rng.integers(0, levels + 1))
        message["kind"] = KINDS[int(rng.integers(len(KINDS)))]
        message["payload_position"] = used + capacity * int(rng.integers(3))
        message["payload_count"] = 4 * (size // 4) if message["kind"] == Kind.REPORT else size
        message["fair_price"] = message["signal"] = 1.5
        size = int(message["payload_count"])
        units[used : used + size] = np.frombuffer(rng.bytes(size * LEVEL.itemsize), LEVEL)
        used += size
    return messages, units


def write_journal(folder: Path, count: int, *, seed: int = 7, levels: int = 12, text: bytes = b"{}", **options: Any) -> Any:
    """Write a whole journal of random messages, writer in its own thread; return (messages, units, status)."""
    messages, units = random_messages(count, seed, levels)
    return messages, units, write_journal_of(folder, messages, units, text=text, **options)


def write_journal_of(folder: Path, messages: np.ndarray, units: np.ndarray, *, text: bytes = b"{}", **options: Any) -> Any:
    """Write a whole journal of these messages, writer in its own thread; return its status."""
    feed = Feed(folder, text=text, **options)
    feed.start()
    feed.stage(messages, units)
    return feed.finish()
