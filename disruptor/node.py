"""One consumer of a graph: what it runs, what it waits for, how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from disruptor.barrier import SequenceBarrier
from disruptor.errors import GraphError
from disruptor.handler import Handler, as_handler
from disruptor.loop_processor import Member
from disruptor.processor import BatchEventProcessor
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import Sequence
from disruptor.worker_pool import WorkerPool, WorkProcessor

__all__ = ["Into", "Node", "ProcessorFactory", "into", "new_node"]


@attrs.frozen
class ProcessorFactory:
    """Makes a processor of the user's own when the graph is built: create(ring, sequences it waits for) → processor.

    A processor is anything with `run()`, `halt()` and `sequence`.
    """

    create: Callable[[RingBuffer, tuple[Sequence, ...]], Any]


@attrs.frozen(eq=False)
class Into:
    """A handler together with the rings that it publishes to, by argument name."""

    handler: Any
    outputs: dict[str, RingBuffer]


def into(handler: Any, **outputs: Any) -> Into:
    """Connect a compiled handler's outputs: `graph.then(into(split, out=other.ring))`. A Disruptor counts as its ring."""
    return Into(handler, {name: getattr(ring, "ring", ring) for name, ring in outputs.items()})


@attrs.define(eq=False)
class Node:
    """A consumer. given : what the user handed in, by which it is found again. upstream : nodes that must pass a record
    first. member : a compiled handler's memory; processor : what runs it (compiled handlers get theirs at `start`).
    """

    name: str
    given: Any
    sequence: Sequence
    barrier: SequenceBarrier
    upstream: tuple[Node, ...] = ()
    declared: Handler | None = None
    member: Member | None = None
    processor: Any = None
    pool: WorkerPool | None = None

    @property
    def compiled(self) -> bool:
        return self.member is not None


def new_node(
    ring: RingBuffer, given: Any, upstream: tuple[Node, ...], settings: dict[str, Any], pool: WorkerPool | None = None
) -> Node:
    """Return the node for what a user handed to `then`. settings : defaults of the graph (wait, on_error).

    Raises: GraphError, LayoutError for what is no handler.
    """
    sequences = tuple(s for node in upstream for s in node_sequences(node))
    barrier = ring.new_barrier(*sequences, wait=settings["wait"])
    if isinstance(given, ProcessorFactory):
        given = given.create(ring, sequences)
    if all(hasattr(given, name) for name in ("run", "halt", "sequence")):
        name = str(getattr(given, "name", type(given).__name__))
        return Node(name, given, given.sequence, barrier, upstream, processor=given)
    outputs: dict[str, RingBuffer] = {}
    if isinstance(given, Into):
        given, outputs = given.handler, given.outputs
    declared = as_handler(given)
    if declared.on_timer is not None:
        raise GraphError(f"handler '{declared.name}' declares on_timer, but nothing in this graph puts timers into the ring:"
                         " publish records for them, or run it in a topology (hfx run)")
    if declared.on_error == "halt" and settings["on_error"] != "halt":
        declared = declared.using(on_error=settings["on_error"])
    work = None if pool is None else pool.work
    if declared.jit:
        member = Member(ring, declared, barrier, outputs=outputs, work=work)
        return Node(declared.name, given, member.sequence, barrier, upstream, declared, member, pool=pool)
    if outputs:
        raise GraphError(f"handler '{declared.name}' is plain Python: it publishes with `publish` of the other ring itself")
    if pool is not None:
        worker = WorkProcessor(ring, barrier, declared, pool)
        return Node(declared.name, given, worker.sequence, barrier, upstream, declared, processor=worker, pool=pool)
    processor = BatchEventProcessor(ring, barrier, declared)
    return Node(declared.name, given, processor.sequence, barrier, upstream, declared, processor=processor)


def node_sequences(node: Node) -> tuple[Sequence, ...]:
    """What must have passed a record before those after `node` may read it: of a pool, all its workers and its work."""
    return (node.sequence,) if node.pool is None else (node.sequence, node.pool.work)
