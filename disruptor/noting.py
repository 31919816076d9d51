"""The note file of a graph: `Disruptor(fields, notes="run.notes")`, read with `NoteReader("run.notes")`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any

from disruptor.node import Node
from disruptor.note_calls import check_notes
from disruptor.note_file import NoteFile, NoteLane
from disruptor.placing import Placed
from disruptor.sequence import CELLS

__all__ = ["GraphNotes"]


class GraphNotes:
    """Who writes notes into which lane. path : of the file, None for none: what handlers write goes nowhere then.

    Handlers that are added while the graph runs have no lane.
    """

    def __init__(self, path: str | os.PathLike | None) -> None:
        self._path = path
        self._file: NoteFile | None = None
        self._lanes: dict[int, str] = {}

    def open(self, name: str, placed: Sequence[Placed]) -> None:
        """Check what the handlers write, and make the file anew. Raises: CompileError, MemoryMapError."""
        declared = {n.name: n.declared for one in placed for n in one.nodes if n.declared is not None}
        for handler in declared.values():
            check_notes(handler)
        self._lanes.clear()
        if self._path is None:
            return
        lanes = []
        for position, one in enumerate(placed):
            if any(n.name in declared and declared[n.name].notes for n in one.nodes):
                lane = f"{one.nodes[0].name}-{position}"
                self._lanes[id(one.nodes[0])] = lane
                lanes.append(NoteLane(lane, {i: n.name for i, n in enumerate(one.nodes)}))
        codes = {n: h.notes for n, h in declared.items() if h.notes}
        self._file = NoteFile.create(self._path, name=name, codes=codes, lanes=lanes)

    def lane(self, processor: Any, first: Node) -> contextlib.AbstractContextManager[None]:
        """Let the calling thread, which runs `processor`, write notes while this lasts. first : of its nodes."""
        lane = self._lanes.get(id(first))
        if lane is None or self._file is None:
            return contextlib.nullcontext()
        number, sequence = processor.note_words
        return self._file.lane(lane, CELLS, number=number, sequence=sequence, python=not first.compiled)
