"""Who waits for whom in a graph, now: what `who_gates()` returns."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from disruptor.node import Node
from disruptor.ring_buffer import RingBuffer

__all__ = ["Gate", "look"]


@attrs.frozen
class Gate:
    """One party of a ring and what it waits for.

    who : "the producers" or a handler's name. phase : "full", "gated", "idle" (nothing to do), "working", "dead" or
    "not running". waits_for : names of those that hold it up. sequence : the last it is done with; behind : how many
    records lie between it and what is published (for producers: slots in use).
    """

    who: str
    phase: str
    waits_for: tuple[str, ...]
    sequence: int
    behind: int

    def __str__(self) -> str:
        reason = f" for {' and '.join(self.waits_for)}" if self.waits_for else ""
        return f"{self.who}: {self.phase}{reason}, at {self.sequence:,}, {self.behind:,} behind"


def look(ring: RingBuffer, nodes: Iterable[Node]) -> list[Gate]:
    """Return a Gate for the producers and for each node, from one look at the sequences."""
    published = ring.sequencer.published()
    claimed = ring.sequencer.claimed
    nodes = list(nodes)
    at = {id(n): n.sequence.get() for n in nodes}
    free = ring.remaining_capacity()
    lowest = min((s.get() for s in ring.sequencer.gating_sequences), default=claimed)
    holders = tuple(
        ring.sequencer.labels.get(s.word, "a consumer") for s in ring.sequencer.gating_sequences if s.get() == lowest
    )
    unpublished = (f"a producer that has claimed {published + 1:,} and not published it",) if claimed > published else ()
    found = [Gate("the producers", "full" if free == 0 else "free", holders if free == 0 else (), claimed, claimed - lowest)]
    for node in nodes:
        mine = at[id(node)]
        slow = tuple(u.name for u in node.upstream if at[id(u)] <= mine)
        phase = "working"
        reasons: tuple[str, ...] = ()
        failure = getattr(node.processor, "failure", None)
        if failure is not None:
            phase = "dead"
        elif not getattr(node.processor, "is_running", True) or node.processor is None:
            phase = "not running"
        elif mine >= published:
            phase, reasons = "idle", unpublished
        elif slow:
            phase, reasons = "gated", slow
        found.append(Gate(f"handler '{node.name}'", phase, reasons, mine, max(0, published - mine)))
    return found
