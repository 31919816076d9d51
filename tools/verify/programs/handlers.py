"""Programs of handlers in plain Python, by the library's own processor."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from tools.verify.machine import Broken, Machine
from tools.verify.programs.rules import Ring, blocking, times
from tools.verify.schedule import Program

__all__ = ["handled"]


def handled(*, rewinds: bool = False, limit: int = 0, multi: bool = False) -> Any:
    """A BatchEventProcessor. rewinds : its handler asks for its batch again at record 1, once; limit : of its batches."""

    def make(lib: Any, machine: Machine) -> Program:
        ring = Ring(lib, machine, 2, multi=multi, wait=blocking(lib))
        s, processors = ring.sequencer, lib.processor
        who = ring.consumer("handler")
        again = [not rewinds]

        def on_event(_: Any, sequence: int, end_of_batch: bool) -> None:
            if ring.slots.read(sequence) != sequence:
                raise Broken(f"the handler reads another record than {sequence}")
            if sequence == 1 and not again[0]:
                again[0] = True
                first = who.sequence.get() + 1
                who.got[:] = [q for q in who.got if q < first]
                raise processors.Rewind
            who.got.append(sequence)
            if sequence == 3:
                me._stop = True
                lib.sequence.CELLS[me._control.word] = 1

        me = object.__new__(processors.BatchEventProcessor)
        me.ring = SimpleNamespace(
            sequencer=s, records=range(2), mask=1,
            given_up=lambda q: lib.claims.was_given_up(lib.sequence.CELLS, s.base, s.marks, q),
        )
        me.name, me.sequence, me.barrier, me.wait = who.name, who.sequence, who.barrier, who.barrier.wait
        me.handler = SimpleNamespace(takes_batches=False, batch_limit=limit, rewind=lib.rewind.SimpleRewind() if rewinds else None)
        me.measured, me._batch_started, me._on_timeout = np.zeros(0, np.int64), None, None
        me._control, me._stop, me._call = lib.sequence.take_cells(4), False, on_event
        return Program([("producer", times(4, ring.publish)), ("handler", me._work)], lambda: ring.all_got(who, wanted=[0, 1, 2, 3]))

    return make
