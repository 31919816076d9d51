"""The handlers of a graph, and who of them gates the producers: its leaves, those that nobody else waits for."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Many
from typing import Any

from disruptor.errors import GraphError
from disruptor.node import Node, new_node, node_sequences
from disruptor.ring_buffer import RingBuffer
from disruptor.sequence import Sequence
from disruptor.wait import Wait
from disruptor.worker_pool import WorkerPool

__all__ = ["Membership"]


class Membership:
    """The nodes of a graph in the order in which they were added."""

    def __init__(self, ring: RingBuffer) -> None:
        self.ring = ring
        self._nodes: list[Node] = []

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def find(self, handler: Any) -> list[Node]:
        """Return the nodes of a handler, given as it was added, as declared, or by name. Raises: GraphError for none."""
        found = [n for n in self._nodes if n.given is handler or n.declared is handler]
        found = found or [n for n in self._nodes if getattr(n.given, "handler", None) is handler]
        if not found and isinstance(handler, str):
            found = [n for n in self._nodes if n.name == handler]
        if not found:
            name = getattr(handler, "name", getattr(handler, "__name__", handler))
            raise GraphError(f"no handler '{name}' in this graph; known: {', '.join(n.name for n in self._nodes) or 'none'}")
        return found

    def leaves(self) -> list[Node]:
        """Return the nodes that no other waits for."""
        inner = {id(u) for n in self._nodes for u in n.upstream}
        return [n for n in self._nodes if id(n) not in inner]

    def new(
        self, handlers: Many[Any], upstream: tuple[Node, ...], wait: Wait, on_error: Any, pool: WorkerPool | None = None
    ) -> list[Node]:
        """Return nodes for handlers, with all that is theirs, in no graph yet. Raises: GraphError and leaves nothing behind."""
        nodes: list[Node] = []
        try:
            for handler in handlers:
                node = new_node(self.ring, handler, upstream, {"wait": wait, "on_error": on_error}, pool)
                self.ring.sequencer.labels[node.sequence.word] = f"handler '{node.name}'"
                nodes.append(node)
        except BaseException:
            for node in nodes:
                self.let_go(node)
            raise
        return nodes

    def attach(self, nodes: list[Node]) -> None:
        """Let producers wait for new nodes instead of those before them. They start at now, not ahead of those."""
        s = self.ring.sequencer
        fresh = list({id(q): q for node in nodes for q in node_sequences(node)}.values())
        if nodes[0].upstream:
            self._place(fresh, nodes[0].upstream)
            s.add_gating_sequences_as_they_are(*fresh)
            self._place(fresh, nodes[0].upstream)  # those before may have gone on, and the producers behind them
        else:
            s.add_gating_sequences(*fresh)
        self._nodes.extend(nodes)
        for node in {id(u): u for n in nodes for u in n.upstream}.values():
            for sequence in node_sequences(node):
                self.ring.remove_gating_sequence(sequence)

    def check_leaving(self, leaving: list[Node]) -> None:
        """Raises: GraphError when others wait for one of these, or for a part of a pool."""
        for node in leaving:
            followers = [n.name for n in self._nodes if node in n.upstream and n not in leaving]
            if followers:
                raise GraphError(f"handler '{node.name}' cannot be removed: {', '.join(followers)} waits for it; remove that first")
            pool = [n.name for n in self._nodes if n.pool is not None and n.pool is node.pool]
            if any(n.pool is not None and n.pool is node.pool and n not in leaving for n in self._nodes):
                raise GraphError(
                    f"handler '{node.name}' is one of a pool's workers, and may hold a record that it has taken;"
                    f" remove the whole pool: remove({', '.join(pool)})"
                )

    def detach(self, node: Node) -> None:
        """Take a node that has stopped out of the graph: those before it gate again when nobody else follows them."""
        self._nodes.remove(node)
        self._gate_leaves(node.upstream)
        for sequence in node_sequences(node):
            if not any(n.pool is node.pool is not None and sequence is node.pool.work for n in self._nodes):
                self.ring.remove_gating_sequence(sequence)
        self.let_go(node)

    def let_go(self, node: Node) -> None:
        """Undo what a node that goes has left with others: its error, its outputs."""
        failure = getattr(node.processor, "failure", None)
        if failure is not None:
            self.ring.sequencer.forgive(failure)
        self.ring.sequencer.labels.pop(node.sequence.word, None)
        for output in node.member.outputs.values() if node.member is not None else ():
            output.sequencer.writer = lambda: None

    def _place(self, fresh: list[Sequence], upstream: tuple[Node, ...]) -> None:
        """Let sequences of nodes that do not run yet stand where those before them stand."""
        at = min(self.ring.sequencer.published(), *(q.get() for u in upstream for q in node_sequences(u)))
        for sequence in fresh:
            sequence.set(at)

    def _gate_leaves(self, nodes: tuple[Node, ...]) -> None:
        leaves = self.leaves()
        for node in nodes:
            if node in leaves:
                gating = self.ring.sequencer.gating_sequences
                fresh = [s for s in node_sequences(node) if s not in gating]
                self.ring.sequencer.add_gating_sequences_as_they_are(*fresh)
