"""What a picture shows: boxes and edges. Data only; positions belong to `layout`."""

from __future__ import annotations

import attrs

from hydraflow.placement.assign import Thread

__all__ = ["Box", "Edge", "Picture"]


@attrs.frozen(kw_only=True)
class Box:
    """A source, a ring, the sequencer, a handler or a sink; "missing": a name that the file mentions and does not define;
    "all": stands between stages and those that wait for all of them, see `gather`.

    id : unique in the picture. thread : name of the thread that runs it, "" when none does (rings), none is known or its
    shards are on several. shards : names of the threads of its shards, one by one; by : field that they divide records by.
    record, slots : of a ring. itself : it waits for itself, a mistake that no line can show.
    """

    id: str
    name: str
    kind: str
    use: str = ""
    thread: str = ""
    record: str = ""
    slots: int = 0
    itself: bool = False
    shards: tuple[str, ...] = ()
    replicas: int = 1
    by: str = ""

    @property
    def title(self) -> str:
        """The name; of a sharded stage with how many there are, and by what."""
        return f"{self.name} ×{self.replicas} by {self.by or '?'}" if self.replicas > 1 else self.name


@attrs.frozen
class Edge:
    """From what comes first to what comes later, by the ids of boxes.

    kind : "into" a ring, "on" a ring, "from" an inlet, "after" another stage, "sequence" or "feedback" into the sequencer.
    implied : an "on" that `after` says as well: a stage on the same ring stands between; not drawn.
    derived : of an "after" that the file leaves to after: auto, the reason; "" for one that it says.
    """

    source: str
    target: str
    kind: str
    implied: bool = False
    derived: str = ""


@attrs.frozen(kw_only=True)
class Picture:
    """The whole. threads : of the placement, with what they run. left_out : edges that others imply and that are therefore missing."""

    name: str
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    threads: tuple[Thread, ...] = ()
    left_out: int = 0

    @property
    def drawn(self) -> tuple[Edge, ...]:
        """The edges that a drawing shows: none that is implied, none from a box to itself, one for each pair."""
        first: dict[tuple[str, str], Edge] = {}
        for edge in self.edges:
            if not edge.implied and edge.source != edge.target:
                first.setdefault((edge.source, edge.target), edge)
        return tuple(first.values())
