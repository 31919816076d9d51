"""The source contract: a compiled step that is called once per turn of its thread's loop and publishes frames, or records
of its own; or a Python generator that yields records, on a thread of its own.

    @source(params=Params, state=FIELDS, counters=COUNTERS, prepare=prepare, virtual=True)
    def simulator(state, params, counters, frames, room, payload_room, now, stamps): ...

A `Source` is a `Handler` whose function is a *step*. Its arguments are matched by name:

    state, params, counters     as for a handler
    frames                      Port into the frames ring (records.FRAME; payload: bytes)
    room, payload_room          slots and payload bytes that may be claimed in this turn; the step counts them down
                                itself and stops before either is used up
    now                         the time-stamp counter at the beginning of the turn, ticks
    stamps                      the frames ring's side array: the step stores the planned stamp (paced) or `now` per slot
    anything else               an array of the source's `Feed`, under that name

It returns the number of frames published, 0 when there is nothing to do now, FINISHED (-1) when there never will be; the
loop publishes what was claimed. It never waits.

Into a ring of records of its own a step publishes through an argument called `records`, or like the ring, in the place of
`frames`; `max_out=` and `max_payload=` say, under that name, below what room the consumers' cursors are read again.

    def sensors(stations: int = 4, seed: int = 1):          # no decorator needed
        while True:
            yield {"station": 3, "celsius": 21.5}            # a dict, a tuple in the order of the fields, an array of records

A generator takes parameters by name, or one attrs class (`params: Sensors`). It is resumed when its records are in the ring,
so a full ring holds it back. `yield None` brings nothing: a generator that waits does it now and then, so that a run can be
stopped. It is closed at the end, its `finally` runs. `hydraflow.ingress.generator` has the details.

A source that needs the outside world has `open`: called once while the graph is built, it raises what a user must be told
(InputNotFound, ConfigurationError) and returns a `Feed`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs
import numpy as np

from disruptor.handler import Handler, handler

__all__ = ["FINISHED", "Feed", "Source", "source"]

FINISHED = -1


class Feed(Protocol):
    """The Python side of a source: memory that the step reads, and the thread that fills it.

    A feed may have `promise`, int64[1]: the step stores there the time, ns, before which nothing more will come, so that timers
    of stages need not wait for the next frame.
    """

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """Arrays that the step gets by name."""

    def start(self) -> None:
        """Fill ahead as far as memory allows, then start the thread. Not part of the run's time."""

    def stop(self) -> None:
        """Stop and join the thread. May be called twice, and without start."""


@attrs.frozen(kw_only=True)
class Source(Handler):
    """A declared source; see `Handler` for what it inherits.

    virtual : its receive_ns are virtual time (capture, simulator): the sequencer computes the place of reports.
    open : callable(params, **context) → Feed, or None. params is the attrs instance.
    instruments : callable(params) → what it trades, mappings of keys as under `instruments:`, for a topology that lists none.
    ready : of a generator: callable(params, dtype) that raises what a user must be told, before the run; dtype : of its ring.
    spread : of a generator: it takes its parameters by name, not as one object.
    `prepare` gets (state record, attrs params, **context); of the context it may use `ticks_per_second` (of `now`, default
    1e9) and `source_index` (goes into FRAME.source, default 0).
    """

    virtual: bool = False
    open: Callable | None = None
    instruments: Callable[[Any], list[dict[str, Any]]] | None = None
    ready: Callable[[Any, np.dtype], None] | None = None
    spread: bool = False

    @property
    def step(self) -> Callable:
        """The plain step function."""
        return self.function


def source(
    function: Callable | None = None, *, virtual: bool = False, open: Callable | None = None,
    instruments: Callable | None = None, ready: Callable | None = None, **declaration: Any,
) -> Any:
    """Declare a step function, or a generator function, as a source. `declaration` : the keyword arguments of `handler`.

    Raises: LayoutError for a generator whose parameters say neither type nor default.
    """

    def decorate(f: Callable) -> Source:
        if inspect.isgeneratorfunction(f):
            from hydraflow.ingress.generator import declared_generator

            return declared_generator(f, ready=ready, **declaration)
        declared = handler(f, **declaration)
        fields = attrs.asdict(declared, recurse=False)
        return Source(**fields, virtual=virtual, open=open, instruments=instruments)

    return decorate if function is None else decorate(function)
