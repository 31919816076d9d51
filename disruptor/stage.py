"""What runs on a thread: stages that follow a ring, and drivers that are polled once per turn.

A `HandlerStage` calls a handler for each record of one ring, in order, after the cursors it waits for. A `DriverStage`
calls a step function once per turn (a source, a sequencer, a merger); it returns how much it did, or FINISHED.

Both may publish: an `Output` names the ring's producer end. Nothing waits inside a handler: the loop calls it for a
record only when `max_out` slots and `max_payload` units are free in each of its outputs; until then the stage is gated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from disruptor.layout import NOT_PARKED
from disruptor.ring import Ring
from disruptor.shard import Shard

__all__ = ["FINISHED", "NOT_PARKED", "Checkpoint", "Guard", "DriverStage", "HandlerStage", "Hook", "InletEnd", "Output", "RingEnd"]

FINISHED = -1


@attrs.define(kw_only=True)
class RingEnd:
    """A ring as the graph knows it: cursor : word index of the producer's cursor; consumers : of all consumers'."""

    ring: Ring
    cursor: int
    consumers: list[int] = attrs.field(factory=list)


@attrs.define(kw_only=True)
class Output:
    """A ring that a stage publishes to, under the name `argument` in the handler's signature.

    never_waits : a feedback ring; no room there is a fatal error of the graph, not back-pressure.
    latency : row of the histogram table that receives now − stamp of each record published, or -1.
    """

    argument: str
    end: RingEnd
    max_out: int = 1
    max_payload: int = 0
    never_waits: bool = False
    latency: int = -1


@attrs.define(kw_only=True)
class InletEnd:
    """A ring that a handler drains itself. cell : its own PORT array; cursor : word index where progress is published."""

    argument: str
    end: RingEnd
    cell: np.ndarray
    cursor: int


@attrs.define(kw_only=True)
class Checkpoint:
    """Digest the state whenever a multiple of `every` records has been handled.

    digest : compiled (state, params) → int64; out : int64[rows, columns], row (count / every − 1) modulo rows; rows is a
    power of two.
    """

    digest: Any
    every: int
    out: np.ndarray
    column: int


@attrs.frozen(kw_only=True)
class Guard:
    """What becomes of a fault of a handler that does not end the run.

    parks : it handles nothing any more from the record on at which it failed; otherwise that record alone is passed by.
    skipped : word that counts the records at which it failed. parked : word that holds the sequence from which on it is parked,
    NOT_PARKED before. writes : fields of the record that are its own: zero in a record at which it failed.
    """

    parks: bool
    skipped: int
    parked: int
    writes: tuple[str, ...] = ()


@attrs.define(kw_only=True)
class Hook:
    """Another function of a stage, for the records whose fields hold the values of `when`; called in their place in the order.

    instead : the stage's own function does not get these records; otherwise it gets them afterwards. arguments : by name, from
    `bindings` and from what the stage's own function may ask for. then : called after it, when it has returned more than 0.
    """

    name: str
    function: Any
    arguments: tuple[str, ...]
    when: Mapping[str, int] = attrs.field(factory=dict)
    instead: bool = True
    bindings: Mapping[str, Any] = attrs.field(factory=dict)
    then: Hook | None = None


@attrs.define(kw_only=True)
class HandlerStage:
    """A handler on a ring.

    function : the plain function; bindings : argument name → numpy array (a record array of length 1 is passed as its
    record). waits : word indexes of the cursors that must have passed a record first. cursor : word index of its own.
    service, age : rows of the histogram table (ticks per event; ticks since the record's stamp), -1 for none.
    guard : None where a fault ends the run. parkable : words of the stages before it that may be parked; the argument `parked`
    is how many of them are, at the record in hand.
    shard : the records that are its own, None for all; the others count as handled, without a call.
    hooks : functions for some of the records; one record has at most one hook that stands in for `function`.
    """

    name: str
    number: int
    function: Any
    arguments: tuple[str, ...]
    source: RingEnd
    waits: tuple[int, ...]
    cursor: int
    bindings: Mapping[str, Any] = attrs.field(factory=dict)
    outputs: list[Output] = attrs.field(factory=list)
    inlets: list[InletEnd] = attrs.field(factory=list)
    batch: int = 256
    service: int = -1
    age: int = -1
    checkpoint: Checkpoint | None = None
    guard: Guard | None = None
    parkable: tuple[int, ...] = ()
    shard: Shard | None = None
    hooks: list[Hook] = attrs.field(factory=list)


@attrs.define(kw_only=True)
class DriverStage:
    """A step function polled once per turn: returns work done (0 none), or FINISHED (-1) once it will do no more.

    Arguments by name: what `bindings` offers, plus `cells`, `now` (ticks), `<output>` (a Port), and of its first output
    `room`, `payload_room` (what may be claimed now) and `stamps`. finished : word index set to 1 after FINISHED.
    stop : word that ends it early when not 0; first : word that receives the ticks of its first turn that did something.
    The first output's max_out and max_payload say below what room the consumers' cursors are read again.
    """

    name: str
    number: int
    function: Any
    arguments: tuple[str, ...]
    finished: int
    stop: int = -1
    first: int = -1
    bindings: Mapping[str, Any] = attrs.field(factory=dict)
    outputs: list[Output] = attrs.field(factory=list)
    inlets: list[InletEnd] = attrs.field(factory=list)
    service: int = -1
