"""Handlers that were added together, as the place where the graph goes on.

Source: LMAX EventHandlerGroup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from disruptor.barrier import SequenceBarrier
from disruptor.node import Node, node_sequences

if TYPE_CHECKING:
    from disruptor.dsl import Disruptor

__all__ = ["HandlerGroup"]


class HandlerGroup:
    """Nodes of a graph; what is added through it waits for all of them."""

    def __init__(self, graph: Disruptor, nodes: tuple[Node, ...]) -> None:
        self._graph, self.nodes = graph, nodes

    def then(self, *handlers: Any) -> HandlerGroup:
        """Add handlers that see each record after every handler of this group. Returns the group of the new ones."""
        return self._graph._add(handlers, self.nodes)

    handle_events_with = then

    def then_worker_pool(self, *workers: Any) -> HandlerGroup:
        """Add a pool: each record goes to one of the workers, after every handler of this group."""
        return self._graph._add(workers, self.nodes, pooled=True)

    def and_(self, *others: Any) -> HandlerGroup:
        """Return the group of this one's handlers and others: groups, or handlers of the graph."""
        nodes = list(self.nodes)
        for other in others:
            found = other.nodes if isinstance(other, HandlerGroup) else self._graph.after(other).nodes
            nodes.extend(n for n in found if n not in nodes)
        return HandlerGroup(self._graph, tuple(nodes))

    def as_barrier(self) -> SequenceBarrier:
        """Return a barrier that waits for every handler of the group."""
        return self._graph.ring.new_barrier(*(s for n in self.nodes for s in node_sequences(n)))
