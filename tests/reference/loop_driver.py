"""Writes, compiles and runs the loop of a few handlers on one ring for a single turn, on the calling thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from disruptor.buckets import HEAD_WORDS
from disruptor.codegen import LoopSource
from disruptor.handler import Handler
from disruptor.histogram import BUCKETS
from disruptor.layout import CELL_WORDS, record_dtype
from disruptor.loop_text import write_loop
from disruptor.memory import anonymous
from disruptor.ring import Ring
from disruptor.shard import Shard
from disruptor.stage import HandlerStage, RingEnd

__all__ = ["OneTurn"]

_HALT, _CURSOR, _RUNNING, _PROGRESS, _WAIT, _FIRST = 0, 16, 32, 64, 80, 96  # words; _RUNNING takes two cells


class OneTurn:
    """A ring filled with `values`, and the loop of `handlers`, each after the one before.

    fields : of the records, with "value" among them. source : the written loop; states : by name of the handler.
    shards : of the handlers, by name, that own a share of the records; they all come after the ring only.
    counts : by handler, how many calls its histogram knows of.
    """

    def __init__(self, fields: Any, handlers: list[Handler], values: Any, name: str = "turn",
                 shards: Mapping[str, Shard] | None = None) -> None:
        self._shards = shards or {}
        slots = 1 << max(len(values) - 1, 1).bit_length()
        self.ring = Ring("events", record_dtype(fields, fill=True), slots)
        self.cells = anonymous((_FIRST // CELL_WORDS + len(handlers)) * CELL_WORDS * 8).array(np.int64)
        self.states: dict[str, np.ndarray] = {}
        self.ring.records["value"][: len(values)] = values
        self.cells[_CURSOR] = len(values) - 1
        self.cells[_HALT] = 1
        end = RingEnd(ring=self.ring, cursor=_CURSOR)
        self._histograms = np.zeros((len(handlers), BUCKETS), np.int64)
        self._stages = [self._stage(end, number, one) for number, one in enumerate(handlers)]
        end.consumers = [stage.cursor for stage in self._stages]
        self.source: LoopSource = write_loop(
            name, list(self._stages), cells=self.cells, histograms=self._histograms, halt=_HALT,
            running=_RUNNING, progress=_PROGRESS, wait=1, wait_cell=_WAIT,
        )

    @property
    def cursors(self) -> list[int]:
        """How far each handler has come."""
        return [int(self.cells[stage.cursor]) for stage in self._stages]

    @property
    def counts(self) -> list[int]:
        return [int(row[HEAD_WORDS:].sum()) for row in self._histograms]

    def _stage(self, end: RingEnd, number: int, one: Handler) -> HandlerStage:
        cursor = _FIRST + CELL_WORDS * number
        self.cells[cursor] = -1
        dtype = one.state_dtype()
        bindings = {}
        if dtype is not None:
            bindings["state"] = self.states[one.name] = np.zeros(1, dtype)
        return HandlerStage(
            name=one.name, number=number, function=one.function, arguments=one.arguments, source=end,
            waits=(cursor - CELL_WORDS if number and not self._shards else _CURSOR,), cursor=cursor, bindings=bindings,
            batch=1 << 20, shard=self._shards.get(one.name), service=number if self._shards else -1,
        )
