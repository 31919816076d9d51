"""From the thread of a socket to the compiled step: a ring of frames with one producer and one consumer.

`post` is compiled: it copies the bytes and stamps the time-stamp counter without the interpreter's lock, so that the step,
which reads on another thread, never waits for Python.

Order: the release on POSTED (in `publish`) pairs with the step's acquire; the step's release on TAKEN pairs with the
acquire in `room`. CLOSED is stored after the last POSTED, and the step loads it first.
"""

from __future__ import annotations

import numpy as np

from disruptor.atomics import store_release, timestamp
from disruptor.compiled import entry
from disruptor.layout import CELL_WORDS, next_power_of_two
from disruptor.memory import anonymous
from disruptor.ring import Port, Ring
from disruptor.single_producer import claim, payload_claim, payload_index, payload_room, publish, room
from disruptor.stores import copy_bytes
from hydraflow.ingress.live.params import FIGURES, Figures
from hydraflow.records import FRAME

__all__ = ["CLOSED", "Inbox", "POSTED", "TAKEN"]

# word indexes into the cells, each on a pair of cache lines of its own
POSTED = 0  # sequence of the last frame posted, −1: none
TAKEN = CELL_WORDS  # sequence of the last frame that the step is done with
CLOSED = 2 * CELL_WORDS  # 1: nothing will be posted any more
_CELLS = 3 * CELL_WORDS


@entry
def _post(records, payload, port, stamps, cells, text, receive_ns, error):
    """Post one frame; return 1, or 0 when there is no room for it."""
    end = Port(records, payload, port[0])
    count = text.shape[0]
    if room(end, cells, (TAKEN,), 1) < 1 or payload_room(end, cells, (TAKEN,), count) < count:
        return 0
    stamps[end.cell["next"] & end.cell["mask"]] = timestamp()
    copy_bytes(payload, payload_index(end), text, 0, count)
    frame = claim(end)
    frame["receive_ns"] = receive_ns
    frame["number"] = end.cell["next"] - 1
    frame["payload_position"] = payload_claim(end, count)
    frame["payload_count"] = count
    frame["error"] = error
    frame["source"] = 0
    publish(end, cells, POSTED)
    return 1


@entry(brief=True)
def _store(cells, index, value):
    store_release(cells, index, value)


class Inbox:
    """Frames on their way to the step. Everything but `arrays` belongs to the thread of the socket."""

    def __init__(self, frames: int, size_bytes: int) -> None:
        self._ring = Ring("inbox", FRAME, next_power_of_two(frames), payload=("u1", next_power_of_two(size_bytes)), stamps=True)
        self._cells = anonymous(_CELLS * 8).array(np.int64, _CELLS)
        self._cells[POSTED] = self._cells[TAKEN] = -1
        self._figures = anonymous(len(FIGURES) * 8).array(np.int64, len(FIGURES))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What the step gets, by name."""
        ring = self._ring
        return {"inbox": ring.records, "inbox_payload": ring.payload, "inbox_stamps": ring.stamps,
                "inbox_cells": self._cells, "figures": self._figures}

    def post(self, text: bytes, receive_ns: int, error: int) -> bool:
        """Post one frame, at most the inbox's size; return whether there was room."""
        ring = self._ring
        data = np.frombuffer(text, np.uint8)
        return bool(_post(ring.records, ring.payload, ring.port, ring.stamps, self._cells, data, receive_ns, error))

    def show(self, figures: Figures) -> None:
        """Let the step see the counts."""
        figures.version += 1
        self._figures[1:] = [getattr(figures, name) for name in FIGURES[1:]]
        _store(self._figures, 0, figures.version)

    def close(self) -> None:
        """Say that nothing more will come."""
        _store(self._cells, CLOSED, 1)
