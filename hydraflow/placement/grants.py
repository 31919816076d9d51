"""What the kernel grants of what threads ask for: tried here and now, on a thread that ends at once and a page of memory."""

from __future__ import annotations

from disruptor.memory import anonymous
from disruptor.numa import prefer
from disruptor.scheduling import refusal
from hydraflow.placement.assign import Placement

__all__ = ["granted"]


def granted(placement: Placement) -> dict[str, list[tuple[str, str]]]:
    """Return thread → (what it asks for, "" or why it would not get it and what would allow it); threads that ask for nothing are left out."""
    found: dict[str, list[tuple[str, str]]] = {}
    for thread in placement.threads:
        asked = []
        if thread.scheduling is not None:
            asked.append((str(thread.scheduling), refusal(thread.scheduling)))
        if thread.node is not None:
            page = anonymous(1)
            asked.append((f"memory of node {thread.node}", "" if prefer(page, thread.node) else page.notes[-1]))
        if asked:
            found[thread.name] = asked
    return found
