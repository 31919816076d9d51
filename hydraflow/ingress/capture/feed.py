"""The Python side of a capture: decompresses into a byte ring that the step reads.

`start` decompresses until the ring is full or the file is over, before the first frame goes out; only for larger files a
thread goes on, copying a chunk whenever the step has freed room. Byte p lies at raw[p & (capacity − 1)], and the mirror
makes what follows contiguous.

Order: the release on WRITTEN (after the copy) pairs with the step's acquire; the step's release on CONSUMED pairs with
the acquire here. CLOSED is stored after the last WRITTEN, and the step loads it first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from disruptor.atomics import load_acquire, store_release
from disruptor.compiled import entry
from disruptor.layout import next_power_of_two
from disruptor.memory import anonymous, mirrored
from hydraflow.ingress.capture.state import (
    CLOSED,
    CLOSED_DAMAGED,
    CLOSED_WHOLE,
    CONSUMED,
    PROMISED,
    RAW_CELLS,
    WRITTEN,
    CaptureParams,
)
from hydraflow.ingress.decompress import Decompressor

__all__ = ["CaptureFeed"]

_PAUSE_SECONDS = 0.001  # how often a full ring is looked at; the ring holds far more than a step reads in that time


@entry(brief=True)
def _store(cells, index, value):
    store_release(cells, index, value)


@entry(brief=True)
def _load(cells, index):
    return load_acquire(cells, index)


class CaptureFeed:
    """Fills the byte ring of one capture; see ingress.base.Feed.

    Raises: as Decompressor, at once.
    damage : "" or what ended the input early. prefilled : whether the whole file was decompressed by `start`.
    """

    def __init__(self, params: CaptureParams, **_context: Any) -> None:
        self._source = Decompressor(params.path)
        self._capacity = next_power_of_two(params.buffer_bytes)
        self._raw = mirrored(self._capacity, "capture", reserve=False).array(np.uint8)
        self._cells = anonymous(RAW_CELLS * 8).array(np.int64, RAW_CELLS)
        self._chunks: Iterator[bytes] = iter(self._source)
        self._rest = b""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.prefilled = False

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        return {"raw": self._raw, "raw_cells": self._cells}

    @property
    def promise(self) -> np.ndarray:
        """int64[1]: the step promises that nothing earlier will come, ns; 0 as long as it promises nothing."""
        return self._cells[PROMISED : PROMISED + 1]

    @property
    def damage(self) -> str:
        return self._source.damage

    def start(self) -> None:
        """Decompress as much as the ring holds; start the thread for the rest."""
        self.prefilled = self._fill()
        if not self.prefilled:
            self._thread = threading.Thread(target=self._run, name="capture-feed", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop and join the thread; close the file."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._source.close()

    def _run(self) -> None:
        while not self._stopping.is_set() and not self._fill():
            self._stopping.wait(_PAUSE_SECONDS)

    def _fill(self) -> bool:
        """Copy chunks until the ring is full (False) or the input is over (True)."""
        written = int(_load(self._cells, WRITTEN))
        while not self._stopping.is_set():
            if not self._rest:
                self._rest = next(self._chunks, b"")
                if not self._rest:
                    _store(self._cells, CLOSED, CLOSED_DAMAGED if self._source.damage else CLOSED_WHOLE)
                    return True
            if written + len(self._rest) - int(_load(self._cells, CONSUMED)) > self._capacity:
                return False
            index = written & (self._capacity - 1)
            self._raw[index : index + len(self._rest)] = np.frombuffer(self._rest, np.uint8)
            written += len(self._rest)
            self._rest = b""
            _store(self._cells, WRITTEN, written)
        return False
